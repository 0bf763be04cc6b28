"""`draw`, and what it returns: a view of a graph that can be shown, saved and read."""

from __future__ import annotations

import base64
import os
import sys
import tempfile
import webbrowser
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from autograd import Tensor

from . import dot, page, svg
from .collapse import collapse, neighbourhood
from .compare import compare
from .export import to_json, to_mermaid
from .figure import Figure, Form, arrange, boxes_per_op
from .files import write_whole
from .graph import Graph, extract
from .labels import Named, counted
from .layout import Backend, LayoutUnavailable, check, layout
from .reverse import reverse
from .scale import Color
from .style import Theme
from .text import to_tree

if TYPE_CHECKING:
    from graphviz import Digraph

SHOW = ("name", "op", "value", "grad", "shape")
_MORE = ("flops", "memory", "check")
_DIRECTIONS = ("LR", "TB", "RL", "BT")
_THEMES = ("auto", "light", "dark")
_REPR_LINES, _PAGE_LINES = 60, 200


class Options(NamedTuple):
    """How a view is drawn; see `draw`."""

    show: tuple[str, ...] = SHOW
    depth: int | Literal["auto"] | None = "auto"
    max_nodes: int = 400
    direction: str = "LR"
    color: Color = "kind"
    form: Form = "auto"
    theme: Theme = "auto"
    backend: Backend = "auto"
    timeout: float = 10.0
    title: str | None = None


