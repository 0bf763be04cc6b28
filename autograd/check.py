"""Check derivatives against differences: is what the rules say what the function does?

Reverse mode gives a Jacobian row by row, differences of function values give it column by column,
and the two must agree entry by entry. Where the function is analytic the difference is the complex
step f'(x) = Im f(x + ih) / h, which subtracts nothing and so is exact to the last digits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.exceptions import ComplexWarning
from numpy.typing import ArrayLike

from .engine import backprop
from .forward import jvp
from .op import Op
from .recording import Observer, enable_grad, no_grad
from .tensor import Tensor, as_tensor

STEP = 1e-3  # of central differences, relative to the entry that moves

Floats: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Passed: TypeAlias = tuple[Floats, float, float]  # a Jacobian of reverse mode, its rtol and atol


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
    A rule must not write into what it is given: that others read, too.

    Parameters
    ----------
    f : callable of tensors that returns one
        A function of its arguments alone: a second call must give the same values.
    inputs : array_like or Tensor, of any shapes
        The point, away from kinks. Derivatives are taken with respect to all floating inputs;
        others are handed through. Nothing is changed: `f` gets copies.
    rtol, atol : float, optional
        Reverse mode passes where ``|reverse - numeric| <= atol + rtol * |numeric|``. By default
        1e-6 in float64 and 100 times the machine epsilon below it, and a thousandth or a tenth of
        that times the largest entry of the Jacobian.
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
    >>> gradcheck(wrong, 2.0)
    Traceback (most recent call last):
        ...
    autograd.check.GradcheckError: gradcheck: input 0 at index (), output at index (): \
reverse mode gives 8, the complex step 12 (1 of 1 entries differ); a vjp rule in f is wrong
    """
    points = _points(inputs)
    _check_point(f, points)
    _check_writing(f, points)
    passed: dict[int, Passed] = {}
    for i in _floating(points):
        eps = float(np.finfo(points[i].dtype).eps)
        if eps > np.finfo(np.float64).eps:
            warnings.warn(
                f"gradcheck: input {i} is {points[i].dtype}, in which small errors of a rule do "
                "not show; pass float64",
                stacklevel=2,
            )
        size = _size(points[i])
        reverse = _reverse_jacobian(f, points, i)
        rounding = _rounding(f, points, i)
        numeric, analytic = _numeric_jacobian(f, points, i, rounding)
        relative = max(1e-6, 100 * eps) if rtol is None else rtol
        absolute = max(1e-9, 10 * eps) * np.abs(numeric).max(initial=0) if atol is None else atol
        if not analytic and atol is None:
            absolute = absolute + rounding[:, None] / size.ravel()
        # a NaN is no agreement
        wrong = ~(np.abs(reverse - numeric) <= absolute + relative * np.abs(numeric))
        if wrong.any() and not analytic:  # the step may be wide for how f bends, far from 0
            row, column = _worst(reverse, numeric, wrong)
            if _kink(f, points, i, _units(size)[column], row) is None:
                numeric = _finer_jacobian(f, points, i, numeric)
                wrong = ~(np.abs(reverse - numeric) <= absolute + relative * np.abs(numeric))
        if wrong.any():
            raise GradcheckError(_report(f, points, i, reverse, numeric, wrong, analytic))
        passed[i] = reverse, relative, float(np.max(absolute, initial=0))
        if forward:
            _check_forward(f, points, {i: passed[i]})
    if forward and len(passed) > 1:  # a jvp rule adds up terms, one for each input that moves
        _check_forward(f, points, passed)


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
    points = _points(inputs)
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


def _points(inputs: Sequence[Any]) -> list[Tensor]:
    for i, x in enumerate(inputs):
        if isinstance(x, list | tuple) and any(isinstance(y, Tensor | np.ndarray) for y in x):
            raise TypeError(
                f"gradcheck: input {i} is a {type(x).__name__} of arrays; pass them one after the "
                "other: gradcheck(f, x, y)"
            )
    return [Tensor(x) for x in inputs]


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
        # seeds of -2: with 1, a rule that leaves out g, squares it or takes abs(g) would pass
        for row, seed in zip(rows, -2 * np.eye(out.size, dtype=out.dtype), strict=True):
            with np.errstate(all="ignore"):  # an infinite derivative is an answer, if a wrong one
                for t, g in backprop(out, seed.reshape(out.shape)[()]):
                    if t is leaves[i]:
                        row[:] = np.ravel(g) / -2
    return rows


