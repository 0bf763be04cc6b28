"""The graph of a picture: what was recorded, as plain numbers and text, apart from the tensors.

`extract` reads the tensors once. Everything that draws works on the result, which no later change
of a tensor can alter: nodes in the order they were computed, inputs first, and one edge for each
operand, so that ``x * x`` has two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from autograd import Tensor, backprop, toposort
from autograd.changes import check_unchanged
from autograd.cost import bytes_of, saved_values
from autograd.engine import Trace

from .expand import expanded
from .explain import Formula, changed, formulas, written
from .heat import cells
from .labels import Named, counted, named_tensors, numbers, own_names, parameters, plain
from .steps import Step, backward_steps
from .verify import rule_error

PASSES_UP_TO = 1000  # nodes; who steps through more?
CELLS_UP_TO = 200  # nodes

NodeKind: TypeAlias = Literal["leaf", "constant", "op", "call", "hidden"]
"""A leaf requires grad, a constant does not; an op stands for its result too; a call is a collapsed
scope; a hidden node stands for ops that no scope names."""

GradState: TypeAlias = Literal["value", "zero", "none", "uncomputed"]
"""none: there is nothing to show, as for a constant; uncomputed: the walk did not get there."""

FirstNan: TypeAlias = Literal["", "value", "grad"]
"""Where a NaN comes up that nothing before it had: in a value, or in the gradient passed back."""

Fate: TypeAlias = Literal["", "same", "changed", "added", "removed"]

SAMPLE = 1024  # numbers of an array that are kept


class Summary(NamedTuple):
    """An array in a few numbers.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
    item : number or None
        The element, if there is exactly one.
    mean, std, low, high, norm : float
        Of the finite elements; nan if there is none. The norm is Euclidean.
    nonfinite, nans : int
        How many elements are nan or infinite, and how many of these are nan.
    sample : bytes
        The elements in float64, if there are several. Of more than 1,024, so many sums of them with
        random signs, the same for all arrays of a size: the norm of a difference of two such
        samples is about that of the arrays, wherever they differ.
    """

    shape: tuple[int, ...]
    dtype: str
    item: Any
    mean: float
    std: float
    low: float
    high: float
    norm: float
    nonfinite: int
    nans: int
    sample: bytes = b""


class Node(NamedTuple):
    """A recorded tensor, or several that are drawn as one.

    Attributes
    ----------
    id : str
        Generated: n0, n1, ... in the order of computation; c0 for a call, h0 for hidden ops.
    kind : NodeKind
    name : str
        What the user calls it; empty if nothing.
    op, op_kind, params : str
        Of the op; empty for a leaf.
    value : Summary or None
    grad : Summary or None
        The gradient of the outputs with respect to this value.
    grad_state : GradState
    call : int or None
        The innermost call that it belongs to, an index into `Graph.calls`.
    output : bool
    freed : bool
        Whether the graph behind it was let go by ``backward(retain_graph=False)``.
    blocked : float
        The share of the elements at which the gradient that arrives is not passed on, as where a
        ReLU is dead; 0 where that is not known.
    first_nan : FirstNan
    ops, leaves : int
        How many ops and leaves the node stands for.
    flops, memory : int
        Floating-point operations of its ops, and the bytes that they keep for the backward pass.
    repeats : int
        How many nodes of a kind are folded into this one.
    formulas : tuple of Formula
        Of an op, what it computes and what its rules pass on, where there is a backward pass.
    cells : tuple of str
        Of an array, what `heat.cells` makes of it; left out of large graphs.
    rule_error : float or None
        How far the rules of the op are off, as `verify.rule_error` tells, if that was asked for.
    fate : Fate
        In a comparison of two graphs, what became of it; `was` is what it was before.
    """

    id: str
    kind: NodeKind
    name: str = ""
    op: str = ""
    op_kind: str = ""
    params: str = ""
    value: Summary | None = None
    grad: Summary | None = None
    grad_state: GradState = "none"
    call: int | None = None
    output: bool = False
    freed: bool = False
    blocked: float = 0.0
    first_nan: FirstNan = ""
    ops: int = 0
    leaves: int = 0
    flops: int = 0
    memory: int = 0
    repeats: int = 1
    formulas: tuple[Formula, ...] = ()
    cells: tuple[str, ...] = ()
    rule_error: float | None = None
    fate: Fate = ""
    was: Node | None = None


class Edge(NamedTuple):
    """`source` is operand number `slot` of `target`; `copies` edges are drawn as one.

    `flow` is the norm of the gradient that goes back over it; nan if that is not known.
    """

    source: str
    target: str
    slot: int
    copies: int = 1
    flow: float = math.nan


class Call(NamedTuple):
    """One use of a scope: the `nth` of this name in its parent, which is an index into
    `Graph.calls`; `level` counts from 0."""

    id: str
    name: str
    nth: int
    parent: int | None
    level: int

    @property
    def label(self) -> str:
        """The name, numbered from the second call on."""
        return f"{self.name} #{self.nth}" if self.nth > 1 else self.name


class Pull(NamedTuple):
    """What a step of the backward pass adds to the gradient of `source`, operand number `slot`.

    `local`, `contribution` and `total` are the numbers in words, as in `steps.Part`; `gave` is the
    contribution and `grad` the total in a few numbers.
    """

    source: str
    slot: int
    local: str
    contribution: str
    total: str
    gave: Summary
    grad: Summary

    @property
    def flow(self) -> float:
        """The norm of the contribution; nan if it is not finite."""
        return self.gave.norm if not self.gave.nonfinite else math.nan


class Pass(NamedTuple):
    """One step of the backward pass: through the op of `node`, where `gradient` arrived."""

    node: str
    gradient: str
    pulls: tuple[Pull, ...]


class Graph(NamedTuple):
    """Nodes in the order of computation, edges by target and slot, calls outermost first.

    `notes` are sentences for the line under the figure, `passes` the steps of the backward pass;
    `drawn` tells for each node that was extracted which node it is drawn as. `root` is the name of
    the output that the gradients are of, L for one without; empty if they are of a sum of several.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    calls: tuple[Call, ...]
    notes: tuple[str, ...] = ()
    passes: tuple[Pass, ...] = ()
    drawn: Mapping[str, str] = {}
    root: str = ""

    @property
    def ends(self) -> tuple[Node, ...]:
        """The outputs, and what is used by nothing that is here."""
        used = {edge.source for edge in self.edges}
        return tuple(node for node in self.nodes if node.output or node.id not in used)

    def ancestors(self, call: int | None) -> list[int]:
        """Return `call` and the calls it lies in, outermost first."""
        path = []
        while call is not None:
            path.append(call)
            call = self.calls[call].parent
        return path[::-1]


