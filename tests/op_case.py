"""What a row of the table of ops is, and how rows are written.

A case draws its inputs away from kinks. Where the forward function of an op does not take complex
numbers, or is not analytic in them (abs, var), the case has a `twin`: the same function written so
that it is. The twin serves the complex step, and as an oracle of the values.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from autograd import Op, op_table

OPS = op_table()


@dataclass(frozen=True)
class Case:
    op: Op
    draws: tuple[Callable[[np.random.Generator], np.ndarray], ...]
    params: dict[str, Any] = field(default_factory=dict)
    twin: Callable[..., np.ndarray] | None = None

    @property
    def name(self) -> str:
        # no generator is drawn from here: the name seeds the one that is
        shapes = ",".join(str(draw.shape).replace(" ", "") for draw in self.draws)
        params = ",".join(f"{k}={_short(v)}" for k, v in self.params.items())
        return "-".join(filter(None, [self.op.name, shapes, params]))

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(crc32(self.name.encode()))

    def inputs(self, dtype: Any = np.float64) -> list[np.ndarray]:
        rng = self.rng
        arrays = [np.asarray(draw(rng)) for draw in self.draws]
        return [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays]

    def moving(self, inputs: list[np.ndarray]) -> list[int]:
        """The positions of the inputs that have a derivative."""
        return [
            i for i, x in enumerate(inputs) if x.dtype.kind == "f" and self.op.vjp[i] is not None
        ]

    def evaluate(self, *arrays: np.ndarray) -> np.ndarray:
        """Compute the function on arrays that may be complex."""
        if self.twin is not None:
            return np.asarray(self.twin(*arrays, **self.params))
        out = self.op.forward(*arrays, **self.params)
        return np.asarray(out[0] if self.op.shared is not None else out)


def _short(value: Any) -> str:
    return str(value).replace("\n", "").replace(" ", "")


# Where inputs are drawn from.


def sampler(draw):
    """Make a function of a shape that returns a function of a generator."""

    def of_shape(*shape, **options):
        def drawn(rng):
            return draw(rng, shape, **options)

        drawn.shape = shape
        return drawn

    return of_shape


@sampler
def real(rng, shape):
    return rng.standard_normal(shape)


@sampler
def positive(rng, shape):
    return rng.uniform(0.5, 2, shape)


@sampler
def apart(rng, shape, offset=0.0):
    """Distinct multiples of 1/4 plus 0.1: no ties, and 0.1 away from 0 at least."""
    n = int(np.prod(shape))
    return ((rng.permutation(n) - n // 2) * 0.25 + 0.1 + offset).reshape(shape)


@sampler
def inside(rng, shape, low=-0.8, high=0.8):
    return rng.uniform(low, high, shape)


@sampler
def boolean(rng, shape):
    return rng.random(shape) < 0.5


@sampler
def classes(rng, shape, count):
    return rng.integers(0, count, shape)


# Rows.

ELEMENTWISE = ((), (3,), (2, 3), (0, 3))
BROADCAST = (
    ((), ()),
    ((2, 3), (2, 3)),
    ((3, 1), (1, 4)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((0, 3), (3,)),
)
AXES = (
    ((2, 3, 4), {}),
    ((2, 3, 4), {"axis": 1}),
    ((2, 3, 4), {"axis": (0, -1)}),
    ((2, 3, 4), {"axis": -1, "keepdims": True}),
    ((2, 3, 4), {"axis": None, "keepdims": True}),
    ((2, 1), {"axis": 1}),
    ((), {}),
    ((2, 0), {"axis": 0}),
)


def unary(name, draw, twin=None, **params):
    return [Case(OPS[name], (draw(*shape),), params, twin) for shape in ELEMENTWISE]


def binary(name, x, y, twin=None):
    return [Case(OPS[name], (x(*left), y(*right)), {}, twin) for left, right in BROADCAST]


def apart_too(*shape):
    """Apart from each other and from what `apart` draws."""
    return apart(*shape, offset=0.125)


def reduction(name, draw=real, twin=None, empty=(), **params):
    cases = [(shape, {**axes, **params}) for shape, axes in (*AXES, *empty)]
    return [Case(OPS[name], (draw(*shape),), kwargs, twin) for shape, kwargs in cases]


def rows(name, *cases, draw=real, twin=None):
    """Rows of (shapes of the inputs, parameters)."""
    return [Case(OPS[name], tuple(draw(*s) for s in shapes), kw, twin) for shapes, kw in cases]
