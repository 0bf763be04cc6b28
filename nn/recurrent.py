r"""Recurrent layers: what they carry from step to step is a state. PyTorch's names and layouts.

A layer runs whole sequences, each layer and direction as one op of the engine (`autograd.rnn`,
`lstm`, `gru`); a cell runs one step. T steps, N sequences in a batch, I features of the input, H
units, L layers, D directions.

How the weights begin, in layers and cells alike:

=========== ==================================================================================
weight_ih   `init.lecun_normal_`, so that an input of variance 1 gives sums of variance 1
weight_hh   an orthogonal matrix for each gate: it neither shrinks nor stretches a state, so that
            what becomes of a gradient over time is up to activations and gates
biases      zeros, but the forget gate of an LSTM, whose bias is 1
=========== ==================================================================================

PyTorch draws everything from :math:`U(-1/\sqrt{H}, 1/\sqrt{H})`. There an LSTM's forget gate
begins near 1/2, which halves the gradient of the cell state with every step.

References
----------
Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
neural networks", 2013, arXiv:1312.6120. Jozefowicz, Zaremba and Sutskever, "An Empirical
Exploration of Recurrent Network Architectures", 2015, on the bias of the forget gate, which is due
to Gers, Schmidhuber and Cummins, "Learning to Forget", 2000.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

import autograd as ag
from autograd import Tensor, as_tensor
from nn import functional as F
from nn import init
from nn.functional import check_dropout
from nn.module import Module, Parameter
from nn.random import generator

Rng = np.random.Generator | int | None


class _Recurrent(Module):
    """What layers and cells have in common: sizes, weights, and states that may be left out."""

    gates: ClassVar[int] = 1
    states: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        if min(input_size, hidden_size) < 1:
            raise ValueError(
                f"{type(self).__name__}: {input_size} features and {hidden_size} units; pass "
                "sizes of 1 or more"
            )
        self.input_size = input_size
        self.hidden_size = hidden_size

    def _add_weights(
        self, suffix: str, features: int, bias: bool, dtype: DTypeLike, rng: np.random.Generator
    ) -> None:
        """Make the parameters of one layer in one direction, and draw them."""
        units, rows = self.hidden_size, self.gates * self.hidden_size
        weight_ih = Parameter(np.empty((rows, features), dtype))
        weight_hh = Parameter(np.empty((rows, units), dtype))
        init.lecun_normal_(weight_ih, rng=rng)
        for gate in np.split(weight_hh.data, self.gates):
            init.orthogonal_(as_tensor(gate), rng=rng)
        setattr(self, f"weight_ih{suffix}", weight_ih)
        setattr(self, f"weight_hh{suffix}", weight_hh)
        if bias:
            setattr(self, f"bias_ih{suffix}", Parameter(np.zeros(rows, dtype)))
            setattr(self, f"bias_hh{suffix}", Parameter(np.zeros(rows, dtype)))

    def _weights(self, suffix: str) -> list[Parameter]:
        names = (f"{name}{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        return [getattr(self, name) for name in names if hasattr(self, name)]

    def _refuse_input(self, x: Tensor, form: str) -> None:
        raise ValueError(
            f"{type(self).__name__}: the input has shape {x.shape}; pass {form}, with "
            f"{self.input_size} features"
        )

    def _given(self, hx: Any, shape: tuple[int, ...], dtype: Any) -> list[Any]:
        """Return the first states, each of `shape`: those given, or zeros."""
        if hx is None:
            return [np.zeros(shape, dtype)] * len(self.states)
        given = [hx] if len(self.states) == 1 else hx
        if isinstance(given, Tensor) or len(given) != len(self.states):
            raise TypeError(
                f"{type(self).__name__}: the state is a {type(hx).__name__}; pass the pair (h, c)"
            )
        for name, state in zip(self.states, given, strict=True):
            if not isinstance(state, Tensor | np.ndarray):
                raise TypeError(
                    f"{type(self).__name__}: the state {name} is a {type(state).__name__}; pass a "
                    "Tensor"
                )
            if state.shape != shape:
                raise ValueError(
                    f"{type(self).__name__}: the state {name} has shape {state.shape}, but this "
                    f"input and these layers need {shape}"
                )
        return list(given)


# Cells


class _Cell(_Recurrent):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self._add_weights("", input_size, bias, dtype, generator(rng))

    def _step(self, x: Tensor, *states: Any) -> Tensor:
        """Run one step of a batch."""
        raise NotImplementedError

    def _run(self, x: Tensor, hx: Any) -> Tensor:
        """Return the state or states after a step, of a batch or of one example."""
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            self._refuse_input(x, "(batch, features) or (features,)")
        states = self._given(hx, (*x.shape[:-1], self.hidden_size), x.dtype)
        if x.ndim == 2:
            return self._step(x, *states)
        return self._step(x[None], *(state[None] for state in states))[..., 0, :]

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.input_size}, {self.hidden_size}, bias={hasattr(self, 'bias_ih')}"


class RNNCell(_Cell):
    r"""One step of a plain recurrent network.

    .. math:: h' = \tanh(W_{ih} x + b_{ih} + W_{hh} h + b_{hh})

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool, default=True
    nonlinearity : {'tanh', 'relu'}, default='tanh'
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights, as `nn.recurrent` says.

    Attributes
    ----------
    weight_ih : Parameter of shape (H, I)
    weight_hh : Parameter of shape (H, H)
    bias_ih, bias_hh : Parameter of shape (H,), if there is a bias

    Raises
    ------
    ValueError
        If a size is below 1 or the nonlinearity has no such name; when called, if shapes do not
        fit.

    Examples
    --------
    >>> cell = RNNCell(3, 4, rng=0)
    >>> h = None
    >>> for x in Tensor(np.ones((6, 5, 3), np.float32)):  # 6 steps of 5 sequences
    ...     h = cell(x, h)
    >>> h.shape
    (5, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype=dtype, rng=rng)
        self.nonlinearity = _known("RNNCell", nonlinearity)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return h' of shape (N, H), for x of (N, I) and h of (N, H) or None: zeros; N may lack."""
        return self._run(x, hx)

    def _step(self, x: Tensor, *states: Any) -> Tensor:
        return ag.rnn_cell(x, *states, *self._weights(""), nonlinearity=self.nonlinearity)  # type: ignore[no-any-return]


