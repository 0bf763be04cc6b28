"""The algorithms: in which order a graph is walked, and the chain rule in both modes.

The graph is the tensors themselves. A tensor made by an op knows the op and its inputs; nothing
points from a tensor to what was computed from it, so a graph is freed by dropping its root.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import reduce
from operator import add, attrgetter
from typing import Any

import numpy as np

from .changes import changes, check_unchanged, describe, freed, settle
from .op import ACCUMULATED, Node, Op
from .recording import Observer, enable_grad, recording


def toposort(root: Node, leaves: Collection[Node] = ()) -> list[Any]:
    """Return the tensors that `root` was computed from and that have an op, newest first.

    An output is newer than its inputs, so to collect and sort by creation number is enough;
    leaves are met as inputs on the way and need no place in the order.

    Parameters
    ----------
    root : Tensor
    leaves : collection of Tensor, optional
        Tensors to stop at, as though they had no op.

    Returns
    -------
    list of Tensor
    """
    leaves = set(leaves)  # `in` on a list would compare elements
    if root.op is None or root in leaves:
        return []
    seen = {root, *leaves}
    found, stack = [root], [root]
    rebound = changes.rebound
    lines: dict[Any, list[Any]] = {}
    while stack:
        node = stack.pop()
        if node.serial < rebound:
            settle(node, lines)
        for x in node.inputs:
            if x.op is not None and x not in seen:
                seen.add(x)
                found.append(x)
                stack.append(x)
    found.sort(key=attrgetter("serial"), reverse=True)
    return found


def backprop(
    root: Node,
    seed: Any,
    *,
    create_graph: bool = False,
    retain_graph: bool = True,
    hooks: bool = False,
    only_leaves: bool = False,
    leaves: Collection[Node] = (),
) -> Iterator[tuple[Any, Any]]:
    """Yield (tensor, gradient of `root` times `seed` with respect to it), outputs before inputs.

    Each gradient is final when it is yielded and is let go of afterwards. Nothing is stored on
    the tensors: two walks over one graph do not disturb each other.

    Parameters
    ----------
    root : Tensor
    seed : ndarray of the shape and dtype of `root`; a Tensor with `create_graph`
        The incoming gradient.
    create_graph : bool, default=False
        Run the rules on tensors, so that the gradients can be differentiated.
    retain_graph : bool, default=True
        If False, the graph is freed during the walk.
    hooks : bool, default=False
        Run the hooks of the tensors that have an op; those of a leaf run where its gradient is
        used, and a picture leaves all alone.
    only_leaves : bool, default=False
        Yield the pairs of leaves alone, which come last.
    leaves : collection of Tensor, optional
        Tensors to stop at, as though they had no op.

    Yields
    ------
    (Tensor, ndarray or Tensor)

    Raises
    ------
    RuntimeError
        If the graph was freed, or a value that a rule needs was changed in place.
    """
    order = toposort(root, leaves)
    # Where nobody watches and nothing was changed in place since the oldest node was made, rules
    # run without detour: in small programs the way around them would cost more than they do.
    plain = (
        not create_graph
        and not isinstance(recording.get(), Observer)
        and (not order or changes.last < order[-1].serial)
    )
    gradients = {root: seed}
    traces: dict[Any, Trace] = {}
    pop, get, ndarray = gradients.pop, gradients.get, np.ndarray
    order.reverse()
    while order:
        node = order.pop()  # not a for loop: the list would keep every value alive to the end
        g = pop(node, None)
        if g is None:  # reached only through inputs without a derivative
            continue
        if hooks and node.hooks is not None:
            g = run_hooks(node, g)
        if not only_leaves:
            yield node, g
        op, inputs = node.op, node.inputs
        if not plain or not inputs:
            for x, gx in _pull(node, g, create_graph):
                before = get(x)
                gradients[x] = gx if before is None else before + gx
        elif op.straight:
            out = node.data
            if op.arity == 1:
                (x,) = inputs
                a = x.data
                gx = op.vjp[0](g, out, a)
            else:
                first, x = inputs
                b, a = first.data, x.data
                rule_first, rule = op.vjp
                if first.requires_grad:
                    gf = rule_first(g, out, b, a)
                    if type(gf) is ndarray or type(gf) is not type(b):
                        gf = _fit(gf, b, op)
                    before = get(first)
                    gradients[first] = gf if before is None else before + gf
                gx = rule(g, out, b, a) if x.requires_grad else None
            if x.requires_grad:
                if type(gx) is ndarray or type(gx) is not type(a):
                    gx = _fit(gx, a, op)
                before = get(x)
                gradients[x] = gx if before is None else before + gx
        else:
            out, params, values = node.data, node.params, [x.data for x in inputs]
            if op.shared is not None:
                g = op.shared(g, out, node.saved, *values, **params)
            for x, a, rule in zip(inputs, values, op.vjp, strict=False):
                if x.requires_grad and rule is not None:
                    gx = rule(g, out, *values, **params) if params else rule(g, out, *values)
                    if type(gx) is ndarray or type(gx) is not type(a):
                        gx = _fit(gx, a, op)
                    before = get(x)
                    gradients[x] = gx if before is None else before + gx
        if not retain_graph:
            _free(node, traces)
    yield from gradients.items()


class Trace(Node):
    """What is left of a node in a freed graph: what it was, and of what; its numbers are gone.

    A freed tensor has it in `saved`. Pictures follow it; nothing can be computed from it.
    """

    __slots__ = ("shape",)

    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)


def _free(node: Any, traces: dict[Any, Trace]) -> None:
    """Let go of what is behind a node; leave a trace. Those of its inputs wait for their turn."""
    trace = traces.pop(node, None) or _trace(node)
    inputs = []
    for x in node.inputs:
        if x.op is None and x.requires_grad:  # a parameter lives on anyway
            inputs.append(x)
        else:
            inputs.append(traces.get(x) or traces.setdefault(x, _trace(x)))
    trace.inputs = tuple(inputs)
    node.inputs, node.params, node.saved = (), {}, trace


def _trace(node: Any) -> Trace:
    trace = Trace()
    trace.op, trace.name, trace.scope, trace.serial = node.op, node.name, node.scope, node.serial
    trace.requires_grad, trace.shape = node.requires_grad, node.data.shape
    trace.inputs, trace.params, trace.saved = (), {}, None
    return trace


def run_hooks(node: Any, g: Any) -> Any:
    """Let the hooks of a tensor see its gradient, in their order; return what they make of it.

    What a hook gets, and what it returns, it may keep: the gradient shares no memory with that.
    """
    for (when, _), hook in sorted(node.hooks.items()):
        if when == ACCUMULATED:
            continue
        recorded = isinstance(g, Node)
        seen: Any = hook(+g if recorded else node.wrap(g.copy()))
        if seen is None:
            continue
        if not isinstance(seen, Node):
            seen = node.wrap(np.asarray(seen)[()])
        if seen.data.shape != g.shape:
            raise ValueError(
                f"hook: it returned a gradient of shape {seen.data.shape} for {describe(node)}"
            )
        seen = seen.astype(g.dtype)  # a copy
        g = seen if recorded else seen.data
    return g


def unshared(g: Any, taken: set[int]) -> Any:
    """Return a gradient, or a copy if its memory is a view's or is `taken`: ids of arrays."""
    array = g.data if isinstance(g, Node) else g
    if type(array) is np.ndarray:
        if array.base is not None or id(array) in taken:
            g = +g
            array = g.data if isinstance(g, Node) else g
        taken.add(id(array))
    return g


