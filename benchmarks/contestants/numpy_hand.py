"""Plain NumPy, the backward pass by hand: the least work that the arithmetic asks for.

Written as an expert would: in place where the old value is not needed again, the relu mask read off
the activation, the softmax shared by loss and gradient, no gradient for the input.
"""

import numpy as np

from benchmarks.problems import Array, MLPProblem, Work

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
