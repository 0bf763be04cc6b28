r"""A multilayer perceptron in plain NumPy, its backward pass derived by hand and checked.

Nothing here differentiates for you. The engine is imported for one purpose, to be compared with at
the start: if the derivation below had a mistake, `check` would name the array that is wrong.

The network
-----------
A batch is a matrix with one example in each of its n rows. Weights have PyTorch's layout,
W_l of shape (out_features, in_features). With a_0 = x, for l = 1 .. L:

    z_l  = a_{l-1} W_l^T + b_l                      pre-activation           (n, d_l)
    a_l  = relu(z_l) = max(z_l, 0)                  activation, l < L        (n, d_l)
    p    = softmax(z_L)                             class probabilities      (n, C)
    loss = -1/n sum_i log p[i, y_i]                 cross-entropy, one number

Its gradient
------------
Everything follows from one quantity per layer, the error signal delta_l = dloss/dz_l: the shape of
z_l, found from the last layer to the first.

1. Where it starts. Row i contributes log(sum_c exp z_ic) - z_{i, y_i}, divided by n. The derivative
   of log-sum-exp is the softmax, that of the second term is 1 at the right class, so

       delta_L = (p - y) / n                        y as one-hot rows        (n, C)

2. What it says about the parameters. z_ij = sum_k a_ik W_jk + b_j, so W_jk is used once in every
   row i, with weight a_ik; and b_j with weight 1. Uses add up:

       dW_l = delta_l^T a_{l-1}                     sum_i delta_ij a_ik      (d_l, d_{l-1})
       db_l = sum of the rows of delta_l            sum_i delta_ij           (d_l,)

3. How it gets past a layer. a_ik is used by every unit j of the next layer, with weight W_jk; then
   relu lets through what came from z > 0 and nothing else. relu'(z) is 1 where z > 0, else 0, and
   a > 0 exactly where z > 0: the activation remembers the mask.

       delta_{l-1} = (delta_l W_l) * [a_{l-1} > 0]                           (n, d_{l-1})

   It stops at delta_1: nobody asks for the gradient of the pixels.

Each formula is one line of `backward`. A product there costs as much as its layer's product in the
forward pass; there are two for each layer, and one for the first: backward is about twice forward.

Run it
------
    $ python examples/numpy_mlp.py
    backward by hand against finite differences: relative error 1.4e-10
    backward by hand against the engine:         relative error 1.6e-16
    digits: 3823 images to learn from, 1797 to test on; layers [64, 128, 64, 10]
    epoch  1  loss 0.5282  test accuracy 0.8809    0.1 s
    epoch  2  loss 0.1393  test accuracy 0.9343    0.2 s
    ...
    epoch 20  loss 0.0010  test accuracy 0.9699    2.0 s

    $ python examples/numpy_mlp.py --data mnist --hidden 256 128 --epochs 3 --lr 0.02

References
----------
Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323,
1986. He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015, arXiv:1502.01852, eq. (10).
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

import autograd
from nn import data

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]
Layers = list[tuple[Floats, Floats]]  # (W, b) of each layer; or their gradients, or velocities


# The network


def initialise(
    sizes: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = np.float32
) -> Layers:
    """Return He-initialised weights and zero biases, (W, b) for each pair of neighbouring sizes.

    relu sets half of its inputs to zero and so halves their mean square; Var[W] = 2 / in_features
    makes up for it, and the signal keeps its size through any number of layers.
    """
    return [
        (
            (rng.standard_normal((d_out, d_in)) * np.sqrt(2 / d_in)).astype(dtype),
            np.zeros(d_out, dtype),
        )
        for d_in, d_out in pairwise(sizes)
    ]


def forward(layers: Layers, x: Floats) -> tuple[Floats, list[Floats]]:
    """Return the logits z_L, shape (n, C), and what backward will need: [a_0, ..., a_{L-1}]."""
    activations = [x]
    for W, b in layers[:-1]:
        z = activations[-1] @ W.T + b
        activations.append(np.maximum(z, 0))
    W, b = layers[-1]
    return activations[-1] @ W.T + b, activations


def softmax(z: Floats) -> Floats:
    """Return the softmax of each row of `z`, shape (n, C)."""
    # The max cancels, and without it exp overflows: above 88 in float32.
    e: Floats = np.exp(z - z.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


def cross_entropy(z: Floats, y: Labels) -> float:
    """Return the mean over the rows of -log softmax(z)[y], from logits (n, C) and labels (n,)."""
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # no log(0): never p first
    return float(-log_p[np.arange(len(y)), y].mean())


def backward(layers: Layers, activations: list[Floats], z: Floats, y: Labels) -> Layers:
    """Return (dW, db) of each layer, from what `forward` returned: the derivation, line by line."""
    n = len(y)
    gradients: Layers = []

    delta = softmax(z)
    delta[np.arange(n), y] -= 1  # subtracts the one-hot rows without making them
    delta /= n  # (n, C)
    for i in reversed(range(len(layers))):
        W, _ = layers[i]
        a = activations[i]  # what this layer was given
        gradients.append((delta.T @ a, delta.sum(axis=0)))  # (d_out, d_in), (d_out,)
        if i > 0:
            delta = (delta @ W) * (a > 0)  # (n, d_in)
    return gradients[::-1]


# Training


def train_epoch(
    layers: Layers,
    velocities: Layers,
    x: Floats,
    y: Labels,
    *,
    lr: float,
    momentum: float,
    batch_size: int,
    rng: np.random.Generator,
) -> float:
    """Go once through the examples in a new order, updating `layers`; return the mean loss.

    SGD with PyTorch's momentum: v <- momentum v + g, then W <- W - lr v.
    """
    losses = []
    for rows in batches(len(y), batch_size, rng):
        z, activations = forward(layers, x[rows])
        losses.append(cross_entropy(z, y[rows]))
        gradients = backward(layers, activations, z, y[rows])
        for layer, velocity, gradient in zip(layers, velocities, gradients, strict=True):
            for parameter, v, g in zip(layer, velocity, gradient, strict=True):
                v *= momentum
                v += g
                parameter -= lr * v
    return float(np.mean(losses))


def batches(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.intp]]:
    """Yield the numbers 0 .. n-1 in a random order, `batch_size` at a time."""
    order = rng.permutation(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def accuracy(layers: Layers, x: Floats, y: Labels) -> float:
    """Return the share of the rows of `x` whose largest logit is the right one."""
    z, _ = forward(layers, x)
    return float((z.argmax(axis=1) == y).mean())


# The proof


def check(*, h: float = 1e-5) -> tuple[float, float]:
    """Compare `backward` with finite differences and the engine, on a small float64 network.

    Returns
    -------
    (float, float)
        The largest relative error of any W or b against each of the two.

    Raises
    ------
    ArithmeticError
        If one of the arrays is off by more than rounding explains.
    """
    # A fixed seed: with another, some z could lie within h of relu's kink, where differences lie.
    rng = np.random.default_rng(0)
    layers = initialise([6, 8, 7, 5], rng, np.float64)
    for _, b in layers:
        b += 0.1 * rng.standard_normal(b.shape)
    x, y = rng.standard_normal((10, 6)), rng.integers(0, 5, 10)

    z, activations = forward(layers, x)
    by_hand = backward(layers, activations, z, y)
    return (
        compare(by_hand, finite_differences(layers, x, y, h), "finite differences", at_most=1e-7),
        compare(by_hand, engine_gradients(layers, x, y), "the engine", at_most=1e-12),
    )


def finite_differences(layers: Layers, x: Floats, y: Labels, h: float) -> Layers:
    """Return every partial derivative as (loss(w + h) - loss(w - h)) / 2h, one number at a time.

    The central form is off by O(h^2), and by rounding, O(eps / h): in float64 h = 1e-5 balances the
    two. It takes two forward passes for *each* parameter; backward takes the time of two for all.
    """

    def loss() -> float:
        return cross_entropy(forward(layers, x)[0], y)

    def derivative(parameter: Floats) -> Floats:
        slopes = np.empty_like(parameter)
        for index in np.ndindex(parameter.shape):
            kept = parameter[index]
            parameter[index] = kept + h
            above = loss()
            parameter[index] = kept - h
            below = loss()
            parameter[index] = kept
            slopes[index] = (above - below) / (2 * h)
        return slopes

    return [(derivative(W), derivative(b)) for W, b in layers]


def engine_gradients(layers: Layers, x: Floats, y: Labels) -> Layers:
    """Return the gradients that the autograd engine finds from the forward pass alone."""
    tensors = [[autograd.Tensor(p, requires_grad=True) for p in layer] for layer in layers]
    a = autograd.Tensor(x)
    for W, b in tensors[:-1]:
        a = (a @ W.T + b).relu()
    W, b = tensors[-1]
    autograd.cross_entropy(a @ W.T + b, y).backward()

    def gradient(parameter: autograd.Tensor) -> Floats:
        assert parameter.grad is not None  # backward() has just put it there
        return parameter.grad.numpy()

    return [(gradient(W), gradient(b)) for W, b in tensors]


def compare(by_hand: Layers, reference: Layers, name: str, *, at_most: float) -> float:
    """Return the largest relative error of any array, ||g - r|| / max(||g||, ||r||).

    Raises
    ------
    ArithmeticError
        If it is above `at_most`.
    """
    worst = 0.0
    for i, (gradients, references) in enumerate(zip(by_hand, reference, strict=True), start=1):
        for parameter, g, r in zip("Wb", gradients, references, strict=True):
            error = float(np.linalg.norm(g - r) / max(np.linalg.norm(g), np.linalg.norm(r)))
            if error > at_most:
                raise ArithmeticError(
                    f"check: d{parameter}_{i} by hand is off by {error:.1e} from {name} "
                    f"(at most {at_most:.0e}); compare backward() with the derivation"
                )
            worst = max(worst, error)
    return worst


def main(argv: Sequence[str] | None = None) -> float:
    """Check the gradients, train, and return the accuracy on the test set."""
    args = parse(argv)
    if args.check:
        from_differences, from_engine = check()
        print(f"backward by hand against finite differences: relative error {from_differences:.1e}")
        print(f"backward by hand against the engine:         relative error {from_engine:.1e}")

    train, test = {"digits": data.digits, "mnist": data.mnist}[args.data]()
    (x, y), (x_test, y_test) = train.arrays, test.arrays
    sizes = [x.shape[1], *args.hidden, int(y.max()) + 1]
    print(f"{args.data}: {len(x)} images to learn from, {len(x_test)} to test on; layers {sizes}")

    rng = np.random.default_rng(args.seed)
    layers = initialise(sizes, rng)
    velocities = [(np.zeros_like(W), np.zeros_like(b)) for W, b in layers]
    start = time.perf_counter()
    for epoch in range(1, args.epochs + 1):
        loss = train_epoch(
            layers,
            velocities,
            x,
            y,
            lr=args.lr,
            momentum=args.momentum,
            batch_size=args.batch_size,
            rng=rng,
        )
        seconds = time.perf_counter() - start
        print(
            f"epoch {epoch:2}  loss {loss:.4f}  "
            f"test accuracy {accuracy(layers, x_test, y_test):.4f}  {seconds:5.1f} s"
        )
    return accuracy(layers, x_test, y_test)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line `argv`."""
    parser = argparse.ArgumentParser(
        description="Train a multilayer perceptron in plain NumPy, with a backward pass by hand.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option("--data", choices=["digits", "mnist"], default="digits", help="what to learn")
    option("--hidden", type=int, nargs="*", default=[128, 64], metavar="N", help="hidden layers")
    option("--epochs", type=int, default=20, help="times through the training set")
    option("--lr", type=float, default=0.05, help="learning rate")
    option("--momentum", type=float, default=0.9, help="share of the velocity kept; 0 is plain SGD")
    option("--batch-size", type=int, default=32, help="examples in one step")
    option("--seed", type=int, default=0, help="of the weights and of the order of the examples")
    option(
        "--check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="first compare the gradients with finite differences and with the engine",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
