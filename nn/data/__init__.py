"""Data sets as pairs of NumPy arrays, and a loader that deals them out in batches of tensors."""

from nn.data.datasets import digits, fashion_mnist, mnist
from nn.data.idx import read_idx
from nn.data.loader import DataLoader, TensorDataset
from nn.data.sequences import adding_problem, copy_task
from nn.data.text import Text, Vocabulary, names, text

__all__ = [
    "DataLoader",
    "TensorDataset",
    "Text",
    "Vocabulary",
    "adding_problem",
    "copy_task",
    "digits",
    "fashion_mnist",
    "mnist",
    "names",
    "read_idx",
    "text",
]