def extract(
    outputs: Sequence[Tensor],
    *,
    params: Named | None = None,
    names: Named | None = None,
    grads: bool = True,
    expand_fused: bool = False,
    check: bool = False,
) -> Graph:
    """Return the graph that `outputs` were computed by.

    Gradients are those of the sum of the outputs, if all of them have one element, from the pure
    walk `autograd.backprop`: no `.grad` is read or written.

    Parameters
    ----------
    outputs : sequence of Tensor of any shapes
    params, names : mapping from str to Tensor, or pairs of them, optional
        What to call tensors, before their own `name`; other values are ignored.
    grads : bool, default=True
        Whether to compute gradients.
    expand_fused : bool, default=False
        Whether to put the reference of each fused op in its place.
    check : bool, default=False
        Whether to compare the rules of each op with differences.

    Returns
    -------
    Graph
    """
    # of what was freed, its trace
    whole: dict[Any, Tensor] = {t.saved if isinstance(t.saved, Trace) else t: t for t in outputs}
    outputs = list(whole)
    grads = grads and not any(isinstance(t, Trace) for t in outputs)
    notes: list[str] = []
    stale = changed(t for out in outputs for t in reversed(toposort(out)))
    opened: dict[Tensor, Tensor] = {}
    if expand_fused:
        opened, notes = _expanded(outputs, stale)
        outputs = [opened.get(t, t) for t in outputs]
    tensors = _in_order(outputs)
    given = named_tensors("draw", names, params)
    called = _names(tensors, {name: opened.get(t, t) for name, t in given.items()})
    gradients: dict[Tensor, Any] = {}
    complete = False
    if grads:
        gradients, complete, more = _gradients(outputs)
        notes += more
    if stale:
        first, user = stale[0]
        name = called.get(opened.get(first, first)) or ("a value" if first.op else "an input")
        others = len({x for x, _ in stale}) - 1
        notes.append(
            f"{name} and {counted(others, 'other')} were changed after they were used: their "
            "values are the new ones"
            if others
            else f"{name} was changed after {plain(user.op.name)} "
            f"{'made' if user is first else 'used'} it: its value is the new one"
        )
    ids = {t: f"n{i}" for i, t in enumerate(tensors)}
    scopes = _innermost_scopes(tensors)
    calls, position = _calls(scopes)
    passes: list[Pass] = []
    lessons: dict[str, _Lesson] = {}
    if complete and gradients and len(tensors) <= PASSES_UP_TO:
        passes, lessons = _passes(outputs, ids)
    asked = bool(gradients) or any(isinstance(out, Trace) for out in outputs)
    few = len(tensors) <= CELLS_UP_TO
    last = set(outputs)
    nodes = []
    has_nan: set[Tensor] = set()
    for t in tensors:
        now = whole.get(t, t)
        value = None if isinstance(now, Trace) else summarise(now.data)
        g = gradients.get(t)
        grad = None if g is None else summarise(g)
        state: GradState = "none"
        if grad is not None:
            state = "value" if grad.norm or grad.nonfinite else "zero"
        elif t.requires_grad and asked:
            state = "zero" if complete else "uncomputed"
        lesson = lessons.get(ids[t], _NOTHING)
        first_nan: FirstNan = "grad" if lesson.makes_nan else ""
        if value is not None and value.nans:
            has_nan.add(t)
            if has_nan.isdisjoint(t.inputs):
                first_nan = "value"
        node = _bare(ids[t], t)
        nodes.append(
            node._replace(
                name=called.get(t, ""),
                value=value,
                grad=grad,
                grad_state=state,
                call=None if scopes[t] is None else position[scopes[t]],
                output=t in last,
                blocked=lesson.blocked,
                first_nan=first_nan,
                formulas=lesson.formulas,
                cells=cells(t.data) if few and not isinstance(t, Trace) else (),
                rule_error=rule_error(t) if check and node.ops and not node.freed else None,
            )
        )
    if any(node.freed for node in nodes):
        notes = ["freed: backward(retain_graph=False) let go of the numbers behind it"]
    roots = [called.get(t) or "L" for t in outputs if t in gradients]
    flows: dict[tuple[str, str, int], float] = {}  # several outputs may come by one edge
    for step in passes:
        for p in step.pulls:
            key = p.source, step.node, p.slot
            flows[key] = math.hypot(flows[key], p.flow) if key in flows else p.flow
    edges = [
        Edge(ids[x], ids[t], i, flow=flows.get((ids[x], ids[t], i), math.nan))
        for t in tensors
        for i, x in enumerate(t.inputs)
    ]
    return Graph(
        tuple(nodes),
        tuple(edges),
        calls,
        tuple(notes),
        tuple(passes),
        {key: key for key in ids.values()},
        roots[0] if len(roots) == 1 else "",
    )


