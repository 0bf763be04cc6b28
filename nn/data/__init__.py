"""Data sets as pairs of NumPy arrays, and a loader that deals them out in batches of tensors."""

import typing as _typing

from nn.data.datasets import digits, fashion_mnist, mnist
from nn.data.idx import read_idx
from nn.data.loader import DataLoader, Dataset, TensorDataset
from nn.data.sequences import adding_problem, copy_task
from nn.data.text import Text, Vocabulary, names, text
from nn.data.toys import blobs, circles, moons, sine, spirals
from nn.pytorch_names import answers as _answers

__all__ = [
    "DataLoader",
    "Dataset",
    "TensorDataset",
    "Text",
    "Vocabulary",
    "adding_problem",
    "blobs",
    "circles",
    "copy_task",
    "digits",
    "fashion_mnist",
    "mnist",
    "moons",
    "names",
    "read_idx",
    "sine",
    "spirals",
    "text",
]

if not _typing.TYPE_CHECKING:
    __getattr__ = _answers(__name__)
