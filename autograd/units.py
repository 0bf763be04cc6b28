"""Along which axis the units of an activation lie, for counts of the dead ones.

Three axes may be (batch, channels, length) or (batch, time, units), and no shape says which: the
op that they come from does.
"""

from __future__ import annotations

from typing import Any

from .engine import Trace
from .op import Node

_OF_CHANNELS = ("conv1d", "conv_transpose1d", "batch_norm", "group_norm")
_REACH = 16  # ops; to the start of a recurrence it may be thousands, from each of its activations


def unit_axis(t: Node) -> int:
    """Return the axis of the units: 1 where that is of channels, else the last.

    It is of channels where there are four axes or more, and of three if they come from a
    convolution, a batch norm or a group norm, with few elementwise ops after it. Of several inputs
    the latest tells: in a residual connection, the branch.

    Parameters
    ----------
    t : Tensor
        Its graph may have been freed.

    Returns
    -------
    int
        -1 for a tensor without axes.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor, conv1d
    >>> x = Tensor(np.ones((2, 3, 4)), requires_grad=True)
    >>> unit_axis(x.relu()), unit_axis(conv1d(x, np.ones((5, 3, 1))).relu())
    (2, 1)
    """
    node: Any = t
    ndim: int = node.ndim
    if ndim != 3:
        return min(ndim - 1, 1)
    for _ in range(_REACH):
        node = node.saved if isinstance(node.saved, Trace) else node  # in a freed graph
        if node.op is None or node.ndim != 3:
            break
        if node.op.name in _OF_CHANNELS:
            return 1
        if not node.inputs or not (node.op.kind == "elementwise" or is_pointwise(node)):
            break
        node = _latest_input(node)
    return 2


def _latest_input(node: Any) -> Any:
    """Return the input that was made last, of those of the shape of the result if there are any."""
    return max(node.inputs, key=lambda x: (x.shape == node.shape, x.serial))


def is_pointwise(node: Any) -> bool:
    """Whether each element was computed from one element, by a function that may bend."""
    op = node.op
    return (
        op is not None
        and op.arity == 1
        and op.kind in ("elementwise", "other")
        and "axis" not in op.param_names  # such as softmax
        and node.inputs[0].shape == node.shape
    )
