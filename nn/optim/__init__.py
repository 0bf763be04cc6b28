"""Optimisers: how a gradient becomes a step."""

from nn.optim import lr_scheduler
from nn.optim.adam import Adam
from nn.optim.optimizer import Optimizer
from nn.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "lr_scheduler"]
