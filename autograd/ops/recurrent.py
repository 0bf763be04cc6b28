"""Recurrent networks, a step at a time or a whole sequence at once: RNN, LSTM and GRU.

A step is `rnn_cell`, `lstm_cell` or `gru_cell`, and the loop over it is the reference of `rnn`,
`lstm` and `gru`. Those multiply the inputs of all steps by their weights in one product before
their loop, and collect the gradient of the weights in one product after the loop back, so that
the loops are left with what one step hands to the next.

T steps, N sequences in a batch, I features of the input, H units; K gates, which PyTorch stacks in
the rows of a weight: 1, 4 in the LSTM, 3 in the GRU. Inside, the gates come first, (K, T, N, H), so
that the values of a gate at a step are one block of memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..op import Array, Rule, op
from .elementwise import relu, sigmoid, tanh
from .fused import linear
from .linalg import rows
from .shape import split, stack

__all__ = [
    "gru",
    "gru_cell",
    "lstm",
    "lstm_cell",
    "rnn",
    "rnn_cell",
]


class _Pulled(NamedTuple):
    """What came back through time, and what the rules multiply it by."""

    inputs: Array  # (K, T * N, H), the gradient of weight_ih x + bias_ih
    hidden: Array  # (K, T * N, H), that of weight_hh h + bias_hh: another where a gate acts on it
    before: Array  # (T * N, H), the hidden state that each step started from
    h: Array  # (N, H), the gradient of the first hidden state
    c: Array = None


_WEIGHT_RULES: tuple[Rule, ...] = (
    lambda d, out, x, *_, **__: rows(d.inputs.swapaxes(1, 2) @ rows(x)),
    lambda d, out, *_, **__: rows(d.hidden.swapaxes(1, 2) @ d.before),
    lambda d, out, *_, **__: d.inputs.sum(axis=1).ravel(),
    lambda d, out, *_, **__: d.hidden.sum(axis=1).ravel(),
)
_RULES: tuple[Rule, ...] = (
    lambda d, out, x, h, weight_ih, *_, **__: _back(d.inputs, weight_ih).reshape(x.shape),
    lambda d, out, *_, **__: d.h,
    *_WEIGHT_RULES,
)
_LSTM_RULES: tuple[Rule, ...] = (
    lambda d, out, x, h, c, weight_ih, *_: _back(d.inputs, weight_ih).reshape(x.shape),
    lambda d, out, *_: d.h,
    lambda d, out, *_: d.c,
    *_WEIGHT_RULES,
)


def _by_gate(weight: Array, gates: int) -> Array:
    """Return the transposed weight of each gate by itself: (K * H, I) -> (K, I, H)."""
    blocks = weight.reshape(gates, len(weight) // gates, weight.shape[1])
    return blocks.swapaxes(1, 2).copy()  # BLAS takes it twice as fast as it would a view


def _project(x: Array, gates: int, weight: Array, *biases: Array | None) -> Array:
    """Return weight x + biases for all steps at once: (T, N, I) -> (K, T, N, H)."""
    z = rows(x) @ _by_gate(weight, gates)
    given = [bias for bias in biases if bias is not None]
    if given:
        z += sum(given).reshape(gates, 1, z.shape[-1])
    return z.reshape(gates, *x.shape[:2], z.shape[-1])


def _back(d: Array, weight: Array) -> Array:
    """Return the gradient of x, given that of weight x: (K, N, H) -> (N, I)."""
    gates, _, units = d.shape
    return (d @ weight.reshape(gates, units, weight.shape[1])).sum(axis=0)


def _flat(d: Array) -> Array:
    """Lay all steps in a row: (K, T, N, H) -> (K, T * N, H)."""
    gates, steps, n, units = d.shape
    return d.reshape(gates, steps * n, units)


def _room(first: Array, like: Array) -> Array:
    """Return an array for the states of all steps, behind the first: (T + 1, N, H)."""
    states = np.empty((len(like) + 1, *first.shape), like.dtype)
    states[0] = first
    return states


def _sigmoid(z: Array) -> None:
    """Replace z by sigmoid(z) = (1 + tanh(z / 2)) / 2."""
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


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
    weight_ih, weight_hh, *biases = weights
    (sums,) = _project(x, 1, weight_ih, *biases)
    (hidden,) = _by_gate(weight_hh, 1)
    states = _room(h, sums)
    for t, z in enumerate(sums):
        z += states[t] @ hidden
        if nonlinearity == "tanh":
            np.tanh(z, out=states[t + 1])
        else:
            np.maximum(z, 0, out=states[t + 1])
    return states[1:].copy(), states


def _rnn_back(g: Array, states: Array, weight_hh: Array, nonlinearity: str) -> _Pulled:
    after = states[1:]
    d = 1 - after * after if nonlinearity == "tanh" else (after > 0).astype(after.dtype)
    dh = np.zeros_like(after[0])
    for t in reversed(range(len(d))):
        dh += g[t]
        d[t] *= dh
        dh = d[t] @ weight_hh
    d = _flat(d[None])
    return _Pulled(d, d, rows(states[:-1]), dh)


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
    weight_ih, weight_hh, *biases = weights
    gates = _project(x, 4, weight_ih, *biases)
    hidden = _by_gate(weight_hh, 4)
    hs, cs = _room(h, gates[0]), _room(c, gates[0])
    for t in range(len(x)):
        sums = gates[:, t]
        sums += hs[t] @ hidden
        i, f, g, o = sums
        _sigmoid(sums[:2])
        np.tanh(g, out=g)
        _sigmoid(o)
        c = np.multiply(f, cs[t], out=cs[t + 1])
        c += i * g
        np.multiply(o, np.tanh(c), out=hs[t + 1])
    return np.stack((hs[1:], cs[1:])), (gates, hs, cs)


def _lstm_back(g: Array, saved: Any, weight_hh: Array) -> _Pulled:
    gates, hs, cs = saved
    d = np.empty_like(gates)
    dh, dc = np.zeros_like(hs[0]), np.zeros_like(cs[0])
    for t in reversed(range(gates.shape[1])):
        i, f, new, o = gates[:, t]
        squashed = np.tanh(cs[t + 1])
        dh += g[0, t]
        dc += g[1, t]
        dc += dh * o * (1 - squashed * squashed)
        sums = d[:, t]
        np.multiply(dc * new, i * (1 - i), out=sums[0])
        np.multiply(dc * cs[t], f * (1 - f), out=sums[1])
        np.multiply(dc * i, 1 - new * new, out=sums[2])
        np.multiply(dh * squashed, o * (1 - o), out=sums[3])
        dc *= f
        dh = _back(sums, weight_hh)
    d = _flat(d)
    return _Pulled(d, d, rows(hs[:-1]), dh, dc)


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
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    gates = _project(x, 3, weight_ih, bias_ih)
    hidden = _by_gate(weight_hh, 3)
    bias = 0 if bias_hh is None else bias_hh.reshape(3, 1, h.shape[1])
    products = np.empty_like(gates[0])
    states = _room(h, products)
    for t in range(len(x)):
        h, (r, z, new) = states[t], gates[:, t]
        sums = h @ hidden
        sums += bias
        products[t] = sums[2]
        gates[:2, t] += sums[:2]
        _sigmoid(gates[:2, t])
        new += r * sums[2]
        np.tanh(new, out=new)
        h = np.multiply(h - new, z, out=states[t + 1])  # (1 - z) new + z h = new + z (h - new)
        h += new
    return states[1:].copy(), (gates, states, products)


def _gru_back(g: Array, saved: Any, weight_hh: Array) -> _Pulled:
    gates, states, products = saved
    d = np.empty_like(gates)
    d_new = np.empty_like(products)  # of the sum in tanh, where r scales what the state adds
    dh = np.zeros_like(states[0])
    for t in reversed(range(len(products))):
        r, z, new = gates[:, t]
        dh += g[t]
        sums = d[:, t]
        np.multiply(dh * (1 - z), 1 - new * new, out=d_new[t])
        np.multiply(d_new[t] * products[t], r * (1 - r), out=sums[0])
        np.multiply(dh * (states[t] - new), z * (1 - z), out=sums[1])
        np.multiply(d_new[t], r, out=sums[2])
        dh = dh * z + _back(sums, weight_hh)
    inputs = np.stack((d[0], d[1], d_new))
    return _Pulled(_flat(inputs), _flat(d), rows(states[:-1]), dh)


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
