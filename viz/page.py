"""The picture as a page of its own: the backward pass one step at a time, with the real numbers.

One file, of which nothing is loaded from elsewhere: the pictures, one for each level of open calls;
the steps as JSON; and `page.js` and `page.css`, which the content security policy admits by hash.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

from .collapse import results
from .explain import Formula
from .figure import grad_text
from .graph import Graph, Node, Pull
from .labels import symbol
from .mathml import to_mathml
from .style import Theme
from .svg import STYLE


class Level(NamedTuple):
    """The picture with so many levels of calls open."""

    label: str
    svg: str
    drawn: Mapping[str, str]


_BUTTONS = (
    (
        ("first", "|\u25c0", "to the start (Home)"),
        ("back", "\u25c0", "one step back (left arrow)"),
        ("play", "Play", "play or pause (space)"),
        ("next", "\u25b6", "one step forward (right arrow)"),
        ("last", "\u25b6|", "to the end (End)"),
    ),
    (("fold", "\u25b8", "close calls ([)"), ("unfold", "\u25be", "open calls (])")),
    (
        ("wider", "\u2212", "zoom out (-)"),
        ("closer", "+", "zoom in (+)"),
        ("fit", "Fit", "fit: show all (0)"),
        ("theme", "\u25d1", "light or dark (d)"),
    ),
)

_NOTHING = (
    "There is no backward pass to step through: a picture of one graph of up to 1,000 nodes, whose "
    "outputs are scalars that require grad, has one; so has a part of it, unless only some of a "
    "gradient comes about there."
)


def to_page(
    graph: Graph,
    levels: Sequence[Level],
    level: int,
    *,
    title: str,
    about: str,
    text: str,
    theme: Theme = "auto",
) -> str:
    """Return the page as an HTML document.

    Parameters
    ----------
    graph : Graph
        All of it, with its passes.
    levels : sequence of Level
        From the fewest calls open to the most.
    level : int
        Which one is shown first.
    title, about, text : str
        What stands above; the description and the tree for who cannot see the picture.
    theme : {'auto', 'light', 'dark'}, default='auto'
        How it opens; 'auto' as the reader's system is.

    Returns
    -------
    str
        The same for the same graph.
    """
    script, style = _file("page.js"), _file("page.css")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    steps, fold, view = (_group(buttons) for buttons in _BUTTONS)
    pictures = "".join(
        f'<div class="level"{"" if i == level else " hidden"}>{_inline(each.svg)}</div>\n'
        for i, each in enumerate(levels)
    )
    name = html.escape(title)
    return f"""<!doctype html>
