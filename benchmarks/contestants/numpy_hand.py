"""Plain NumPy, the backward pass by hand: the least work that the arithmetic asks for.

Written as an expert would: in place where the old value is not needed again, the relu mask read off
the activation, the softmax shared by loss and gradient, no gradient for the input.
"""

import numpy as np

from benchmarks.problems import (
    Array,
    CNNProblem,
    LSTMProblem,
    MLPProblem,
    ProductsProblem,
    TransformerProblem,
    Work,
    products_of_a_step,
)

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


def products(problem: ProductsProblem) -> Work:
    """Return the work of a row of products."""
    operands = problem.operands
    kept: list[Array] = []

    def step() -> np.floating:
        kept[:] = products_of_a_step(operands)
        loss: np.floating = kept[0][0, 0]
        return loss

    return Work(step, float, lambda: kept)


def cnn(problem: CNNProblem) -> Work:
    """Return the work of a CNN row: channels last, windows as rows of a matrix that is kept."""
    x, y = problem.data
    layers = problem.layers
    rows, n, lr = np.arange(len(y)), len(y), problem.lr
    kept: list[Array] = []

    def windows(a: Array) -> Array:
        batch, height, width, channels = a.shape
        padded = np.zeros((batch, height + 2, width + 2, channels), a.dtype)
        padded[:, 1:-1, 1:-1] = a
        s = padded.strides
        shape = (batch, height, width, 3, 3, channels)
        if channels > 3:
            view = np.lib.stride_tricks.as_strided(padded, shape, (*s[:3], *s[1:]))
            return view.reshape(batch * height * width, -1)
        view = np.lib.stride_tricks.as_strided(padded, shape[3:] + shape[:3], (*s[1:], *s[:3]))
        return view.reshape(9 * channels, -1).T

    def quarters(a: Array) -> list[Array]:
        return [a[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]

    def step() -> np.floating:
        a, saved = np.moveaxis(x, 1, -1), []
        for W, b in layers[:-1]:
            matrix = windows(a)
            z = matrix @ W.transpose(0, 2, 3, 1).reshape(len(W), -1).T
            wide = z.reshape(-1, 8 * len(W))
            wide += np.tile(b, 8)
            np.maximum(z, 0, out=z)
            full = z.reshape(*a.shape[:3], len(W))
            first, *others = quarters(full)
            pooled = first.copy()
            for other in others:
                np.maximum(pooled, other, out=pooled)
            saved.append((matrix, full, pooled))
            a = pooled
        W, b = layers[-1]
        flat = np.moveaxis(a, -1, 1).reshape(n, -1)
        z = flat @ W.T
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
        gradients = [delta.sum(axis=0), delta.T @ flat]
        batch, height, width, channels = a.shape
        g = np.moveaxis((delta @ W).reshape(batch, channels, height, width), 1, -1)
        for i in reversed(range(len(layers) - 1)):
            matrix, full, pooled = saved[i]
            W = layers[i][0]
            g = g * (pooled > 0)  # where the largest is 0, relu has no gradient: ties do not matter
            dz = np.empty_like(full)
            for part, target in zip(quarters(full), quarters(dz), strict=True):
                np.multiply(part == pooled, g, out=target)
            flat_dz = dz.reshape(-1, len(W))
            db = np.ones(len(flat_dz), dz.dtype) @ flat_dz
            dW = flat_dz.T @ matrix
            gradients += [db, dW.reshape(len(W), 3, 3, -1).transpose(0, 3, 1, 2)]
            if i > 0:
                batch, height, width, _ = full.shape
                padded = np.zeros((batch, height + 2, width + 2, W.shape[1]), dz.dtype)
                for p in range(3):
                    for q in range(3):
                        part = flat_dz @ W[:, :, p, q]
                        padded[:, p : p + height, q : q + width] += part.reshape(
                            batch, height, width, -1
                        )
                g = padded[:, 1:-1, 1:-1]
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


def transformer(problem: TransformerProblem) -> Work:
    """Return the work of a transformer row: rows of all examples in one product, steps in place."""
    x = problem.data
    n, length, d = x.shape
    heads = problem.heads
    x = x.reshape(-1, d)
    w = problem.weights
    W_in, b_in, W_out, b_out, W_1, b_1, W_2, b_2, gain_1, shift_1, gain_2, shift_2 = w.values()
    scale = np.float32((d // heads) ** -0.5)
    c, cube = np.float32(np.sqrt(2 / np.pi)), np.float32(0.044715)
    kept: list[Array] = []

    def norm(x: Array, gain: Array, shift: Array) -> tuple[Array, Array, Array]:
        hat = x - x.mean(axis=1, keepdims=True)
        inverse = 1 / np.sqrt((hat * hat).mean(axis=1, keepdims=True) + np.float32(1e-5))
        hat *= inverse
        out = hat * gain
        out += shift
        return out, hat, inverse

    def norm_back(g: Array, gain: Array, hat: Array, inverse: Array) -> tuple[Array, Array, Array]:
        d_gain, d_shift = (g * hat).sum(axis=0), g.sum(axis=0)
        g = g * gain
        along = (g * hat).mean(axis=1, keepdims=True)
        g -= g.mean(axis=1, keepdims=True)
        g -= hat * along
        g *= inverse
        return g, d_gain, d_shift

    def affine_back(g: Array, x: Array, W: Array) -> tuple[Array, Array, Array]:
        return g @ W, g.T @ x, g.sum(axis=0)

    def step() -> np.floating:
        normed_1, hat_1, inverse_1 = norm(x, gain_1, shift_1)
        projected = normed_1 @ W_in.T
        projected += b_in
        q, k, v = projected.reshape(n, length, 3, heads, -1).transpose(2, 0, 3, 1, 4)
        p = np.matmul(q * scale, k.swapaxes(-1, -2))  # (n, heads, length, length)
        p -= p.max(axis=-1, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=-1, keepdims=True)
        mixed = np.matmul(p, v).swapaxes(1, 2).reshape(-1, d)
        middle = mixed @ W_out.T
        middle += b_out
        middle += x

        normed_2, hat_2, inverse_2 = norm(middle, gain_2, shift_2)
        a = normed_2 @ W_1.T
        a += b_1
        square = a * a
        t = square * (c * cube)
        t += c
        t *= a
        np.tanh(t, out=t)
        hidden = t + 1
        hidden *= a
        hidden *= np.float32(0.5)
        out = hidden @ W_2.T
        out += b_2
        out += middle
        loss: np.floating = (out * out).mean()

        g = out * np.float32(2 / out.size)
        d_hidden, dW_2, db_2 = affine_back(g, hidden, W_2)
        slope = 1 - t * t  # of GELU: (1 + t + a (1 - t^2) (c + 3 c cube a^2)) / 2
        square *= 3 * c * cube
        square += c
        slope *= square
        slope *= a
        slope += t
        slope += 1
        slope *= np.float32(0.5)
        d_hidden *= slope
        d_normed, dW_1, db_1 = affine_back(d_hidden, normed_2, W_1)
        d_middle, d_gain_2, d_shift_2 = norm_back(d_normed, gain_2, hat_2, inverse_2)
        d_middle += g

        d_mixed, dW_out, db_out = affine_back(d_middle, mixed, W_out)
        d_heads = d_mixed.reshape(n, length, heads, -1).swapaxes(1, 2)
        d_projected = np.empty_like(projected)
        dq, dk, dv = d_projected.reshape(n, length, 3, heads, -1).transpose(2, 0, 3, 1, 4)
        np.matmul(p.swapaxes(-1, -2), d_heads, out=dv)
        dp = np.matmul(d_heads, v.swapaxes(-1, -2))
        dp -= (dp * p).sum(axis=-1, keepdims=True)
        dp *= p
        dp *= scale
        np.matmul(dp, k, out=dq)
        np.matmul(dp.swapaxes(-1, -2), q, out=dk)
        d_normed, dW_in, db_in = affine_back(d_projected, normed_1, W_in)
        dx, d_gain_1, d_shift_1 = norm_back(d_normed, gain_1, hat_1, inverse_1)
        dx += d_middle

        norms = d_gain_1, d_shift_1, d_gain_2, d_shift_2
        kept[:] = [dx, dW_in, db_in, dW_out, db_out, dW_1, db_1, dW_2, db_2, *norms]
        return loss

    return Work(step, float, lambda: kept)
