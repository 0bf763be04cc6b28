"""Gradients on purpose: stopped, passed through, reversed.

`straight_through` and `gradient_reversal` are worked examples of rules written by hand. What they
give is not the derivative of what they compute, but forward and reverse mode agree on it, as the
two rules of every op must.
"""

from __future__ import annotations

import numpy as np

from ..op import Array, op
from .elementwise import positive

__all__ = [
    "clone",
    "gradient_reversal",
    "stop_gradient",
    "straight_through",
]


def clone(x: Array) -> Array:
    """Return a copy of x that passes gradients on.

    Parameters
    ----------
    x : Tensor or ndarray of any shape

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`
    """
    if getattr(x, "dtype", None) == np.dtype(bool):
        return x & True  # NumPy has no +x of booleans
    return positive(x)


def stop_gradient(x: Array) -> Array:
    """Return x as a constant: no gradient passes, in forward mode neither.

    Parameters
    ----------
    x : Tensor or ndarray of any shape

    Returns
    -------
    Tensor if `x` is one, else ndarray; shares the data of `x`

    Examples
    --------
    >>> from autograd import Tensor, stop_gradient
    >>> x = Tensor(3.0, requires_grad=True)
    >>> (x * stop_gradient(x)).backward()
    >>> x.grad.item()
    3.0
    """
    return x if isinstance(x, np.ndarray | np.generic) else x.detach()


@op(
    vjp=(None, lambda g, out, hard, soft: g),
    latex=r"{0}",
    kind="other",
    jvp=lambda t, out, hard, soft: np.zeros_like(out) if t[1] is None else t[1],
    flops=0,
)
def straight_through(hard: Array, soft: Array) -> Array:
    """Return `hard`, and pass the gradient to `soft`: the straight-through estimator.

    A step such as rounding has the derivative 0, by which nothing learns. This takes its value,
    and the derivative of something smooth near it: ``straight_through(round(x), x)``.

    Parameters
    ----------
    hard : Tensor or ndarray
    soft : Tensor or ndarray of the shape of `hard`

    Returns
    -------
    Tensor if an argument is one, else ndarray; the values of `hard`

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Bengio, Leonard and Courville, "Estimating or propagating gradients through stochastic
    neurons for conditional computation", 2013, arXiv:1308.3432.

    Examples
    --------
    >>> from autograd import Tensor, sign, straight_through
    >>> x = Tensor([0.3, -2.0], requires_grad=True)
    >>> y = straight_through(sign(x), x)
    >>> (y * y).sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([1.0, -1.0], [2.0, -2.0])
    """
    if hard.shape != soft.shape:
        raise ValueError(
            f"straight_through: the value has shape {hard.shape}, but what gets its gradient has "
            f"shape {soft.shape}; they must be equal"
        )
    return +hard


@op(
    vjp=(lambda g, out, x, *, scale: -scale * g,),
    latex=r"{0}",
    kind="elementwise",
    flops=0,
)
def gradient_reversal(x: Array, scale: float = 1.0) -> Array:
    """Return a copy of x whose gradient is turned round: what descends behind it, ascends before.

    Parameters
    ----------
    x : Tensor or ndarray of any shape
    scale : float, default=1
        The gradient is multiplied by -scale.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    References
    ----------
    Ganin and Lempitsky, "Unsupervised domain adaptation by backpropagation", 2015,
    arXiv:1409.7495, eq. (9).

    Examples
    --------
    >>> from autograd import Tensor, gradient_reversal
    >>> x = Tensor(3.0, requires_grad=True)
    >>> (gradient_reversal(x) ** 2).backward()
    >>> x.grad.item()
    -6.0
    """
    return +x
