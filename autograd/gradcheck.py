"""Check derivatives against differences: is what the rules say what the function does?

Reverse mode gives a Jacobian row by row, differences of function values give it column by column,
and the two must agree entry by entry. Where the function is analytic the difference is the complex
step f'(x) = Im f(x + ih) / h, which subtracts nothing and so is exact to the last digits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.exceptions import ComplexWarning
from numpy.typing import ArrayLike

from .engine import backprop, enable_grad, no_grad
from .forward import jvp
from .op import Op
from .tensor import Tensor

Floats: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class GradcheckError(AssertionError):
    """A derivative is not what differences of function values say it is."""


def gradcheck(
    f: Callable[..., Tensor],
    *inputs: ArrayLike | Tensor,
    rtol: float | None = None,
    atol: float | None = None,
    forward: bool = True,
) -> None:
    """Raise unless the derivatives of `f` agree with differences of its values.

    Reverse mode is compared with the complex step where `f` is analytic, else with central
    differences; then forward mode with reverse mode. Every entry of the Jacobian counts by itself.

    Parameters
    ----------
    f : callable of tensors that returns one
        A function of its arguments alone: a second call must give the same values.
    inputs : array_like or Tensor, of any shapes
        The point, away from kinks. Derivatives are taken with respect to all floating inputs;
        others are handed through. Nothing is changed: `f` gets copies.
    rtol, atol : float, optional
        Reverse mode passes where ``|reverse - numeric| <= atol + rtol * |numeric|``. By default
        1e-6 in float64 and 100 times the machine epsilon below it, and a hundredth of that times
        the largest value of `f` or of its derivative.
    forward : bool, default=True
        Check forward mode too.

    Raises
    ------
    GradcheckError
        With the input, the index, both values, and whether there is a kink next to the point.
    TypeError
        If no input is floating, or `f` does not return a floating tensor.

    Warns
    -----
    UserWarning
        If an input has less than double precision: small errors in a rule then pass.

    References
    ----------
    Squire and Trapp, "Using complex variables to estimate derivatives of real functions",
    SIAM Review 40(1), 1998.

    Examples
    --------
    >>> from autograd import Op, tanh
    >>> gradcheck(tanh, [0.5, -1.0])
    >>> wrong = Op("cube", lambda x: x**3, (lambda g, out, x: 2 * g * x**2,), "{0}^3")
    >>> gradcheck(wrong, [1.0, 2.0])
    Traceback (most recent call last):
        ...
    autograd.gradcheck.GradcheckError: gradcheck: input 0 at index (0,), output at index (0,): \
reverse mode gives 2.0, the complex step 3.0 (2 of 4 entries differ); a vjp rule of f is wrong
    """
    points = [Tensor(x) for x in inputs]
    _check_point(f, points)
    arrays = [x.data for x in points]
    for i in _floating(points):
        eps = float(np.finfo(points[i].dtype).eps)
        if eps > np.finfo(np.float64).eps:
            warnings.warn(
                f"gradcheck: input {i} is {points[i].dtype}, in which small errors of a rule do "
                "not show; pass float64",
                stacklevel=2,
            )
        reverse = _reverse_jacobian(f, points, i)
        numeric, method = _numeric_jacobian(f, arrays, i)
        relative = max(1e-6, 100 * eps) if rtol is None else rtol
        scale = max((float(np.abs(a).max(initial=0)) for a in (_values(f, arrays), numeric)))
        absolute = relative * scale / 100 if atol is None else atol
        # written so that a NaN fails
        wrong = ~(np.abs(reverse - numeric) <= absolute + relative * np.abs(numeric))
        if wrong.any():
            row, column = _worst(wrong, reverse - numeric)
            raise GradcheckError(
                _report(points, f, i, row, column, wrong)
                + f"reverse mode gives {reverse[row, column]}, {method} {numeric[row, column]} "
                + f"({wrong.sum()} of {wrong.size} entries differ); "
                + _diagnosis(f, arrays, i, row, column)
            )
        if forward:
            _check_forward(f, points, i, reverse, relative, absolute)


def gradgradcheck(
    f: Callable[..., Tensor],
    *inputs: ArrayLike | Tensor,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Raise unless the second derivatives of `f` agree with differences of its first.

    Checks two functions with `gradcheck`: the gradient that a backward pass with `create_graph`
    gives, and the tangent of forward mode, each as a function of the point and of the direction.

    Parameters
    ----------
    f : callable of tensors that returns one
    inputs : array_like or Tensor, of any shapes
        The point, away from kinks.
    rtol, atol : float, optional
        As in `gradcheck`.

    Raises
    ------
    GradcheckError
        As `gradcheck` does, and says of which first derivative.

    Examples
    --------
    >>> from autograd import tanh
    >>> gradgradcheck(lambda x, y: tanh(x * y), [0.5, -1.0], [2.0, 0.3])
    """
    points = [Tensor(x) for x in inputs]
    _check_point(f, points)
    rng = np.random.default_rng(0)
    out = f(*points)
    seed = Tensor(rng.standard_normal(out.shape), dtype=out.dtype)
    for i in _floating(points):
        direction = Tensor(rng.standard_normal(points[i].shape), dtype=points[i].dtype)
        try:
            # forward mode does not pass through a backward pass, whose leaves are constants to it
            gradcheck(_gradient(f, i), *points, seed, rtol=rtol, atol=atol, forward=False)
        except GradcheckError as error:
            raise GradcheckError(f"of the gradient with respect to input {i}: {error}") from None
        try:
            gradcheck(_tangent(f, i), *points, direction, rtol=rtol, atol=atol)
        except GradcheckError as error:
            raise GradcheckError(f"of the tangent along input {i}: {error}") from None


