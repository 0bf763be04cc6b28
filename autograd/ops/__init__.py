"""The op table: every differentiable operation, declared once. `op_table` lists it."""

from ..op import Op
from .elementwise import (
    abs_,
    add,
    clip,
    cos,
    div,
    eq,
    exp,
    ge,
    gt,
    isfinite,
    isinf,
    isnan,
    le,
    log,
    logical_and,
    logical_not,
    logical_or,
    lt,
    maximum,
    minimum,
    mul,
    ne,
    neg,
    positive,
    pow_,
    relu,
    sigmoid,
    sign,
    sin,
    sqrt,
    sub,
    tanh,
    where,
)
from .fused import cross_entropy, linear, log_softmax, softmax
from .linalg import _einsum, einsum, matmul
from .reduction import logsumexp, max_, mean, min_, std, sum_, var
from .shape import (
    _concatenate,
    _stack,
    astype,
    broadcast_to,
    concatenate,
    embed,
    expand,
    expand_dims,
    getitem,
    reshape,
    setitem,
    split,
    squeeze,
    stack,
    swapaxes,
    transpose,
)


def op_table() -> dict[str, Op]:
    """Return every op of the library by name.

    Examples
    --------
    >>> from autograd import op_table
    >>> op_table()["tanh"].kind
    'elementwise'
    """
    return {x.name: x for x in globals().values() if isinstance(x, Op)}
