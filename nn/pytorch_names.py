"""What users of PyTorch look for under its names in `nn`, and how it is written here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from autograd.pytorch_names import CPU, missing

_POOL1D = "write F.{}(x[:, :, None], (1, size))[:, :, 0]"
_PAD = "write autograd.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)){})"
_LARGER = "write x.repeat(2, axis=2).repeat(2, axis=3), for the nearest pixel"
_CHANNELS = "write x * F.dropout(np.ones((*x.shape[:2], 1, 1), x.dtype), p, self.training)"
_SHUFFLE = (
    "write x.reshape(n, c, r, r, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c, r * h, r * w)"
)
_PATCHES = (
    "write x.unfold(2, k, stride).unfold(3, k, stride).transpose(0, 1, 4, 5, 2, 3).reshape("
    "n, c * k * k, -1)"
)
_BILINEAR = "write autograd.einsum('ni,oij,nj->no', x, weight, y) + bias"
_GAUSSIAN = "write ((x - y) ** 2 / var + var.log()).mean() / 2"
_POISSON = "write (x.exp() - y * x).mean()"
_RANKING = "write F.relu(margin - y * (x1 - x2)).mean()"
_SOFTMIN = "write F.softmax(-x)"
_TRIPLET = "write F.relu(d(a, p) - d(a, n) + margin).mean(), d a distance"
_DISTANCE = "write autograd.vector_norm(x - y, axis=-1)"
_SIZES = "pass sizes: {}; nn.summary(model, x) shows those of the outputs"
_WEIGHT = "compute the weight in forward, and call F.linear(x, weight, bias)"
_SCHEDULE = "write LambdaLR(optimizer, f): the rate at step t is f(t) times the first"
_ONE_SCHEDULE = "an optimiser has one schedule: write LambdaLR(optimizer, f), f their product"
_OPTIMIZER = "there is none; take Adam or AdamW, or write an Optimizer with update()"

INSTEAD = {
    "nn": {
        "AdaptiveAvgPool1d": _POOL1D.format("adaptive_avg_pool2d"),
        "AdaptiveMaxPool2d": "write x.max(axis=(2, 3), keepdims=True), for one pixel",
        "AvgPool1d": _POOL1D.format("avg_pool2d"),
        "Bilinear": _BILINEAR,
        "Buffer": "write self.register_buffer(name, values)",
        "ConstantPad2d": _PAD.format(", constant_values=v"),
        "Conv3d": "there is none: convolutions have one or two axes",
        "ConvTranspose1d": "it is nn.functional.conv_transpose1d here, a function",
        "DataParallel": CPU,
        "Dropout1d": _CHANNELS.replace(", 1, 1)", ", 1)"),
        "Dropout2d": _CHANNELS,
        "EmbeddingBag": "write Embedding(num_embeddings, embedding_dim)(x).mean(axis=1)",
        "GaussianNLLLoss": _GAUSSIAN,
        "InstanceNorm1d": "it is GroupNorm here, of as many groups as channels",
        "InstanceNorm2d": "it is GroupNorm here, of as many groups as channels",
        "LazyConv2d": _SIZES.format("Conv2d(in_channels, out_channels, kernel_size)"),
        "LazyLinear": _SIZES.format("Linear(in_features, out_features)"),
        "MarginRankingLoss": _RANKING,
        "MaxPool1d": _POOL1D.format("max_pool2d"),
        "PairwiseDistance": _DISTANCE,
        "ParameterDict": "write setattr(self, name, parameter) for each",
        "ParameterList": "write setattr(self, f'w{i}', parameter) for each",
        "PixelShuffle": _SHUFFLE,
        "PoissonNLLLoss": _POISSON,
        "ReflectionPad2d": _PAD.format(", mode='reflect'"),
        "ReplicationPad2d": _PAD.format(", mode='edge'"),
        "Softmax2d": "write Softmax(axis=1)",
        "Softmin": _SOFTMIN,
        "Transformer": "put it together of TransformerBlock and MultiheadAttention",
        "TransformerDecoder": "put it together of MultiheadAttention, FeedForward and LayerNorm",
        "TransformerDecoderLayer": "put it together of MultiheadAttention, FeedForward and "
        "LayerNorm",
        "TransformerEncoder": "write Sequential(*(TransformerBlock(d_model, nhead) for _ in "
        "range(n)))",
        "TransformerEncoderLayer": "it is TransformerBlock here: its first axis is the batch, and "
        "PyTorch's defaults are norm='post', activation='relu', dropout=0.1",
        "TripletMarginLoss": _TRIPLET,
        "Unflatten": "write x.unflatten(axis, sizes) in forward",
        "Unfold": _PATCHES,
        "Upsample": _LARGER,
        "UpsamplingNearest2d": _LARGER,
        "ZeroPad2d": _PAD.format(""),
        "parallel": CPU,
    },
    "nn.data": {
        "ConcatDataset": "write TensorDataset(*map(np.concatenate, zip(a.arrays, b.arrays)))",
        "RandomSampler": "pass shuffle=True to the DataLoader",
        "Subset": "write TensorDataset(*dataset[rows])",
        "SubsetRandomSampler": "write DataLoader(TensorDataset(*dataset[rows]), shuffle=True)",
        "WeightedRandomSampler": "draw the rows: TensorDataset(*dataset[rng.choice(len(dataset), "
        "size, p=p)])",
        "random_split": "write rows = rng.permutation(len(dataset)), and for each part "
        "TensorDataset(*dataset[rows[:n]])",
    },
    "nn.functional": {
        "adaptive_avg_pool1d": _POOL1D.format("adaptive_avg_pool2d"),
        "avg_pool1d": _POOL1D.format("avg_pool2d"),
        "bilinear": _BILINEAR,
        "dropout1d": _CHANNELS.replace(", 1, 1)", ", 1)"),
        "dropout2d": _CHANNELS,
        "gaussian_nll_loss": _GAUSSIAN,
        "gumbel_softmax": "write F.softmax((x - np.log(rng.standard_exponential(x.shape, "
        "x.dtype))) / tau)",
        "instance_norm": "it is group_norm here, of as many groups as channels",
        "interpolate": _LARGER,
        "margin_ranking_loss": _RANKING,
        "max_pool1d": _POOL1D.format("max_pool2d"),
        "normalize": "write x / autograd.vector_norm(x, axis=1, keepdims=True).clip(1e-12)",
        "one_hot": "it is autograd.one_hot here",
        "pad": "it is autograd.pad here, with NumPy's arguments",
        "pairwise_distance": _DISTANCE,
        "pixel_shuffle": _SHUFFLE,
        "poisson_nll_loss": _POISSON,
        "relu_": "it is relu here: nothing is changed in place",
        "softmin": _SOFTMIN,
        "triplet_margin_loss": _TRIPLET,
        "unfold": _PATCHES,
        "upsample": _LARGER,
    },
    "nn.init": {
        "eye_": "write weight.data[...] = np.eye(*weight.shape)",
        "kaiming_normal": "it is kaiming_normal_ here",
        "kaiming_uniform": "it is kaiming_uniform_ here",
        "xavier_normal": "it is xavier_normal_ here",
        "xavier_uniform": "it is xavier_uniform_ here",
    },
    "nn.optim": {
        "ASGD": _OPTIMIZER,
        "Adadelta": _OPTIMIZER,
        "Adafactor": _OPTIMIZER,
        "Adamax": _OPTIMIZER,
        "LBFGS": "write scipy.optimize.minimize(f, x, jac=True, method='L-BFGS-B'), f of an array "
        "the loss and its gradient; or take Adam, and call closure() before step()",
        "NAdam": _OPTIMIZER,
        "RAdam": _OPTIMIZER,
        "Rprop": _OPTIMIZER,
        "SparseAdam": _OPTIMIZER,
        "swa_utils": "average the parameters q of a copy.deepcopy(model), after step n by "
        "q.data += (p.data - q.data) / (n + 1)",
    },
    "nn.optim.lr_scheduler": {
        "ChainedScheduler": _ONE_SCHEDULE,
        "ConstantLR": _SCHEDULE,
        "CosineAnnealingWarmRestarts": _SCHEDULE,
        "CyclicLR": _SCHEDULE,
        "LinearLR": _SCHEDULE,
        "MultiplicativeLR": _SCHEDULE,
        "PolynomialLR": _SCHEDULE,
        "SequentialLR": _ONE_SCHEDULE,
    },
    "nn.utils": {
        "clip_grad_norm": "it is clip_grad_norm_ here",
        "parameters_to_vector": "write np.concatenate([p.reshape(-1) for p in parameters])",
        "parametrizations": _WEIGHT,
        "parametrize": _WEIGHT,
        "prune": "multiply by a mask: in forward, or after each step by p.data *= mask",
        "rnn": "there are no packed sequences: pad with 0, and leave the padding out of the loss",
        "spectral_norm": _WEIGHT,
        "vector_to_parameters": "write p.data[...] = part.reshape(p.shape) for each part of it",
        "weight_norm": _WEIGHT,
    },
}
"""By the module of Python."""


def answers(module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module of Python."""

    def __getattr__(name: str) -> NoReturn:
        raise missing(f"module {module!r}", name, sys.modules[module], INSTEAD[module])

    return __getattr__