def _numeric_jacobian(
    f: Callable[..., Tensor], points: Sequence[Tensor], i: int, rounding: Floats
) -> tuple[Floats, bool]:
    """Return the Jacobian by differences, and whether the complex step gave it."""
    size = _size(points[i])
    v = np.random.default_rng(0).uniform(0.5, 1, size.shape) * size
    along = _central(f, points, i, v)
    try:
        # f is analytic here if the complex step gives what central differences give
        analytic = np.allclose(_complex_step(f, points, i, v), along, 1e-6, rounding)
    # an op that has no complex form, or gives real numbers; an assignment to an array of floats
    except (TypeError, ComplexWarning, RuntimeError):
        analytic = False
    difference = _complex_step if analytic else _central
    jacobian = np.zeros((along.size, size.size))
    for column, unit in zip(jacobian.T, _units(size), strict=True):
        column[:] = difference(f, points, i, unit) / unit.max()
    return jacobian, analytic


def _finer_jacobian(
    f: Callable[..., Tensor], points: Sequence[Tensor], i: int, jacobian: Floats
) -> Floats:
    """Return the Jacobian by central differences, each entry by the step that is surer of it."""
    jacobian = jacobian.copy()
    noise = 1e-14 * np.abs(_values(f, points)).max(initial=0)
    for column, unit in zip(jacobian.T, _units(_size(points[i])), strict=True):
        least = np.full(column.shape, np.inf)
        for step in (STEP, STEP / 16, STEP / 256):
            # what the two differences that make it up disagree by falls as h^2, rounding grows
            wide, narrow = _two_differences(f, points, i, unit, step)
            doubt = np.abs(wide - narrow) + noise / step
            better = doubt < least
            column[better] = ((4 * narrow - wide) / (3 * unit.max()))[better]
            least = np.minimum(doubt, least)
    return jacobian


def _rounding(f: Callable[..., Tensor], points: Sequence[Tensor], i: int) -> Floats:
    """How far rounding may bring differences along an entry's scale from the slope, by output.

    Subtraction leaves the rounding of f, over h. That of x + h counts too, times the slope there:
    at a minimum, where f and its slope are 0, it is all there is.
    """
    here, size = _values(f, points), _size(points[i])
    slopes = [(_values(f, points, i, h * size) - here) / h for h in (STEP, -STEP)]
    found = np.abs([here, *slopes])
    return 1e-11 * np.where(np.isfinite(found), found, 0).max(axis=0, initial=0)  # type: ignore[no-any-return]


def _size(x: Tensor) -> Floats:
    """The scale on which each entry moves: its magnitude, but not less than a hundredth."""
    return np.asarray(np.maximum(np.abs(x.data, dtype=np.float64), 0.01))


def _units(size: Floats) -> Floats:
    """Return one direction for each entry, of its scale."""
    return np.diag(size.ravel()).reshape(size.size, *size.shape)


def _central(f: Callable[..., Tensor], points: Sequence[Tensor], i: int, v: Floats) -> Floats:
    """Return the derivative along v by central differences at h and h / 2.

    Richardson's extrapolation of the two leaves an error of the order h^4.
    """
    wide, narrow = _two_differences(f, points, i, v, STEP)
    return (4 * narrow - wide) / 3


def _two_differences(
    f: Callable[..., Tensor], points: Sequence[Tensor], i: int, v: Floats, step: float
) -> tuple[Floats, Floats]:
    wide, narrow = (
        (_values(f, points, i, h * v) - _values(f, points, i, -h * v)) / (2 * h)
        for h in (step, step / 2)
    )
    return wide, narrow