class LSTMCell(_Cell):
    r"""One step of an LSTM.

    .. math::
        c' = f \odot c + i \odot g, \quad h' = o \odot \tanh(c')

    with the gates of `autograd.lstm_cell`.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool, default=True
    forget_bias : float, default=1
        What the bias of the forget gate begins as, if there is a bias: at b, a cell state keeps the
        share sigmoid(b) of itself at each step.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights, as `nn.recurrent` says.

    Attributes
    ----------
    weight_ih : Parameter of shape (4H, I)
        The gates i, f, g, o below one another.
    weight_hh : Parameter of shape (4H, H)
    bias_ih, bias_hh : Parameter of shape (4H,), if there is a bias

    Raises
    ------
    ValueError
        If a size is below 1; when called, if shapes do not fit.
    TypeError
        When called, if the state is not a pair.

    Examples
    --------
    >>> cell = LSTMCell(3, 4, rng=0)
    >>> states = None
    >>> for x in Tensor(np.ones((6, 5, 3), np.float32)):  # 6 steps of 5 sequences
    ...     states = cell(x, states)
    >>> h, c = states
    >>> h.shape
    (5, 4)
    """

    gates = 4
    states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        forget_bias: float = 1.0,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, dtype=dtype, rng=rng)
        _set_forget_bias(self, forget_bias)

    def forward(self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Return (h', c'), each (N, H), for x of (N, I) and (h, c) or None: zeros; N may lack."""
        h, c = self._run(x, hx)
        return h, c

    def _step(self, x: Tensor, *states: Any) -> Tensor:
        return ag.lstm_cell(x, *states, *self._weights(""))  # type: ignore[no-any-return]


class GRUCell(_Cell):
    r"""One step of a GRU.

    .. math:: h' = (1 - z) \odot n + z \odot h

    with the gates of `autograd.gru_cell`.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    bias : bool, default=True
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights, as `nn.recurrent` says.

    Attributes
    ----------
    weight_ih : Parameter of shape (3H, I)
        The gates r, z, n below one another.
    weight_hh : Parameter of shape (3H, H)
    bias_ih, bias_hh : Parameter of shape (3H,), if there is a bias

    Raises
    ------
    ValueError
        If a size is below 1; when called, if shapes do not fit.

    Examples
    --------
    >>> cell = GRUCell(3, 4, rng=0)
    >>> cell(Tensor(np.ones((5, 3), np.float32))).shape
    (5, 4)
    """

    gates = 3

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return h' of shape (N, H), for x of (N, I) and h of (N, H) or None: zeros; N may lack."""
        return self._run(x, hx)

    def _step(self, x: Tensor, *states: Any) -> Tensor:
        return ag.gru_cell(x, *states, *self._weights(""))  # type: ignore[no-any-return]


def _known(where: str, nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{where}: nonlinearity is {nonlinearity!r}; it is 'tanh' or 'relu'")
    return nonlinearity


def _set_forget_bias(module: _Recurrent, value: float) -> None:
    """Fill the forget gate's part of one of the two biases that are added."""
    units = module.hidden_size
    for name, p in module.named_parameters():
        if name.startswith("bias_ih"):
            p.data[units : 2 * units] = value


# Layers


class _Layers(_Recurrent):
    """Layers of one recurrence, each of which runs over the whole sequence before the next."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        name = type(self).__name__
        if num_layers < 1:
            raise ValueError(f"{name}: num_layers is {num_layers}; pass 1 or more")
        check_dropout(name, dropout, "dropout")
        if dropout and num_layers == 1:
            raise ValueError(
                f"{name}: dropout acts between layers, and there is one; pass dropout=0 or "
                "num_layers=2 or more"
            )
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        rng = generator(rng)
        for layer in range(num_layers):
            features = hidden_size * len(self._directions) if layer else input_size
            for direction in self._directions:
                self._add_weights(f"_l{layer}{direction}", features, bias, dtype, rng)

    @property
    def _directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _sequence(self, x: Tensor, states: list[Any], weights: list[Parameter]) -> list[Tensor]:
        """Return the states of all steps of one layer in one direction, each (T, N, H)."""
        raise NotImplementedError

    def _run(self, x: Tensor, hx: Any) -> tuple[Tensor, list[Tensor]]:
        """Return the output, and the last states of each layer and direction, as PyTorch does."""
        batched, time = x.ndim == 3, 1 if x.ndim == 3 and self.batch_first else 0
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size or x.shape[time] == 0:
            form = "(batch, steps, features)" if self.batch_first else "(steps, batch, features)"
            self._refuse_input(x, f"{form} or (steps, features), one step or more")
        if time:
            x = x.swapaxes(0, 1)
        rows = self.num_layers * len(self._directions)
        shape = (rows, *x.shape[1:-1], self.hidden_size)
        first = self._given(hx, shape, x.dtype)
        if not batched:
            x, first = x[:, None], [state[:, None] for state in first]

        last: list[list[Tensor]] = []
        for layer in range(self.num_layers):
            if layer:
                x = F.dropout(x, self.dropout, self.training)
            outs = []
            for direction in self._directions:
                own = [state[len(last)] for state in first]
                steps = x[::-1] if direction else x
                states = self._sequence(steps, own, self._weights(f"_l{layer}{direction}"))
                last.append([state[-1] for state in states])
                outs.append(states[0][::-1] if direction else states[0])
            x = ag.concatenate(outs, axis=-1) if len(outs) > 1 else outs[0]

        final = [ag.stack(states) for states in zip(*last, strict=True)]
        if not batched:
            return x[:, 0], [state[:, 0] for state in final]
        return (x.swapaxes(0, 1) if time else x), final

    def extra_repr(self) -> str:
        """Return the sizes, and what is not as it is by default."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.num_layers > 1:
            parts.append(f"num_layers={self.num_layers}")
        if not hasattr(self, "bias_ih_l0"):
            parts.append("bias=False")
        parts += [
            f"{name}=True" for name in ("batch_first", "bidirectional") if getattr(self, name)
        ]
        if self.dropout:
            parts.append(f"dropout={self.dropout}")
        return ", ".join(parts)


class RNN(_Layers):
    r"""A plain recurrent network over a sequence, in one or more layers.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    Going back one step multiplies a gradient by :math:`W_{hh}^T \mathrm{diag}(\tanh')`: over many
    steps it fades where that shrinks it, and explodes where that stretches it. Gates help, see
    `LSTM` and `GRU`; against explosions there is `nn.utils.clip_grad_norm_`.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    num_layers : int, default=1
        L; each layer above the first takes the output of the one below.
    nonlinearity : {'tanh', 'relu'}, default='tanh'
    bias : bool, default=True
    batch_first : bool, default=False
        Whether input and output have the axes (N, T, ...) in place of (T, N, ...). States are
        not concerned.
    dropout : float, default=0
        The share of the values between two layers that is dropped in training; drawn from the
        default Generator.
    bidirectional : bool, default=False
        Whether each layer also runs from the end to the start, with weights of its own, whose
        names end in ``_reverse``; its output stands behind that of the other. D = 2 then, else 1.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights, as `nn.recurrent` says.

    Attributes
    ----------
    weight_ih_l0, weight_ih_l1, ... : Parameter of shape (H, I), above the first layer (H, D * H)
    weight_hh_l0, ... : Parameter of shape (H, H)
    bias_ih_l0, bias_hh_l0, ... : Parameter of shape (H,), if there is a bias

    Raises
    ------
    ValueError
        If a size is below 1, `dropout` is not a share or has no place to act, or the nonlinearity
        has no such name; when called, if shapes do not fit.
    TypeError
        When called, if the state is no tensor.

    Examples
    --------
    >>> x = Tensor(np.ones((7, 5, 3), np.float32))  # 7 steps of 5 sequences
    >>> out, h = RNN(3, 4, num_layers=2, rng=0)(x)
    >>> out.shape, h.shape
    ((7, 5, 4), (2, 5, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, dtype=dtype, rng=rng)
        self.nonlinearity = _known("RNN", nonlinearity)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over a sequence.

        Parameters
        ----------
        x : Tensor of shape (T, N, I); (N, T, I) with `batch_first`; (T, I) without a batch
        hx : Tensor of shape (L * D, N, H), or (L * D, H) without a batch, optional
            The states before the first step; zeros if None.

        Returns
        -------
        out : Tensor of shape (T, N, D * H), with the axes that x has
            The states of the last layer at all steps.
        h : Tensor of the shape of `hx`
            The states of all layers after the last step of each direction.
        """
        out, (h,) = self._run(x, hx)
        return out, h

    def extra_repr(self) -> str:
        """Return the sizes, and what is not as it is by default."""
        shown = super().extra_repr()
        return shown if self.nonlinearity == "tanh" else f"{shown}, nonlinearity=relu"

    def _sequence(self, x: Tensor, states: list[Any], weights: list[Parameter]) -> list[Tensor]:
        return [ag.rnn(x, *states, *weights, nonlinearity=self.nonlinearity)]


class LSTM(_Layers):
    r"""Long short-term memory over a sequence, in one or more layers.

    .. math::
        i_t, f_t, o_t &= \sigma(W x_t + U h_{t-1} + b) \text{ each with weights of its own} \\
        g_t &= \tanh(W x_t + U h_{t-1} + b) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t, \quad h_t = o_t \odot \tanh(c_t)

    The cell state c is passed on by a product with the forget gate: as long as that is near 1, a
    gradient lasts. It depends on the gate's bias: sigmoid(1) = 0.73 keeps a tenth over 7 steps,
    sigmoid(3) = 0.95 over 47.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    num_layers : int, default=1
        L; each layer above the first takes the output of the one below.
    bias : bool, default=True
    batch_first : bool, default=False
        Whether input and output have the axes (N, T, ...) in place of (T, N, ...). States are
        not concerned.
    dropout : float, default=0
        The share of the values between two layers that is dropped in training; drawn from the
        default Generator.
    bidirectional : bool, default=False
        Whether each layer also runs from the end to the start, with weights of its own, whose
        names end in ``_reverse``; its output stands behind that of the other. D = 2 then, else 1.
    forget_bias : float, default=1
        What the biases of the forget gates begin as, if there are biases.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights, as `nn.recurrent` says.

    Attributes
    ----------
    weight_ih_l0, weight_ih_l1, ... : Parameter of shape (4H, I), above the first layer (4H, D * H)
        The gates i, f, g, o below one another.
    weight_hh_l0, ... : Parameter of shape (4H, H)
    bias_ih_l0, bias_hh_l0, ... : Parameter of shape (4H,), if there is a bias

    Raises
    ------
    ValueError
        If a size is below 1, or `dropout` is not a share or has no place to act; when called, if
        shapes do not fit.
    TypeError
        When called, if the state is not a pair.

    References
    ----------
    Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; the forget
    gate is from Gers, Schmidhuber and Cummins, "Learning to Forget", 2000.

    Examples
    --------
    >>> x = Tensor(np.ones((5, 7, 3), np.float32))  # 5 sequences of 7 steps
    >>> out, (h, c) = LSTM(3, 4, batch_first=True, bidirectional=True, rng=0)(x)
    >>> out.shape, h.shape, c.shape
    ((5, 7, 8), (2, 5, 4), (2, 5, 4))
    """

    gates = 4
    states = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        forget_bias: float = 1.0,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, dtype=dtype, rng=rng)
        _set_forget_bias(self, forget_bias)

    def forward(
        self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run over a sequence.

        Parameters
        ----------
        x : Tensor of shape (T, N, I); (N, T, I) with `batch_first`; (T, I) without a batch
        hx : tuple of two Tensors of shape (L * D, N, H), or (L * D, H) without a batch, optional
            The hidden and the cell states before the first step; zeros if None.

        Returns
        -------
        out : Tensor of shape (T, N, D * H), with the axes that x has
            The hidden states of the last layer at all steps.
        (h, c) : Tensors of the shapes of `hx`
            The states of all layers after the last step of each direction.
        """
        out, (h, c) = self._run(x, hx)
        return out, (h, c)

    def _sequence(self, x: Tensor, states: list[Any], weights: list[Parameter]) -> list[Tensor]:
        return list(ag.lstm(x, *states, *weights))


class GRU(_Layers):
    r"""Gated recurrent units over a sequence, in one or more layers.

    .. math::
        r_t, z_t &= \sigma(W x_t + U h_{t-1} + b) \text{ each with weights of its own} \\
        n_t &= \tanh(W_n x_t + b_{in} + r_t \odot (U_n h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    As in PyTorch, z keeps the old state, and r acts after the product with the hidden state.

    Parameters
    ----------
    input_size, hidden_size : int
        I and H.
    num_layers : int, default=1
        L; each layer above the first takes the output of the one below.
    bias : bool, default=True
    batch_first : bool, default=False
        Whether input and output have the axes (N, T, ...) in place of (T, N, ...). States are
        not concerned.
    dropout : float, default=0
        The share of the values between two layers that is dropped in training; drawn from the
        default Generator.
    bidirectional : bool, default=False
        Whether each layer also runs from the end to the start, with weights of its own, whose
        names end in ``_reverse``; its output stands behind that of the other. D = 2 then, else 1.
    dtype : numpy dtype, default=numpy.float32
    rng : numpy.random.Generator, int or None, default=None
        Draws the weights, as `nn.recurrent` says.

    Attributes
    ----------
    weight_ih_l0, weight_ih_l1, ... : Parameter of shape (3H, I), above the first layer (3H, D * H)
        The gates r, z, n below one another.
    weight_hh_l0, ... : Parameter of shape (3H, H)
    bias_ih_l0, bias_hh_l0, ... : Parameter of shape (3H,), if there is a bias

    Raises
    ------
    ValueError
        If a size is below 1, or `dropout` is not a share or has no place to act; when called, if
        shapes do not fit.
    TypeError
        When called, if the state is no tensor.

    References
    ----------
    Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    Translation", 2014, arXiv:1406.1078, section 2.3.

    Examples
    --------
    >>> x = Tensor(np.ones((7, 3), np.float32))  # 7 steps of one sequence
    >>> out, h = GRU(3, 4, rng=0)(x)
    >>> out.shape, h.shape
    ((7, 4), (1, 4))
    """

    gates = 3

    def forward(self, x: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over a sequence.

        Parameters
        ----------
        x : Tensor of shape (T, N, I); (N, T, I) with `batch_first`; (T, I) without a batch
        hx : Tensor of shape (L * D, N, H), or (L * D, H) without a batch, optional
            The states before the first step; zeros if None.

        Returns
        -------
        out : Tensor of shape (T, N, D * H), with the axes that x has
            The states of the last layer at all steps.
        h : Tensor of the shape of `hx`
            The states of all layers after the last step of each direction.
        """
        out, (h,) = self._run(x, hx)
        return out, h

    def _sequence(self, x: Tensor, states: list[Any], weights: list[Parameter]) -> list[Tensor]:
        return [ag.gru(x, *states, *weights)]
