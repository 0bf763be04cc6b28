"""Rows of the op table: recurrent networks. The twins are the equations, step by step."""

import numpy as np

from tests.op_case import OPS, Case, real


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.where(x.real > 0, x, 0)


def rnn_cell(x, h, w, u, b=0.0, d=0.0, nonlinearity="tanh"):
    z = x @ w.T + b + h @ u.T + d
    return np.tanh(z) if nonlinearity == "tanh" else relu(z)


def lstm_cell(x, h, c, w, u, b=0.0, d=0.0):
    i, f, g, o = np.split(x @ w.T + b + h @ u.T + d, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return np.stack((sigmoid(o) * np.tanh(c), c))


def gru_cell(x, h, w, u, b=0.0, d=0.0):
    from_x = np.split(x @ w.T + b, 3, axis=1)
    from_h = np.split(h @ u.T + d, 3, axis=1)
    r, z = (sigmoid(from_x[k] + from_h[k]) for k in (0, 1))
    n = np.tanh(from_x[2] + r * from_h[2])
    return n - z * n + z * h


def rnn(x, h, *weights, nonlinearity="tanh"):
    return np.stack([h := rnn_cell(step, h, *weights, nonlinearity=nonlinearity) for step in x])


def lstm(x, h, c, *weights):
    states = []
    for step in x:
        h, c = lstm_cell(step, h, c, *weights)
        states.append((h, c))
    return np.stack([np.stack(pair) for pair in states], axis=1)


def gru(x, h, *weights):
    return np.stack([h := gru_cell(step, h, *weights) for step in x])


def shapes(gates, x, units, biases):
    """The shapes of the states' batch and of the weights for an x of this shape."""
    rows = gates * units
    state = (x[-2], units)
    return [
        x,
        *[state] * (2 if gates == 4 else 1),
        (rows, x[-1]),
        (rows, units),
        *[(rows,)] * biases,
    ]


TWINS = {"rnn": (1, rnn_cell, rnn), "lstm": (4, lstm_cell, lstm), "gru": (3, gru_cell, gru)}
SIZES = (
    # (N, I) of one step, T steps, units, biases: both, one, none
    ((2, 3), 3, 2, 2),
    ((2, 3), 2, 2, 0),
    ((2, 1), 2, 3, 1),
    ((1, 2), 1, 3, 2),
    ((0, 2), 2, 2, 2),
    ((2, 0), 2, 1, 2),
)

CASES = [
    Case(OPS[op], tuple(real(*s) for s in shapes(gates, x, units, biases)), {}, twin)
    for name, (gates, cell, sequence) in TWINS.items()
    for step, count, units, biases in SIZES
    for op, x, twin in ((f"{name}_cell", step, cell), (name, (count, *step), sequence))
]
CASES += [
    Case(OPS[op], tuple(real(*s) for s in shapes(1, x, 4, 2)), {"nonlinearity": "relu"}, twin)
    for op, x, twin in (("rnn_cell", (2, 3), rnn_cell), ("rnn", (3, 2, 3), rnn))
]
