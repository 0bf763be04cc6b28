"""A data set is a numbered list of examples; a loader walks it in batches.

`TensorDataset` keeps its arrays whole, so a batch is one NumPy index into each of them: no
example is ever touched on its own. Another `Dataset` says how one example is made.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd import Tensor, as_tensor
from nn.random import generator


class Dataset:
    """The base of data sets: a subclass defines ``__len__`` and ``__getitem__``.

    Examples
    --------
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 5
    ...
    ...     def __getitem__(self, index):
    ...         return float(index), float(index**2)
    >>> for x, y in DataLoader(Squares(), batch_size=3):
    ...     print(x.numpy(), y.numpy())
    [0. 1. 2.] [0. 1. 4.]
    [3. 4.] [ 9. 16.]
    """

    def __len__(self) -> int:
        """Return the number of examples."""
        raise NotImplementedError(f"{type(self).__name__}: __len__ is missing; define it")

    def __getitem__(self, index: Any) -> Any:
        """Return the example at an int `index`: an array or number, or a tuple of them."""
        raise NotImplementedError(f"{type(self).__name__}: __getitem__ is missing; define it")

    def batch(self, index: slice | NDArray[Any]) -> NDArray[Any] | tuple[NDArray[Any], ...]:
        """Return the examples at `index`, stacked along a new first axis.

        Parameters
        ----------
        index : slice or array of int
            Not empty.

        Returns
        -------
        ndarray, or tuple of ndarray if the examples are tuples or lists

        Raises
        ------
        TypeError
            If an example is none of what `__getitem__` may return, such as a dict, or a tuple in
            a tuple.
        ValueError
            If the examples differ in length, or their arrays in shape.
        """
        rows = np.arange(len(self))[index].tolist()  # plain numbers, as one would write them
        examples = [self[i] for i in rows]
        several = isinstance(examples[0], tuple | list)
        kinds = (np.ndarray, np.generic, Tensor, int, float)
        for i, example in zip(rows, examples, strict=True):
            fields = example if isinstance(example, tuple | list) else (example,)
            wrong = [type(field).__name__ for field in fields if not isinstance(field, kinds)]
            if wrong or isinstance(example, tuple | list) != several:
                kind = type(example).__name__
                raise TypeError(
                    f"{type(self).__name__}: example {i} is a {kind}"
                    + (f" that holds a {wrong[0]}" if wrong and fields is example else "")
                    + (
                        f", example {rows[0]} a {type(examples[0]).__name__}"
                        if i != rows[0]
                        else ""
                    )
                    + "; return an array or number from __getitem__, or a tuple of them, such as "
                    "(input, target), of one kind for all examples, or override batch, which "
                    "returns the stacked arrays"
                )
        try:
            if not several:
                return np.stack(examples)
            return tuple(np.stack(arrays) for arrays in zip(*examples, strict=True))
        except ValueError as error:
            raise ValueError(
                f"{type(self).__name__}: the examples {rows} do not stack to a batch ({error}); "
                "return the same number of arrays for each, of the same shapes"
            ) from error


class TensorDataset(Dataset):
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

    def batch(self, index: slice | NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the examples at `index`: there is nothing to stack."""
        return self[index]


class DataLoader:
    """Deal a data set out in batches of tensors, in a new order each epoch if asked.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int, default=1
        Examples in a batch. The last batch is smaller if they do not come out even.
    shuffle : bool, default=False
        Draw a new order at the start of each epoch (each ``for`` over the loader).
    drop_last : bool, default=False
        Leave a smaller last batch out.
    rng : numpy.random.Generator, int or None, default=None
        Draws the orders. A loader made with the same seed deals the same batches; None is the
        library's default Generator, which `nn.random.manual_seed` resets.
    prefetch : int, default=0
        How many batches a thread makes ahead. The batches and their order stay the same, an error
        in the data set is raised where its batch would have been dealt, and the thread ends with
        the ``for``. It pays where making a batch takes long and lets other threads run, as
        reading files and large NumPy operations do. A data set that draws from the library's
        default Generator would race with dropout for its numbers, and no seed repeat the run:
        give such a data set a Generator of its own.

    Yields
    ------
    tuple of Tensor of shape (B, ...)
        One for each array of `dataset`, of its dtype; B is `batch_size` except in a smaller
        last batch. It is a copy: what changes it leaves the data set as it is. Where an example
        is one array or number, and no tuple, it is one Tensor, and no tuple.

    Raises
    ------
    TypeError
        If `dataset` is no Dataset.
    ValueError
        If `batch_size` is below 1, `prefetch` is negative, or no batch can be made: `dataset` is
        empty, or `drop_last` is set and it has fewer examples than one batch needs.

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
        dataset: Dataset,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        drop_last: bool = False,
        rng: np.random.Generator | int | None = None,
        prefetch: int = 0,
    ) -> None:
        if not isinstance(dataset, Dataset):
            raise TypeError(
                f"DataLoader: dataset is a {type(dataset).__name__}; pass a Dataset, such as "
                "TensorDataset(x, y) of arrays"
            )
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size is {batch_size}; pass 1 or more")
        if prefetch < 0:
            raise ValueError(f"DataLoader: prefetch is {prefetch}; pass a number of batches")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.rng = generator(rng)
        self.prefetch = prefetch
        if len(self) == 0:
            raise ValueError(
                f"DataLoader: {len(dataset)} examples give no batch with batch_size={batch_size} "
                f"and drop_last={drop_last}; pass more examples or smaller batches"
            )

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole if self.drop_last or rest == 0 else whole + 1

    def __iter__(self) -> Iterator[Any]:
        return self.batches()

    def batches(self, start: int = 0) -> Iterator[Any]:
        """Deal the batches of an epoch from number `start` on: how a run is resumed inside one.

        The order is that of the whole epoch, but batches before `start` are not made.
        """
        order = self.rng.permutation(len(self.dataset)) if self.shuffle else None
        slices = [
            slice(i * self.batch_size, (i + 1) * self.batch_size) for i in range(start, len(self))
        ]
        rows = slices if order is None else [order[s] for s in slices]
        # a generator, not map: a StopIteration of the dataset would end the epoch without a word
        return self._ahead(rows) if self.prefetch else (self._batch(i) for i in rows)

    def _batch(self, index: slice | NDArray[Any]) -> Any:
        """Make one batch: of a slice, which shares memory with the data set, a copy."""
        batch = self.dataset.batch(index)
        make = _copied if isinstance(index, slice) else as_tensor
        return make(batch) if isinstance(batch, np.ndarray | Tensor) else tuple(map(make, batch))

    def _ahead(self, rows: list[Any]) -> Iterator[Any]:
        """Make the batches in one thread, `prefetch` of them before they are asked for."""
        with ThreadPoolExecutor(1, "prefetch") as thread:
            waiting: deque[Future[Any]] = deque()
            try:
                for index in rows:
                    waiting.append(thread.submit(self._batch, index))
                    if len(waiting) > self.prefetch:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for batch in waiting:  # the caller left early, or a batch failed
                    batch.cancel()


def _copied(a: Any) -> Tensor:
    a = as_tensor(a)
    return a.clone() if a.requires_grad else Tensor(a)