def _pull(node: Any, g: Any, create_graph: bool) -> list[tuple[Any, Any]]:
    """Return (input, gradient) pairs for one node: one step back, with all that may be in the way.

    Raises
    ------
    RuntimeError
        If the node was freed, or an input that a rule needs was changed in place.
    """
    op, inputs, params = node.op, node.inputs, node.params
    if not inputs:
        raise freed(node)
    if changes.last > node.serial:
        check_unchanged(node)
    if create_graph and op.shared is not None:
        return _pull_through_reference(node, g)
    if create_graph:
        out, values = node, inputs
    else:
        out, values = node.data, [x.data for x in inputs]
    mode = recording.get()
    watcher = mode if isinstance(mode, Observer) else None
    if op.shared is not None:
        arguments = (g, out, node.saved, *values)
        g = watcher.share(node, arguments) if watcher else op.shared(*arguments, **params)
    pairs = []
    for i, (x, rule) in enumerate(zip(inputs, op.vjp, strict=False)):
        if x.requires_grad and rule is not None:
            if watcher:
                gx = watcher.pull(node, i, (g, out, *values))
            else:
                gx = rule(g, out, *values, **params)
            pairs.append((x, _fit(gx, x.data, op)))
    return pairs


def _pull_through_reference(node: Any, g: Any) -> list[tuple[Any, Any]]:
    """Differentiate a fused op by its reference, recorded anew on the same inputs."""
    with enable_grad():
        again = node.op.reference(*node.inputs, **node.params)
    leaves = set(node.inputs)
    walk = backprop(again, g, create_graph=True, hooks=True, leaves=leaves)
    return [(x, gx) for x, gx in walk if x in leaves]


