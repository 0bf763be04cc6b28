"""Elementwise work in blocks that fit the cache: memory is read and written once, not at each step.

A function of ten steps on a large array moves it to memory and back ten times. Block by block, the
steps in between stay in the cache, and in buffers that are made once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

BLOCK = 1 << 15
"""Elements: 128 KB of float32, a few of which fit the L2 cache of one core."""


def blockwise(
    *, outputs: int = 1, scratch: int = 0
) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """Let a function that acts element by element work through arrays block by block.

    Parameters
    ----------
    outputs : int, default=1
        How many arrays the function makes.
    scratch : int, default=0
        How many buffers it needs beside them.

    Returns
    -------
    callable
        A decorator. It takes ``kernel(*outputs, *scratch, *arrays, **params)``, which writes into
        the first two; all have one shape and dtype. It makes ``f(*arrays, **params)`` of that,
        which returns the output or a list of them.

    Examples
    --------
    >>> @blockwise(scratch=1)
    ... def cube(out, square, x):
    ...     np.multiply(x, x, out=square)
    ...     np.multiply(square, x, out=out)
    >>> cube(np.array([1.0, 2.0]))
    array([1., 8.])
    """

    def decorate(kernel: Callable[..., None]) -> Callable[..., Any]:
        @wraps(kernel)
        def run(*arrays: Any, **params: Any) -> Any:
            return _in_blocks(kernel, arrays, params, outputs, scratch)

        return run

    return decorate


def _in_blocks(
    kernel: Callable[..., None],
    arrays: tuple[Any, ...],
    params: dict[str, Any],
    outputs: int,
    scratch: int,
) -> Any:
    """Run the kernel on one slice after the other of the arrays as they lie in memory."""
    x = arrays[0]
    if x.size <= BLOCK:
        room = [np.empty_like(x) for _ in range(outputs + scratch)]
        kernel(*room, *arrays, **params)
        outs = [a[()] for a in room[:outputs]]  # a scalar of what has no axes
    else:
        by_columns = all(a.flags.f_contiguous for a in arrays)
        flat = [(a.T if by_columns else a).ravel() for a in arrays]
        rows = [np.empty(x.size, x.dtype) for _ in range(outputs)]
        buffers = [np.empty(BLOCK, x.dtype) for _ in range(scratch)]
        for i in range(0, x.size, BLOCK):
            parts = [a[i : i + BLOCK] for a in (*rows, *flat)]
            room = [b[: x.size - i] for b in buffers]
            kernel(*parts[:outputs], *room, *parts[outputs:], **params)
        outs = [a.reshape(x.shape[::-1]).T if by_columns else a.reshape(x.shape) for a in rows]
    return outs[0] if outputs == 1 else outs