def _floating(points: Sequence[Tensor]) -> list[int]:
    return [i for i, x in enumerate(points) if x.dtype.kind == "f"]


def _check_point(f: Callable[..., Tensor], points: Sequence[Tensor]) -> None:
    if not _floating(points):
        raise TypeError(
            f"gradcheck: no input is floating, the dtypes are {[str(x.dtype) for x in points]}; "
            "only floating inputs have derivatives"
        )
    with no_grad():
        out, again = f(*points), f(*points)
    if not isinstance(out, Tensor) or out.dtype.kind != "f":
        kind = f"a tensor of dtype {out.dtype}" if isinstance(out, Tensor) else type(out).__name__
        raise TypeError(f"gradcheck: f returns {kind}; it must return one floating tensor")
    if not np.isfinite(out.data).all():
        raise GradcheckError("gradcheck: f is not finite at this point; move the point")
    if not np.array_equal(out.data, again.data):
        raise GradcheckError(
            "gradcheck: f gives other values when it is called again; a random f needs a generator "
            "seeded inside it"
        )


# The Jacobians, of shape (size of the output, size of the input).


def _reverse_jacobian(f: Callable[..., Tensor], points: Sequence[Tensor], i: int) -> Floats:
    leaves = [x.detach() for x in points]
    leaves[i].requires_grad_()
    with enable_grad():
        out = f(*leaves)
    rows = np.zeros((out.size, leaves[i].size))
    if out.requires_grad:
        for row, seed in zip(rows, np.eye(out.size, dtype=out.dtype), strict=True):
            for t, g in backprop(out, seed.reshape(out.shape)[()]):
                if t is leaves[i]:
                    row[:] = np.ravel(g)
    return rows


def _values(f: Callable[..., Tensor], arrays: Sequence[Any]) -> Floats:
    """Compute f in double precision, flat."""
    with no_grad():
        out = f(*(Tensor(a, dtype=np.float64 if a.dtype.kind == "f" else None) for a in arrays))
    return np.ravel(out.data).astype(np.float64)


def _numeric_jacobian(
    f: Callable[..., Tensor], arrays: Sequence[Any], i: int
) -> tuple[Floats, str]:
    """Return the Jacobian by differences, and how they were taken."""
    x = arrays[i]
    direction = np.random.default_rng(0).uniform(0.5, 1, x.shape)
    along = _central(f, arrays, i, direction)
    try:
        # f is analytic here if the complex step gives what central differences give
        analytic = np.allclose(
            _complex_step(f, arrays, i, direction), along, 1e-6, 1e-8 * np.abs(along).max(initial=1)
        )
    except (TypeError, ComplexWarning):
        analytic = False
    difference = _complex_step if analytic else _central
    basis = np.eye(x.size).reshape(x.size, *x.shape)
    columns = [difference(f, arrays, i, e) for e in basis]
    jacobian = np.stack(columns, axis=1) if columns else np.zeros((along.size, 0))
    return jacobian, "the complex step" if analytic else "central differences"


def _moved(arrays: Sequence[Any], i: int, by: Any) -> list[Any]:
    return [a.astype(by.dtype) + by if j == i else a for j, a in enumerate(arrays)]


def _step(x: Any, direction: Any) -> float:
    """A thousandth of the entries that move: small against them, large against their rounding."""
    return 1e-3 * max(0.1, float(np.abs(x * direction).max(initial=0)))


def _central(f: Callable[..., Tensor], arrays: Sequence[Any], i: int, direction: Floats) -> Floats:
    """Return the derivative along a direction by central differences at h and h / 2.

    Richardson's extrapolation of the two leaves an error of the order h^4.
    """
    h = _step(arrays[i], direction)
    wide, narrow = (
        (
            _values(f, _moved(arrays, i, step * direction))
            - _values(f, _moved(arrays, i, -step * direction))
        )
        / (2 * step)
        for step in (h, h / 2)
    )
    return (4 * narrow - wide) / 3


