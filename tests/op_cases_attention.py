"""Rows of the op table: attention and rotary positions."""

import numpy as np

from tests.op_case import OPS, Case, real, rows, sampler


def mixed(query, key, value, attn_mask=None, is_causal=False, scale=None, keep=None):
    """Attention one query at a time, over the keys that it may look at."""
    inputs = [x for x in (query, key, value, attn_mask) if x is not None]
    scale = max(query.shape[-1], 1) ** -0.5 if scale is None else scale
    lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    query, key, value = (np.broadcast_to(x, lead + x.shape[-2:]) for x in (query, key, value))
    scores = (*lead, query.shape[-2], key.shape[-2])
    mask = np.broadcast_to(0.0 if attn_mask is None else attn_mask, scores)
    out = np.zeros((*scores[:-1], value.shape[-1]), np.result_type(*inputs, np.float64))
    for row in np.ndindex(*scores[:-1]):
        *batch, t = row
        seen, bias = np.arange(scores[-1]) <= (t if is_causal else scores[-1]), mask[row]
        if bias.dtype == bool:
            seen, bias = seen & bias, 0
        e = np.exp(scale * key[tuple(batch)] @ query[row] + bias) * seen
        weights = e / e.sum() if e.any() else e
        out[row] = (weights if keep is None else weights * keep[row]) @ value[tuple(batch)]
    return out


def rotated(x, positions=None, base=10000.0):
    """Multiply pairs, as complex numbers, by exp(i t theta)."""
    if np.iscomplexobj(x):
        return rotated(x.real, positions, base) + 1j * rotated(x.imag, positions, base)
    t = np.arange(x.shape[-2]) if positions is None else positions
    theta = base ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    z = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * np.outer(t, theta))
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape)


@sampler
def visible(rng, shape):
    """Where to look: the first query nowhere, the others at the first key at least."""
    mask = rng.random(shape) < 0.5
    mask[..., 0], mask[..., 0, :] = True, False
    return mask


@sampler
def bias(rng, shape):
    """What to add to the scores, with -inf where not to look."""
    return np.where(visible(*shape)(rng), rng.standard_normal(shape), -np.inf)


HALF = np.array([[2.0, 0.0, 2.0], [0.0, 2.0, 0.0]])
"""What dropout with p = 1/2 multiplies the weights of 2 queries and 3 keys by."""

CASES = [
    *[
        Case(OPS["attention"], (real(*q), real(*k), real(*v), *mask), params, mixed)
        for (q, k, v, *mask), params in [
            (((2, 3), (4, 3), (4, 2)), {}),
            (((2, 2, 3, 2), (2, 2, 3, 2), (2, 2, 3, 2)), {"is_causal": True}),
            (((2, 3), (4, 3), (4, 3)), {"is_causal": True, "scale": 0.3}),
            (((4, 3), (2, 3), (2, 3)), {"is_causal": True}),
            (((2, 2, 3), (3, 3), (3, 1)), {}),  # leading axes broadcast
            (((2, 3), (2, 3, 3), (1, 3, 3)), {"scale": 1.0}),
            (((2, 3), (4, 3), (5, 4, 3)), {}),  # the values alone come in a batch
            (((2, 2, 3), (2, 4, 3), (2, 4, 3), visible(2, 4)), {}),
            (((2, 2, 3), (2, 3, 3), (2, 3, 3), visible(2, 1, 3)), {"is_causal": True}),
            (((2, 2, 3), (2, 4, 3), (2, 4, 3), bias(1, 2, 4)), {}),
            (((2, 2, 3), (2, 4, 3), (2, 4, 3), real(2, 2, 4)), {"is_causal": True}),
            (((2, 3), (3, 3), (3, 3), real(3)), {"scale": -0.5}),
            (((2, 3), (3, 3), (3, 3)), {"keep": HALF}),
            (((2, 3), (3, 3), (3, 3), bias(2, 3)), {"is_causal": True, "keep": HALF}),
            (((0, 3), (4, 3), (4, 2)), {}),
            (((2, 3), (0, 3), (0, 2)), {}),  # nothing to look at: 0
            (((0, 2, 3), (0, 4, 3), (0, 4, 3)), {}),
            (((2, 0), (4, 0), (4, 1)), {}),
        ]
    ],
    *rows(
        "rope",
        ([(3, 4)], {}),
        ([(2, 3, 2)], {}),
        ([(2, 2, 3, 4)], {"base": 100.0}),
        ([(3, 4)], {"positions": np.array([5, 0, -2])}),
        ([(2, 2)], {"positions": np.array([0.5, 3000.25])}),
        ([(2, 4)], {"positions": [3, 1]}),
        ([(1, 4)], {}),
        ([(0, 4)], {}),
        ([(2, 0)], {}),
        twin=rotated,
    ),
]
