"""A data set is a few arrays of equal length; a loader walks them in batches.

`TensorDataset` keeps the arrays whole, so a batch is one NumPy index into each of them: no
example is ever touched on its own.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Tensor, as_tensor
from nn.random import generator


class TensorDataset:
    """Arrays that belong together: row i of each is example i.

    Parameters
    ----------
    *arrays : array_like of shape (N, ...)
        At least one; all of the same length N. NumPy arrays are kept as they are, not copied.

    Attributes
    ----------
    arrays : tuple of ndarray

    Raises
    ------
    ValueError
        If there is no array, an array has no axis, or the lengths differ.

    Examples
    --------
    >>> ds = TensorDataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0]))
    >>> len(ds)
    3
    >>> x, y = ds[1:]
    >>> x.shape, y
    ((2, 2), array([1, 0]))
    """

    def __init__(self, *arrays: ArrayLike) -> None:
        self.arrays = tuple(np.asarray(a) for a in arrays)
        shapes = [a.shape for a in self.arrays]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(
                f"TensorDataset: arrays of shapes {shapes} do not pair up; "
                "pass at least one array, all with the same first axis"
            )

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int | slice | NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the examples at `index`, from each array.

        Parameters
        ----------
        index : int, slice, or array of int or bool
            An int drops the first axis; a slice gives views; an array gives copies.

        Returns
        -------
        tuple of ndarray, as many as `arrays`

        Raises
        ------
        IndexError
            If `index` is out of range.
        """
        return tuple(a[index] for a in self.arrays)


class DataLoader:
    """Deal a data set out in batches of tensors, in a new order each epoch if asked.

    Parameters
    ----------
    dataset : TensorDataset
    batch_size : int, default=1
        Examples in a batch. The last batch is smaller if they do not come out even.
    shuffle : bool, default=False
        Draw a new order at the start of each epoch (each ``for`` over the loader).
    drop_last : bool, default=False
        Leave a smaller last batch out.
    rng : numpy.random.Generator, int or None, default=None
        Draws the orders. A loader made with the same seed deals the same batches; None is the
        library's default Generator, which `nn.random.manual_seed` resets.

    Yields
    ------
    tuple of Tensor of shape (B, ...)
        One for each array of `dataset`, of its dtype; B is `batch_size` except in a smaller
        last batch. Without `shuffle` a tensor shares memory with its array.

    Raises
    ------
    ValueError
        If `batch_size` is below 1, or no batch can be made: `dataset` is empty, or
        `drop_last` is set and it has fewer examples than one batch needs.

    Examples
    --------
    >>> ds = TensorDataset(np.arange(10.0).reshape(5, 2), np.arange(5))
    >>> loader = DataLoader(ds, batch_size=2)
    >>> len(loader)
    3
    >>> [x.shape for x, y in loader]
    [(2, 2), (2, 2), (1, 2)]
    """

    def __init__(
        self,
        dataset: TensorDataset,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        drop_last: bool = False,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size is {batch_size}; pass 1 or more")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = generator(rng)
        if len(self) == 0:
            raise ValueError(
                f"DataLoader: {len(dataset)} examples give no batch with batch_size={batch_size} "
                f"and drop_last={drop_last}; pass more examples or smaller batches"
            )

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole if self.drop_last or rest == 0 else whole + 1

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = self.rng.permutation(len(self.dataset)) if self.shuffle else None
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = slice(start, start + self.batch_size)
            rows = self.dataset[batch if order is None else order[batch]]
            yield tuple(as_tensor(a) for a in rows)
