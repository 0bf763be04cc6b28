"""Optimisers: how a gradient becomes a step."""

import typing as _typing

from nn.optim import lr_scheduler
from nn.optim.adagrad import Adagrad
from nn.optim.adam import Adam, AdamW
from nn.optim.lion import Lion
from nn.optim.muon import Muon
from nn.optim.optimizer import Optimizer
from nn.optim.rmsprop import RMSprop
from nn.optim.sgd import SGD
from nn.pytorch_names import answers as _answers

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "Muon",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
]

if not _typing.TYPE_CHECKING:
    __getattr__ = _answers(__name__)
