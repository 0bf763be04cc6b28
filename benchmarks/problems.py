"""The work that is timed: fixed data and weights, the same for every contestant."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Work(NamedTuple):
    """What a contestant offers for a row."""

    step: Callable[[], Any]  # the timed unit; returns the loss as the library's own scalar
    item: Callable[[Any], float]  # that scalar as a Python float
    gradients: Callable[[], list[Array]]  # those of the latest step; weights as (out, in)


@dataclass(frozen=True)
class ScalarProblem:
    """An MLP of scalars, as micrograd builds it: forward and backward for one sample.

    Two inputs, two hidden layers of 16 with relu, one linear output: 304 products, 304 sums and 32
    relus are 640 operations, each a node of the graph. The output is the loss.
    """

    sizes: tuple[int, ...] = (2, 16, 16, 1)
    kind = "scalar"
    tolerance = 1e-9  # float64
    targets = (("micrograd", 0.85),)  # what ours is compared with, and should take at most

    @property
    def description(self) -> str:
        """One line for the report."""
        name = "-".join(map(str, self.sizes))
        return f"{name} MLP of scalars, relu, one sample: forward + backward"

    @property
    def x(self) -> list[float]:
        """The sample."""
        return [0.6, -0.4]

    @property
    def weights(self) -> list[list[tuple[list[float], float]]]:
        """For each layer, for each neuron, its weights and its bias."""
        rng = np.random.default_rng(0)
        return [
            [
                (rng.uniform(-1, 1, n_in).tolist(), float(rng.uniform(-0.1, 0.1)))
                for _ in range(n_out)
            ]
            for n_in, n_out in pairwise(self.sizes)
        ]


@dataclass(frozen=True)
class MLPProblem:
    """A multilayer perceptron in float32: one step of SGD on the mean cross-entropy of a batch."""

    sizes: tuple[int, ...]
    batch: int
    lr: float = 0.01
    kind = "mlp"
    tolerance = 1e-4  # float32, and libraries sum in different orders
    targets = (("numpy", 1.15), ("pytorch", 1.0))

    @property
    def description(self) -> str:
        """One line for the report."""
        name = "-".join(map(str, self.sizes))
        return f"{name} MLP, batch {self.batch}, float32: forward, cross-entropy, backward, SGD"

    @property
    def data(self) -> tuple[Array, Array]:
        """Pixels (batch, sizes[0]), four fifths of them background as in MNIST, and labels."""
        rng = np.random.default_rng(0)
        shape = self.batch, self.sizes[0]
        x = rng.random(shape, np.float32) * (rng.random(shape, np.float32) < 0.2)
        return x, rng.integers(0, self.sizes[-1], self.batch)

    @property
    def layers(self) -> list[tuple[Array, Array]]:
        """Weights (out, in) and biases (out,) for each layer."""
        rng = np.random.default_rng(1)
        return [
            (
                (rng.standard_normal((n_out, n_in)) * np.sqrt(2 / n_in)).astype(np.float32),
                (0.1 * rng.standard_normal(n_out)).astype(np.float32),
            )
            for n_in, n_out in pairwise(self.sizes)
        ]


@dataclass(frozen=True)
class ProductsProblem(MLPProblem):
    """The matrix products of such a step alone: what is left is the BLAS of a contestant."""

    kind = "products"

    @property
    def description(self) -> str:
        """One line for the report."""
        name = "-".join(map(str, self.sizes))
        return f"the matrix products of a {name} MLP, batch {self.batch}, float32, alone"

    @property
    def operands(self) -> list[tuple[Array, Array, Array]]:
        """For each layer its input (batch, in), weights (out, in), the gradient (batch, out)."""
        rng = np.random.default_rng(2)
        a, operands = self.data[0], []
        for W, _ in self.layers:
            g = rng.standard_normal((self.batch, len(W)), np.float32)
            operands.append((a, W, g))
            a = np.maximum(a @ W.T, 0)
        return operands


@dataclass(frozen=True)
class CNNProblem:
    """A small convolutional network in float32: a step of SGD on the cross-entropy of a batch.

    Each 3x3 convolution, which keeps the size, is followed by relu and a 2x2 max-pool; a linear
    layer makes 10 classes of what is left, in the order (channels, height, width).
    """

    channels: tuple[int, ...]
    size: int
    batch: int
    lr: float = 0.01
    kind = "cnn"
    tolerance = 1e-4
    targets = (("pytorch", 1.5),)

    @property
    def description(self) -> str:
        """One line for the report."""
        name = "-".join(map(str, self.channels))
        return (
            f"{name} CNN on {self.size}x{self.size} images, batch {self.batch}, float32: forward, "
            "cross-entropy, backward, SGD"
        )

    @property
    def data(self) -> tuple[Array, Array]:
        """Images (batch, channels[0], size, size) and labels."""
        rng = np.random.default_rng(0)
        shape = self.batch, self.channels[0], self.size, self.size
        return rng.random(shape, np.float32), rng.integers(0, 10, self.batch)

    @property
    def layers(self) -> list[tuple[Array, Array]]:
        """Weights and biases: (out, in, 3, 3) and (out,) of convolutions, (10, in) and (10,)."""
        rng = np.random.default_rng(1)
        left = self.channels[-1] * (self.size >> (len(self.channels) - 1)) ** 2
        shapes = [*((n_out, n_in, 3, 3) for n_in, n_out in pairwise(self.channels)), (10, left)]
        return [
            (
                (rng.standard_normal(s) * np.sqrt(2 / np.prod(s[1:]))).astype(np.float32),
                (0.1 * rng.standard_normal(s[0])).astype(np.float32),
            )
            for s in shapes
        ]


@dataclass(frozen=True)
class LSTMProblem:
    """One layer of an LSTM in float32 over a batch of sequences: forward and backward.

    The loss is the mean square of the hidden states of all steps; the input needs no gradient.
    """

    features: int
    units: int
    batch: int
    steps: int
    kind = "lstm"
    tolerance = 1e-4
    targets = (("numpy", 1.15), ("pytorch", 1.5))

    @property
    def description(self) -> str:
        """One line for the report."""
        return (
            f"LSTM {self.features} to {self.units}, batch {self.batch}, {self.steps} steps, "
            "float32: forward, mean square, backward"
        )

    @property
    def data(self) -> Array:
        """The input, of shape (steps, batch, features)."""
        shape = self.steps, self.batch, self.features
        return np.random.default_rng(0).standard_normal(shape, np.float32)

    @property
    def weights(self) -> dict[str, Array]:
        """The weights, by PyTorch's names, drawn as PyTorch draws them."""
        rng, bound = np.random.default_rng(1), self.units**-0.5
        shapes = {"weight_ih_l0": self.features, "weight_hh_l0": self.units}
        biases = ("bias_ih_l0", "bias_hh_l0")
        drawn = {k: rng.uniform(-bound, bound, (4 * self.units, n)) for k, n in shapes.items()}
        drawn |= {k: rng.uniform(-bound, bound, 4 * self.units) for k in biases}
        return {k: v.astype(np.float32) for k, v in drawn.items()}


