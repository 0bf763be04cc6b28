"""Pickles and copies of tensors with their history, however deep it is.

A graph goes into a pickle as a flat list, inputs first, so that nothing recurses; `copy.deepcopy`
takes the same way. Leaves are objects of their own in it, and so stay shared between the tensors of
one pickle. What is computed is not: two results of one graph, pickled together, come back with a
history each.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pickle import PicklingError
from typing import Any

from .changes import Rebound
from .engine import Trace, toposort
from .op import Op
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
        A function and its arguments; for a leaf also the attributes of a subclass.
    """
    if t.op is None:
        facts = (t.data, t.requires_grad, t._grad, t.name, t.scope)
        return _leaf_again, (type(t), *facts), getattr(t, "__dict__", None) or None
    nodes = toposort(t)[::-1]
    place = {node: i for i, node in enumerate(nodes)}
    named = {op: _name(op) for op in {node.op for node in nodes}}
    records = [
        (
            named[node.op],
            [place.get(x, x) for x in node.inputs],
            node.params,
            node.data,
            None if isinstance(node.saved, Rebound | Trace) else node.saved,
            node._grad,
            node.name,
            node.scope,
        )
        for node in nodes
    ]
    return _graph_again, (type(t), records)


def _leaf_again(
    cls: Any, data: Any, requires_grad: bool, grad: Any, name: str | None, scope: Any
) -> Any:
    t = cls.__new__(cls)
    t.data, t.requires_grad, t._grad, t.name, t.scope = data, requires_grad, grad, name, scope
    t.op = t.saved = t.hooks = None
    t.inputs, t.params, t.serial = (), {}, 0
    return t


def _graph_again(cls: Any, records: list[tuple[Any, ...]]) -> Any:
    made: list[Any] = []
    ops = {key: _named(*key) for key in {record[0] for record in records}}
    for key, inputs, params, data, saved, grad, name, scope in records:
        t = _leaf_again(cls, data, True, grad, name, scope)
        t.op, t.params, t.saved, t.serial = ops[key], params, saved, next_serial()
        t.inputs = tuple(made[x] if isinstance(x, int) else x for x in inputs)
        made.append(t)
    return made[-1]


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