def _bare(key: str, t: Tensor) -> Node:
    """The node of a tensor with what its op says alone."""
    op = t.op
    if op is None:
        return Node(key, "leaf" if t.requires_grad else "constant", leaves=1)
    node = Node(
        key,
        "op",
        op=_plain(op.name),
        op_kind=op.kind,
        params=plain(parameters(op, t.params), 200) if t.params else "",
        freed=isinstance(t, Trace) or not t.inputs,
        ops=1,
    )
    if isinstance(t, Trace):
        return node
    flops = op.count_flops(t.data, *[x.data for x in t.inputs], **t.params) if t.inputs else 0
    memory = bytes_of(saved_values(t))
    return node._replace(flops=flops, memory=memory)


_plain = cache(plain)  # of a few names of ops, many times


def _expanded(
    outputs: Sequence[Tensor], stale: Sequence[tuple[Any, Any]]
) -> tuple[dict[Tensor, Tensor], list[str]]:
    """What takes the place of each tensor once fused ops are opened, or a note why they are not."""
    nodes = {t for out in outputs for t in toposort(out)}
    if any(not t.inputs or isinstance(t, Trace) for t in nodes):
        return {}, []  # freed, which is noted anyway
    for x, t in stale:
        if t.op.reference:  # which reads the inputs, whether or not rules do
            name = plain(x.name or "a value")
            return {}, [f"fused ops stay closed: {name} was changed after {t.op.name} had run"]
        try:
            check_unchanged(t)  # of a copy, nobody could tell
        except RuntimeError:
            return {}, ["fused ops stay closed: a value was changed in place"]
    return expanded(outputs), []


class _Lesson(NamedTuple):
    """What the steps back through a node teach about it, as in `Node`."""

    blocked: float
    makes_nan: bool
    formulas: tuple[Formula, ...]


_NOTHING = _Lesson(0.0, False, ())


