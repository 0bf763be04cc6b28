"""In which dtype an op computes what it gives back in another."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Array, untensored


def floating(x: Array) -> Array:
    """Return integers and booleans as float64, as NumPy's functions take them, others as given."""
    return x.astype(np.float64) if x.dtype.kind in "biu" else x


def as_arrays(where: str, *xs: Any) -> list[Array]:
    """Return lists and numbers as arrays, others as given, for functions composed of ops.

    A number takes the dtype of the first one that is floating, as it does in an op. `where` asks,
    and is named where a list holds tensors.
    """
    dtypes = [x.dtype for x in xs if hasattr(x, "dtype") and not isinstance(x, np.generic)]
    like = next((d for d in dtypes if d.kind == "f"), dtypes[0] if dtypes else None)
    return [_as_array(untensored(where, x), like) for x in xs]


def _as_array(x: Any, like: np.dtype[Any] | None) -> Array:
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, float | int):
        return np.asarray(x, None if like is None else np.result_type(like, x))
    return x if x is None or hasattr(x, "dtype") else np.asarray(x)


def widened(x: Array) -> Array:
    """Return float16 as float32, others as given.

    BLAS has no float16, and in it sums lose their digits and squares overflow.
    """
    return x.astype(np.float32) if x.dtype == np.float16 else x


def working(x: Array, *others: Array | None) -> tuple[Array, Any]:
    """Return x in the dtype to compute in, and the dtype of the result, as NumPy promotes all."""
    dtype = np.result_type(*(a.dtype for a in (x, *others) if a is not None))
    return widened(in_dtype(x, dtype)), dtype


def in_dtype(x: Array, dtype: Any) -> Array:
    """Return x in a dtype: itself, if it has that. Tensors record no step then."""
    return x if x.dtype == dtype else x.astype(dtype)
