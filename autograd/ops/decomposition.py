"""Solving, inverting, taking matrices apart: everything that needs LAPACK.

An op returns one array, so a decomposition is one op for each of its parts, put together by a
function that returns a named tuple. Gradients add up, and so the sum of the parts' rules is the
rule of the whole. All functions take stacks of matrices, on the last two axes.

LAPACK has no float16, and NumPy's error says so.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from ..op import Array, Op, data_of, op
from .precision import as_arrays, floating
from .rearrange import tril, triu
from .reduction import sum_
from .shape import broadcast_to, concatenate

__all__ = [
    "cholesky",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "matrix_power",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
]


def _mT(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def _symmetric(x: Array) -> Array:
    x = floating(x)  # a sum of small integers overflows
    if x.shape[-1:] != x.shape[-2:-1]:  # the sum could stretch a column to a square
        raise np.linalg.LinAlgError("the matrices are not square")
    return (x + _mT(x)) / 2


# Inverse and solutions.


@op(
    vjp=(lambda g, out, x: -_mT(out) @ g @ _mT(out),),
    latex=r"{0}^{{-1}}",
    kind="other",
    jvp=lambda t, out, x: -out @ t[0] @ out,
    flops=lambda out, x: 2 * out.size * out.shape[-1],
)
def inv(x: Array) -> Array:
    r"""Return the inverses of square matrices.

    .. math:: dY = -Y\,dX\,Y

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., n, n)

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular or not square.

    Examples
    --------
    >>> from autograd import Tensor, inv
    >>> inv(Tensor([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return np.linalg.inv(x)


def _solve_da(g: Array, out: Array, a: Array, b: Array) -> Array:
    gb = _solve_stack(_mT(a), g, b.ndim == 1)
    return -gb[..., None] * out[..., None, :] if b.ndim == 1 else -gb @ _mT(out)


def _solve_jvp(t: tuple[Array, Array], out: Array, a: Array, b: Array) -> Array:
    da, db = t
    if da is None:
        return solve(a, db)
    moved = (da @ out[..., None])[..., 0] if b.ndim == 1 else da @ out
    return _solve_stack(a, -moved if db is None else db - moved, b.ndim == 1)


def _solve_stack(a: Array, b: Array, vectors: bool) -> Array:
    """Solve for a stack of vectors, which has the axes of a stack of matrices less one."""
    return solve(a, b[..., None])[..., 0] if vectors else solve(a, b)


@op(
    vjp=(_solve_da, lambda g, out, a, b: _solve_stack(_mT(a), g, b.ndim == 1)),
    latex=r"{0}^{{-1}}\,{1}",
    kind="other",
    jvp=_solve_jvp,
    flops=lambda out, a, b: 2 * a.size * a.shape[-1] // 3 + 2 * out.size * a.shape[-1],
)
def solve(a: Array, b: Array) -> Array:
    r"""Return the solution x of a @ x = b.

    .. math:: dX = A^{-1}(dB - dA\,X)

    Parameters
    ----------
    a : Tensor or ndarray of shape (..., n, n)
    b : Tensor or ndarray of shape (n,) or (..., n, k)
        A vector only if it has one axis; leading axes broadcast.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (..., n) or (..., n, k)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular or not square.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> from autograd import Tensor, solve
    >>> solve(Tensor([[2.0, 0.0], [0.0, 4.0]]), Tensor([1.0, 1.0])).tolist()
    [0.5, 0.25]
    """
    return np.linalg.solve(a, b)


def solve_triangular(a: Array, b: Array, *, upper: bool, unitriangular: bool = False) -> Array:
    """Return the solution x of a @ x = b for triangular matrices, PyTorch's form.

    Parameters
    ----------
    a : Tensor or ndarray of shape (..., n, n)
        Only the triangle counts; gradients are zero in the other one.
    b : Tensor or ndarray of shape (n,) or (..., n, k)
    upper : bool
        Which triangle.
    unitriangular : bool, default=False
        Take the diagonal of `a` to be 1, whatever stands there.

    Returns
    -------
    Tensor if an argument is one, else ndarray; of shape (..., n) or (..., n, k)

    Raises
    ------
    numpy.linalg.LinAlgError
        If there is a zero on the diagonal.
    """
    a, b = as_arrays("solve_triangular", a, b)
    triangle = triu if upper else tril
    if unitriangular:
        a = triangle(a, 1 if upper else -1) + np.eye(a.shape[-1], dtype=a.dtype)
    else:
        a = triangle(a)
    return solve(a, b)


# Determinants.


def _cofactors(x: Array) -> Array:
    """det(x) inv(x).T by the SVD, which is exact for singular matrices too."""
    u, s, vh = np.linalg.svd(x)
    n = x.shape[-1]
    others = [np.prod(np.delete(s, i, axis=-1), axis=-1, keepdims=True) for i in range(n)]
    scale = np.concatenate(others, axis=-1) if n else s
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.round(sign)[..., None, None] * ((u * scale[..., None, :]) @ vh)


def _inner(x: Array, y: Array) -> Array:
    return sum_(x * y, axis=(-1, -2), keepdims=True)


def _cofactor_vjp(g: Array, out: Array, x: Array) -> Array:
    return (_inner(g, out) * out - out @ _mT(g) @ out) / det(x)[..., None, None]


_cofactor = Op(
    "cofactor",
    _cofactors,
    (_cofactor_vjp,),
    r"\operatorname{{cof}} {0}",
    "elementwise",  # not diagonal, but symmetric, as all second derivatives: the vjp is the jvp
    flops=lambda out, x: 20 * x.size * x.shape[-1],
    doc="Return the matrices of cofactors: the derivative of the determinant.",
)


@op(
    vjp=(lambda g, out, x: g[..., None, None] * _cofactor(x),),
    latex=r"\det {0}",
    kind="other",
    jvp=lambda t, out, x: sum_(t[0] * _cofactor(x), axis=(-1, -2)),
    flops=lambda out, x: 2 * x.size * x.shape[-1] // 3,
)
def det(x: Array) -> Array:
    r"""Return the determinants of square matrices.

    .. math:: dy = \operatorname{tr}(\operatorname{adj}(X)\,dX)

    The gradient is right for singular matrices too: it is made of the cofactors, by the SVD. The
    second derivative divides by the determinant, and is NaN or inf there.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., n, n)

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (...)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrices are not square.

    Examples
    --------
    >>> from autograd import Tensor, det
    >>> x = Tensor([[1.0, 0.0], [0.0, 0.0]], requires_grad=True)
    >>> det(x).backward()
    >>> x.grad.tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    return np.linalg.det(x)


_slogdet_sign = Op(
    "slogdet_sign",
    lambda x: np.linalg.slogdet(x).sign,
    (lambda g, out, x: broadcast_to(np.zeros_like(g)[..., None, None], x.shape),),
    r"\operatorname{{sign}} \det {0}",
    "other",
    jvp=lambda t, out, x: np.zeros_like(out),
    flops=lambda out, x: 2 * x.size * x.shape[-1] // 3,
    doc="Return the signs of the determinants; the derivative is 0.",
)
_slogdet_log = Op(
    "slogdet_log",
    lambda x: np.linalg.slogdet(x).logabsdet,
    (lambda g, out, x: g[..., None, None] * _mT(inv(x)),),
    r"\log |\det {0}|",
    "other",
    jvp=lambda t, out, x: sum_(_mT(inv(x)) * t[0], axis=(-1, -2)),
    flops=lambda out, x: 2 * x.size * x.shape[-1] // 3,
    doc="Return the logarithms of the absolute determinants.",
)


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: Array
    logabsdet: Array


def slogdet(x: Array) -> SlogdetResult:
    r"""Return the signs and the logarithms of the absolute values of determinants.

    .. math:: d \log |\det X| = \operatorname{tr}(X^{-1} dX)

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., n, n)

    Returns
    -------
    sign, logabsdet : Tensor if `x` is one, else ndarray; of shape (...)
        0 and -inf for a singular matrix, whose gradient raises LinAlgError: it has no inverse.
    """
    return SlogdetResult(_slogdet_sign(x), _slogdet_log(x))


# Cholesky.


def _lower_half(x: Array) -> Array:
    """The lower triangle, with half the diagonal."""
    n = x.shape[-1]
    weights = np.tri(n, dtype=x.dtype) - np.eye(n, dtype=x.dtype) / 2
    return x * weights


def _cholesky_vjp(g: Array, out: Array, x: Array) -> Array:
    inner = _lower_half(_mT(out) @ g)
    return _symmetric(solve(_mT(out), _mT(solve(_mT(out), inner))))


def _cholesky_jvp(t: tuple[Array], out: Array, x: Array) -> Array:
    inner = solve(out, _mT(solve(out, _symmetric(t[0]))))
    return out @ _lower_half(inner)


@op(
    vjp=(_cholesky_vjp,),
    latex=r"\operatorname{{chol}} {0}",
    kind="other",
    jvp=_cholesky_jvp,
    flops=lambda out, x: x.size * x.shape[-1] // 3,
)
def cholesky(x: Array) -> Array:
    r"""Return the lower triangular matrices l with l @ l.T = x.

    .. math:: dL = L\,\Phi(L^{-1}\,dX\,L^{-T}), \quad \Phi = \text{lower triangle, half diagonal}

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., n, n)
        Positive definite. Its symmetric part (x + x.T) / 2 counts, where NumPy reads the lower
        triangle: for a symmetric matrix that is the same, and the gradient is symmetric.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not positive definite.

    References
    ----------
    Murray, "Differentiation of the Cholesky decomposition", 2016, arXiv:1602.07527, eq. (10).
    """
    return np.linalg.cholesky(_symmetric(x))


# QR.


def _copy_lower(x: Array) -> Array:
    """Make a symmetric matrix of the lower triangle."""
    return tril(x) + _mT(tril(x, -1))


def _qr_q_vjp(g: Array, out: Array, x: Array) -> Array:
    r = _qr_r(x)
    inner = g - out @ _copy_lower(_mT(g) @ out)
    return _mT(solve(r, _mT(inner)))


def _qr_r_vjp(g: Array, out: Array, x: Array) -> Array:
    return _mT(solve(out, _mT(_qr_q(x) @ _copy_lower(out @ _mT(g)))))


def _qr_turn(q: Array, c: Array) -> Array:
    """Return q.T dq, which is skew, given c = dx inv(r)."""
    below = tril(_mT(q) @ c)
    return below - _mT(below)


def _qr_q_jvp(t: tuple[Array], out: Array, x: Array) -> Array:
    c = _mT(solve(_mT(_qr_r(x)), _mT(t[0])))
    return out @ _qr_turn(out, c) + c - out @ (_mT(out) @ c)


def _qr_r_jvp(t: tuple[Array], out: Array, x: Array) -> Array:
    q, c = _qr_q(x), _mT(solve(_mT(out), _mT(t[0])))
    return (_mT(q) @ c - _qr_turn(q, c)) @ out


_qr_q = Op(
    "qr_q",
    lambda x: np.linalg.qr(x).Q,
    (_qr_q_vjp,),
    r"Q({0})",
    "other",
    jvp=_qr_q_jvp,
    flops=lambda out, x: 4 * x.size * x.shape[-1],
    doc="Return the orthogonal factors of matrices of shape (..., m, n), m >= n.",
)
_qr_r = Op(
    "qr_r",
    lambda x: np.linalg.qr(x).R,
    (_qr_r_vjp,),
    r"R({0})",
    "other",
    jvp=_qr_r_jvp,
    flops=lambda out, x: 2 * x.size * x.shape[-1],
    doc="Return the triangular factors of matrices of shape (..., m, n), m >= n.",
)


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Array
    R: Array


def qr(x: Array) -> QRResult:
    """Return q with orthonormal columns and upper triangular r with q @ r = x.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., m, n)
        Its first min(m, n) columns linearly independent: else r has no inverse, and the gradient
        raises LinAlgError.

    Returns
    -------
    Q : Tensor if `x` is one, else ndarray; of shape (..., m, k), k = min(m, n)
    R : the same, of shape (..., k, n)
        Signs as LAPACK chooses them, as in NumPy and PyTorch.

    References
    ----------
    Walter and Lehmann, "Algorithmic differentiation of linear algebra functions", 2010,
    arXiv:1009.6112.
    """
    rows, columns = x.shape[-2:]
    if rows >= columns:
        return QRResult(_qr_q(x), _qr_r(x))
    square = x[..., :rows]
    q = _qr_q(square)
    return QRResult(q, concatenate([_qr_r(square), _mT(q) @ x[..., rows:]], axis=-1))


# Symmetric eigenvalues.


def _inverse_gaps(w: Array) -> Array:
    """Return 1 / (w_j - w_i), and 0 on the diagonal."""
    same = np.eye(w.shape[-1], dtype=w.dtype)
    return 1 / (w[..., None, :] - w[..., :, None] + same) - same


def _eigvalsh_vjp(g: Array, out: Array, x: Array) -> Array:
    v = _eigh_vectors(x)
    return (v * g[..., None, :]) @ _mT(v)


def _eigvalsh_jvp(t: tuple[Array], out: Array, x: Array) -> Array:
    v = _eigh_vectors(x)
    return sum_(v * (t[0] @ v), axis=-2)


@op(
    vjp=(_eigvalsh_vjp,),
    latex=r"\lambda({0})",
    kind="other",
    jvp=_eigvalsh_jvp,
    flops=lambda out, x: 4 * x.size * x.shape[-1] // 3,
)
def eigvalsh(x: Array) -> Array:
    r"""Return the eigenvalues of symmetric matrices, in ascending order.

    .. math:: d\lambda_i = v_i^T\,dX\,v_i

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., n, n)
        Its symmetric part counts, as in `eigh`.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (..., n), dtype of `x`
        Where an eigenvalue is repeated, a single one has no derivative: the gradient is right for
        symmetric functions of the equal ones, such as their sum.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrices are not square.
    """
    return np.linalg.eigvalsh(_symmetric(x))


def _eigh_vectors_vjp(g: Array, out: Array, x: Array) -> Array:
    turn = _inverse_gaps(eigvalsh(x)) * (_mT(out) @ g)
    return _symmetric(out @ turn @ _mT(out))


def _eigh_vectors_jvp(t: tuple[Array], out: Array, x: Array) -> Array:
    return out @ (_inverse_gaps(eigvalsh(x)) * (_mT(out) @ _symmetric(t[0]) @ out))


_eigh_vectors = Op(
    "eigh_vectors",
    lambda x: np.linalg.eigh(_symmetric(x)).eigenvectors,
    (_eigh_vectors_vjp,),
    r"V({0})",
    "other",
    jvp=_eigh_vectors_jvp,
    flops=lambda out, x: 9 * x.size * x.shape[-1],
    doc="Return the eigenvectors of symmetric matrices, as columns.",
)


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Array
    eigenvectors: Array


def eigh(x: Array) -> EighResult:
    r"""Return the eigenvalues and eigenvectors of symmetric matrices.

    .. math:: dV = V (F \odot V^T\,dX\,V), \quad F_{ij} = 1 / (\lambda_j - \lambda_i)

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., n, n)
        Its symmetric part (x + x.T) / 2 counts, where NumPy reads the lower triangle: for a
        symmetric matrix that is the same, and the gradient is symmetric.

    Returns
    -------
    eigenvalues : Tensor if `x` is one, else ndarray; of shape (..., n), ascending
    eigenvectors : the same, of shape (..., n, n), as columns
        Signs as LAPACK chooses them. Where an eigenvalue is repeated, its vectors are not unique
        and have no derivative: the gradient is then NaN or inf, or as large as what rounding
        leaves of the gap makes it.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrices are not square.

    References
    ----------
    Giles, "An extended collection of matrix derivative results for forward and reverse mode
    algorithmic differentiation", 2008, section 3.1.
    """
    return EighResult(eigvalsh(x), _eigh_vectors(x))


# Singular values.


def _svdvals_vjp(g: Array, out: Array, x: Array) -> Array:
    return (_svd_u(x) * g[..., None, :]) @ _svd_vh(x)


def _svdvals_jvp(t: tuple[Array], out: Array, x: Array) -> Array:
    return sum_(_svd_u(x) * (t[0] @ _mT(_svd_vh(x))), axis=-2)


@op(
    vjp=(_svdvals_vjp,),
    latex=r"\sigma({0})",
    kind="other",
    jvp=_svdvals_jvp,
    flops=lambda out, x: 4 * x.size * min(x.shape[-2:]),
)
def svdvals(x: Array) -> Array:
    r"""Return the singular values of matrices, in descending order.

    .. math:: d\sigma_i = u_i^T\,dX\,v_i

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., m, n)

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (..., k), k = min(m, n), dtype of `x`
        Where a value is repeated, a single one has no derivative: the gradient is right for
        symmetric functions of the equal ones, such as their sum.
    """
    return np.linalg.svd(x, compute_uv=False)


def _svd_vjp(g: Array, u: Array, s: Array, v: Array) -> Array:
    """The rule of u; that of v is the same of the transposed matrix.

    With F_ij = 1 / (s_j^2 - s_i^2) and M = F * (u.T g): u ((M + M.T) s) v.T, and what of g is
    outside the span of u, divided by s.
    """
    m = _inverse_gaps(s * s) * (_mT(u) @ g)
    return (u @ ((m + _mT(m)) * s[..., None, :]) + _outside(g, u, s)) @ _mT(v)


def _svd_jvp(dx: Array, u: Array, s: Array, v: Array) -> Array:
    moved = dx @ v
    p = _mT(u) @ moved * s[..., None, :]
    return u @ (_inverse_gaps(s * s) * (p + _mT(p))) + _outside(moved, u, s)


def _outside(x: Array, u: Array, s: Array) -> Array:
    """Return what of x is outside the span of u, divided by s.

    A square u spans everything; the rounding that would be left could meet an s of zero.
    """
    if u.shape[-2] == u.shape[-1]:
        return np.zeros_like(x)
    return (x - u @ (_mT(u) @ x)) / s[..., None, :]


def _svd_u_vjp(g: Array, out: Array, x: Array) -> Array:
    return _svd_vjp(g, out, svdvals(x), _mT(_svd_vh(x)))


def _svd_u_jvp(t: tuple[Array], out: Array, x: Array) -> Array:
    return _svd_jvp(t[0], out, svdvals(x), _mT(_svd_vh(x)))


def _svd_vh_vjp(g: Array, out: Array, x: Array) -> Array:
    return _mT(_svd_vjp(_mT(g), _mT(out), svdvals(x), _svd_u(x)))


def _svd_vh_jvp(t: tuple[Array], out: Array, x: Array) -> Array:
    return _mT(_svd_jvp(_mT(t[0]), _mT(out), svdvals(x), _svd_u(x)))


_svd_u = Op(
    "svd_u",
    lambda x: np.linalg.svd(x, full_matrices=False).U,
    (_svd_u_vjp,),
    r"U({0})",
    "other",
    jvp=_svd_u_jvp,
    flops=lambda out, x: 14 * x.size * min(x.shape[-2:]),
    doc="Return the left singular vectors, as columns.",
)
_svd_vh = Op(
    "svd_vh",
    lambda x: np.linalg.svd(x, full_matrices=False).Vh,
    (_svd_vh_vjp,),
    r"V({0})^T",
    "other",
    jvp=_svd_vh_jvp,
    flops=lambda out, x: 14 * x.size * min(x.shape[-2:]),
    doc="Return the right singular vectors, as rows.",
)


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Array
    S: Array
    Vh: Array


def svd(x: Array, full_matrices: bool = False) -> SVDResult:
    """Return u, s and vh with u @ diag(s) @ vh = x.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., m, n)
    full_matrices : bool, default=False
        True, NumPy's and PyTorch's default, is for square matrices only: of others the further
        columns are not unique, and have no derivative.

    Returns
    -------
    U : Tensor if `x` is one, else ndarray; of shape (..., m, k), k = min(m, n)
    S : the same, of shape (..., k), descending
    Vh : the same, of shape (..., k, n)
        Signs as LAPACK chooses them. Where a singular value is repeated, and for the longer side
        where one is zero, the vectors have no derivative: the gradient is then NaN or inf, or as
        large as what rounding leaves of the gap, or of the zero, makes it.

    Raises
    ------
    ValueError
        If full matrices are asked of one that is not square.

    References
    ----------
    Townsend, "Differentiating the singular value decomposition", 2016.
    """
    if full_matrices and x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"svd: full matrices of a matrix of shape {x.shape} have columns that are not unique "
            "and so have no derivative; pass full_matrices=False"
        )
    return SVDResult(_svd_u(x), svdvals(x), _svd_vh(x))


# Least squares.


def _pinv_vjp(g: Array, out: Array, x: Array, *, rtol: float | None) -> Array:
    p, pt, gt = out, _mT(out), _mT(g)
    rest = gt - (gt @ p) @ x  # gt (1 - p x)
    other = gt - x @ (p @ gt)  # (1 - x p) gt
    return -pt @ g @ pt + other @ (p @ pt) + (pt @ p) @ rest


def _pinv_jvp(t: tuple[Array], out: Array, x: Array, *, rtol: float | None) -> Array:
    p, pt, dx, dxt = out, _mT(out), t[0], _mT(t[0])
    rest = dxt - (dxt @ x) @ p  # dx.T (1 - x p)
    other = dxt - p @ (x @ dxt)  # (1 - p x) dx.T
    return -p @ dx @ p + (p @ pt) @ rest + other @ (pt @ p)


@op(
    vjp=(_pinv_vjp,),
    latex=r"{0}^+",
    kind="other",
    jvp=_pinv_jvp,
    flops=lambda out, x, rtol: 20 * x.size * min(x.shape[-2:]),
)
def pinv(x: Array, rtol: float | None = None) -> Array:
    """Return the pseudo-inverses of matrices.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., m, n)
        The gradient is that along changes which keep the rank: where the rank is not full, others
        make the pseudo-inverse jump.
    rtol : float, optional
        Singular values below this part of the largest count as zero; as in PyTorch, max(m, n)
        times the machine epsilon if None.

    Returns
    -------
    Tensor if `x` is one, else ndarray; of shape (..., n, m), dtype of `x`

    References
    ----------
    Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares
    problems whose variables separate", SIAM J. Numer. Anal. 10(2), 1973, eq. (4.12).
    """
    eps = np.finfo(np.result_type(x, np.float32)).eps
    return np.linalg.pinv(x, rtol=max(x.shape[-2:]) * eps if rtol is None else rtol)


class LstsqResult(NamedTuple):
    """What `lstsq` returns."""

    solution: Array
    residuals: Array
    rank: Any
    singular_values: Array


def lstsq(a: Array, b: Array, rcond: float | None = None) -> LstsqResult:
    """Return the x of least norm that makes the squared norm of a @ x - b least.

    Parameters
    ----------
    a : Tensor or ndarray of shape (..., m, n)
        Of full rank for a gradient along every change; see `pinv`.
    b : Tensor or ndarray of shape (m,) or (..., m, k)
    rcond : float, optional
        Singular values below this part of the largest count as zero; max(m, n) times the machine
        epsilon if None.

    Returns
    -------
    solution : Tensor if an argument is one, else ndarray; of shape (..., n, k), or (..., n) for a
        vector
    residuals : the same, of shape (..., k), or (..., 1) for a vector
        The sums of squares, with a derivative as all the others; empty unless m > n and the rank
        of each matrix is n, as in NumPy.
    rank : ndarray of int, of shape (...)
    singular_values : as the solution, of shape (..., min(m, n))

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    a, b = as_arrays("lstsq", a, b)
    vector = b.ndim == 1
    rows, columns = a.shape[-2:]
    if b.shape[-1 if vector else -2] != rows:
        raise ValueError(
            f"lstsq: shapes {a.shape} and {b.shape} do not fit: the matrix has {rows} rows, and so "
            "must the right side"
        )
    targets = b[:, None] if vector else b
    solution = pinv(a, rtol=rcond) @ targets
    s = svdvals(a)
    values = np.asarray(data_of(s))
    eps = max(rows, columns) * np.finfo(values.dtype).eps if rcond is None else rcond
    rank = (values > eps * values.max(axis=-1, keepdims=True, initial=0)).sum(axis=-1)
    missed = targets - a @ solution
    residuals = sum_(missed * missed, axis=-2)
    if rows <= columns or (rank < columns).any():
        residuals = residuals[..., :0]
    return LstsqResult(solution[..., 0] if vector else solution, residuals, rank, s)


def matrix_power(x: Array, n: int) -> Array:
    """Return square matrices to a whole power, by repeated squaring.

    Parameters
    ----------
    x : Tensor or ndarray of shape (..., m, m)
    n : int
        The inverse is raised to -n if negative.

    Returns
    -------
    Tensor if `x` is one, else ndarray; shape and dtype of `x`

    Raises
    ------
    numpy.linalg.LinAlgError
        If n is negative and a matrix is singular.
    TypeError
        If n is not a whole number.
    ValueError
        If the matrices are not square.

    Examples
    --------
    >>> from autograd import Tensor, matrix_power
    >>> matrix_power(Tensor([[1.0, 1.0], [1.0, 0.0]]), 10)[0, 1].item()  # a Fibonacci number
    55.0
    """
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"matrix_power: matrices of shape {x.shape} are not square")
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"matrix_power: n is {n!r}; pass a whole number") from None
    if n < 0:
        x, n = inv(x), -n
    out = None
    while n:
        n, odd = divmod(n, 2)
        if odd:
            out = x if out is None else out @ x
        if n:
            x = x @ x
    return np.zeros_like(x) + np.eye(x.shape[-1], dtype=x.dtype) if out is None else out
