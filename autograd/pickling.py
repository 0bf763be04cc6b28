"""Pickles and copies of tensors with their history, however deep it is.

A graph goes into a pickle as a flat list, inputs first, so that nothing recurses, and with it what
retained gradients were computed from; `copy.deepcopy` takes the same way. Leaves are objects of
their own in it, and so stay shared between the tensors of one pickle. What is computed is not: two
results of one graph, pickled together, come back with a history each. A result whose gradient was
lost to a change in place is refused in the copy too.
"""

from __future__ import annotations

import copyreg
import sys
from importlib import import_module
from pickle import PicklingError
from typing import Any

from .changes import Refusal, check_unchanged
from .engine import Trace, toposort
from .op import Node, Op
from .ops import op_table
from .recording import next_serial


def reduce_tensor(t: Any) -> tuple[Any, ...]:
    """Return what pickle and copy make a tensor of; hooks are left out.

    Parameters
    ----------
    t : Tensor

    Returns
    -------
    tuple
        A function and its arguments; for a leaf also its gradient and a subclass's attributes.
    """
    if t.op is None:
        # A gradient that was recorded leads back to the leaf, which must be there by then.
        state = getattr(t, "__dict__", None) or None, {"_grad": t._grad}
        return _leaf_again, (type(t), t.data, t.requires_grad, t.name, t.scope), state
    nodes = _with_gradients(t)
    place = {node: i for i, node in enumerate(nodes)}
    records = []
    for node in nodes:
        inputs, saved = [place.get(x, x) for x in node.inputs], node.saved
        grad = place[node._grad] if _is_recorded(node._grad) else node._grad
        if isinstance(saved, Trace):
            saved = None
        try:
            check_unchanged(node)
        except RuntimeError as error:  # what it was computed from is gone; the copy says so too
            inputs, saved = [], Refusal(str(error))
        facts = (node.params, node.data, saved, grad, node.name, node.scope)
        records.append((node.op, inputs, *facts))
    return _graph_again, (type(t), records, place[t])


def _with_gradients(t: Any) -> list[Any]:
    """Return what `t` and the gradients retained on the way were computed from, inputs first."""
    top = Trace()  # stands above all of them, so that one walk finds each once
    top.op, top.inputs, top.serial = t.op, (t,), next_serial()
    while True:
        nodes = toposort(top)[:0:-1]
        found = {*top.inputs}
        top.inputs = (t, *(node._grad for node in nodes if _is_recorded(node._grad)))
        if found.issuperset(top.inputs):
            return nodes


def _is_recorded(grad: Any) -> bool:
    return isinstance(grad, Node) and grad.op is not None


def _leaf_again(cls: Any, data: Any, requires_grad: bool, name: str | None, scope: Any) -> Any:
    t = cls.__new__(cls)
    t.data, t.requires_grad, t.name, t.scope = data, requires_grad, name, scope
    t._grad = t.op = t.saved = t.hooks = None
    t.inputs, t.params, t.serial = (), {}, 0
    return t


def _graph_again(cls: Any, records: list[tuple[Any, ...]], root: int) -> Any:
    made: list[Any] = []
    for op, inputs, params, data, saved, grad, name, scope in records:
        t = _leaf_again(cls, data, True, name, scope)
        t._grad, t.op, t.params, t.saved, t.serial = grad, op, params, saved, next_serial()
        t.inputs = tuple(made[x] if isinstance(x, int) else x for x in inputs)
        made.append(t)
    for t in made:
        if isinstance(t._grad, int):  # a place: most gradients are younger than their tensor
            t._grad = made[t._grad]
    return made[root]


def _name(op: Op) -> tuple[str, str]:
    """Where an op is found again: in the table, or in the module of its forward."""
    if op_table().get(op.name) is op:
        return "", op.name
    module = getattr(op.forward, "__module__", "")
    for name, value in vars(sys.modules[module]).items() if module in sys.modules else ():
        if value is op:
            return module, name
    raise PicklingError(
        f"{op.name}: this op is no attribute of the module {module!r}, so a pickle cannot name it; "
        "declare it at the top level of a module"
    )


def _named(module: str, name: str) -> Any:
    return getattr(import_module(module), name) if module else op_table()[name]


copyreg.pickle(Op, lambda op: (_named, _name(op)))  # a copy is the op itself
