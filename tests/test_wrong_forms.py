"""Nothing that is commonly taught wrong stands anywhere in its wrong form.

A pattern for each such statement is looked for in what the project says: the front page, the docs,
docstrings, comments, the walkthroughs. A sentence that refutes it, or asks whether it is so, may
quote it, and so does the field `commonly` of the ledger.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REFUTED = re.compile(
    r"\b(not|nor|no|wrong|said|unlikely|hardly|inverses?|misread|only (if|while|until))\b|\?$"
)

# A pattern, and the statement in its wrong form.
WRONG = [
    (
        r"(gelu|silu|swish)\b.*\b(never|do(es)? not|do(es)?n't) saturate",
        "ReLU and GELU do not saturate.",
    ),
    (r"llama\b.*\buses? (silu|swish)\b", "Llama uses SiLU."),
    (r"(silu|swish) is (slightly |a little )?better than gelu", "SiLU is better than GELU."),
    (
        r"(gating|gates?|gated|swiglu|glu)\b.*\b(doubles?|twice)\b.*\b(param\w+|weights)",
        "Gating doubles the parameters of the layer.",
    ),
    (r"\balternat\w+( in| of)? signs?\b", "With positive inputs, updates alternate in sign."),
    (
        r"(dead|dying|relu|neuron|unit)\b.*\b(forever|for good|never recovers?|cannot recover)",
        "Once dead, a relu has a gradient of 0 forever.",
    ),
    (r"(softmax|sigmoid)\b.*\b(is|are) the canonical link", "Softmax is the canonical link."),
    (r"\bjax\b.*\b(dynamic\w*|define-by-run|as it runs)", "PyTorch and JAX build it dynamically."),
    (
        r"\b(one|a single|1) matri\w+[- ](product|multipl\w+)\b.*\b(each|every|per) layer"
        r"|\b(each|every) layer('s)?\b.*\bis one matri\w+[- ](product|multipl\w+)",
        "Going back, each layer is one matrix multiplication.",
    ),
    (
        r"lecun\b.*\b(tanh|sigmoid)\b.*\b(keeps?|preserves?)\b",
        "LeCun's, for tanh and sigmoid, preserves the variance.",
    ),
    (r"relu\w*\b.*\bhalves the variance", "ReLU halves the variance."),
    (
        r"norm\w*\b.*\b(reduces?|removes?|prevents?)\b.*\binternal covariate shift",
        "Batch normalisation reduces internal covariate shift.",
    ),
    (
        r"(residual|skip|shortcut|identity)\w*\b.*\b(solve|cure|fix|prevent|avoid)\w*\b.*\bvanish",
        "Residual connections solve vanishing gradients.",
    ),
    (
        r"(ensure|guarantee)\w*\b.*\bgradients?\b.*\b(never|not)\b.*\bvanish",
        "The identity ensures that the gradient never fully vanishes.",
    ),
    (
        r"\b(past|beyond|above|than) (about |~)?(8|10|eight|ten) layers\b.*\b(hurt|worse|hard)",
        "Plain networks of more than 8 layers were hard to train.",
    ),
    (r"resnet-1001\W+(\w+\W+){0,4}2015\b", "ResNet-1001 (He et al., 2015) trains."),
    (
        r"(ffn|feed-?forward\w*)\b.*\bjust (a|an) (two|2)-layer",
        "The FFN is just a two-layer MLP.",
    ),
    (
        r"post-?(ln|norm)\b.*\bvanish",
        "With post-LN the gradients of the first blocks vanish.",
    ),
    (
        r"rumelhart\b.*\b(invent|discover|original)\w*|\b(invent|discover)\w* backprop",
        "Rumelhart, Hinton and Williams invented backpropagation.",
    ),
]


def sentences(text):
    """Split a text, its line breaks and marks of comments undone, into what may be sentences."""
    lines = (re.sub(r"^\s*(#+|>+|\*)?\s*", "", line) for line in text.splitlines())
    kept = (line or "\0" for line in lines if not line.startswith("commonly ="))
    return re.split(r"(?<=[.;?!])(?:\"[,)]*)?\s+|\0|\"\"\"", " ".join(kept))


def wrong(text):
    """Yield the sentences of a text that teach something wrong."""
    for sentence in sentences(text):
        for pattern, _ in WRONG:
            found = re.search(pattern, sentence, re.IGNORECASE)
            if found and not REFUTED.search(sentence.replace(found[0], "")):
                yield sentence


def pages():
    """Every file in which the project says something about its subject."""
    yield ROOT / "README.md"
    yield from (p for p in (ROOT / "docs").glob("*.md") if p.name != "claims.md")
    for folder in ("autograd", "nn", "viz", "examples", "notebooks"):
        yield from (ROOT / folder).rglob("*.py")
        yield from (ROOT / folder).rglob("*.toml")


@pytest.mark.parametrize("statement", [s for _, s in WRONG])
def test_the_wrong_form_is_noticed_and_its_refutation_is_not(statement):
    assert list(wrong(f"# Before.\n# {statement}\nAfter.")) == [statement]
    assert not list(wrong(f"It is said that {statement}"))
    assert not list(wrong(f'id = "S1.1"\ncommonly = "{statement}"'))


def test_nothing_is_taught_in_its_wrong_form():
    found = {p: list(wrong(p.read_text(encoding="utf-8"))) for p in pages()}
    assert len(found) > 100
    assert not [f"{p.relative_to(ROOT)}: {s}" for p, said in found.items() for s in said]
