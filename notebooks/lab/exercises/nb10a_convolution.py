"""The exercises of 10a_convolution."""

import numpy as np

import nn
from autograd import Tensor

from ..exercise import Exercise
from ..experiments.convolution import share_moved


def _parameters(layer: nn.Module) -> int:
    return sum(p.size for p in layer.parameters())


def _commuting(*strides: int) -> list[int]:
    """Return the shifts from 1 to 8 that convolutions with these strides, in a row, move along."""
    x = np.random.default_rng(0).standard_normal((1, 1, 16, 16))
    convs = [
        nn.Conv2d(1, 1, 3, s, 1, padding_mode="circular", dtype=np.float64, rng=0) for s in strides
    ]
    model, stride = nn.Sequential(*convs), int(np.prod(strides))

    def together(t: Tensor) -> Tensor:
        out: Tensor = model(t)
        return out

    return [s for s in range(1, 9) if share_moved(together, x, s, stride) == 0]


EXERCISES = {
    "ex10a.1": Exercise(
        "How many parameters has Conv2d(3, 16, 5), on 32x32 images?",
        right=lambda: _parameters(nn.Conv2d(3, 16, 5)),
        mistakes={
            "each filter has a bias too": lambda: _parameters(nn.Conv2d(3, 16, 5, bias=False)),
            "a filter sees all three channels, with weights of its own for each": (
                lambda: _parameters(nn.Conv2d(1, 16, 5))
            ),
            "the weights are shared: the number of positions, 28 x 28, does not enter": (
                lambda: _parameters(nn.Conv2d(3, 16, 5)) * 28**2
            ),
        },
    ),
    "ex10a.2": Exercise(
        "Which shifts from 1 to 8 do two convolutions of stride 2, in a row, move along with?",
        right=lambda: _commuting(2, 2),
        mistakes={
            "this is one convolution of stride 2; the second halves once more": (
                lambda: _commuting(2)
            ),
            "this is stride 1; a stride of 2 skips every other position": lambda: _commuting(1),
            "this is three of them in a row": lambda: _commuting(2, 2, 2),
        },
    ),
}
