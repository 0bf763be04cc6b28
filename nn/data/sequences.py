"""Two tasks that ask for one thing only: to remember over many steps."""

import numpy as np

from nn.data.loader import TensorDataset
from nn.random import generator


def adding_problem(
    n: int, length: int, *, rng: np.random.Generator | int | None = None
) -> TensorDataset:
    r"""Make sequences of numbers of which two are marked: what is their sum?

    The first mark is in the first half and the second in the second, so that something has to be
    kept over `length` / 2 steps on average. To answer 1 whatever comes has a mean squared error of
    1/6, the variance of the sum of two uniform numbers.

    Parameters
    ----------
    n : int
        How many sequences.
    length : int, 2 or more
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    TensorDataset
        x: float32, of shape (n, length, 2), numbers from U(0, 1) and marks 0 or 1. y: float32, of
        shape (n, 1).

    Raises
    ------
    ValueError
        If `n` is below 1 or `length` below 2.

    References
    ----------
    Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, section 5.4. The form used here:
    Arjovsky, Shah and Bengio, "Unitary Evolution Recurrent Neural Networks", 2016,
    arXiv:1511.06464, section 5.2.

    Examples
    --------
    >>> x, y = adding_problem(3, 50, rng=0).arrays
    >>> x.shape, y.shape
    ((3, 50, 2), (3, 1))
    >>> bool(np.isclose((x[..., 0] * x[..., 1]).sum(1), y[:, 0]).all())
    True
    """
    if n < 1 or length < 2:
        raise ValueError(
            f"adding_problem: {n} sequences of length {length}; pass 1 or more, and a length of 2 "
            "or more"
        )
    rng = generator(rng)
    x = np.zeros((n, length, 2), np.float32)
    x[..., 0] = rng.random((n, length))
    half = length // 2
    rows = np.arange(n)
    for marked in (rng.integers(0, half, n), rng.integers(half, length, n)):
        x[rows, marked, 1] = 1
    return TensorDataset(x, (x[..., 0] * x[..., 1]).sum(axis=1, keepdims=True))


def copy_task(
    n: int,
    delay: int,
    *,
    symbols: int = 8,
    length: int = 10,
    rng: np.random.Generator | int | None = None,
) -> TensorDataset:
    r"""Make sequences to repeat after a silence: `length` symbols, `delay` blanks, then a signal.

    Symbols are 0 to symbols - 1, the blank is `symbols`, the signal to repeat is symbols + 1. The
    targets are blanks, until the symbols are due at the end. Who remembers nothing knows when to
    speak but not what to say: a mean cross-entropy of
    :math:`\mathrm{length} \log \mathrm{symbols} / (\mathrm{delay} + 2\, \mathrm{length})`.

    Parameters
    ----------
    n : int
        How many sequences.
    delay : int, 1 or more
        The steps from the last symbol to the first answer; the signal is the last of them.
    symbols : int, default=8
    length : int, default=10
        How many symbols to remember.
    rng : numpy.random.Generator, int or None, default=None

    Returns
    -------
    TensorDataset
        x, y: int64, of shape (n, delay + 2 * length), with symbols + 2 and symbols + 1 classes.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997. The form used here: Arjovsky, Shah
    and Bengio, "Unitary Evolution Recurrent Neural Networks", 2016, arXiv:1511.06464, section 5.1.

    Examples
    --------
    >>> x, y = copy_task(1, 3, symbols=2, length=2, rng=0).arrays
    >>> x.tolist(), y.tolist()
    ([[1, 1, 2, 2, 3, 2, 2]], [[2, 2, 2, 2, 2, 1, 1]])
    """
    if min(n, delay, symbols, length) < 1:
        raise ValueError(
            f"copy_task: {n} sequences, a delay of {delay}, {length} of {symbols} symbols; pass 1 "
            "or more of each"
        )
    blank = symbols
    remembered = generator(rng).integers(0, symbols, (n, length))
    x = np.full((n, delay + 2 * length), blank)
    y = x.copy()
    x[:, :length] = y[:, -length:] = remembered
    x[:, length + delay - 1] = blank + 1
    return TensorDataset(x, y)
