"""The backward pass as a list of steps, each with its numbers: what `backward()` does, slowly.

One step is one recorded op: the gradient that has arrived at its result, and for each operand the
local derivative, the contribution that is passed on, and the total that the operand has so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Tensor, backprop
from autograd.engine import unbroadcast


class Part(NamedTuple):
    """What one operand of an op gets.

    Attributes
    ----------
    slot : int
        Which operand it is, from 0.
    tensor : Tensor
        The operand.
    local : ndarray or None
        The derivative of each element of the result with respect to the operand's element it was
        computed from. None where elements depend on several, as in a matrix product.
    contribution : ndarray of the shape of the operand
        By the chain rule: the upstream gradient times the local derivative, summed over all
        elements that the operand's element went into.
    total : ndarray of the shape of the operand
        The sum of this contribution and the earlier ones. After the last it is the gradient.
    """

    slot: int
    tensor: Tensor
    local: NDArray[Any] | None
    contribution: NDArray[Any]
    total: NDArray[Any]


class Step(NamedTuple):
    """One op of the backward pass.

    Attributes
    ----------
    tensor : Tensor
        The result of the op.
    gradient : ndarray of the shape of `tensor`
        The gradient that arrived: complete, since all ops that use the result came before.
    parts : tuple of Part
        One for each operand that the gradient goes on to.
    """

    tensor: Tensor
    gradient: NDArray[Any]
    parts: tuple[Part, ...]


def backward_steps(output: Tensor, gradient: ArrayLike | None = None) -> Iterator[Step]:
    """Yield the steps of the backward pass from `output`, in the order the engine takes them.

    Nothing is changed: no `.grad` is read or written, no hook runs, the graph stays.

    Parameters
    ----------
    output : Tensor that requires grad, of any shape
    gradient : array_like of the shape of `output`, optional
        Where the pass starts; by default 1, for an output of one element.

    Yields
    ------
    Step

    Raises
    ------
    ValueError
        If the output has several elements and there is no `gradient`, or its shape differs.
    RuntimeError
        If nothing was recorded, the graph was freed, or a value in it was changed in place.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True)
    >>> for step in backward_steps((x * x).tanh()):
    ...     for part in step.parts:
    ...         print(step.tensor.op.name, part.slot, f"{part.local:.2g} -> {part.total:.2g}")
    tanh 0 6.1e-08 -> 6.1e-08
    mul 0 3 -> 1.8e-07
    mul 1 3 -> 3.7e-07
    """
    if not output.requires_grad:
        raise RuntimeError(
            "backward_steps: the output does not require grad, nothing was recorded; make a leaf "
            "with requires_grad=True and compute outside no_grad()"
        )
    if gradient is None:
        if output.size != 1:
            raise ValueError(
                f"backward_steps: an output of shape {output.shape} needs a gradient; reduce it to "
                "a scalar first, or pass gradient="
            )
        gradient = np.ones_like(output.data)
    seed = np.asarray(gradient, dtype=output.dtype)
    if seed.shape != output.shape:
        raise ValueError(
            f"backward_steps: the gradient has shape {seed.shape}, but the output {output.shape}; "
            "pass one of the output's shape"
        )
    return _steps(output, seed)


def _steps(output: Tensor, seed: NDArray[Any]) -> Iterator[Step]:
    totals: dict[Tensor, Any] = {}
    with np.errstate(all="ignore"):  # infinite derivatives are an answer
        for t, g in backprop(output, seed[()]):
            if t.op is not None:
                yield Step(t, np.asarray(g), tuple(_parts(t, g, totals)))


def _parts(t: Any, g: Any, totals: dict[Tensor, Any]) -> Iterator[Part]:
    op, out, params = t.op, t.data, t.params
    probe = np.linspace(1, 2, out.size, dtype=out.dtype).reshape(out.shape)[()]
    close = 8 * np.finfo(out.dtype).eps
    values = [x.data for x in t.inputs]

    def pull(i: int, g: Any) -> Any:
        if op.shared is not None:
            g = op.shared(g, out, t.saved, *values, **params)
        return op.vjp[i](g, out, *values, **params)

    for i, x in enumerate(t.inputs):
        if not x.requires_grad or op.vjp[i] is None:
            continue
        pulled = pull(i, g)
        local = pull(i, np.ones_like(out)[()])
        # only if it is all there is to say: not in a matrix product, where gradients mix
        explains = np.shape(local) == out.shape and np.allclose(
            local * probe, pull(i, probe), rtol=close, atol=0, equal_nan=True
        )
        contribution = unbroadcast(pulled, x.shape, op).astype(x.dtype)
        totals[x] = totals[x] + contribution if x in totals else contribution
        yield Part(
            i,
            x,
            np.asarray(local) if explains else None,
            np.asarray(contribution),
            np.asarray(totals[x]),
        )