<html lang="en"{"" if theme == "auto" else f' data-theme="{theme}"'}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>{style}</style>
</head>
<body>
<header>
<div role="group" aria-label="Backward pass">{steps}<output id="count"></output></div>
<div role="group" aria-label="Calls">{fold}<output id="level"></output></div>
<div role="group" aria-label="View">{view}</div>
<div><input id="search" type="search" placeholder="Search (/)" aria-label="Search nodes">
<span id="hits" class="soft" role="status"></span></div>
</header>
<main id="picture">
{pictures}</main>
<aside>
<h1>{name}</h1>
<section id="step" aria-live="polite"></section>
<section id="node"></section>
<p class="soft">{html.escape(about)}</p>
<details><summary>The graph as text</summary><pre>{html.escape(text)}</pre></details>
<p class="soft"><kbd>\u2190</kbd> <kbd>\u2192</kbd> step, <kbd>space</kbd> play, <kbd>[</kbd>
<kbd>]</kbd> close and open calls (a click on one, or on the name of its frame, does too),
<kbd>+</kbd> <kbd>-</kbd> <kbd>0</kbd> zoom, <kbd>/</kbd> search,
<kbd>d</kbd> dark.</p>
</aside>
<div id="formulas" hidden>{_formulas(graph)}</div>
<script type="application/json" id="data">{_json(_data(graph, levels, level))}</script>
<script>{script}</script>
</body>
</html>
"""


def in_frame(page: str, height: int) -> str:
    """Return HTML that shows the page in a frame that can run it and reach nothing else."""
    return (
        f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(page)}" title="Backward pass" '
        f'width="100%" height="{height}" style="border:1px solid #8888"></iframe>'
    )


def _data(graph: Graph, levels: Sequence[Level], level: int) -> dict[str, Any]:
    nodes = {node.id: node for node in graph.nodes}
    outputs = [node for node in graph.nodes if node.output and node.grad_state != "none"]
    steps = [
        {
            "node": step.node,
            "op": _op(nodes[step.node]),
            "gradient": step.gradient,
            "several": len({p.slot for p in step.pulls}) > 1,
            "parts": [_part(p, nodes[p.source]) for p in step.pulls],
        }
        for step in graph.passes
    ]
    written = _written(graph)
    names = " and ".join(_name(node) for node in outputs[:3])
    start = (
        f"The gradient of {names} with respect to itself is 1."
        if outputs
        else "The gradient of what comes after this part of the graph has arrived."
    )
    return {
        "level": level,
        "levels": [
            {
                "label": each.label,
                "drawn": _moved(each.drawn),
                "results": _results(graph, each.drawn),
            }
            for each in levels
        ],
        "names": {node.id: _name(node) for node in graph.nodes},
        "calls": {node.id: _where(graph, node) for node in graph.nodes if node.call is not None},
        "formulas": {node.id: written[node.formulas] for node in graph.nodes if node.formulas},
        "steps": steps,
        "outputs": [node.id for node in graph.ends],
        "seeds": {node.id: "grad 1" for node in outputs},
        "nothing": _NOTHING,
        "start": f"{start} Step forward to pass it back, op by op.",
    }


def _written(graph: Graph) -> dict[tuple[Formula, ...], int]:
    """The formulas of all nodes, each once, by their place on the page."""
    return {f: i for i, f in enumerate(dict.fromkeys(n.formulas for n in graph.nodes))}


def _formulas(graph: Graph) -> str:
    """The formulas as MathML, typeset by the browser."""
    return "\n".join(
        f"<div>{''.join(f'<p>{to_mathml(f.latex, block=True)}</p>' for f in formulas)}</div>"
        for formulas in _written(graph)
    )


def _part(p: Pull, source: Node) -> dict[str, Any]:
    """What one operand gets; the first contribution is the total too."""
    part = {
        "source": p.source,
        "slot": p.slot,
        "total": p.total,
        "label": grad_text(source._replace(grad=p.grad, grad_state="value")),
    }
    if p.local:
        part["local"] = p.local
    if p.contribution != p.total:
        part["contribution"] = p.contribution
    return part


def _moved(drawn: Mapping[str, str]) -> dict[str, str]:
    """Where nodes are drawn that are not drawn as themselves."""
    return {key: now for key, now in drawn.items() if key != now}


def _results(graph: Graph, drawn: Mapping[str, str]) -> dict[str, str]:
    """Whose gradient is shown by what stands for several nodes."""
    found = {key: of for key, of in results(graph, drawn).items() if len(of) == 1}
    return {key: of[0].id for key, of in found.items() if key != of[0].id}


def _op(node: Node) -> str:
    sign = symbol(node.op)
    text = node.op if sign == node.op else f"{node.op} ({sign})"
    return f"{text}, {node.params}" if node.params else text


def _name(node: Node) -> str:
    if node.name:
        return node.name
    return f"the result of {node.op} ({node.id})" if node.op else f"an unnamed {node.kind}"


def _where(graph: Graph, node: Node) -> str:
    return " / ".join(graph.calls[call].label for call in graph.ancestors(node.call))


def _group(buttons: Sequence[tuple[str, str, str]]) -> str:
    return "".join(
        f'<button id="{key}" title="{says}" aria-label="{says}">{sign}</button>'
        for key, sign, says in buttons
    )


def _inline(svg: str) -> str:
    """The SVG without the inline style that the policy would refuse."""
    return STYLE.sub("", svg, count=1)


def _json(data: dict[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
