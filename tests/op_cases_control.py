"""Rows of the op table: ops whose gradient is not the derivative of their value, on purpose.

The twins move as the rules say: in the imaginary part only.
"""

import numpy as np

from tests.op_case import ELEMENTWISE, rows


def straight_through(hard, soft):
    return np.real(hard) + (1j * np.imag(soft) if np.iscomplexobj(soft) else 0)


def gradient_reversal(x, scale=1.0):
    return np.real(x) - 1j * scale * np.imag(x) if np.iscomplexobj(x) else x


CASES = [
    *rows("straight_through", *[([s, s], {}) for s in ELEMENTWISE], twin=straight_through),
    *rows("gradient_reversal", *[([s], {}) for s in ELEMENTWISE], twin=gradient_reversal),
    *rows("gradient_reversal", ([(2, 3)], {"scale": 0.5}), twin=gradient_reversal),
]
