"""In which dtype an op computes what it gives back in another."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op import Array


def floating(x: Array) -> Array:
    """Return integers and booleans as float64, as NumPy's functions take them, others as given."""
    return x.astype(np.float64) if x.dtype.kind in "biu" else x


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
