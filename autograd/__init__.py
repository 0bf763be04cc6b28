"""An autograd engine on NumPy: tensors that record operations, and walk them back."""

from .engine import Scope, backprop, enable_grad, no_grad, scope, toposort
from .op import EachInput, Op, op
from .ops import (
    broadcast_to,
    clip,
    concatenate,
    cos,
    cross_entropy,
    einsum,
    exp,
    expand,
    expand_dims,
    isfinite,
    isinf,
    isnan,
    linear,
    log,
    log_softmax,
    logsumexp,
    matmul,
    maximum,
    mean,
    minimum,
    op_table,
    relu,
    reshape,
    sigmoid,
    sign,
    sin,
    softmax,
    split,
    sqrt,
    squeeze,
    stack,
    std,
    swapaxes,
    tanh,
    transpose,
    var,
    where,
)
from .ops import abs_ as abs
from .ops import max_ as max
from .ops import min_ as min
from .ops import pow_ as pow
from .ops import sum_ as sum
from .tensor import Tensor, as_tensor, tensor
