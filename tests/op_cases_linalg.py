"""Rows of the op table: solving and decomposing.

LAPACK's decompositions are not analytic in complex matrices: they take the conjugate where the
derivative needs the transpose. The twins start from LAPACK's real parts, and let Newton's method
find what belongs to the complex matrix; one step would do for a complex step, the others show
that the point stays.
"""

import numpy as np

from tests.op_case import rows, sampler

LAPACK = {
    "cholesky",
    "cofactor",
    "det",
    "eigh_vectors",
    "eigvalsh",
    "inv",
    "pinv",
    "qr_q",
    "qr_r",
    "slogdet_log",
    "slogdet_sign",
    "solve",
    "svd_u",
    "svd_vh",
    "svdvals",
}
"""Ops that have no float16."""


@sampler
def matrix(rng, shape):
    """Diagonals 2, 4, 6, ... and noise: eigenvalues and singular values lie apart, none near 0."""
    if len(shape) < 2:
        return rng.standard_normal(shape)
    n, m = shape[-2:]
    return 0.3 * rng.standard_normal(shape) + 2 * np.eye(n, m) * np.arange(1, m + 1)


def flip(x):
    return np.swapaxes(x, -1, -2)


def symmetric(x):
    return (x + flip(x)) / 2


def each(f):
    """Apply a function of one matrix to a stack of them."""

    def of_stack(x):
        lead = x.shape[:-2]
        parts = [f(x[i]) for i in np.ndindex(lead)]
        if not parts:
            one = np.eye(*x.shape[-2:]) * np.arange(1, x.shape[-1] + 1)
            return np.zeros((*lead, *np.shape(f(one))), x.dtype)
        return np.reshape(parts, (*lead, *np.shape(parts[0])))

    return of_stack


def eigenpair(a, value, vector):
    """The eigenvalue and the vector of unit length of a symmetric `a` near to those given."""
    n = len(a)
    for _ in range(3):
        border = np.concatenate([-vector[:, None], [[0.0]]])
        system = np.concatenate([a - value * np.eye(n), vector[None]])
        wrong = [*(a @ vector - value * vector), (vector @ vector - 1) / 2]
        step = np.linalg.solve(np.concatenate([system, border], axis=1), wrong)
        vector, value = vector - step[:-1], value - step[-1]
    return value, vector


def eigen(x):
    x = symmetric(x)
    pairs = [eigenpair(x, *pair) for pair in zip(*real_eigh(x.real), strict=True)]
    n = len(x)
    return np.reshape([p[0] for p in pairs], n), np.reshape([p[1] for p in pairs], (n, n)).T


def real_eigh(x):
    values, vectors = np.linalg.eigh(x)
    return values, vectors.T


def singular(x):
    """U, s and Vh: (u, v) / sqrt 2 are eigenvectors of [[0, x], [x.T, 0]]."""
    m, n = x.shape
    whole = np.block([[np.zeros((m, m)), x], [x.T, np.zeros((n, n))]])
    u, s, vh = np.linalg.svd(x.real, full_matrices=False)
    both = np.concatenate([u.T, vh], axis=1) / np.sqrt(2)
    pairs = [eigenpair(whole, *pair) for pair in zip(s, both, strict=True)]
    vectors = np.sqrt(2) * np.reshape([p[1] for p in pairs], (len(s), m + n))
    return vectors[:, :m].T, np.reshape([p[0] for p in pairs], len(s)), vectors[:, m:]


def cholesky(x):
    """The textbook's algorithm, column by column."""
    x = symmetric(x)
    out = np.zeros_like(x)
    for j in range(len(x)):
        rest = x[j:, j] - out[j:, :j] @ out[j, :j]
        out[j:, j] = rest / np.sqrt(rest[0])
    return out


def qr(x):
    """By x.T x = r.T r, with LAPACK's signs."""
    signs = np.sign(np.diagonal(np.linalg.qr(x.real).R))
    r = signs[:, None] * cholesky(x.T @ x).T
    return x @ np.linalg.inv(r), r


def pinv(x, rtol=None):
    tall = x.shape[-2] >= x.shape[-1]
    xt = flip(x)
    return np.linalg.solve(xt @ x, xt) if tall else flip(np.linalg.solve(x @ xt, x))


def cofactor(x):
    return np.linalg.det(x)[..., None, None] * flip(np.linalg.inv(x))


SQUARE = [([shape], {}) for shape in [(3, 3), (1, 1), (2, 2, 2), (1, 2, 3, 3), (0, 3, 3), (0, 0)]]
TALL = [([shape], {}) for shape in [(4, 2), (3, 3), (2, 3, 2), (0, 3, 2)]]
WIDE = [([shape], {}) for shape in [(2, 4), (2, 2, 3)]]


def solution(a, b):
    return np.einsum("...ij,...j->...i" if b.ndim == 1 else "...ij,...jk", np.linalg.inv(a), b)


CASES = [
    *rows("inv", *SQUARE, draw=matrix),
    *rows("det", *SQUARE, draw=matrix),
    *rows("cofactor", *SQUARE[2:], ([(3, 3)], {}), draw=matrix, twin=cofactor),
    *rows(
        "slogdet_sign",
        *SQUARE,
        draw=matrix,
        twin=lambda x: np.sign(np.linalg.det(x).real) + 0 * np.linalg.det(x),
    ),
    *rows("slogdet_log", *SQUARE, draw=matrix, twin=lambda x: np.log(np.linalg.det(x))),
    *rows(
        "solve",
        *[
            (shapes, {})
            for shapes in [
                [(3, 3), (3,)],
                [(3, 3), (3, 2)],
                [(2, 3, 3), (3,)],
                [(2, 3, 3), (3, 2)],
                [(3, 3), (2, 3, 1)],
                [(2, 1, 3, 3), (2, 3, 2)],
                [(0, 2, 2), (2, 1)],
                [(2, 2), (2, 0)],
            ]
        ],
        draw=matrix,
        twin=solution,
    ),
    *rows("cholesky", *SQUARE, draw=matrix, twin=each(cholesky)),
    *rows("qr_q", *TALL, draw=matrix, twin=each(lambda x: qr(x)[0])),
    *rows("qr_r", *TALL, draw=matrix, twin=each(lambda x: qr(x)[1])),
    *rows("eigvalsh", *SQUARE, draw=matrix, twin=each(lambda x: eigen(x)[0])),
    *rows("eigh_vectors", *SQUARE, draw=matrix, twin=each(lambda x: eigen(x)[1])),
    *rows("svd_u", *TALL, *WIDE, draw=matrix, twin=each(lambda x: singular(x)[0])),
    *rows("svdvals", *TALL, *WIDE, draw=matrix, twin=each(lambda x: singular(x)[1])),
    *rows("svd_vh", *TALL, *WIDE, draw=matrix, twin=each(lambda x: singular(x)[2])),
    *rows("pinv", *TALL, *WIDE, ([(3, 2)], {"rtol": 1e-3}), draw=matrix, twin=pinv),
]
