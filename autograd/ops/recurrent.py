"""Recurrent networks, a step at a time or a whole sequence at once: RNN, LSTM and GRU.

A step is `rnn_cell`, `lstm_cell` or `gru_cell`, and the loop over it is the reference of `rnn`,
`lstm` and `gru`. Those do all they can outside of their loops, which are left with what one step
hands to the next: the gradient of all weights and biases is one product after the loop back.

T steps, N sequences in a batch, I features of the input, H units; K gates, which PyTorch stacks in
the rows of a weight: 1, 4 in the LSTM, 3 in the GRU. At each step, all that it sees, a row for each
sequence, is multiplied by the weights and biases of a gate, an (H + 2 + I, H) matrix:

    h W_hh^T + b_hh + b_ih + x W_ih^T = [h | 1 | 1 | x] [W_hh | b_hh | b_ih | W_ih]^T

The weights of gates that end in a sigmoid are halved, which is exact, since sigmoid(z) is
(1 + tanh(z / 2)) / 2: one tanh serves all gates. The gates are multiplied one by one, since
OpenBLAS takes small matrices as they are and lays larger ones out anew at each step; so the values
of a gate at a step, (N, H), are one block of memory. What comes back to the gates is laid side by
side for the products after the loop, a row for each sequence at each step.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..op import Array, Rule, op
from .elementwise import relu, sigmoid, tanh
from .fused import linear
from .shape import split, stack

__all__ = [
    "gru",
    "gru_cell",
    "lstm",
    "lstm_cell",
    "rnn",
    "rnn_cell",
]


LINE = 64
"""Bytes in a line of the cache."""


class _Pulled(NamedTuple):
    """What came back through time."""

    inputs: Array  # (T * N, K * H), the gradient of x weight_ih^T
    joined: Array  # (K * H, H + 2 + I), that of the weights and biases beside one another
    h: Array  # (N, H), that of the first hidden state
    c: Array = None


_WEIGHT_RULES: tuple[Rule, ...] = (
    lambda d, out, x, h, *_, **__: d.joined[:, h.shape[1] + 2 :],
    lambda d, out, x, h, *_, **__: d.joined[:, : h.shape[1]],
    lambda d, out, x, h, *_, **__: d.joined[:, h.shape[1] + 1],
    lambda d, out, x, h, *_, **__: d.joined[:, h.shape[1]],
)
_RULES: tuple[Rule, ...] = (
    lambda d, out, x, h, weight_ih, *_, **__: (d.inputs @ weight_ih).reshape(x.shape),
    lambda d, out, *_, **__: d.h,
    *_WEIGHT_RULES,
)
_LSTM_RULES: tuple[Rule, ...] = (
    lambda d, out, x, h, c, weight_ih, *_: (d.inputs @ weight_ih).reshape(x.shape),
    lambda d, out, *_: d.h,
    lambda d, out, *_: d.c,
    *_WEIGHT_RULES,
)


def _aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an empty array that begins where a line of the cache does.

    NumPy's own begin at any multiple of 16 bytes, and then vectors of 64 lie across two lines: sums
    and products of arrays that are in the cache take twice as long.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def _aligned_copy(array: Array) -> Array:
    copy = _aligned(array.shape, array.dtype)
    copy[...] = array
    return copy


def _joined(
    x: Array, h: Array, weights: tuple[Array, ...], gates: int, sigmoids: list[int]
) -> tuple[Array, Array, Array]:
    """Return the weights by gate, (K, H + 2 + I, H), and what is multiplied by them.

    That is all that the steps see, (T + 1, N, H + 2 + I), and the hidden states in it, (T + 1, N,
    H), the first of which is there.
    """
    weight_ih, weight_hh, *biases = weights
    (steps, n, features), units = x.shape, h.shape[1]
    dtype = np.result_type(x, h, *(w for w in weights if w is not None))
    width = units + 2 + features
    weight = _aligned((gates, width, units), dtype)
    weight[:, :units] = _by_gate(weight_hh, gates).swapaxes(1, 2)
    # bias_hh beside the weights of h, bias_ih beside those of x: the GRU parts them there
    for row, bias in zip((units + 1, units), biases, strict=True):
        weight[:, row] = 0 if bias is None else bias.reshape((gates, units))
    weight[:, units + 2 :] = _by_gate(weight_ih, gates).swapaxes(1, 2)
    weight[sigmoids] *= 0.5
    line = LINE // dtype.itemsize
    seen = _aligned((steps + 1, n, -(-width // line) * line), dtype)[..., :width]
    seen[:-1, :, units : units + 2] = 1
    seen[:-1, :, units + 2 :] = x
    states = seen[..., :units]
    states[0] = h
    return weight, seen, states


def _sigmoid(halved: Array) -> None:
    """Replace tanh(z / 2) by sigmoid(z)."""
    halved *= 0.5
    halved += 0.5


def _by_gate(weight: Array, gates: int) -> Array:
    """Part the rows of a weight: (K * H, n) -> (K, H, n)."""
    return weight.reshape((gates, len(weight) // gates, weight.shape[1]))


def _rows(steps: Array) -> Array:
    """Lay all steps below one another, all of a row side by side: (T, N, ...) -> (T * N, n)."""
    t, n, *row = steps.shape
    return steps.reshape((t * n, math.prod(row)))


def _check(
    where: str, x: Array, gates: int, weights: tuple[Array, ...], h: Array, c: Array = None
) -> None:
    """Raise unless states and weights have the shapes that x and h ask for."""
    axes = "batch, features" if where.endswith("cell") else "steps, batch, features"
    if x.ndim != axes.count(",") + 1 or h.ndim != 2 or len(x) < x.ndim - 2:
        raise ValueError(
            f"{where}: x has shape {x.shape} and h {h.shape}; pass x as ({axes}), one step at "
            "least, and h as (batch, units)"
        )
    (n, features), units = x.shape[-2:], h.shape[1]
    names = "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh"
    g = gates * units
    fitting = (n, units), (n, units), (g, features), (g, units), (g,), (g,)
    for name, array, shape in zip(names, (h, c, *weights), fitting, strict=True):
        if array is not None and array.shape != shape:
            raise ValueError(
                f"{where}: {name} has shape {array.shape}, but x {x.shape} and h {h.shape} ask for "
                f"{shape}: a batch of {n}, {features} features, {units} units"
            )


def _flops(gates: int, elementwise: int) -> Any:
    """Count two products for each row of the weights, and what a unit takes besides them."""

    def flops(out: Array, x: Array, h: Array, *_: Array, **__: Any) -> int:
        features, units = x.shape[-1], h.shape[-1]
        steps = len(x) if x.ndim == 3 else 1
        return int(steps * h.size * (2 * gates * (features + units) + elementwise))

    return flops


# The plain RNN


def _rnn_cell_reference(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
    nonlinearity: str = "tanh",
) -> Array:
    z = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    return tanh(z) if nonlinearity == "tanh" else relu(z)


def _rnn_reference(x: Array, h: Array, *weights: Array, nonlinearity: str = "tanh") -> Array:
    steps = []
    for t in range(len(x)):
        h = rnn_cell(x[t], h, *weights, nonlinearity=nonlinearity)
        steps.append(h)
    return stack(steps)


def _rnn(
    where: str, x: Array, h: Array, weights: tuple[Array, ...], nonlinearity: str
) -> tuple[Array, Array]:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{where}: nonlinearity is {nonlinearity!r}; it is 'tanh' or 'relu'")
    (weight,), seen, states = _joined(x, h, weights, gates=1, sigmoids=[])
    out = np.empty((len(x), *h.shape), states.dtype)
    for t in range(len(x)):
        z = np.matmul(seen[t], weight, out=out[t])
        if nonlinearity == "tanh":
            np.tanh(z, out=z)
        else:
            np.maximum(z, 0, out=z)
        states[t + 1] = z
    return out, (seen, states)


def _rnn_back(g: Array, saved: Any, weight_hh: Array, nonlinearity: str) -> _Pulled:
    seen, states = saved
    after = states[1:]
    weight = _aligned_copy(weight_hh)
    d = 1 - after * after if nonlinearity == "tanh" else (after > 0).astype(after.dtype)
    dh = np.zeros(after.shape[1:], after.dtype)
    for t in reversed(range(len(d))):
        dh += g[t]
        d[t] *= dh
        dh = d[t] @ weight
    inputs = _rows(d)
    return _Pulled(inputs, inputs.T @ _rows(seen[:-1]), dh)


@op(
    vjp=_RULES,
    latex=r"\tanh({2} {0} + {3} {1} + b)",
    kind="other",
    shared=lambda g, out, saved, x, h, weight_ih, weight_hh, *_, nonlinearity: _rnn_back(
        g[None], saved, weight_hh, nonlinearity
    ),
    reference=_rnn_cell_reference,
    flops=_flops(gates=1, elementwise=12),
)
def rnn_cell(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
    nonlinearity: str = "tanh",
) -> tuple[Array, Array]:
    r"""Return the hidden state after one step of a plain recurrent network.

    .. math:: h' = \tanh(W_{ih} x + b_{ih} + W_{hh} h + b_{hh})

    Parameters
    ----------
    x : Tensor or ndarray of shape (N, I)
    h : Tensor or ndarray of shape (N, H)
    weight_ih : Tensor or ndarray of shape (H, I)
    weight_hh : Tensor or ndarray of shape (H, H)
    bias_ih, bias_hh : Tensor or ndarray of shape (H,), optional
    nonlinearity : {'tanh', 'relu'}, default='tanh'

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (N, H)

    Raises
    ------
    ValueError
        If the shapes do not fit, or the nonlinearity has no such name.

    References
    ----------
    Elman, "Finding Structure in Time", Cognitive Science 14(2), 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor, rnn_cell
    >>> x, h = Tensor([[1.0, 2.0]]), Tensor([[0.5]])
    >>> rnn_cell(x, h, np.array([[0.1, 0.2]]), np.array([[1.0]])).numpy()  # tanh(0.5 + 0.5)
    array([[0.76159416]])
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    _check("rnn_cell", x, 1, weights, h)
    out, saved = _rnn("rnn_cell", x[None], h, weights, nonlinearity)
    return out[0], saved