@dataclass(frozen=True)
class TransformerProblem:
    """A pre-norm transformer block in float32: forward and backward, as one of a stack.

    Self-attention without a mask, a feed-forward layer four times as wide with the GELU by tanh.
    The loss is the mean square of the output; the input's gradient is computed too.
    """

    features: int
    heads: int
    batch: int
    length: int
    kind = "transformer"
    tolerance = 1e-4
    targets = (("pytorch", 1.5),)

    @property
    def description(self) -> str:
        """One line for the report."""
        return (
            f"pre-norm transformer block, {self.features} features, {self.heads} heads, batch "
            f"{self.batch}, length {self.length}, float32: forward, mean square, backward"
        )

    @property
    def data(self) -> Array:
        """The input, of shape (batch, length, features)."""
        shape = self.batch, self.length, self.features
        return np.random.default_rng(0).standard_normal(shape, np.float32)

    @property
    def weights(self) -> dict[str, Array]:
        """The weights, by the names of PyTorch's encoder layer and in its order."""
        rng, d = np.random.default_rng(1), self.features
        shapes: dict[str, tuple[int, ...]] = {
            "self_attn.in_proj_weight": (3 * d, d),
            "self_attn.in_proj_bias": (3 * d,),
            "self_attn.out_proj.weight": (d, d),
            "self_attn.out_proj.bias": (d,),
            "linear1.weight": (4 * d, d),
            "linear1.bias": (4 * d,),
            "linear2.weight": (d, 4 * d),
            "linear2.bias": (d,),
            **{f"norm{i}.{name}": (d,) for i in (1, 2) for name in ("weight", "bias")},
        }
        drawn = {
            name: rng.standard_normal(shape) * (0.1 if len(shape) == 1 else shape[1] ** -0.5)
            for name, shape in shapes.items()
        }
        for i in (1, 2):
            drawn[f"norm{i}.weight"] += 1
        return {k: v.astype(np.float32) for k, v in drawn.items()}