def _values(
    f: Callable[..., Tensor], points: Sequence[Tensor], i: int = 0, shift: ArrayLike = 0.0
) -> Floats:
    """Compute f in double precision with input i moved; return the values in one row."""
    doubles = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in points]
    if np.any(shift):
        doubles[i] = doubles[i] + shift
    with no_grad():
        out = f(*doubles)
    return np.ravel(out.data).astype(np.float64)


def _complex_step(f: Callable[..., Tensor], points: Sequence[Tensor], i: int, v: Floats) -> Floats:
    """Return the derivative along v as Im f(x + ihv) / h."""
    h = 1e-20  # its square is lost against 1, and nothing is subtracted that could cancel
    moved = _Complex(points[i].data + 1j * h * v)
    with no_grad(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error", ComplexWarning)
        out = f(*points[:i], moved, *points[i + 1 :])
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
                        return as_tensor(g)  # a rule may give zeros, whatever it gets
        return Tensor(np.zeros_like(xs[i].data))

    return gradient


def _tangent(f: Callable[..., Tensor], i: int) -> Callable[..., Tensor]:
    """Return the tangent along input i as a function of the inputs and the direction."""

    def tangent(*inputs: Tensor) -> Tensor:
        *xs, direction = inputs
        return jvp(lambda x: f(*xs[:i], x, *xs[i + 1 :]), (xs[i],), (direction,))[1]

    return tangent


# Forward mode, what rules must leave alone, and what is said of a failure.


def _check_forward(
    f: Callable[..., Tensor], points: Sequence[Tensor], passed: dict[int, Passed]
) -> None:
    """Raise unless forward mode along a direction v of these inputs gives J v."""
    rng = np.random.default_rng(1)
    vs = {i: rng.uniform(-1, -0.5, points[i].shape).astype(points[i].dtype) for i in passed}

    def moved(*xs: Tensor) -> Tensor:
        given = dict(zip(passed, xs, strict=True))
        return f(*[given.get(i, x) for i, x in enumerate(points)])

    _, tangent = jvp(moved, [points[i] for i in passed], list(vs.values()))
    found = np.ravel(tangent.data)
    expected, allowed = np.zeros((2, found.size))
    for i, (reverse, rtol, atol) in passed.items():
        row = np.ravel(vs[i]).astype(np.float64)
        expected += reverse @ row
        allowed += atol + rtol * (np.abs(reverse) @ np.abs(row))  # where terms cancel, too
    wrong = ~(np.abs(found - expected) <= allowed)
    if wrong.any():
        k = int(wrong.argmax())
        which = f"input {next(iter(passed))}" if len(passed) == 1 else "all inputs moving together"
        raise GradcheckError(
            f"gradcheck: {which}, output at index {_index(k, tangent.shape)}: along a direction "
            f"v forward mode gives {found[k]:.10g}, but J v is {expected[k]:.10g} by reverse mode, "
            f"which agrees with the values of f ({wrong.sum()} of {wrong.size} entries differ); "
            "a jvp rule in f is wrong, or the kind of an op without one"
        )


class _Locked(Observer):
    """Runs rules on arrays that cannot be written into: others need them, too."""

    def pull(self, node: Any, i: int, arguments: tuple[Any, ...]) -> Any:
        """Run a rule; the `g` that `shared` made is for the rules alone, who may part it."""
        made = () if node.op.shared is None else arguments[:1]
        rest = _locked(arguments[len(made) :])
        return self._run(node, f"rule for input {i}", super().pull, node, i, (*made, *rest))

    def share(self, node: Any, arguments: tuple[Any, ...]) -> Any:
        """Run what the rules of a fused op have in common."""
        return self._run(node, "`shared`", super().share, node, _locked(arguments))

    def _run(self, node: Any, what: str, run: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return run(*arguments)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise GradcheckError(
                f"gradcheck: {node.op.name}: its {what} writes into g or a value that it is "
                f"given ({error}), which others read after it; make a new one, g * x"
            ) from None


def _locked(values: Sequence[Any]) -> list[Any]:
    """Return views of arrays that cannot be written into, and all else as it is."""
    views = [x.view() if isinstance(x, np.ndarray) else x for x in values]
    for x in views:
        if isinstance(x, np.ndarray):
            x.flags.writeable = False
    return views


def _check_writing(f: Callable[..., Tensor], points: Sequence[Tensor]) -> None:
    """Raise if a rule writes into what it is given, with all inputs moving."""
    leaves = [x.detach().requires_grad_(x.dtype.kind == "f") for x in points]
    with enable_grad():
        out = f(*leaves)
    if out.requires_grad:
        with _Locked(), np.errstate(all="ignore"):
            for _ in backprop(out, np.ones_like(out.data)):
                pass


def _worst(
    reverse: Floats, numeric: Floats, wrong: np.ndarray[Any, np.dtype[np.bool]]
) -> tuple[int, ...]:
    gap = np.where(wrong, np.nan_to_num(np.abs(reverse - numeric), nan=np.inf), -1)
    return _index(int(gap.argmax()), gap.shape)


def _report(
    f: Callable[..., Tensor],
    points: Sequence[Tensor],
    i: int,
    reverse: Floats,
    numeric: Floats,
    wrong: np.ndarray[Any, np.dtype[np.bool]],
    analytic: bool,
) -> str:
    """Say where the two Jacobians differ most, by what, and what may be the matter."""
    row, column = _worst(reverse, numeric, wrong)
    with no_grad():
        shape = f(*points).shape
    unit = _units(_size(points[i]))[column]
    slopes = _kink(f, points, i, unit, row)
    cause = "a vjp rule in f is wrong"
    if slopes is not None:
        cause = (
            f"f has a kink or a jump within {STEP * unit.max():.0e} of the point: its slope is "
            f"{slopes[0]:.5g} below and {slopes[1]:.5g} above; move the point away from it"
        )
    elif _is_limit(f, points, i, unit, row, float(reverse[row, column])):
        cause = (
            "differences come to that as their step shrinks, but no faster than it: the slope of f "
            "has a kink at the point; move the point away from it"
        )
    return (
        f"gradcheck: input {i} at index {_index(column, unit.shape)}, output at index "
        f"{_index(row, shape)}: reverse mode gives {reverse[row, column]:.10g}, "
        f"{'the complex step' if analytic else 'central differences'} {numeric[row, column]:.10g} "
        f"({wrong.sum()} of {wrong.size} entries differ); {cause}"
    )


def _is_limit(
    f: Callable[..., Tensor], points: Sequence[Tensor], i: int, v: Floats, row: int, slope: float
) -> bool:
    """Whether central differences come to a slope in proportion to their step."""
    gaps = [
        abs(_two_differences(f, points, i, v, step)[0][row] / v.max() - slope)
        for step in (STEP, STEP / 16, STEP / 256)
    ]
    return all(far / 64 < near < far / 4 for far, near in pairwise(gaps))


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(n) for n in np.unravel_index(flat, shape))


def _kink(
    f: Callable[..., Tensor], points: Sequence[Tensor], i: int, v: Floats, row: int
) -> tuple[float, float] | None:
    """Return the slopes below and above the point along v if they do not come together.

    Where f is smooth, their gap shrinks with h; at a kink it stays, beside one it falls to nothing.
    At a jump the slopes grow as 1 / h, without a gap if the value is in the middle, as at a tie.
    """
    steps = STEP / 8.0 ** np.arange(3)
    here = _values(f, points)[row]
    below, above = (
        np.array([(_values(f, points, i, side * h * v)[row] - here) / (side * h) for h in steps])
        for side in (-1, 1)
    )
    gaps = above - below
    noise = 1e-14 * abs(here) / steps[1:] + 1e-9 * np.abs(above[0])
    smooth = np.abs(gaps[:-1] - 8 * gaps[1:]) <= 0.5 * np.abs(gaps[:-1]) + noise
    jumps = np.abs(above[1:]) > 4 * np.abs(above[:-1]) + noise
    if smooth.all() and not jumps.all():
        return None
    size = v.max()
    return float(below[0] / size), float(above[0] / size)