@op(
    vjp=_RULES,
    latex=r"h_t = \tanh({2} {0}_t + {3} h_{{t-1}} + b)",
    kind="other",
    shared=lambda g, out, saved, x, h, weight_ih, weight_hh, *_, nonlinearity: _rnn_back(
        g, saved, weight_hh, nonlinearity
    ),
    reference=_rnn_reference,
    flops=_flops(gates=1, elementwise=12),
)
def rnn(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
    nonlinearity: str = "tanh",
) -> tuple[Array, Array]:
    r"""Return the hidden states of a plain recurrent network over a sequence: `rnn_cell` in a loop.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    Going back one step multiplies the gradient by :math:`W_{hh}^T \mathrm{diag}(\tanh')`. Over many
    steps it fades where that shrinks, and explodes where it stretches.

    Parameters
    ----------
    x : Tensor or ndarray of shape (T, N, I)
    h : Tensor or ndarray of shape (N, H)
        The state before the first step.
    weight_ih : Tensor or ndarray of shape (H, I)
    weight_hh : Tensor or ndarray of shape (H, H)
    bias_ih, bias_hh : Tensor or ndarray of shape (H,), optional
    nonlinearity : {'tanh', 'relu'}, default='tanh'

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (T, N, H)

    Raises
    ------
    ValueError
        If the shapes do not fit, or the nonlinearity has no such name.

    References
    ----------
    Elman, "Finding Structure in Time", Cognitive Science 14(2), 1990. Werbos, "Backpropagation
    Through Time", Proceedings of the IEEE 78(10), 1990. Pascanu, Mikolov and Bengio, "On the
    difficulty of training recurrent neural networks", 2013, arXiv:1211.5063, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import rnn
    >>> one = np.ones((1, 1))
    >>> rnn(np.ones((3, 1, 1)), np.zeros((1, 1)), one, one, nonlinearity="relu").ravel()
    array([1., 2., 3.])
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    _check("rnn", x, 1, weights, h)
    return _rnn("rnn", x, h, weights, nonlinearity)


# The LSTM


def _lstm_cell_reference(
    x: Array,
    h: Array,
    c: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
) -> Array:
    z = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    i, f, g, o = split(z, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return stack((sigmoid(o) * tanh(c), c))


def _lstm_reference(x: Array, h: Array, c: Array, *weights: Array) -> Array:
    steps = []
    for t in range(len(x)):
        states = lstm_cell(x[t], h, c, *weights)
        h, c = states[0], states[1]
        steps.append(states)
    return stack(steps, axis=1)


def _lstm(x: Array, h: Array, c: Array, weights: tuple[Array, ...]) -> tuple[Array, Any]:
    x = x.astype(np.result_type(x, c), copy=False)
    weight, seen, hs = _joined(x, h, weights, gates=4, sigmoids=[0, 1, 3])
    steps, shape, dtype = len(x), h.shape, hs.dtype
    gates, cs = _aligned((steps, 4, *shape), dtype), _aligned((steps + 1, *shape), dtype)
    cs[0] = c
    out, room = np.empty((2, steps, *shape), dtype), _aligned(shape, dtype)
    for t in range(steps):
        z = np.matmul(seen[t], weight, out=gates[t])
        np.tanh(z, out=z)
        i, f, new, o = z
        _sigmoid(z[:2])
        _sigmoid(o)
        c = np.multiply(f, cs[t], out=cs[t + 1])
        c += np.multiply(i, new, out=room)
        h = np.multiply(o, np.tanh(c, out=room), out=hs[t + 1])
        out[0, t], out[1, t] = h, c
    return out, (gates, seen, cs)


def _lstm_back(g: Array, saved: Any, weight_hh: Array) -> _Pulled:
    gates, seen, cs = saved
    steps, shape, dtype = len(gates), cs.shape[1:], cs.dtype
    weight = _aligned_copy(_by_gate(weight_hh, 4))
    d = _aligned((steps, shape[0], 4, shape[1]), dtype)
    dz, parts = _aligned((2, 4, *shape), dtype)
    dh, dc, squashed, room = _aligned((4, *shape), dtype)
    dh[...], dc[...] = 0, 0
    for t in reversed(range(steps)):
        i, f, new, o = z = gates[t]
        dh += g[0, t]
        dc += g[1, t]
        np.multiply(z, z, out=dz)
        np.subtract(z[:2], dz[:2], out=dz[:2])
        np.subtract(1, dz[2], out=dz[2])
        np.subtract(o, dz[3], out=dz[3])
        np.tanh(cs[t + 1], out=squashed)
        dz[0] *= new
        dz[1] *= cs[t]
        dz[2] *= i
        dz[3] *= np.multiply(dh, squashed, out=room)
        squashed *= room
        np.subtract(dh, squashed, out=squashed)
        squashed *= o
        dc += squashed  # dh o (1 - squashed^2)
        dz[:3] *= dc
        dc *= f
        d[t] = dz.swapaxes(0, 1)
        np.matmul(dz, weight, out=parts).sum(axis=0, out=dh)
    inputs = _rows(d)
    return _Pulled(inputs, inputs.T @ _rows(seen[:-1]), dh, dc)


@op(
    vjp=_LSTM_RULES,
    latex=r"\operatorname{{lstm}}({0}, {1}, {2})",
    kind="other",
    shared=lambda g, out, saved, x, h, c, weight_ih, weight_hh, *_: _lstm_back(
        g[:, None], saved, weight_hh
    ),
    reference=_lstm_cell_reference,
    flops=_flops(gates=4, elementwise=60),
)
def lstm_cell(
    x: Array,
    h: Array,
    c: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
) -> tuple[Array, Any]:
    r"""Return the hidden state and the cell state after one step of an LSTM, stacked.

    .. math::
        i, f, o &= \sigma(W x + U h + b) \text{ each with weights of its own} \\
        g &= \tanh(W x + U h + b) \\
        c' &= f \odot c + i \odot g, \quad h' = o \odot \tanh(c')

    Parameters
    ----------
    x : Tensor or ndarray of shape (N, I)
    h, c : Tensor or ndarray of shape (N, H)
    weight_ih : Tensor or ndarray of shape (4H, I)
        The rows of the gates i, f, g, o, in PyTorch's order.
    weight_hh : Tensor or ndarray of shape (4H, H)
    bias_ih, bias_hh : Tensor or ndarray of shape (4H,), optional

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (2, N, H): ``h, c = lstm_cell(...)``

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; the forget
    gate is from Gers, Schmidhuber and Cummins, "Learning to Forget", 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor, lstm_cell
    >>> x, h, c = Tensor(np.ones((5, 3))), np.zeros((5, 2)), np.ones((5, 2))
    >>> h, c = lstm_cell(x, h, c, np.zeros((8, 3)), np.zeros((8, 2)))  # all gates half open
    >>> h.shape, c[0].numpy()
    ((5, 2), array([0.5, 0.5]))
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    _check("lstm_cell", x, 4, weights, h, c)
    out, saved = _lstm(x[None], h, c, weights)
    return out[:, 0], saved


@op(
    vjp=_LSTM_RULES,
    latex=r"h_t, c_t = \operatorname{{lstm}}({0}_t, h_{{t-1}}, c_{{t-1}})",
    kind="other",
    shared=lambda g, out, saved, x, h, c, weight_ih, weight_hh, *_: _lstm_back(g, saved, weight_hh),
    reference=_lstm_reference,
    flops=_flops(gates=4, elementwise=60),
)
def lstm(
    x: Array,
    h: Array,
    c: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
) -> tuple[Array, Any]:
    r"""Return the hidden and the cell states of an LSTM over a sequence: `lstm_cell` in a loop.

    .. math:: c_t = f_t \odot c_{t-1} + i_t \odot g_t, \quad h_t = o_t \odot \tanh(c_t)

    From one cell state back to the one before, the direct way multiplies the gradient by the forget
    gate: near 1 it lasts over many steps, at 1/2, where a bias of 0 begins, it halves with each.

    Parameters
    ----------
    x : Tensor or ndarray of shape (T, N, I)
    h, c : Tensor or ndarray of shape (N, H)
        The states before the first step.
    weight_ih : Tensor or ndarray of shape (4H, I)
        The rows of the gates i, f, g, o, in PyTorch's order.
    weight_hh : Tensor or ndarray of shape (4H, H)
    bias_ih, bias_hh : Tensor or ndarray of shape (4H,), optional

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (2, T, N, H)
        The hidden states, and the cell states: ``h, c = lstm(...)``.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; the forget
    gate is from Gers, Schmidhuber and Cummins, "Learning to Forget", 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor, lstm
    >>> x, h, c = Tensor(np.ones((4, 5, 3))), np.zeros((5, 2)), np.ones((5, 2))
    >>> h, c = lstm(x, h, c, np.zeros((8, 3)), np.zeros((8, 2)))  # all gates half open
    >>> h.shape, c[:, 0, 0].numpy()
    ((4, 5, 2), array([0.5   , 0.25  , 0.125 , 0.0625]))
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    _check("lstm", x, 4, weights, h, c)
    return _lstm(x, h, c, weights)


# The GRU


def _gru_cell_reference(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
) -> Array:
    x_r, x_z, x_n = split(linear(x, weight_ih, bias_ih), 3, axis=-1)
    h_r, h_z, h_n = split(linear(h, weight_hh, bias_hh), 3, axis=-1)
    z = sigmoid(x_z + h_z)
    return (1 - z) * tanh(x_n + sigmoid(x_r + h_r) * h_n) + z * h


def _gru_reference(x: Array, h: Array, *weights: Array) -> Array:
    steps = []
    for t in range(len(x)):
        h = gru_cell(x[t], h, *weights)
        steps.append(h)
    return stack(steps)


def _gru(x: Array, h: Array, weights: tuple[Array, ...]) -> tuple[Array, Any]:
    weight, seen, states = _joined(x, h, weights, gates=3, sigmoids=[0, 1])
    gates = _aligned((len(x), 4, *h.shape), states.dtype)  # and what r acts on
    out = np.empty((len(x), *h.shape), states.dtype)
    middle = h.shape[1] + 1  # h and the 1 of bias_hh stand before it, that of bias_ih and x after
    for t in range(len(x)):
        r, z, new, product = gates[t]
        both = np.matmul(seen[t], weight[:2], out=gates[t, :2])
        np.matmul(seen[t, :, :middle], weight[2, :middle], out=product)
        np.matmul(seen[t, :, middle:], weight[2, middle:], out=new)
        np.tanh(both, out=both)
        _sigmoid(both)
        new += r * product
        np.tanh(new, out=new)
        h = np.multiply(states[t] - new, z, out=out[t])  # new + z (h - new)
        h += new
        states[t + 1] = h
    return out, (gates, seen, states)


def _gru_back(g: Array, saved: Any, weight_hh: Array) -> _Pulled:
    gates, seen, states = saved
    (steps, _, *shape), dtype = gates.shape, gates.dtype
    weight = _aligned_copy(np.roll(_by_gate(weight_hh, 3), 1, axis=0))
    d = _aligned((steps, shape[0], 4, shape[1]), dtype)
    # of the sum in tanh, d_new; of what r scales in it, d_product: h adds that, x the rest
    d_product, d_r, d_z, d_new = dz = _aligned((4, *shape), dtype)
    dh = np.zeros(shape, dtype)
    for t in reversed(range(steps)):
        r, z, new, product = gates[t]
        dh += g[t]
        np.multiply(dh * (1 - z), 1 - new * new, out=d_new)
        np.multiply(d_new, r, out=d_product)
        np.multiply(d_new * product, r * (1 - r), out=d_r)
        np.multiply(dh * (states[t] - new), z * (1 - z), out=d_z)
        d[t] = dz.swapaxes(0, 1)
        dh *= z
        dh += np.matmul(dz[:3], weight).sum(axis=0)
    units, middle = shape[1], shape[1] + 1  # as on the way there
    inputs, hidden, rows = _rows(d[:, :, 1:]), _rows(d[:, :, :3]), _rows(seen[:-1])
    of_hidden = np.roll(hidden.T @ rows[:, :middle], -units, axis=0)
    of_inputs = inputs.T @ rows[:, middle:]
    return _Pulled(inputs, np.concatenate((of_hidden, of_inputs), axis=1), dh)


@op(
    vjp=_RULES,
    latex=r"\operatorname{{gru}}({0}, {1})",
    kind="other",
    shared=lambda g, out, saved, x, h, weight_ih, weight_hh, *_: _gru_back(
        g[None], saved, weight_hh
    ),
    reference=_gru_cell_reference,
    flops=_flops(gates=3, elementwise=40),
)
def gru_cell(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
) -> tuple[Array, Any]:
    r"""Return the hidden state after one step of a GRU.

    .. math::
        r, z &= \sigma(W x + U h + b) \text{ each with weights of its own} \\
        n &= \tanh(W_n x + b_{in} + r \odot (U_n h + b_{hn})) \\
        h' &= (1 - z) \odot n + z \odot h

    As in PyTorch, z keeps the old state, and r acts after the product with the hidden state; in the
    paper it acts before it.

    Parameters
    ----------
    x : Tensor or ndarray of shape (N, I)
    h : Tensor or ndarray of shape (N, H)
    weight_ih : Tensor or ndarray of shape (3H, I)
        The rows of r, z, n, in PyTorch's order.
    weight_hh : Tensor or ndarray of shape (3H, H)
    bias_ih, bias_hh : Tensor or ndarray of shape (3H,), optional

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (N, H)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    Translation", 2014, arXiv:1406.1078, section 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor, gru_cell
    >>> x, h = Tensor(np.ones((5, 3))), np.ones((5, 2))
    >>> gru_cell(x, h, np.zeros((6, 3)), np.zeros((6, 2)))[0].numpy()  # all gates half open
    array([0.5, 0.5])
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    _check("gru_cell", x, 3, weights, h)
    out, saved = _gru(x[None], h, weights)
    return out[0], saved


@op(
    vjp=_RULES,
    latex=r"h_t = \operatorname{{gru}}({0}_t, h_{{t-1}})",
    kind="other",
    shared=lambda g, out, saved, x, h, weight_ih, weight_hh, *_: _gru_back(g, saved, weight_hh),
    reference=_gru_reference,
    flops=_flops(gates=3, elementwise=40),
)
def gru(
    x: Array,
    h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array = None,
    bias_hh: Array = None,
) -> tuple[Array, Any]:
    r"""Return the hidden states of a GRU over a sequence: `gru_cell` in a loop.

    .. math:: h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    Parameters
    ----------
    x : Tensor or ndarray of shape (T, N, I)
    h : Tensor or ndarray of shape (N, H)
        The state before the first step.
    weight_ih : Tensor or ndarray of shape (3H, I)
        The rows of r, z, n, in PyTorch's order.
    weight_hh : Tensor or ndarray of shape (3H, H)
    bias_ih, bias_hh : Tensor or ndarray of shape (3H,), optional

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (T, N, H)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    Translation", 2014, arXiv:1406.1078, section 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor, gru
    >>> x, h = Tensor(np.ones((3, 5, 3))), np.ones((5, 2))
    >>> gru(x, h, np.zeros((6, 3)), np.zeros((6, 2)))[:, 0, 0].numpy()  # all gates half open
    array([0.5  , 0.25 , 0.125])
    """
    weights = (weight_ih, weight_hh, bias_ih, bias_hh)
    _check("gru", x, 3, weights, h)
    return _gru(x, h, weights)
