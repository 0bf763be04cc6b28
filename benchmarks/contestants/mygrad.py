"""MyGrad, with its memory guard off, as its documentation advises for speed."""

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks.problems import MLPProblem, ScalarMLP, ScalarProblem, Work, scalars

DISTRIBUTIONS = ("mygrad", "numpy")

mg.turn_memory_guarding_off()


def scalar(problem: ScalarProblem) -> Work:
    """Return the scalar row's work: the same loops as micrograd's, over 0-d tensors."""
    model, x = ScalarMLP(scalars(problem, mg.tensor), relu), problem.x

    def step() -> mg.Tensor:
        for p in model.parameters:
            p.null_grad()
        out = model(x)
        out.backward()
        return out

    return Work(step, mg.Tensor.item, lambda: [np.array([p.grad for p in model.parameters])])


def mlp(problem: MLPProblem) -> Work:
    """Return the work of an MLP row, with weights as (in, out): the layout of its tutorials."""
    x, y = problem.data
    layers = [(mg.tensor(W.T.copy()), mg.tensor(b)) for W, b in problem.layers]
    lr = problem.lr

    def step() -> mg.Tensor:
        a = x
        for W, b in layers[:-1]:
            a = relu(mg.matmul(a, W) + b)
        W, b = layers[-1]
        loss = softmax_crossentropy(mg.matmul(a, W) + b, y)
        loss.backward()
        for layer in layers:
            for p in layer:
                p.data -= lr * p.grad
        return loss

    return Work(step, mg.Tensor.item, lambda: [g for W, b in layers for g in (W.grad.T, b.grad)])
