"""Rows of the op table: windows."""

import numpy as np

from tests.op_case import rows

CASES = [
    *rows(
        "sliding_window_view",
        ([(5,)], {"window_shape": (2,), "axis": (0,)}),
        ([(4, 3)], {"window_shape": (2, 3), "axis": (0, 1)}),
        ([(4, 3)], {"window_shape": (2,), "axis": (-1,)}),
        ([(2, 4)], {"window_shape": (2, 2), "axis": (1, 1)}),  # windows of windows
        ([(0, 3)], {"window_shape": (2,), "axis": (1,)}),
        twin=np.lib.stride_tricks.sliding_window_view,
    ),
    *rows(
        "fold",
        ([(4, 2)], {"shape": (5,), "axis": (0,)}),
        ([(3, 1, 2, 3)], {"shape": (4, 3), "axis": (0, 1)}),
        ([(4, 2, 2)], {"shape": (4, 3), "axis": (-1,)}),
        ([(0, 2, 2)], {"shape": (0, 3), "axis": (1,)}),
    ),
]
