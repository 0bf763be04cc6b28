"""Plain NumPy, the backward pass by hand: the least work that the arithmetic asks for.

Written as an expert would: in place where the old value is not needed again, the relu mask read off
the activation, the softmax shared by loss and gradient, no gradient for the input.
"""

import numpy as np

from benchmarks.problems import Array, LSTMProblem, MLPProblem, Work

DISTRIBUTIONS = ("numpy",)


def mlp(problem: MLPProblem) -> Work:
    """Return the work of an MLP row."""
    x, y = problem.data
    layers = problem.layers
    rows, n, lr = np.arange(len(y)), len(y), problem.lr
    kept: list[Array] = []

    def step() -> np.floating:
        a, activations = x, [x]
        for W, b in layers[:-1]:
            a = a @ W.T
            a += b
            np.maximum(a, 0, out=a)
            activations.append(a)
        W, b = layers[-1]
        z = a @ W.T
        z += b

        z -= z.max(axis=1, keepdims=True)
        right = z[rows, y]
        np.exp(z, out=z)
        total = z.sum(axis=1, keepdims=True)
        loss: np.floating = (np.log(total[:, 0]) - right).mean()

        delta = z
        delta /= total
        delta[rows, y] -= 1
        delta /= n
        gradients = []
        for i in reversed(range(len(layers))):
            W, b = layers[i]
            a = activations[i]
            dW, db = delta.T @ a, delta.sum(axis=0)
            if i > 0:
                delta = delta @ W
                delta *= a > 0
            gradients += [db, dW]
        kept[:] = reversed(gradients)

        for (W, b), dW, db in zip(layers, kept[::2], kept[1::2], strict=True):
            W -= lr * dW
            b -= lr * db
        return loss

    return Work(step, float, lambda: kept)


def lstm(problem: LSTMProblem) -> Work:
    """Return the work of an LSTM row: all inputs in one product, the gates in place."""
    x = problem.data
    steps, batch, features = x.shape
    n = problem.units
    W, U, b_ih, b_hh = problem.weights.values()
    b = b_ih + b_hh
    before = np.zeros((2, steps + 1, batch, n), np.float32)  # states, from the first on
    hs, cs = before
    kept: list[Array] = []

    def step() -> np.floating:
        gates = (x.reshape(-1, features) @ W.T).reshape(steps, batch, 4 * n)
        gates += b
        squashed = np.empty((steps, batch, n), np.float32)
        for t in range(steps):
            a = gates[t]
            a += hs[t] @ U.T
            for part in (a[:, : 2 * n], a[:, 3 * n :]):  # sigmoid
                np.negative(part, out=part)
                np.exp(part, out=part)
                part += 1
                np.reciprocal(part, out=part)
            np.tanh(a[:, 2 * n : 3 * n], out=a[:, 2 * n : 3 * n])
            i, f, g, o = (a[:, k * n : (k + 1) * n] for k in range(4))
            c = np.multiply(f, cs[t], out=cs[t + 1])
            c += i * g
            np.multiply(o, np.tanh(c, out=squashed[t]), out=hs[t + 1])
        out = hs[1:]
        loss: np.floating = (out * out).mean()

        g_out = out * (2 / out.size)
        delta = np.empty_like(gates)
        dh, dc = np.zeros((batch, n), np.float32), np.zeros((batch, n), np.float32)
        for t in reversed(range(steps)):
            i, f, g, o = (gates[t, :, k * n : (k + 1) * n] for k in range(4))
            d_i, d_f, d_g, d_o = (delta[t, :, k * n : (k + 1) * n] for k in range(4))
            s = squashed[t]
            dh += g_out[t]
            dc += dh * o * (1 - s * s)
            np.multiply(dc * g, i * (1 - i), out=d_i)
            np.multiply(dc * cs[t], f * (1 - f), out=d_f)
            np.multiply(dc * i, 1 - g * g, out=d_g)
            np.multiply(dh * s, o * (1 - o), out=d_o)
            dc *= f
            dh = delta[t] @ U
        rows = delta.reshape(-1, 4 * n)
        db = rows.sum(axis=0)
        kept[:] = [rows.T @ x.reshape(-1, features), rows.T @ hs[:-1].reshape(-1, n), db, db]
        return loss

    return Work(step, float, lambda: kept)
