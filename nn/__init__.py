"""Neural networks on the engine: modules, losses, optimisers, data, in PyTorch's names."""

import typing as _typing

from nn import data, functional, init, optim, random, utils
from nn.activation import (
    CELU,
    ELU,
    GEGLU,
    GELU,
    GLU,
    SELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    QuickGELU,
    ReGLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
    activation_table,
)
from nn.attention import (
    LearnedPositionalEncoding,
    MultiheadAttention,
    SinusoidalPositionalEncoding,
)
from nn.blocks import (
    MLP,
    FeedForward,
    PostNorm,
    PreNorm,
    Residual,
    SwiGLU,
    TransformerBlock,
)
from nn.containers import ModuleDict, ModuleList, Sequential
from nn.conv import Conv1d, Conv2d, ConvTranspose2d
from nn.diagnosis import doctor
from nn.gpt import GPT
from nn.io import load, save
from nn.layers import Dropout, Embedding, Flatten, Identity, Linear
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
from nn.module import Module, Parameter, functional_call
from nn.norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from nn.onnx import to_onnx
from nn.overview import summary
from nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from nn.pytorch_names import answers as _answers
from nn.random import manual_seed
from nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from nn.resnet import ResNet
from nn.train import Callback, EarlyStopping, SaveBest, evaluate, fit

__all__ = [
    "CELU",
    "ELU",
    "GEGLU",
    "GELU",
    "GLU",
    "GPT",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SELU",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Callback",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "CosineEmbeddingLoss",
    "CosineSimilarity",
    "CrossEntropyLoss",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "FeedForward",
    "Flatten",
    "GRUCell",
    "GroupNorm",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "HingeLoss",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositionalEncoding",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiMarginLoss",
    "MultiheadAttention",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "PostNorm",
    "PreNorm",
    "QuickGELU",
    "RMSNorm",
    "RNNCell",
    "ReGLU",
    "ReLU",
    "ReLU6",
    "ResNet",
    "Residual",
    "SaveBest",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SinusoidalPositionalEncoding",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Softsign",
    "SwiGLU",
    "Tanh",
    "TransformerBlock",
    "activation_table",
    "data",
    "doctor",
    "evaluate",
    "fit",
    "functional",
    "functional_call",
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

if not _typing.TYPE_CHECKING:
    __getattr__ = _answers(__name__)
