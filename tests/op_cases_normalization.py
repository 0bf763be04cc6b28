"""Rows of the op table: normalisation. The twins take the plain formulas, term by term."""

import numpy as np

from tests.op_case import rows


def standardized(x, axes, eps):
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + eps)


def layer_norm(x, weight=1.0, bias=0.0, normalized_shape=None, eps=1e-5):
    shape = np.shape(weight) if normalized_shape is None else np.atleast_1d(normalized_shape)
    return standardized(x, tuple(range(-len(shape), 0)), eps) * weight + bias


def rms_norm(x, weight=1.0, normalized_shape=None, eps=None):
    shape = np.shape(weight) if normalized_shape is None else np.atleast_1d(normalized_shape)
    eps = np.finfo(x.dtype).eps if eps is None else eps
    return x / np.sqrt((x**2).mean(axis=tuple(range(-len(shape), 0)), keepdims=True) + eps) * weight


def per_channel(a, x):
    return np.reshape(a, (-1, *(1,) * (x.ndim - 2)))


def group_norm(x, weight=1.0, bias=0.0, num_groups=1, eps=1e-5):
    n, channels, *rest = x.shape
    groups = x.reshape((n, num_groups, channels // num_groups, *rest))
    out = standardized(groups, tuple(range(2, groups.ndim)), eps).reshape(x.shape)
    return out * per_channel(weight, x) + per_channel(bias, x)


def batch_norm(x, weight=1.0, bias=0.0, eps=1e-5):
    out = standardized(x, (0, *range(2, x.ndim)), eps) if x.size else x
    return out * per_channel(weight, x) + per_channel(bias, x)


CASES = [
    *rows(
        "batch_norm",
        ([(5, 3), (3,), (3,)], {}),
        ([(2, 3, 4), (3,), (3,)], {}),
        ([(3, 2, 2, 3), (2,)], {"eps": 0.1}),
        ([(2, 3, 2, 2)], {}),
        ([(1, 3, 2, 3), (3,), (3,)], {}),
        ([(0, 3, 2, 2), (3,), (3,)], {}),
        twin=batch_norm,
    ),
    *rows(
        "layer_norm",
        ([(4, 3), (3,), (3,)], {}),
        ([(2, 3, 4), (3, 4), (3, 4)], {"eps": 0.1}),
        ([(2, 3, 4), (4,)], {}),
        ([(2, 3, 4)], {"normalized_shape": 4}),
        ([(2, 3, 4)], {"normalized_shape": [3, 4]}),
        ([(3,), (3,), (3,)], {}),
        ([(0, 3), (3,), (3,)], {}),
        twin=layer_norm,
    ),
    *rows(
        "rms_norm",
        ([(4, 3), (3,)], {}),
        ([(2, 3, 4), (3, 4)], {"eps": 0.1}),
        ([(2, 3, 4)], {"normalized_shape": 4}),
        ([(2, 3, 4)], {"normalized_shape": (3, 4)}),
        ([(3,), (3,)], {}),
        ([(0, 3), (3,)], {}),
        twin=rms_norm,
    ),
    *rows(
        "group_norm",
        ([(2, 4, 3), (4,), (4,)], {"num_groups": 2}),
        ([(2, 4, 2, 3), (4,), (4,)], {"num_groups": 1}),
        ([(2, 4, 2, 3), (4,)], {"num_groups": 4, "eps": 0.1}),
        ([(3, 6)], {"num_groups": 2}),
        ([(0, 4, 3), (4,), (4,)], {"num_groups": 2}),
        twin=group_norm,
    ),
]
