"""In which dtype an op computes what it gives back in another."""

from __future__ import annotations

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
