"""What to say of an op that failed: where, with which shapes, and what to do.

Suggestions are not guessed: edits of the arguments are tried on the arrays, the plausible ones
first, and the first one that runs is named. It costs nothing while nothing fails.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .op import Node, Op

_FEW = 10**6  # elements that a trial may have

_EDITS: tuple[tuple[str, Callable[[Any], Any], int], ...] = (
    ("{}.T", lambda a: a.T, 2),
    ("{}.swapaxes(-1, -2)", lambda a: a.swapaxes(-1, -2), 3),
    ("{}[:, None]", lambda a: a[:, None], 1),
    ("{}[None]", lambda a: a[None], 1),
    ("{}[..., None]", lambda a: a[..., None], 2),
    ("{}.squeeze()", lambda a: a.squeeze(), 1),
    ("{}.reshape(-1)", lambda a: a.reshape(-1), 1),
)
"""How an argument is written, what that does, and how many axes it needs to make sense."""


def explained(op: Op, inputs: Sequence[Any], params: dict[str, Any], error: Exception) -> Exception:
    """Return the error to raise in place of one that the forward of `op` raised.

    Parameters
    ----------
    op : Op
    inputs : sequence of Tensor
    params : dict
    error : ValueError or TypeError, or one of their subclasses

    Returns
    -------
    Exception
        Of the type of `error`.
    """
    if re.match(r"\w+: ", str(error)) and "gufunc" not in str(error):  # said already
        return error
    given = next((name for name, value in params.items() if isinstance(value, Node)), None)
    if given and isinstance(error, TypeError):
        two = f"; of two tensors write {op.name}imum(x, y)" if op.name in ("max", "min") else ""
        return TypeError(f"{op.name}: {given} is a Tensor; pass a number, such as .item(){two}")
    names = _names(op, len(inputs))
    arrays = [np.asarray(x.data) for x in inputs]
    if isinstance(error, TypeError) or str(error).startswith("Integers "):
        return _of_dtypes(op, names, arrays, error)
    shapes = " and ".join(f"{n} {a.shape}" for n, a in zip(names, arrays, strict=True))
    if isinstance(error, np.exceptions.AxisError):
        hint = _try_params(op, names, arrays, params)
        return np.exceptions.AxisError(f"{op.name}: {error}: {shapes}{hint}")
    if not op.differentiable and "broadcast" not in str(error):
        return type(error)(f"{op.name}: {error}")
    if isinstance(error, np.linalg.LinAlgError):
        return np.linalg.LinAlgError(f"{op.name}: {error}; the shapes are {shapes}")
    hint = _try_arguments(op, names, arrays, params) or _try_params(op, names, arrays, params)
    why, table = _why(op, names, arrays)
    return ValueError(f"{op.name}: shapes {shapes} do not fit: {why or error}{hint}{table}")


def _names(op: Op, count: int) -> Sequence[str]:
    names = op.input_names
    return names[:count] if len(names) >= count else [f"x{i + 1}" for i in range(count)]


def _of_dtypes(op: Op, names: Sequence[str], arrays: Sequence[Any], error: Exception) -> Exception:
    """Name the dtypes where NumPy cannot do with integers, or with nothing but them."""
    whole, moving = (
        [name for name, a in zip(names, arrays, strict=True) if (a.dtype.kind in "biu") is is_whole]
        for is_whole in (True, False)
    )
    if not re.search("ufunc|^Integers", str(error)):
        return error
    if op.differentiable and whole:
        cure = f"floating numbers, such as {whole[0]}.astype(np.float32)"
    elif not op.differentiable and moving:
        cure = f"integers or booleans, such as {moving[0]} != 0"
    else:
        return error
    dtypes = " and ".join(f"{n} of {a.dtype}" for n, a in zip(names, arrays, strict=True))
    return TypeError(f"{op.name}: {dtypes} do not fit: {str(error).rstrip('.')}; pass {cure}")


def _why(op: Op, names: Sequence[str], arrays: Sequence[Any]) -> tuple[str, str]:
    """Which axis is in the way; and the shapes aligned, with a mark under that axis."""
    if len(arrays) != 2:
        return "", ""
    x, y = arrays
    if op.name == "matmul" and not (x.ndim and y.ndim):
        return "a number has no axes; write x * y", ""
    if op.name == "matmul":
        inner, which = (-2, "last but one") if y.ndim > 1 else (-1, "only")
        if x.shape[-1] != y.shape[inner]:
            return (
                f"the last axis of the first ({x.shape[-1]}) must equal the {which} axis of the "
                f"second ({y.shape[inner]})"
            ), ""
    if op.kind != "elementwise":
        return "", ""
    lengths = zip(reversed(x.shape), reversed(y.shape), strict=False)
    axis = next((-1 - i for i, (m, n) in enumerate(lengths) if m != n and 1 not in (m, n)), 0)
    if not axis:
        return "", ""
    wide = max(len(str(n)) for a in arrays for n in a.shape)
    cells = [" ".join(str(n).rjust(wide) for n in a.shape) for a in arrays]
    longest = max(map(len, cells))
    rows = [f"  {n}  {c.rjust(longest)}" for n, c in zip(names, cells, strict=True)]
    rows.append("^".rjust(len(rows[0]) - (-1 - axis) * (wide + 1)))
    why = f"axis {axis} is {x.shape[axis]} in one, {y.shape[axis]} in the other"
    return why, "\n" + "\n".join(rows)


def _try_arguments(
    op: Op, names: Sequence[str], arrays: Sequence[Any], params: dict[str, Any]
) -> str:
    """Edit one argument, then two, until the op runs."""
    for edited in _edits(op, names, arrays):
        if _runs(op, [a for _, a in edited], params):
            return f"; try {_call(op, [text for text, _ in edited], params)}"
    return ""


def _edits(op: Op, names: Sequence[str], arrays: Sequence[Any]) -> Iterator[list[tuple[str, Any]]]:
    plain = list(zip(names, arrays, strict=True))
    small = math.prod(max(a.size, 1) for a in arrays) <= _FEW  # new axes multiply the sizes
    edits = list(_EDITS)
    if op.kind == "elementwise" and len({a.ndim for a in arrays}) > 1:
        edits.sort(key=lambda edit: "None" not in edit[0])  # mostly it is a number for each row
    single = [
        (i, (text.format(name), edit(a)))
        for text, edit, axes in edits
        for i, (name, a) in reversed(list(enumerate(plain)))
        if a.ndim >= axes and (small or "None" not in text)
    ]
    for i, changed in single:
        yield [*plain[:i], changed, *plain[i + 1 :]]
    for i, one in single:
        for j, other in single:
            if i < j:
                yield [one if k == i else other if k == j else p for k, p in enumerate(plain)]


def _try_params(op: Op, names: Sequence[str], arrays: Sequence[Any], params: dict[str, Any]) -> str:
    """Give a parameter that says a shape or an axis another value, until the op runs."""
    for key, value in params.items():
        for other in _values(key, value, arrays[0]):
            changed = {**params, key: other}
            if _runs(op, arrays, changed):
                return f"; try {_call(op, names, changed)}"
    return ""


def _values(key: str, value: Any, x: Any) -> Iterator[Any]:
    if key == "shape" and isinstance(value, tuple):
        for i in range(len(value)):
            yield (*value[:i], -1, *value[i + 1 :])
        yield (-1,)
        yield x.shape
        yield (*value, *x.shape)
    elif key in ("axis", "axes", "axis1", "axis2"):
        yield from (-1, None, tuple(range(x.ndim))[::-1], 0)


def _runs(op: Op, arrays: Sequence[Any], params: dict[str, Any]) -> bool:
    try:
        with np.errstate(all="ignore"):
            op.forward(*arrays, **params)
    except np.linalg.LinAlgError as error:  # of the shapes, or of the values
        return not re.search("square|dimension", str(error))
    except (ValueError, TypeError, IndexError):
        return False
    return True


def _call(op: Op, arguments: Sequence[str], params: dict[str, Any]) -> str:
    """The call as it is typed, with what differs from the defaults."""
    first = [f"[{', '.join(arguments)}]"] if op.arity is None else list(arguments)
    if op.name == "einsum":
        return f"einsum({params['subscripts']!r}, {', '.join(arguments)})"
    shown = [f"{k}={v!r}" for k, v in params.items() if op.defaults.get(k, ...) is not v]
    return f"{op.name}({', '.join([*first, *shown])})"
