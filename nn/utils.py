"""What is done to gradients between ``backward`` and the optimiser's ``step``."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import Tensor, as_tensor
from nn.module import Module
from nn.pytorch_names import answers


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    r"""Scale all gradients, in place, so that their norm taken together is at most `max_norm`.

    .. math:: g \leftarrow g \cdot \min\left(1, \frac{c}{\|g\| + 10^{-6}}\right)

    The direction stays. Call it after ``backward`` and before the optimiser's ``step``: after
    the step it has no effect.

    Parameters
    ----------
    parameters : iterable of Tensor, or Tensor
        Those without a gradient are left out.
    max_norm : float
        c.
    norm_type : float, default=2.0
        The p of the norm; ``inf`` for the largest absolute value.
    error_if_nonfinite : bool, default=False
        Raise if the norm is NaN or infinite. Otherwise a NaN anywhere makes all gradients NaN, and
        an infinite norm makes the finite ones 0, as in PyTorch.

    Returns
    -------
    Tensor of shape ()
        The norm before, of the gradients' dtype.

    Raises
    ------
    RuntimeError
        If the norm is not finite, and `error_if_nonfinite`. Nothing is changed then.
    TypeError
        If `parameters` holds something else, such as modules. Nothing is changed then.
    ValueError
        If `max_norm` is negative or NaN.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training Recurrent Neural Networks", 2013,
    arXiv:1211.5063, section 3.2.

    Examples
    --------
    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_norm_([w], max_norm=1.0).item()
    10.0
    >>> w.grad.numpy().round(5)
    array([0.6, 0.8])
    """
    grads = _gradients("clip_grad_norm_: max_norm", max_norm, parameters)
    # in float64: squares of large float16 and float32 numbers overflow
    norms = [
        np.linalg.norm(np.ravel(g.data).astype(np.float64), norm_type) for g in grads if g.size
    ]
    norm = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not np.isfinite(norm):
        raise RuntimeError(
            f"clip_grad_norm_: the gradients have the norm {norm}; find the op that made it with "
            "detect_anomaly(), or pass error_if_nonfinite=False"
        )
    scale = max_norm / (norm + 1e-6)
    if not scale >= 1:  # NaN too
        with np.errstate(invalid="ignore"):  # 0 times an infinite gradient
            for g in grads:
                g.data *= scale
                g.mark_changed()
    dtype = np.result_type(*(g.dtype for g in grads)) if grads else None
    return as_tensor(np.asarray(norm, dtype))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clip each element of the gradients, in place, to between -`clip_value` and `clip_value`.

    Unlike `clip_grad_norm_`, it changes the direction of the gradient. NaN stays.

    Parameters
    ----------
    parameters : iterable of Tensor, or Tensor
        Those without a gradient are left out.
    clip_value : float

    Raises
    ------
    TypeError
        If `parameters` holds something else, such as modules. Nothing is changed then.
    ValueError
        If `clip_value` is negative or NaN.

    Examples
    --------
    >>> w = Tensor([3.0, 0.1], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad.numpy()
    array([1. , 0.2])
    """
    for g in _gradients("clip_grad_value_: clip_value", clip_value, parameters):
        g.data = np.clip(g.data, -clip_value, clip_value)
        g.mark_changed()


def _gradients(what: str, bound: float, parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    """Return the gradients to clip, unless the bound is none."""
    if not bound >= 0:
        raise ValueError(f"{what} is {bound}; pass 0 or more")
    given: list[Any]
    given = [parameters] if isinstance(parameters, Tensor | Module) else list(parameters)
    for p in given:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"{what.partition(':')[0]}: parameters is or holds a {type(p).__name__}; pass "
                "tensors, such as model.parameters()"
            )
    return [g for p in given if (g := p.grad) is not None]


if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
