"""Text as numbers, character by character: what language models of this size read and write.

A `Text` knows its characters. Cut into windows, or line by line, it becomes a data set of inputs
and targets, where the target of each character is the one that follows it.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from nn.data.loader import TensorDataset

PADDING = -100
"""The target where a line has ended: no class, and what PyTorch's losses ignore by default."""


class Vocabulary:
    """The characters that a model knows, numbered from 0 in the order of their code points.

    Parameters
    ----------
    characters : iterable of str
        Duplicates count once.

    Attributes
    ----------
    characters : str

    Raises
    ------
    ValueError
        If there are none.

    Examples
    --------
    >>> vocabulary = Vocabulary("hello")
    >>> vocabulary.characters, len(vocabulary)
    ('ehlo', 4)
    >>> vocabulary.encode("hole")
    array([1, 3, 2, 0])
    >>> vocabulary.decode([1, 3, 2, 0])
    'hole'
    """

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = "".join(sorted(set("".join(characters))))
        if not self.characters:
            raise ValueError("Vocabulary: no characters; pass a text that is not empty")
        self._codes = _codes(self.characters)

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the number of each character, an array of shape (len(text),).

        Raises
        ------
        ValueError
            If a character is not in the vocabulary.
        """
        codes = _codes(text)
        found = np.searchsorted(self._codes, codes)
        known = self._codes.take(found, mode="clip") == codes
        if not known.all():
            raise ValueError(
                f"Vocabulary: {text[known.argmin()]!r} at position {known.argmin()} is not one of "
                f"the {len(self)} characters {self.characters!r}"
            )
        return found.astype(np.int64)

    def decode(self, indices: ArrayLike) -> str:
        """Return the text of an array of numbers of shape (n,), or of one number.

        Raises
        ------
        IndexError
            If a number is not between 0 and the size of the vocabulary.
        """
        numbers = np.atleast_1d(indices)
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(
                f"Vocabulary: numbers run from {numbers.min()} to {numbers.max()}, but there are "
                f"{len(self)} characters, 0 to {len(self) - 1}"
            )
        return "".join(self.characters[i] for i in numbers)


class Text:
    r"""A text, its vocabulary, and the data sets for next-character models that it gives.

    Parameters
    ----------
    content : str
    vocabulary : Vocabulary, optional
        The characters of `content` if None.

    Attributes
    ----------
    content : str
    vocabulary : Vocabulary
    indices : ndarray of int64, of shape (len(content),)
        The content, encoded.

    Raises
    ------
    ValueError
        If the text is empty, or has characters that the vocabulary lacks.

    Examples
    --------
    >>> text = Text("to be or not to be")
    >>> len(text), text.vocabulary.characters
    (18, ' benort')
    >>> x, y = text.windows(4)[0]
    >>> text.vocabulary.decode(x), text.vocabulary.decode(y)
    ('to b', 'o be')
    """

    def __init__(self, content: str, vocabulary: Vocabulary | None = None) -> None:
        if not content:
            raise ValueError("Text: it is empty; pass at least one character")
        self.content = content
        self.vocabulary = vocabulary or Vocabulary(content)
        self.indices = self.vocabulary.encode(content)

    def __len__(self) -> int:
        return len(self.content)

    def split(self, share: float = 0.9) -> tuple["Text", "Text"]:
        """Return the first `share` of the text and the rest, which keep its vocabulary.

        Raises
        ------
        ValueError
            If one of the two would be empty.
        """
        cut = round(share * len(self))
        if not 0 < cut < len(self):
            raise ValueError(
                f"Text.split: a share of {share} of {len(self)} characters leaves one part empty; "
                "pass a number between 0 and 1"
            )
        return Text(self.content[:cut], self.vocabulary), Text(self.content[cut:], self.vocabulary)

    def windows(self, length: int, step: int = 1) -> TensorDataset:
        """Return each window of `length` characters, and the same window one character later.

        Parameters
        ----------
        length : int
        step : int, default=1
            How far one window starts after the one before; at `length` they do not overlap.

        Returns
        -------
        TensorDataset
            x, y: int64, of shape (N, length); views of `indices`, so overlaps take no memory.

        Raises
        ------
        ValueError
            If the text is too short for one window, or `length` or `step` is below 1.
        """
        if length < 1 or step < 1:
            raise ValueError(f"Text.windows: length {length}, step {step}; pass 1 or more")
        if len(self) <= length:
            raise ValueError(
                f"Text.windows: {len(self)} characters give no window of {length} and one to "
                "follow; pass a longer text or shorter windows"
            )
        both = sliding_window_view(self.indices, length + 1)[::step]
        return TensorDataset(both[:, :-1], both[:, 1:])

    def lines(self) -> TensorDataset:
        r"""Return each line as an example of its own: from nothing to its end.

        A line is read as ``"\n" + line``, and ``line + "\n"`` is to be said: the newline starts
        and ends it.

        Returns
        -------
        TensorDataset
            x, y: int64, of shape (N, length of the longest line + 1). Behind the end of shorter
            lines x is the newline, and y is -100, which is no class: leave those out of the loss.

        Raises
        ------
        ValueError
            If there is no newline in the vocabulary.

        Examples
        --------
        >>> x, y = Text("ab\nc\n").lines().arrays
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [0, 3, 0]], [[1, 2, 0], [3, 0, -100]])
        """
        end = self.vocabulary.encode("\n").item()
        lines = self.content.removesuffix("\n").split("\n")
        x = np.full((len(lines), max(map(len, lines)) + 1), end)
        y = np.full(x.shape, PADDING)
        for row, line in enumerate(lines):
            x[row, 1 : len(line) + 1] = y[row, : len(line)] = self.vocabulary.encode(line)
            y[row, len(line)] = end
        return TensorDataset(x, y)


def text(path: str | os.PathLike[str]) -> Text:
    """Load a text file in UTF-8.

    Parameters
    ----------
    path : str or path-like
        Where there is no such file, it is looked for in the folder that the environment variable
        ``GRADWALK_DATA`` names: ``text("tinyshakespeare/input.txt")``.

    Returns
    -------
    Text

    Raises
    ------
    FileNotFoundError
        If it is in neither place.
    ValueError
        If the file is empty or not UTF-8.
    """
    return Text(_read("text", Path(path)))


def names(path: str | os.PathLike[str] | None = None) -> Text:
    r"""Load a list of names, one a line, each kept once: the first lesson of language models.

    Parameters
    ----------
    path : str, path-like or None, default=None
        A text file in UTF-8. None is ``names/names.txt`` in the folder that the environment
        variable ``GRADWALK_DATA`` names: put Karpathy's 32,033 first names there, of which
        29,494 are distinct, or any others.

    Returns
    -------
    Text
        The names, each followed by a newline; `Text.lines` makes a data set of them.

    Raises
    ------
    FileNotFoundError, ValueError
        As in `text`.

    References
    ----------
    Karpathy, "makemore", https://github.com/karpathy/makemore, names.txt (MIT licence): from the
    list of the US Social Security Administration for 2018.
    """
    content = _read("names", Path("names/names.txt" if path is None else path))
    found = dict.fromkeys(line.strip() for line in content.split("\n"))
    return Text("".join(f"{name}\n" for name in found if name))


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _read(where: str, path: Path) -> str:
    home = os.environ.get("GRADWALK_DATA")
    tried = [path.expanduser(), *([Path(home).expanduser() / path] if home else [])]
    for place in tried:
        if not place.is_file():
            continue
        try:
            return place.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{where}: {place} is not UTF-8 ({error}); convert it") from error
    raise FileNotFoundError(
        f"{where}: there is no file {' or '.join(map(str, tried))}; pass the path of a text file, "
        "or name the folder it is in by the environment variable GRADWALK_DATA"
    )
