"""Blocks: layers put together the usual way."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nn import init
from nn.activation import ACTIVATIONS, lookup
from nn.containers import Sequential
from nn.layers import Linear
from nn.random import generator


class MLP(Sequential):
    r"""A multilayer perceptron: affine maps with an activation between them, none at the end.

    .. math:: a_0 = x, \quad a_l = \sigma(a_{l-1} W_l^T + b_l), \quad
              \mathrm{out} = a_{L-1} W_L^T + b_L

    It is a `Sequential`, so its parameters are called ``0.weight``, ``0.bias``, ``2.weight`` and so
    on, as in a ``torch.nn.Sequential`` of the same layers.

    Parameters
    ----------
    sizes : sequence of int, two or more
        The features of the input, of each hidden layer, and of the output.
    activation : str, default='relu'
        The name of a function in `functional` that acts element by element; `activation_table`
        lists them. It decides the initialisation of the hidden layers: He's with the gain of the
        activation, but Xavier's for tanh, sigmoid and their like, LeCun's for selu. The last layer,
        which has no activation, has LeCun's; see `init`.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights; the same seed gives the same weights, bit for bit.

    Raises
    ------
    ValueError
        If there are fewer than two sizes, one is below 1, or the activation has no such name.

    Examples
    --------
    >>> MLP([64, 32, 10], rng=0)
    MLP(
      (0): Linear(in_features=64, out_features=32, bias=True)
      (1): ReLU()
      (2): Linear(in_features=32, out_features=10, bias=True)
    )
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "relu",
        *,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if len(sizes) < 2:
            raise ValueError(
                f"MLP: sizes {list(sizes)} make no layer; pass those of input and output at least"
            )
        known = lookup("MLP", activation)
        if known.module is None or not known.init:
            usable = [name for name, a in ACTIVATIONS.items() if a.init]
            raise ValueError(
                f"MLP: activation {activation!r} does not keep the width of a layer; "
                f"it is one of {', '.join(usable)}"
            )
        super().__init__()
        rng = generator(rng)
        schemes: dict[str, Callable[..., Any]] = {
            "kaiming": partial(init.kaiming_normal_, a=0.01, nonlinearity=activation),
            "xavier": init.xavier_normal_,
            "lecun": init.lecun_normal_,
        }
        initialise = schemes[known.init]
        for n_in, n_out in pairwise(sizes):
            layer = Linear(n_in, n_out, dtype=dtype, rng=rng)
            self.append(layer)
            if len(self) < 2 * len(sizes) - 3:  # a hidden layer
                initialise(layer.weight, rng=rng)
                self.append(known.module())