class GraphView:
    """A picture of a graph: what `draw` returns.

    It holds numbers and text, no tensors, and does not change when they do. Shown in a notebook it
    is an SVG; printed in a terminal, a tree of text.

    Parameters
    ----------
    graph : Graph
        All of it, however big.
    options : Options
    """

    def __init__(self, graph: Graph, options: Options) -> None:
        self.graph = graph
        self.options = options

    @cached_property
    def _apart(self) -> bool:
        return boxes_per_op(self.graph, self.options.form, self.options.max_nodes) == 2

    @cached_property
    def visible(self) -> Graph:
        """The graph as drawn: calls collapsed, and what does not fit hidden."""
        return collapse(
            self.graph,
            depth=self.options.depth,
            max_nodes=self.options.max_nodes,
            boxes_per_op=2 if self._apart else 1,
        )

    @cached_property
    def figure(self) -> Figure:
        """The boxes, arrows and frames with their text."""
        return self._arranged(cells=True)

    def _arranged(self, *, cells: bool) -> Figure:
        o = self.options
        return arrange(
            self.visible,
            apart=self._apart,
            show=o.show,
            direction=o.direction,
            color=o.color,
            title=o.title,
            cells=cells,
        )

    @cached_property
    def source(self) -> str:
        """The picture as DOT; the same graph gives the same text in every run."""
        text: str = self.to_dot().source
        return text

    def to_dot(self) -> Digraph:
        """Return the picture as a new `graphviz.Digraph`, without the small pictures of arrays."""
        return dot.to_digraph(self._arranged(cells=False), self.options.theme)

    def collapse(self, depth: int | Literal["auto"] | None) -> GraphView:
        """Return the view with so many levels of calls open: 0 closes all, None opens all."""
        _check_depth("collapse", depth)
        return GraphView(self.graph, self.options._replace(depth=depth))

    def focus(self, node: str, hops: int = 2) -> GraphView:
        """Return a view of a node and what is around it.

        Parameters
        ----------
        node : str
            A name, an op or its sign, the label of a call, or an id as in `source`; all that are
            called so.
        hops : int, default=2
            How many arrows away from it, forward or back, to show.

        Returns
        -------
        GraphView

        Raises
        ------
        ValueError
            If nothing is called so.

        Examples
        --------
        >>> from autograd import Tensor
        >>> w = Tensor(2.0, requires_grad=True, name="w")
        >>> print(draw((w * 3).exp().tanh()).focus("w", hops=1).text(ascii=True))
        x  value 6  grad 0
        `- w  value 2  grad 0
        2 nodes within 1 arrow of 'w'; 3 nodes further away are not shown
        """
        if hops < 0:
            raise ValueError(f"focus: hops is {hops}; pass 0 or more")
        return GraphView(neighbourhood(self.graph, node, hops), self.options)

    def diff(self, other: GraphView) -> GraphView:
        """Return a view of what changed from this graph to another one.

        As from before a step of an optimiser to after it: a box shows the old and the new number,
        or how far an array moved, and is the darker the further that is; what is in one graph only
        is said to be new or gone.

        Parameters
        ----------
        other : GraphView

        Returns
        -------
        GraphView

        Examples
        --------
        >>> from autograd import Tensor
        >>> w = Tensor(2.0, requires_grad=True, name="w")
        >>> before = draw(w * w)
        >>> w.data = w.data - 0.5
        >>> print(before.diff(draw(w * w)).text(ascii=True))
        x  value 4 -> 2.25  grad 1
        +- w  value 2 -> 1.5  grad 4 -> 3  [1]
        `- w  [1] above
        2 of 2 values changed; 1 gradient changed
        """
        options = self.options._replace(color="change")
        return GraphView(compare(self.graph, other.graph), options)

    def backward(self) -> GraphView:
        """Return a view of the backward pass: gradients in the boxes, arrows from the output back.

        Returns
        -------
        GraphView

        Raises
        ------
        ValueError
            If there is no backward pass to show: too many nodes, outputs that are no scalars, or
            none in view.

        Examples
        --------
        >>> from autograd import Tensor
        >>> x = Tensor(3.0, requires_grad=True, name="x")
        >>> print(draw((x * x).exp()).backward().text(ascii=True))
        dL/dx = +  value 4.862e+04
        +- x' (x 3)  value 2.431e+04
        |  `- exp' (x 8103)  value 8103  [1]
        |     `- dL/dL  value 1
        `- x' (x 3)  value 2.431e+04
           `- exp' (x 8103)  [1] above
        the backward pass: a box holds a gradient, made by the rule op' of an op
        """
        show = tuple(what for what in self.options.show if what != "grad")
        return GraphView(reverse(self.graph), self.options._replace(show=show))

    @cached_property
    def _laid_out(self) -> str:
        source = dot.to_digraph(self.figure, self.options.theme).source
        raw = layout(source, backend=self.options.backend, timeout=self.options.timeout)
        return svg.from_engine(raw, self.figure, self.options.theme)

    def svg(self) -> str:
        """Return the picture as an SVG document.

        Without a layout engine, or if it fails, it is the text tree, in SVG, with a line that says
        why.

        Returns
        -------
        str

        Raises
        ------
        LayoutUnavailable
            If the view was asked for one engine, and that engine fails.
        """
        theme = self.options.theme
        try:
            if self.options.backend != "text":
                return self._laid_out
        except LayoutUnavailable as error:
            if self.options.backend != "auto":
                raise
            return svg.from_text(f"{self.text(ascii=False)}\n{error}", self.figure, theme)
        return svg.from_text(self.text(ascii=False), self.figure, theme)

    def text(self, *, ascii: bool | None = None) -> str:
        """Return the picture as a tree of text, the outputs first.

        Parameters
        ----------
        ascii : bool, optional
            Whether to use ASCII only; by default where standard output cannot show more.

        Returns
        -------
        str
        """
        if ascii is None:
            encoding = getattr(sys.stdout, "encoding", None) or ""
            ascii = not encoding.lower().replace("-", "").startswith("utf")
        o = self.options
        return to_tree(self.visible, show=o.show, title=o.title, ascii=ascii)

    def html(self) -> str:
        """Return the picture as a page in which the backward pass runs one step at a time.

        One file that works offline: step forward and back or play, with the numbers of every step;
        open and close module calls, zoom, search, light and dark, all by keyboard too.

        Returns
        -------
        str
        """
        o = self.options
        deepest = 1 + max((call.level for call in self.graph.calls), default=-1)
        levels: list[page.Level] = []
        shown = 0
        for depth in range(deepest + 1):
            view = GraphView(self.graph, o._replace(depth=depth, title=None, theme="auto"))
            drawn = view.visible.drawn
            if levels and drawn == levels[-1].drawn:
                continue
            if drawn == self.visible.drawn:
                shown = len(levels)
            label = f"{counted(len(view.visible.nodes), 'node')}"
            levels.append(page.Level(label, view.svg(), drawn))
        figure = self.figure
        title = figure.title or figure.about.partition(":")[0]
        return page.to_page(
            self.graph,
            levels,
            shown,
            title=title,
            about=figure.about,
            text=self._lines(_PAGE_LINES, ascii=False),
            theme=o.theme,
        )

    def mermaid(self) -> str:
        """Return the picture as the source of a Mermaid flowchart, which code hosts draw."""
        return to_mermaid(self.figure)

    def json(self) -> str:
        """Return all of the graph as JSON, collapsed or not: nodes, edges, calls, steps."""
        return to_json(self.graph)

    def show(self, *, interactive: bool = False, height: int = 520) -> None:
        """Show the picture: in a notebook as its output, else as text.

        Parameters
        ----------
        interactive : bool, default=False
            Whether to show the page of `html` instead: in a notebook in a frame that can reach
            nothing else, elsewhere in the browser.
        height : int, default=520
            Of the frame, in pixels.
        """
        notebook = "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None
        if notebook:
            from IPython.display import display

            if interactive:
                frame = page.in_frame(self.html(), height)
                display({"text/html": frame, "text/plain": repr(self)}, raw=True)
            else:
                display(self)
        elif interactive:
            with tempfile.NamedTemporaryFile(
                "w", suffix=".html", encoding="utf-8", delete=False
            ) as file:
                file.write(self.html())
            webbrowser.open(Path(file.name).as_uri())
        else:
            print(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, whole or not at all; the name says in which format.

        Parameters
        ----------
        path : path
            Ending in .svg, .html, .json, .mmd (Mermaid), .dot, .gv, .txt; or .png, .pdf, which need
            Graphviz's `dot` and have no small pictures of arrays.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            If the ending is another one.
        FileNotFoundError
            If the folder is missing.
        LayoutUnavailable
            For .png and .pdf, if `dot` is not on the PATH.
        """
        path = Path(path)
        kind = path.suffix.lower()
        if kind in (".png", ".pdf"):
            return write_whole(
                path, layout(self.source, format=kind[1:], timeout=self.options.timeout)
            )
        if kind not in _WRITERS:
            raise ValueError(
                f"save: {path.name!r} ends in {kind or 'nothing'!r}; use "
                f"{', '.join(_WRITERS)}, .png or .pdf"
            )
        return write_whole(path, _WRITERS[kind](self).encode())

    def render(self, filename: str = "graph", *, format: str = "svg", view: bool = False) -> Path:
        """Write ``filename.format``, as a `graphviz.Digraph` does, and open it if asked to.

        Parameters
        ----------
        filename : str, default='graph'
            Without the ending.
        format : str, default='svg'
            An ending that `save` knows.
        view : bool, default=False
            Whether to open the file in the browser.

        Returns
        -------
        Path
        """
        path = self.save(f"{filename}.{format}")
        if view:
            webbrowser.open(path.absolute().as_uri())
        return path

    def __repr__(self) -> str:
        return self._lines(_REPR_LINES)

    def _lines(self, most: int, *, ascii: bool | None = None) -> str:
        """The tree, or as much of it as fits."""
        lines = self.text(ascii=ascii).splitlines()
        if len(lines) > most:
            hidden = len(lines) - most
            lines[most:] = [f"({hidden:,} lines more; print(view.text()) shows them)"]
        return "\n".join(lines)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: an SVG; where that is lost, an image; else text."""
        try:
            picture = self.svg()
        except LayoutUnavailable as error:
            text = f"{self.text(ascii=False)}\n{error}"
            picture = svg.from_text(text, self.figure, self.options.theme)
        data = base64.b64encode(picture.encode()).decode()
        image = {
            "src": f"data:image/svg+xml;base64,{data}",
            "alt": self.figure.about,
            "style": svg.STYLE.findall(picture)[0],
        }
        bundle = {
            "image/svg+xml": picture,
            "text/html": ET.tostring(ET.Element("img", image), encoding="unicode"),
            "text/plain": repr(self),
        }
        return {
            mime: content
            for mime, content in bundle.items()
            if (not include or mime in include) and not (exclude and mime in exclude)
        }


_WRITERS: dict[str, Callable[[GraphView], str]] = {
    ".svg": GraphView.svg,
    ".html": GraphView.html,
    ".json": GraphView.json,
    ".mmd": GraphView.mermaid,
    ".dot": lambda view: view.source,
    ".gv": lambda view: view.source,
    ".txt": lambda view: view.text(ascii=False) + "\n",
}


def draw(
    outputs: Tensor | Sequence[Tensor],
    *,
    params: Named | None = None,
    names: Named | None = None,
    show: Sequence[str] = SHOW,
    depth: int | Literal["auto"] | None = "auto",
    max_nodes: int = 400,
    direction: Literal["LR", "TB", "RL", "BT"] = "LR",
    color: Color = "kind",
    form: Form = "auto",
    expand_fused: bool = False,
    theme: Theme = "auto",
    backend: Backend = "auto",
    timeout: float = 10.0,
    title: str | None = None,
) -> GraphView:
    """Draw the graph that `outputs` were computed by, with values and gradients.

    Gradients are computed for the picture, by the pure walk `autograd.backprop`: they are right
    before and after `backward()`, and no `.grad` is read or written. They are those of the sum of
    the outputs, if each has one element.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor, of any shapes
    params : mapping from str to Tensor, or pairs of them, optional
        Names of parameters, such as ``model.named_parameters()``.
    names : mapping from str to Tensor, or pairs of them, optional
        Names of other tensors.
    show : sequence of str
        Of 'name', 'op', 'value', 'grad' and 'shape', all of them by default; 'flops' for the
        floating-point operations, 'memory' for the bytes kept for the backward pass, and 'check'
        to compare the rule of every op with differences and mark what is wrong.
    depth : int, 'auto' or None, default='auto'
        How many levels of module calls and scopes are drawn open: 0 closes all, None opens all,
        'auto' opens as many as `max_nodes` allows.
    max_nodes : int, default=400
        How many boxes to draw at most. The line under the picture says what is hidden.
    direction : {'LR', 'TB', 'RL', 'BT'}, default='LR'
        Where the arrows go: from left to right, from top to bottom, ...
    color : {'kind', 'grad', 'value', 'memory'}, default='kind'
        What the colour of a box tells: its kind; or, on a log scale, the norm of its gradient (then
        arrows are as wide as what goes back over them), the norm of its value, or the bytes it
        keeps for the backward pass.
    form : {'auto', 'bipartite', 'compact'}, default='auto'
        'bipartite' draws an op apart from its result, 'compact' as one box; 'auto' is bipartite
        up to 60 boxes.
    expand_fused : bool, default=False
        Draw each fused op, such as a softmax, as the ops it is made of, in a frame that can be
        collapsed.
    theme : {'auto', 'light', 'dark'}, default='auto'
        The paper: 'auto' is the reader's, in the page as the system has it.
    backend : {'auto', 'dot', 'wasm', 'text'}, default='auto'
        The layout engine; see `backends`. 'auto' takes the best that is there.
    timeout : float, default=10.0
        Seconds that the layout may take.
    title : str, optional
        A line under the picture.

    Returns
    -------
    GraphView

    Raises
    ------
    TypeError
        If an output is not a Tensor.
    ValueError
        If there is no output, or an option has a value that is not listed here.
    LayoutUnavailable
        If `backend` names an engine that is not installed.

    Examples
    --------
    >>> from autograd import Tensor
    >>> a, b = Tensor(2.0, requires_grad=True, name="a"), Tensor(-3.0, requires_grad=True, name="b")
    >>> print(draw(a * b + a).text(ascii=True))
    +  value -4  grad 1
    +- x  value -6  grad 1
    |  +- a  value 2  grad -2  [1]
    |  `- b  value -3  grad 2
    `- a  [1] above
    """
    if callable(outputs) or not isinstance(outputs, Tensor | Iterable):
        raise TypeError(
            f"draw: got a {type(outputs).__name__}; pass what was computed, a Tensor or several, "
            "such as draw(model(x))"
        )
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    if not outputs:
        raise ValueError("draw: there is nothing to draw; pass a Tensor or several")
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(f"draw: an output is a {type(output).__name__}; pass a Tensor")
    if isinstance(show, str):
        raise ValueError(f"draw: show is {show!r}; pass several, or one in a list: [{show!r}]")
    options = checked(
        Options(
            *(tuple(show), depth, max_nodes, direction, color, form, theme, backend, timeout, title)
        )
    )
    graph = extract(
        outputs,
        params=params,
        names=names,
        grads="grad" in show,
        expand_fused=expand_fused,
        check="check" in show,
    )
    return GraphView(graph, options)


def checked(options: Options) -> Options:
    """Return the options, if they are among those that `draw` tells of.

    Raises
    ------
    ValueError
        If one is not.
    LayoutUnavailable
        If the backend is not installed.
    """
    o = options
    if unknown := set(o.show) - {*SHOW, *_MORE}:
        choices = ", ".join((*SHOW, *_MORE))
        raise ValueError(f"draw: show has {sorted(unknown)}; choose of {choices}")
    if o.direction not in _DIRECTIONS:
        raise ValueError(f"draw: direction is {o.direction!r}; choose of {', '.join(_DIRECTIONS)}")
    if o.color not in ("kind", "grad", "value", "memory"):
        raise ValueError(f"draw: color is {o.color!r}; choose of kind, grad, value, memory")
    if o.form not in ("auto", "bipartite", "compact"):
        raise ValueError(f"draw: form is {o.form!r}; choose of auto, bipartite, compact")
    if o.theme not in _THEMES:
        raise ValueError(f"draw: theme is {o.theme!r}; choose of {', '.join(_THEMES)}")
    _check_depth("draw", o.depth)
    if o.max_nodes < 5:
        raise ValueError(f"draw: max_nodes is {o.max_nodes}; pass at least 5")
    check(o.backend)
    return options


def _check_depth(where: str, depth: object) -> None:
    if depth not in ("auto", None) and (not isinstance(depth, int) or depth < 0):
        raise ValueError(f"{where}: depth is {depth!r}; pass 0 or more, 'auto', or None for all")


draw_dot = draw
"""The name that readers of micrograd know."""


def to_dot(outputs: Tensor | Sequence[Tensor]) -> str:
    """Return the graph of `outputs` as DOT source; ``draw(...).source`` takes options.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor, of any shapes

    Returns
    -------
    str

    Examples
    --------
    >>> from autograd import Tensor
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> to_dot(x * x).count("n0 -> n1op")
    2
    """
    return draw(outputs).source


def to_svg(outputs: Tensor | Sequence[Tensor]) -> str:
    """Return the graph of `outputs` as an SVG document; ``draw(...).svg()`` takes options.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor, of any shapes

    Returns
    -------
    str

    Examples
    --------
    >>> from autograd import Tensor
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> to_svg(x * x).startswith("<svg")
    True
    """
    return draw(outputs).svg()


def to_text(outputs: Tensor | Sequence[Tensor]) -> str:
    """Return the graph of `outputs` as a tree of text; ``draw(...).text()`` takes options.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor, of any shapes

    Returns
    -------
    str

    Examples
    --------
    >>> from autograd import Tensor
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> print(to_text(x.tanh()))
    tanh  value 0.9951  grad 1
    └─ x  value 3  grad 0.009866
    """
    return draw(outputs).text(ascii=False)
