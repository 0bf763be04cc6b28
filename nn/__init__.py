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
from nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CosineSimilarity,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    MultiMarginLoss,
    NLLLoss,
    SmoothL1Loss,
)
from nn.module import Module, Parameter
from nn.norm import GroupNorm, LayerNorm, RMSNorm
from nn.onnx import to_onnx
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
    "BCELoss",
    "BCEWithLogitsLoss",
    "Callback",
    "CosineEmbeddingLoss",
    "CosineSimilarity",
    "CrossEntropyLoss",
    "EarlyStopping",
    "Embedding",
    "GRUCell",
    "GroupNorm",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LSTMCell",
    "LayerNorm",
    "LearnedPositionalEncoding",
    "Linear",
    "MSELoss",
    "Module",
    "ModuleList",
    "MultiMarginLoss",
    "MultiheadAttention",
    "NLLLoss",
    "Parameter",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "SaveBest",
    "Sequential",
    "Sigmoid",
    "SinusoidalPositionalEncoding",
    "SmoothL1Loss",
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
    "to_onnx",
    "utils",
]
