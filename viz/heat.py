"""A small picture of an array: its values as cells, from orange over white to blue."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import CELL

ROWS, COLUMNS = 5, 18  # cells at most
ZERO = 4  # of the nine shades

SHADES = (
    *("#b35806", "#e08214", "#fdb863", "#fee0b6", "#f7f7f7"),
    *("#d1e5f0", "#92c5de", "#4393c3", "#2166ac"),
)
"""From the most negative to the most positive: told apart by colour-blind readers."""


def cells(array: Any) -> tuple[str, ...]:
    """Return rows of digits for the shades of an array, each cell the mean of a block of it.

    Parameters
    ----------
    array : ndarray of numbers
        All axes but the last become rows.

    Returns
    -------
    tuple of str
        '4' is zero, '0' and '8' are as far from it as any cell; a space has a number that is not
        finite in it. Empty for an array of one element or none.

    Examples
    --------
    >>> cells(np.array([[-2.0, 0.0], [1.0, np.nan]]))
    ('04', '6 ')
    """
    if array.size < 2:
        return ()
    table = array.reshape(-1, array.shape[-1])
    means = np.asarray(_blocks(_blocks(table.astype(np.float64), 0, ROWS), 1, COLUMNS))
    finite = np.isfinite(means)
    largest = float(np.abs(means[finite]).max(initial=0.0)) or 1.0
    with np.errstate(invalid="ignore"):
        shades = np.rint(ZERO + ZERO * (np.where(finite, means, 0.0) / largest)).astype(int)
    return tuple(
        "".join(str(shade) if ok else " " for shade, ok in zip(row, good, strict=True))
        for row, good in zip(shades, finite, strict=True)
    )


def _blocks(table: Any, axis: int, most: int) -> Any:
    """Means of neighbours along an axis, so that at most `most` are left."""
    n = table.shape[axis]
    if n <= most:
        return table
    starts = np.arange(most) * n // most
    sizes = np.diff([*starts, n])
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(table, starts, axis=axis)
    return sums / (sizes[:, None] if axis == 0 else sizes)


def cell_width(columns: int) -> float:
    """Return how wide a cell is drawn, in points: wider where there are few."""
    return min(2 * CELL, max(CELL, 54 / columns))


def runs(row: str) -> list[tuple[int, int, str]]:
    """Return (start, length, shade) of equal neighbours, without the spaces.

    Examples
    --------
    >>> runs("44 8")
    [(0, 2, '4'), (3, 1, '8')]
    """
    found: list[tuple[int, int, str]] = []
    start = 0
    for i in range(1, len(row) + 1):
        if i == len(row) or row[i] != row[start]:
            if row[start] != " ":
                found.append((start, i - start, row[start]))
            start = i
    return found