def _complex_step(
    f: Callable[..., Tensor], arrays: Sequence[Any], i: int, direction: Floats
) -> Floats:
    """Return the derivative along a direction as Im f(x + ih) / h."""
    h = 1e-20  # its square is lost against 1, and nothing is subtracted that could cancel
    moved = _moved(arrays, i, 1j * h * direction)
    inputs = [_Complex(a) if j == i else Tensor(a) for j, a in enumerate(moved)]
    with no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error", ComplexWarning)
        out = f(*inputs)
    return np.ravel(np.imag(out.data)) / h


class _Complex(Tensor):
    """A tensor of complex numbers: it runs the forward functions of ops, and records nothing."""

    priority = 2  # an op on one of these and any other tensor runs here

    def __init__(self, data: Any) -> None:
        super().__init__(0.0)
        self.data = data

    def apply(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Tensor:
        """Run `op` on complex arrays."""
        arrays = [x.data if isinstance(x, Tensor) else np.asarray(x)[()] for x in inputs]
        out = op.forward(*arrays, **params)
        return _Complex(out[0] if op.shared is not None else out)


# First derivatives as functions, for the second order.


def _gradient(f: Callable[..., Tensor], i: int) -> Callable[..., Tensor]:
    """Return the gradient with respect to input i as a function of the inputs and the seed."""

    def gradient(*inputs: Tensor) -> Tensor:
        *xs, seed = inputs
        if not xs[i].requires_grad:
            xs[i] = xs[i].detach().requires_grad_()
        with enable_grad():
            out = f(*xs)
            if out.requires_grad:
                for t, g in backprop(out, seed.astype(out.dtype), create_graph=True):
                    if t is xs[i]:
                        return g  # type: ignore[no-any-return]
        return Tensor(np.zeros_like(xs[i].data))

    return gradient


def _tangent(f: Callable[..., Tensor], i: int) -> Callable[..., Tensor]:
    """Return the tangent along input i as a function of the inputs and the direction."""

    def tangent(*inputs: Tensor) -> Tensor:
        *xs, direction = inputs
        return jvp(lambda x: f(*xs[:i], x, *xs[i + 1 :]), (xs[i],), (direction,))[1]

    return tangent


# Forward mode, and what is said of a failure.


def _check_forward(
    f: Callable[..., Tensor],
    points: Sequence[Tensor],
    i: int,
    reverse: Floats,
    rtol: float,
    atol: float,
) -> None:
    """Raise unless forward mode along a random direction v gives J v."""
    x = points[i]
    v = np.random.default_rng(1).uniform(0.5, 1, x.shape).astype(x.dtype)
    _, tangent = jvp(lambda x: f(*points[:i], x, *points[i + 1 :]), (x,), (v,))
    found, expected = np.ravel(tangent.data), reverse @ np.ravel(v).astype(np.float64)
    size = np.abs(reverse) @ np.ravel(v).astype(np.float64)  # of the terms of the sum
    wrong = ~(np.abs(found - expected) <= atol + rtol * size)
    if wrong.any():
        row = int(wrong.argmax())
        raise GradcheckError(
            f"gradcheck: input {i}, output at index {_index(row, tangent.shape)}: along a "
            f"direction v forward mode gives {found[row]}, but J v is {expected[row]} by reverse "
            f"mode, which agrees with the values ({wrong.sum()} of {wrong.size} entries differ); "
            "a jvp rule of f is wrong"
        )


def _worst(wrong: Any, difference: Floats) -> tuple[int, int]:
    """Return the row and column of the largest wrong entry."""
    size = np.where(wrong, np.nan_to_num(np.abs(difference), nan=np.inf), -1)
    row, column = np.unravel_index(size.argmax(), size.shape)
    return int(row), int(column)


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(n) for n in np.unravel_index(flat, shape))


def _report(
    points: Sequence[Tensor],
    f: Callable[..., Tensor],
    i: int,
    row: int,
    column: int,
    wrong: Any,
) -> str:
    with no_grad():
        out = f(*points)
    return (
        f"gradcheck: input {i} at index {_index(column, points[i].shape)}, "
        f"output at index {_index(row, out.shape)}: "
    )


def _diagnosis(
    f: Callable[..., Tensor], arrays: Sequence[Any], i: int, row: int, column: int
) -> str:
    """Say whether there is a kink at hand, where the differences from both sides disagree."""
    direction = np.zeros_like(arrays[i], dtype=np.float64)
    direction = np.eye(1, arrays[i].size, column).reshape(arrays[i].shape)
    h = _step(arrays[i], direction)
    here = _values(f, arrays)[row]

    def sides(h: float) -> tuple[float, float]:
        below = (here - _values(f, _moved(arrays, i, -h * direction))[row]) / h
        above = (_values(f, _moved(arrays, i, h * direction))[row] - here) / h
        return float(below), float(above)

    below, above = sides(h)
    return f"{below} {above}"
