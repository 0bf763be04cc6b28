"""Neural networks on the engine: modules, losses, optimisers, data, in PyTorch's names."""

from nn import data, functional, init, optim, random, utils
from nn.activation import SELU, ReLU, Sigmoid, Tanh
from nn.attention import (
    LearnedPositionalEncoding,
    MultiheadAttention,
    SinusoidalPositionalEncoding,
)
from nn.blocks import MLP
from nn.containers import ModuleList, Sequential
from nn.io import load, save
from nn.layers import Embedding, Linear
from nn.module import Module, Parameter
from nn.norm import GroupNorm, LayerNorm, RMSNorm
from nn.overview import summary
from nn.random import manual_seed
from nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from nn.train import Callback, EarlyStopping, SaveBest, evaluate, fit

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SELU",
    "Callback",
    "EarlyStopping",
    "Embedding",
    "GRUCell",
    "GroupNorm",
    "LSTMCell",
    "LayerNorm",
    "LearnedPositionalEncoding",
    "Linear",
    "Module",
    "ModuleList",
    "MultiheadAttention",
    "Parameter",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "SaveBest",
    "Sequential",
    "Sigmoid",
    "SinusoidalPositionalEncoding",
    "Tanh",
    "data",
    "evaluate",
    "fit",
    "functional",
    "init",
    "load",
    "manual_seed",
    "optim",
    "random",
    "save",
    "summary",
    "utils",
]
