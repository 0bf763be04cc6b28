"""Rows of the op table: convolutions and pools. The twins go over the positions one by one."""

import math
from itertools import product

import numpy as np

from tests.op_case import apart, rows


def per_axis(value, axes):
    return (value,) * axes if isinstance(value, int) else tuple(value)


def margins(padding, kernel, dilation):
    if padding == "same":
        return [
            (d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2)
            for k, d in zip(kernel, dilation, strict=True)
        ]
    if padding == "valid":
        padding = 0
    return [p if isinstance(p, tuple) else (p, p) for p in per_axis(padding, len(kernel))]


def pairs(sizes, counts, kernel, stride, padding, dilation):
    """Yield (position, window, offset) along all axes for each element of x that a window sees."""
    for at in product(*map(range, counts)):
        for offset in product(*map(range, kernel)):
            place = tuple(
                s * a + d * o - p[0]
                for a, o, s, d, p in zip(at, offset, stride, dilation, padding, strict=True)
            )
            if all(0 <= i < n for i, n in zip(place, sizes, strict=True)):
                yield place, at, offset


def conv(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    n, _, *sizes = x.shape
    kernel, axes = weight.shape[2:], len(sizes)
    stride, dilation = per_axis(stride, axes), per_axis(dilation, axes)
    padding = margins(padding, kernel, dilation)
    counts = [
        (m + sum(p) - d * (k - 1) - 1) // s + 1
        for m, p, d, k, s in zip(sizes, padding, dilation, kernel, stride, strict=True)
    ]
    out = np.zeros((n, len(weight), *counts), np.result_type(x, weight))
    many = len(weight) // groups
    for place, at, offset in pairs(sizes, counts, kernel, stride, padding, dilation):
        for f in range(len(weight)):
            seen = slice(f // many * weight.shape[1], (f // many + 1) * weight.shape[1])
            out[:, f, *at] += x[:, seen, *place] @ weight[f, :, *offset]
    return out if bias is None else out + bias.reshape(-1, *(1,) * axes)


def conv_transpose(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    n, channels, *counts = x.shape
    kernel, axes = weight.shape[2:], len(counts)
    stride, dilation = per_axis(stride, axes), per_axis(dilation, axes)
    padding = margins(padding, kernel, dilation)
    sizes = [
        (m - 1) * s - sum(p) + d * (k - 1) + 1 + extra
        for m, p, d, k, s, extra in zip(
            counts, padding, dilation, kernel, stride, per_axis(output_padding, axes), strict=False
        )
    ]
    out = np.zeros((n, groups * weight.shape[1], *sizes), np.result_type(x, weight))
    many = channels // groups
    for place, at, offset in pairs(sizes, counts, kernel, stride, padding, dilation):
        for c in range(channels):
            seen = slice(c // many * weight.shape[1], (c // many + 1) * weight.shape[1])
            out[:, seen, *place] += np.outer(x[:, c, *at], weight[c, :, *offset])
    return out if bias is None else out + bias.reshape(-1, *(1,) * axes)


def conv_weight(x, y, kernel_size, stride=1, padding=0, dilation=1, groups=1):
    axes = len(kernel_size)
    stride, dilation = per_axis(stride, axes), per_axis(dilation, axes)
    padding = margins(padding, kernel_size, dilation)
    per_group, many = x.shape[1] // groups, y.shape[1] // groups
    out = np.zeros((y.shape[1], per_group, *kernel_size), np.result_type(x, y))
    for place, at, offset in pairs(
        x.shape[2:], y.shape[2:], kernel_size, stride, padding, dilation
    ):
        for f in range(y.shape[1]):
            seen = slice(f // many * per_group, (f // many + 1) * per_group)
            out[f, :, *offset] += y[:, f, *at] @ x[:, seen, *place]
    return out


def pooled(reduce):
    def pool(x, kernel_size, stride=None, padding=0, dilation=1, count_include_pad=True):
        kernel, around = per_axis(kernel_size, 2), per_axis(padding, 2)
        stride = kernel if stride is None else per_axis(stride, 2)
        dilation = per_axis(dilation, 2)
        counts = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(x.shape[2:], around, dilation, kernel, stride, strict=True)
        ]
        seen = {}
        margin = [(p, p) for p in around]
        for place, at, _ in pairs(x.shape[2:], counts, kernel, stride, margin, dilation):
            seen.setdefault(at, []).append(x[:, :, *place])
        out = np.empty((*x.shape[:2], *counts), x.dtype)
        for at, values in seen.items():
            count = kernel[0] * kernel[1] if count_include_pad else len(values)
            out[:, :, *at] = reduce(np.array(values), count)
        return out

    return pool


def largest(values, count):
    best = values.real.argmax(axis=0)
    return np.take_along_axis(values, best[None], 0)[0]


def adaptive_avg_pool2d(x, output_size):
    sizes = per_axis(output_size, 2)
    sizes = [n if m is None else m for m, n in zip(sizes, x.shape[2:], strict=True)]
    out = np.empty((*x.shape[:2], *sizes), x.dtype)
    for i, j in product(*map(range, sizes)):
        (a, b), (c, d) = (
            (math.floor(k * n / m), math.ceil((k + 1) * n / m))
            for k, m, n in zip((i, j), sizes, x.shape[2:], strict=True)
        )
        out[:, :, i, j] = x[:, :, a:b, c:d].mean(axis=(2, 3))
    return out


CASES = [
    *rows(
        "max_pool2d",
        ([(2, 3, 4, 6)], {"kernel_size": 2}),
        ([(2, 3, 5, 5)], {"kernel_size": 3, "stride": 2, "padding": 1}),
        ([(2, 2, 5, 8)], {"kernel_size": (2, 3)}),  # a row and two columns are left over
        ([(1, 2, 5, 6)], {"kernel_size": (2, 3), "stride": 1, "dilation": (2, 1)}),
        ([(2, 2, 5, 4)], {"kernel_size": 2, "stride": (3, 1)}),
        ([(1, 1, 5, 5)], {"kernel_size": 2, "stride": 2, "dilation": 2}),
        ([(1, 1, 5, 5)], {"kernel_size": 2, "stride": 1, "dilation": 2}),
        ([(0, 2, 4, 4)], {"kernel_size": 2}),
        draw=apart,
        twin=pooled(largest),
    ),
    *rows(
        "avg_pool2d",
        (
            [(1, 1, 4, 7)],
            {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
        ),
        ([(2, 3, 4, 6)], {"kernel_size": 2}),
        ([(2, 2, 5, 5)], {"kernel_size": 3, "stride": 2, "padding": 1}),
        ([(2, 2, 5, 5)], {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
        ([(1, 2, 5, 6)], {"kernel_size": (2, 3), "stride": 1}),
        ([(0, 2, 4, 4)], {"kernel_size": 2}),
        twin=pooled(lambda values, count: values.sum(axis=0) / count),
    ),
    *rows(
        "adaptive_avg_pool2d",
        ([(2, 3, 4, 5)], {"output_size": 1}),
        ([(2, 3, 5, 7)], {"output_size": (2, 3)}),
        ([(2, 3, 3, 4)], {"output_size": (None, 2)}),
        ([(1, 2, 2, 2)], {"output_size": 3}),
        ([(0, 2, 4, 4)], {"output_size": 2}),
        twin=adaptive_avg_pool2d,
    ),
    *rows(
        "conv2d",
        ([(2, 3, 5, 4), (4, 3, 3, 2), (4,)], {}),
        ([(2, 3, 5, 4), (4, 3, 3, 2)], {"stride": 2, "padding": 1}),
        ([(1, 5, 4, 5), (2, 5, 2, 3), (2,)], {"padding": "same", "dilation": (1, 2)}),
        # many channels: one copy for all rows of the kernel
        ([(2, 12, 4, 3), (3, 12, 3, 2), (3,)], {"padding": ((1, 0), (0, 1))}),
        ([(2, 24, 4, 3), (2, 12, 2, 2)], {"groups": 2, "dilation": (2, 1), "stride": (1, 2)}),
        ([(2, 4, 5, 5), (6, 2, 2, 2), (6,)], {"groups": 2, "stride": (1, 3)}),
        ([(2, 3, 4, 4), (3, 1, 3, 3)], {"groups": 3, "padding": ((0, 2), (1, 0))}),
        ([(2, 8, 3, 3), (2, 8, 1, 1)], {"stride": 2, "padding": "valid"}),
        ([(0, 2, 3, 3), (2, 2, 2, 2), (2,)], {"padding": 1}),
        twin=conv,
    ),
    *rows(
        "conv1d",
        ([(2, 3, 7), (4, 3, 3), (4,)], {"padding": 1}),
        ([(2, 4, 8), (2, 2, 2), (2,)], {"stride": 2, "dilation": 3, "groups": 2}),
        ([(1, 5, 6), (2, 5, 4)], {"padding": "same"}),
        ([(0, 2, 3), (2, 2, 2)], {}),
        twin=conv,
    ),
    *rows(
        "conv_transpose2d",
        ([(2, 3, 3, 2), (3, 4, 2, 3), (4,)], {}),
        ([(1, 3, 4, 4), (3, 2, 3, 2), (2,)], {"padding": ((0, 2), (1, 2))}),
        ([(1, 2, 2, 3), (2, 2, 2, 2)], {"dilation": 2, "output_padding": (1, 0)}),
        ([(2, 3, 3, 2), (3, 2, 3, 2), (2,)], {"stride": 2, "padding": 1, "output_padding": 1}),
        ([(1, 4, 2, 3), (4, 3, 2, 2)], {"groups": 2, "dilation": (2, 1), "stride": (1, 3)}),
        ([(2, 5, 2, 2), (5, 1, 2, 2)], {"dilation": 3, "output_padding": (2, 0), "stride": 2}),
        ([(2, 3, 3, 3), (3, 2, 2, 2)], {"padding": ((0, 2), (1, 0)), "stride": 2}),
        ([(0, 2, 3, 3), (2, 2, 2, 2), (2,)], {}),
        twin=conv_transpose,
    ),
    *rows(
        "conv_transpose1d",
        ([(2, 3, 4), (3, 4, 3), (4,)], {"stride": 2, "padding": 1}),
        ([(2, 4, 3), (4, 1, 2)], {"groups": 2, "dilation": 2}),
        twin=conv_transpose,
    ),
    *rows(
        "conv2d_weight",
        ([(2, 3, 5, 4), (2, 4, 3, 3)], {"kernel_size": (3, 2)}),
        (
            [(2, 4, 5, 5), (2, 6, 3, 3)],
            {"kernel_size": (3, 2), "stride": 2, "padding": 1, "groups": 2},
        ),
        ([(2, 5, 5, 5), (2, 1, 2, 2)], {"kernel_size": (2, 2), "dilation": 3}),
        twin=conv_weight,
    ),
    *rows(
        "conv1d_weight",
        ([(2, 3, 7), (2, 4, 7)], {"kernel_size": (3,), "padding": 1}),
        ([(2, 4, 8), (2, 2, 3)], {"kernel_size": (2,), "stride": 2, "dilation": 3, "groups": 2}),
        ([(1, 2, 8), (1, 2, 3)], {"kernel_size": (2,), "dilation": 3}),  # of five windows three
        twin=conv_weight,
    ),
]
