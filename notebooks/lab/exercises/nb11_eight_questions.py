"""The exercises of 11_eight_questions: two numbers for each question."""

import numpy as np

from ..exercise import Exercise
from ..experiments import activations, backprop, losses, mlp, questions

EXERCISES = {
    "ex11.1a": Exercise(
        "Shape of dW1 for X (32, 784), Z1 (32, 128), in the layout X @ W1: rows, columns.",
        right=lambda: [784, 128],
        mistakes={
            "this is the layout of nn.Linear, (out, in); here Z1 = X @ W1": lambda: [128, 784],
            "the batch is summed over": lambda: [32, 128],
        },
    ),
    "ex11.1b": Exercise(
        "Largest entry of |dZ2| that one example can have, mean over 32.",
        right=lambda: 1 / 32,
        mistakes={
            "|p - y| is 1 at most; the mean divides by 32": lambda: 1.0,
            "p - y is between -1 and 1": lambda: 2 / 32,
        },
        rtol=2e-3,
    ),
    "ex11.2a": Exercise(
        "Gradient of a dead unit's own weights.",
        right=lambda: questions.activations.dead_in_layer_one()["largest gradient"],
        mistakes={"small is not what it is": lambda: 0.01},
    ),
    "ex11.2b": Exercise(
        "Slope of leaky relu at -5.",
        right=lambda: activations.leaky_relu()["left"],
        mistakes={
            "this is its value": lambda: -0.05,
            "this is relu's slope": lambda: 0.0,
        },
    ),
    "ex11.3a": Exercise(
        "He's standard deviation for n_in = 512.",
        right=lambda: np.sqrt(2 / 512),
        mistakes={
            "this is LeCun's": lambda: np.sqrt(1 / 512),
            "this is the variance": lambda: 2 / 512,
        },
        rtol=2e-3,
    ),
    "ex11.3b": Exercise(
        "Xavier's bound of the uniform distribution, n_in = 100, n_out = 200.",
        right=lambda: np.sqrt(6 / 300),
        mistakes={
            "this is the standard deviation; the bound is the root of 3 times that": (
                lambda: np.sqrt(2 / 300)
            ),
            "only n_in is in it": lambda: np.sqrt(6 / 100),
        },
        rtol=2e-3,
    ),
    "ex11.4a": Exercise(
        "By what factor does the variance grow in 10 blocks x + F(x), F keeping variance?",
        right=lambda: 2.0**10,
        mistakes={
            "it doubles in each block": lambda: 11.0,
            "this is the deviation": lambda: 2.0**5,
        },
    ),
    "ex11.4b": Exercise(
        "dy/dx of y = x + F(x) with F(x) = -x.",
        right=questions.singular_block,
        mistakes={
            "the identity is not alone: the branch takes it away": lambda: 1.0,
            "this is the branch alone": lambda: -1.0,
        },
    ),
    "ex11.5a": Exercise(
        "Upper bound of the slopes alone through 10 sigmoids.",
        right=lambda: 0.25**10,
        mistakes={
            "the slopes multiply": lambda: 2.5,
            "the slope is a quarter at most, not a half": lambda: 0.5**10,
        },
        rtol=2e-3,
    ),
    "ex11.5b": Exercise(
        "Sigmoid's slope where its value is 0.9.",
        right=lambda: 0.9 * 0.1,
        mistakes={"this is the largest slope": lambda: 0.25, "this is 1 - s": lambda: 0.1},
    ),
    "ex11.6a": Exercise(
        "Passes of forward mode for the Jacobian of 3 inputs and 1000 outputs.",
        right=lambda: backprop.by_columns(lambda x: x, np.ones(3)).shape[1],
        mistakes={"these are the walks of reverse mode": lambda: 1000},
    ),
    "ex11.6b": Exercise(
        "Walks of reverse mode for the gradient of a loss of a million parameters.",
        right=lambda: 1,
        mistakes={"these are the passes of forward mode": lambda: 10**6},
    ),
    "ex11.7a": Exercise(
        "Gradient of the right class's logit where its probability is 0.7, one example.",
        right=lambda: 0.7 - 1,
        mistakes={
            "the sign: p - y": lambda: 0.3,
            "y is 1 for the right class": lambda: 0.7,
        },
    ),
    "ex11.7b": Exercise(
        "Norm of cross-entropy's gradient where the network is sure of a wrong class.",
        right=lambda: losses.logit_gradients(60.0)[0],
        mistakes={
            "two logits feel it, the right one and the wrong one": lambda: 1.0,
            "this is that of the square": lambda: 0.0,
        },
        rtol=2e-3,
    ),
    "ex11.8a": Exercise(
        "Relus of one hidden layer for 1,024 linear pieces, at least.",
        right=lambda: mlp.pieces(mlp.sawtooth(10)) - 1,
        mistakes={
            "m relus bend m times, so they make m + 1 pieces": lambda: 1024,
            "this is with ten layers": lambda: 20,
        },
    ),
    "ex11.8b": Exercise(
        "Relus in ten layers of two.",
        right=lambda: 2 * 10,
        mistakes={"this is the number of pieces": lambda: 1024},
    ),
}
