"""Is the rule of a recorded op right? Compared with differences, at the point where it was used.

For each operand one directional derivative: the rule pulls random weights u back, differences push
a random direction v forward, and <J^T u, v> must be <u, J v>. In float64, whatever was recorded.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.engine import unbroadcast

WRONG_FROM = 1e-4  # relative; central differences are right to about 1e-8
_STEP = 1e-6
_KINK = 1e-3  # the derivatives ahead and behind differ by this share


def rule_error(t: Any) -> float:
    """Return how far the rules of the op that made `t` are off, relative to the derivative.

    Parameters
    ----------
    t : Tensor that was recorded, and not freed

    Returns
    -------
    float
        The largest over the operands that require grad, inf where a rule raises; nan if it cannot
        be told: at a kink, if the op does not compute the same twice, or not around this point, or
        hands on a result that was computed before, as a checkpoint does.
    """
    try:
        with np.errstate(all="ignore"):
            return max(_errors(t), default=math.nan)
    except _NotDefined:
        return math.nan


class _NotDefined(Exception):
    """The forward raises around this point, or in float64, or does not depend on the inputs."""


def _errors(t: Any) -> list[float]:
    op, params = t.op, t.params
    rng = np.random.default_rng(0)
    values = [x.data.astype(np.float64) if x.dtype.kind == "f" else x.data for x in t.inputs]

    def forward(values: list[Any]) -> tuple[Any, Any]:
        try:
            out = op.forward(*values, **params)
        except Exception as error:
            raise _NotDefined from error
        out, saved = out if op.shared is not None else (out, None)
        if any(out is value for value in params.values()):
            raise _NotDefined  # as of a checkpoint: handed on, whatever the inputs
        return np.asarray(out)[()], saved

    out, saved = forward(values)
    close = 100 * np.finfo(t.dtype).eps
    if not np.allclose(out, t.data, close, close, equal_nan=True):
        return [math.nan]
    u = rng.uniform(0.5, 1.5, out.shape)
    try:
        g: Any = u if op.shared is None else op.shared(u, out, saved, *values, **params)
    except Exception:  # at this point, so backward would raise it too
        return [math.inf]
    errors = []
    for i, x in enumerate(t.inputs):
        if not x.requires_grad or op.vjp[i] is None:
            continue
        v = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape) * (1 + np.abs(values[i]))
        ends = []
        for side in (_STEP, -_STEP):
            moved = list(values)
            moved[i] = values[i] + side * v
            ends.append(float(np.sum(u * (forward(moved)[0] - out))) / side)
        ahead, behind = ends
        try:
            pulled = unbroadcast(np.asarray(op.vjp[i](g, out, *values, **params)), x.shape, op)
        except Exception:
            return [math.inf]
        exact, numeric = float(np.sum(pulled * v)), (ahead + behind) / 2
        size = max(abs(exact), abs(numeric), 1e-5 * float(np.sum(np.abs(u * out))), 1e-30)
        if not abs(ahead - behind) <= _KINK * size:
            return [math.nan]
        errors.append(abs(exact - numeric) / size)
    return errors