Problem = ScalarProblem | MLPProblem | CNNProblem | LSTMProblem | TransformerProblem

ROWS: dict[str, Problem] = {
    "scalar": ScalarProblem(),
    "mlp-784-128-10": MLPProblem((784, 128, 10), batch=32),
    "mlp-784-256-128-10": MLPProblem((784, 256, 128, 10), batch=128),
    "products-784-256-128-10": ProductsProblem((784, 256, 128, 10), batch=128),
    "cnn-1-16-32": CNNProblem((1, 16, 32), size=28, batch=64),
    "lstm-64-128": LSTMProblem(features=64, units=128, batch=32, steps=64),
    "transformer-256": TransformerProblem(features=256, heads=4, batch=8, length=128),
}


# The network of scalars for libraries that bring none, built like micrograd's


class Neuron:
    """sum(w x) + b, then relu in a hidden layer: micrograd's, for any scalar type."""

    def __init__(self, w: Sequence[Any], b: Any, relu: Callable[[Any], Any] | None) -> None:
        self.w = w
        self.b = b
        self.relu = relu

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return the activation for the inputs `x`."""
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act if self.relu is None else self.relu(act)


class ScalarMLP:
    """Layers of neurons: micrograd's, for any scalar type.

    Parameters
    ----------
    weights : list of list of (list of scalar, scalar)
        As `ScalarProblem.weights` has them, in the library's scalar type.
    relu : callable
    """

    def __init__(self, weights: Iterable[Iterable[Any]], relu: Callable[[Any], Any]) -> None:
        *hidden, last = weights
        self.layers = [[Neuron(w, b, relu) for w, b in layer] for layer in hidden]
        self.layers.append([Neuron(w, b, None) for w, b in last])
        self.parameters = [p for layer in self.layers for n in layer for p in [*n.w, n.b]]

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return the one output for the inputs `x`."""
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        (out,) = x
        return out


def scalars(problem: ScalarProblem, make: Callable[[float], Any]) -> list[list[tuple[Any, Any]]]:
    """Return the weights of `problem` with each number passed through `make`."""
    return [[([make(v) for v in w], make(b)) for w, b in layer] for layer in problem.weights]


# The products of a step, for libraries whose arrays have NumPy's operators


def products_of_a_step(operands: Sequence[tuple[Any, Any, Any]]) -> list[Any]:
    """Return the outputs of all layers, the gradients of their weights, and those of their inputs.

    Parameters
    ----------
    operands : list of (input, weights, gradient of the output)
        As `ProductsProblem.operands` has them, in the library's arrays. The first input needs no
        gradient.
    """
    outs = [a @ W.T for a, W, _ in operands]
    weights = [g.T @ a for a, _, g in operands]
    return outs + weights + [g @ W for _, W, g in operands[1:]]
