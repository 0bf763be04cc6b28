"""Write the pages that are made from the code: ``python docs/generate.py [ops] [claims]``.

ops.md, the table of ops, from the ops themselves; claims.md from the claim ledger, for which every
experiment runs: minutes. Without a name the first alone; `make docs` writes both.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from autograd import Op, op_table

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "notebooks"))

from lab.ledger import LEDGER, Claim  # noqa: E402 - the ledger lives beside the notebooks

HEAD = """# The ops

Written by `make docs` from the records in `autograd/ops`; a test fails when this page is stale.

An op of the kind *elementwise*, *linear*, *multilinear* or *reduction* has its forward mode from
that word; one of the kind *other* brings a jvp rule, or a reference composed of other ops. Second
derivatives run the vjp rules on tensors, or differentiate the reference. *Reads* says which values
the rules need kept: inputs by name, `out` for the result. Every op keeps float16, float32 and
float64, but those that LAPACK computes, which has no float16.

| op | inputs | parameters | kind | forward mode | second order | reads | formula |
|---|---|---|---|---|---|---|---|
"""


def row(op: Op) -> str:
    """Return the line of one op."""
    inputs = op.input_names or ("any number",)
    reads = [name for i, name in enumerate(inputs) if op.reads(i)]
    if op.reads("out"):
        reads.append("out")
    if op.shared is not None:
        reads.append("what its forward saved")
    if not op.differentiable:
        forward = second = "no derivative"
    else:
        named = {True: "jvp rule", False: "reference" if op.kind == "other" else "by kind"}
        forward = named[op.jvp is not None]
        second = "reference" if op.shared is not None else "rules"
    formula = op.latex.format(*(op.input_names or "xyz"), *"xyz").replace("|", r"\vert ")
    cells = (
        f"`{op.name}`",
        ", ".join(inputs),
        ", ".join(op.param_names),
        op.kind,
        forward,
        second,
        ", ".join(reads),
        f"${formula}$",
    )
    return "| " + " | ".join(cells) + " |"


def ops_page() -> str:
    """Return the page of the ops."""
    return HEAD + "\n".join(row(op) for _, op in sorted(op_table().items())) + "\n"


CLAIMS_HEAD = """# The claims

Written by `make docs` from the ledger in `notebooks/lab/claims` and from the experiments that it
names; `pytest -m claims` runs them and fails where a number leaves its interval. A verdict says
what the experiment found of a statement as it is commonly made; *measured* is what seed 0 gave.
"""

SECTIONS = (
    "The multilayer perceptron",
    "Activations",
    "Losses",
    "The forward pass and the graph",
    "Backpropagation",
    "Initialisation",
    "Vanishing and exploding gradients",
    "The training loop",
    "What interviews ask",
    "Beyond the multilayer perceptron",
    "Eight questions",
    "The drill",
    "The papers",
)

Measured = Mapping[str, Mapping[str, str]]
"""By id, then by name: what an experiment gave, as it stands on the page."""


def claims_page(measured: Measured) -> str:
    """Return the page of the claims."""
    parts = [CLAIMS_HEAD]
    for number, title in enumerate(SECTIONS, start=1):
        entries = [c for c in LEDGER.values() if c.id.startswith(f"S{number}.")]
        if entries:
            parts.append(f"\n## {number}. {title}\n")
            parts += [claim(entry, measured[entry.id]) for entry in entries]
    return "\n".join(parts)


def claim(entry: Claim, measured: Mapping[str, str]) -> str:
    """Return the part of the page about one claim."""
    lines = [f"### {entry.id} {entry.verdict}", "", entry.claim, "", f"$${entry.formula}$$", ""]
    said = {"Condition": entry.condition, "Commonly": entry.commonly, "Instead": entry.instead}
    lines += [f"*{name}:* {text}\n" for name, text in said.items() if text]
    lines += [f"*Measured:* {entry.measures}.", "", "| | expected | measured |", "|---|---|---|"]
    for name, (low, high) in entry.intervals.items():
        expected = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        lines.append(f"| {name} | {expected} | {measured[name]} |")
    return "\n".join([*lines, "", f"*Source:* {entry.source}.", ""])


def measure() -> dict[str, dict[str, str]]:
    """Run every experiment."""
    return {
        id: {name: f"{value:.4g}" for name, value in entry.measure().items()}
        for id, entry in LEDGER.items()
    }


def measured_on(page: str) -> dict[str, dict[str, str]]:
    """Read back from the page what was measured."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^\| (.*?) ?\| [^|]+ \| ([^|]+) \|$", part, re.MULTILINE)
        found[part.split()[0]] = {
            name.strip(): value for name, value in rows if value != "measured"
        }
    return found


PAGES = {"ops": ops_page, "claims": lambda: claims_page(measure())}


if __name__ == "__main__":
    for name in sys.argv[1:] or ["ops"]:
        (FOLDER / f"{name}.md").write_text(PAGES[name](), encoding="utf-8")