def _fit(g: Any, x: Any, op: Op) -> Any:
    """Give the gradient the shape and dtype of the value it belongs to."""
    if not isinstance(g, _GRADIENTS):
        g = _made_array(g, op)
    if g.shape != x.shape:
        g = unbroadcast(g, x.shape, op)
    if g.dtype != x.dtype:
        if x.dtype.kind != "f":
            raise TypeError(
                f"backward: an input of {op.name} requires grad and has dtype {x.dtype}, but only "
                "floating numbers have a gradient; use astype(float) or dtype=float"
            )
        g = g.astype(x.dtype)
    return g


_GRADIENTS = (np.ndarray, np.generic, Node)


def _made_array(g: Any, op: Op) -> Any:
    """Return what a rule gave, a Python number, as one of NumPy's."""
    if not isinstance(g, float | int):
        raise TypeError(
            f"{op.name}: a rule returned a {type(g).__name__}; a rule returns one array, in vjp "
            "the gradient of its input, in jvp the tangent of the result; where there is no "
            "gradient, None stands in the place of a rule"
        )
    return np.asarray(g)[()]


def unbroadcast(g: Any, shape: tuple[int, ...], op: Op) -> Any:
    """Sum `g` over the axes that broadcasting stretched, down to `shape`.

    Raises
    ------
    ValueError
        If `shape` could not have broadcast to that of `g`: the rule of `op` is wrong.
    """
    lead = g.ndim - len(shape)
    if lead > 0 and g.shape[lead:] == shape:
        return g.sum(axis=0 if lead == 1 else tuple(range(lead)))
    if not _stretches(shape, g.shape):
        raise ValueError(
            f"{op.name}: its vjp rule returned a gradient of shape {g.shape} for an input of "
            f"shape {shape}; a rule returns the input's shape, or one it broadcasts to"
        )
    stretched = [lead + i for i, n in enumerate(shape) if n != g.shape[lead + i]]
    if lead or stretched:
        g = g.sum(axis=(*range(lead), *stretched))
    return g if g.shape == shape else g.reshape(shape)


def _stretches(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether broadcasting can make the one shape the other."""
    lead = len(to) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, to[lead:], strict=True))


def pushforward(
    op: Op, tangents: tuple[Any, ...], out: Any, inputs: tuple[Any, ...], params: dict[str, Any]
) -> Any:
    """Return the tangent of ``out = op(*inputs, **params)``: one step of forward mode.

    Parameters
    ----------
    op : Op
        Of any kind but a fused one, whose reference runs in its place.
    tangents : tuple of Tensor or None
        None where the input is constant; at least one is not.
    out : Tensor
    inputs : tuple of Tensor
    params : dict

    Returns
    -------
    Tensor of the shape of `out`

    Raises
    ------
    ValueError
        If the kind of `op` is 'elementwise', and the shapes say that it is not.
    """
    vjp: Any = op.vjp
    if op.jvp is not None:
        return _made_tangent(op.jvp(tangents, out, *inputs, **params), out, op)
    pairs = zip(tangents, vjp, strict=False)
    tangents = tuple(None if rule is None else t for t, rule in pairs)
    moving = [i for i, t in enumerate(tangents) if t is not None]
    if not moving:
        return out.wrap(np.zeros_like(out.data))
    if op.kind == "linear":
        zeros = [np.zeros_like(x.data) for x in inputs]
        return op(*(z if t is None else t for z, t in zip(zeros, tangents, strict=True)), **params)
    if op.kind == "multilinear":
        terms = [op(*inputs[:i], tangents[i], *inputs[i + 1 :], **params) for i in moving]
    elif op.kind == "reduction":
        (t,) = tangents
        weights = vjp[0](np.ones_like(out.data), out, *inputs, **params)
        return (t * weights).sum(axis=params["axis"], keepdims=params["keepdims"])
    else:
        for i in moving:
            if inputs[i].shape != out.shape and not _stretches(inputs[i].shape, out.shape):
                raise ValueError(
                    f"{op.name}: its kind is {op.kind!r}, but an input of shape {inputs[i].shape} "
                    f"does not broadcast to the result, {out.shape}; declare another kind, such "
                    "as kind='other' with jvp= or reference="
                )
        terms = [vjp[i](tangents[i], out, *inputs, **params) for i in moving]
    return _made_tangent(reduce(add, terms), out, op)


def _made_tangent(t: Any, out: Any, op: Op) -> Any:
    """Return what a rule gave as a tensor of the shape of `out`: it may be an array or a number."""
    if not isinstance(t, Node):
        t = t if isinstance(t, _GRADIENTS) else _made_array(t, op)
        t = out.wrap(t.astype(out.dtype))
    return t if t.shape == out.shape else np.broadcast_to(t, out.shape)
