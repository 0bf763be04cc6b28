"""Data sets as pairs of NumPy arrays, and a loader that deals them out in batches of tensors."""

from nn.data.datasets import digits, fashion_mnist, mnist
from nn.data.idx import read_idx
from nn.data.loader import DataLoader, TensorDataset

__all__ = ["DataLoader", "TensorDataset", "digits", "fashion_mnist", "mnist", "read_idx"]