def _passes(
    outputs: Sequence[Tensor], ids: Mapping[Tensor, str]
) -> tuple[list[Pass], dict[str, _Lesson]]:
    """The steps of the backward pass from the first output, then from the next."""
    # what the seeds and earlier outputs have given
    before: dict[Tensor, Any] = {t: np.ones_like(t.data) for t in outputs if t.requires_grad}
    passes: list[Pass] = []
    lessons: dict[str, _Lesson] = {}
    written: dict[Any, tuple[Formula, ...]] = {}  # many nodes have the same
    for root in outputs:
        totals: dict[Tensor, Any] = {}
        for step in backward_steps(root) if root.requires_grad else ():
            pulls = []
            for part in step.parts:
                total = totals[part.tensor] = part.total + before.get(part.tensor, 0)
                pulls.append(
                    Pull(
                        ids[part.tensor],
                        part.slot,
                        "" if part.local is None else numbers(part.local),
                        numbers(part.contribution),
                        numbers(total),
                        summarise(part.contribution),
                        summarise(np.asarray(total)),
                    )
                )
            node = ids[step.tensor]
            passes.append(Pass(node, numbers(step.gradient), tuple(pulls)))
            earlier = lessons.get(node)
            made = [np.isnan(part.contribution).any() for part in step.parts]
            key = _rule_key(step)
            if key not in written:
                written[key] = formulas(step.tensor, step.parts)
            lessons[node] = _Lesson(
                min(_blocked(step), earlier.blocked if earlier else 1.0),
                bool(earlier and earlier.makes_nan)
                or (any(made) and not np.isnan(step.gradient).any()),
                written[key],
            )
        before.update(totals)
    return passes, lessons


def _rule_key(step: Step) -> Any:
    """What the formulas of a step depend on."""
    t = step.tensor
    parts = [(part.slot, part.local is None) for part in step.parts]
    shapes = [x.shape for x in t.inputs]
    params = parameters(t.op, t.params, written) if t.params and t.op is not None else ""
    return t.op, params, t.shape, *shapes, *parts


def _blocked(step: Step) -> float:
    """The share of the elements at which a gradient that arrives goes no further."""
    if not step.gradient.any():
        return 0.0
    locals_ = [part.local for part in step.parts]
    if any(local is None for local in locals_):
        return float(not any(part.contribution.any() for part in step.parts))
    passed = np.zeros(step.gradient.shape, bool)
    for local in locals_:
        passed |= local != 0
    return 1.0 - float(passed.mean())


_Moments: TypeAlias = tuple[float, float, float, float, float]
_NO_MOMENTS: _Moments = (math.nan, math.nan, math.nan, math.nan, 0.0)


def summarise(array: Any) -> Summary:
    """Return the `Summary` of an array or NumPy scalar of numbers, computed in float64."""
    if array.size == 1:  # scalar programs have many of these, and NumPy takes its time over one
        item = array.item()
        x = float(item)
        sound = math.isfinite(x)
        moments: _Moments = (x, 0.0, x, x, abs(x)) if sound else _NO_MOMENTS
        return Summary(
            array.shape, _dtype_name(array.dtype), item, *moments, 1 - sound, int(x != x)
        )
    with np.errstate(all="ignore"):
        values = array.astype(np.float64, copy=False)
        finite = np.isfinite(values)
        nonfinite, nans = values.size - int(np.count_nonzero(finite)), 0
        if nonfinite:
            nans = int(np.count_nonzero(np.isnan(values)))
            values = values[finite]
        moments = _NO_MOMENTS
        if values.size:
            low, high = float(values.min()), float(values.max())
            size = max(-low, high)
            scale = 1.0 if not size or 1e-100 < size < 1e100 else size  # squares stay in range
            scaled = values if scale == 1 else values / scale
            norm = math.sqrt(np.square(scaled).sum())
            mean, std, norm = (scale * float(x) for x in (scaled.mean(), scaled.std(), norm))
            moments = (mean, std, low, high, norm)
        sample = _sample(array.astype(np.float64, copy=False).ravel(), finite.ravel())
    return Summary(
        array.shape, _dtype_name(array.dtype), None, *moments, nonfinite, nans, sample.tobytes()
    )


def _sample(values: Any, finite: Any) -> Any:
    """The `sample` of a flat array in float64; of many, without those that are not finite."""
    if values.size <= SAMPLE:
        return values
    place, sign = _sketch(values.size)
    weights = np.where(finite, values, 0.0) * sign
    return np.bincount(place, weights, minlength=SAMPLE)


@lru_cache(maxsize=4)
def _sketch(size: int) -> tuple[Any, Any]:
    """Into which of the sums each element goes, and with which sign (a count sketch)."""
    drawn = np.random.default_rng(size).integers(0, 2 * SAMPLE, size, dtype=np.uint16)
    return drawn >> 1, 1 - 2 * (drawn & 1).astype(np.int8)


@cache
def _dtype_name(dtype: np.dtype[Any]) -> str:
    return dtype.name  # NumPy puts it together anew each time, in Python


def _in_order(outputs: Sequence[Tensor]) -> list[Tensor]:
    """The recorded tensors by creation, each leaf right before its first use."""
    recorded = {t: None for out in outputs for t in toposort(out)}
    ordered: dict[Tensor, None] = {}
    for t in sorted(recorded, key=attrgetter("serial")):
        for x in t.inputs:
            if x.op is None:
                ordered.setdefault(x)
        ordered.setdefault(t)
    for out in outputs:
        ordered.setdefault(out)
    return list(ordered)


def _names(tensors: Iterable[Tensor], given: Mapping[str, Tensor]) -> dict[Tensor, str]:
    called = {t: plain(name) for t, name in own_names(tensors).items()}
    called.update((t, plain(name)) for name, t in given.items() if isinstance(t, Tensor))
    return called


_UNRECORDED = "nothing was recorded: no input requires grad, or it ran under no_grad"


def _gradients(outputs: Sequence[Tensor]) -> tuple[dict[Tensor, Any], bool, list[str]]:
    """Gradients by tensor, whether the walk reached its end, and what to tell the reader."""
    roots = [out for out in outputs if out.requires_grad]
    if not roots:
        recorded = any(out.op is not None for out in outputs)
        return {}, True, [] if recorded else [_UNRECORDED]
    for root in roots:
        if root.size != 1:
            return {}, False, [f"no gradients: an output has shape {root.shape}; draw a scalar"]
    notes = [f"gradients of the sum of {len(roots)} outputs"] if len(roots) > 1 else []
    total: dict[Tensor, Any] = {}
    for root in roots:
        try:
            with np.errstate(all="ignore"):
                for t, g in backprop(root, np.ones_like(root.data)[()]):
                    total[t] = total[t] + g if t in total else g
        except RuntimeError as error:  # a freed graph, or a value changed in place
            return total, False, [*notes, f"gradients are incomplete: {plain(error, 300)}"]
    return total, True, notes


def _innermost_scopes(tensors: Sequence[Tensor]) -> dict[Tensor, Any]:
    """The scope that each tensor is drawn in.

    A weight is made long before the call that uses it, and belongs to that call in the picture; so
    does a number in an expression. Data that come from outside stay outside.
    """
    users: dict[Tensor, list[Any]] = {}
    for t in tensors:
        for x in t.inputs:
            if x.op is None and x.scope is None and (x.requires_grad or x.ndim == 0):
                users.setdefault(x, []).append(t.scope)
    return {t: _common(users[t]) if t in users else t.scope for t in tensors}


def _common(scopes: Sequence[Any]) -> Any:
    """The innermost scope that all of `scopes` lie in, or None."""
    shared = list(_outwards(scopes[0]))
    for scope in scopes[1:]:
        if scope is not scopes[0]:
            path = set(_outwards(scope))
            shared = [s for s in shared if s in path]
    return shared[0] if shared else None


def _outwards(scope: Any) -> Iterable[Any]:
    while scope is not None:
        yield scope
        scope = scope.parent


def _calls(scopes: Mapping[Tensor, Any]) -> tuple[tuple[Call, ...], dict[Any, int]]:
    """Calls in the order they are met, each after the one it lies in; repeats are numbered."""
    position: dict[Any, int] = {}
    calls: list[Call] = []
    repeats: dict[tuple[int | None, str], int] = {}
    for innermost in scopes.values():
        fresh = []
        for scope in _outwards(innermost):
            if scope in position:
                break
            fresh.append(scope)
        for scope in reversed(fresh):
            parent = None if scope.parent is None else position[scope.parent]
            nth = repeats[parent, scope.name] = repeats.get((parent, scope.name), 0) + 1
            level = 0 if parent is None else calls[parent].level + 1
            position[scope] = len(calls)
            calls.append(Call(f"c{len(calls)}", plain(scope.name), nth, parent, level))
    return tuple(calls), position
