"""Products, solutions and decompositions: values by NumPy, derivatives by differences, PyTorch."""

import gc
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, gradcheck, gradgradcheck
from tests.op_cases_linalg import matrix, symmetric

FLOATS = [np.float32, np.float64]


def drawn(*shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [matrix(*shape)(rng).astype(dtype) for shape in shapes]


# Products.

PRODUCTS = [
    ("dot", [(), (2, 3)], {}),
    ("dot", [(3,), (3,)], {}),
    ("dot", [(2, 3), (3,)], {}),
    ("dot", [(2, 3), (3, 4)], {}),
    ("dot", [(2, 3), (4, 3, 5)], {}),
    ("dot", [(3,), (4, 3, 5)], {}),
    ("vdot", [(2, 3), (3, 2)], {}),
    ("vdot", [(0,), (0,)], {}),
    ("inner", [(3,), (3,)], {}),
    ("inner", [(2, 3), (4, 5, 3)], {}),
    ("inner", [(), (3,)], {}),
    ("outer", [(2,), (3,)], {}),
    ("outer", [(2, 2), (3,)], {}),
    ("outer", [(0,), (3,)], {}),
    ("tensordot", [(2, 3, 4), (3, 4, 5)], {}),
    ("tensordot", [(2, 3), (4, 5)], {"axes": 0}),
    ("tensordot", [(2, 3, 4), (4, 3)], {"axes": ((1, 2), (1, 0))}),
    ("tensordot", [(2, 3), (3, 2)], {"axes": (-1, 0)}),
    ("tensordot", [(2, 0), (0, 3)], {"axes": 1}),
    ("tensordot", [(2, 3), (2, 3)], {"axes": ((0, 1), (0, 1))}),
    ("kron", [(2, 3), (3, 2)], {}),
    ("kron", [(2,), (2, 3)], {}),
    ("kron", [(2, 1, 2), (3,)], {}),
    ("kron", [(), (3,)], {}),
    ("cross", [(3,), (3,)], {}),
    ("cross", [(4, 3), (3,)], {}),
    ("cross", [(3, 4), (3, 4)], {"axis": 0}),
    ("cross", [(2, 1, 3), (4, 3)], {}),
    ("vecdot", [(2, 3), (3,)], {}),
    ("vecdot", [(0, 3), (3,)], {}),
    ("trace", [(3, 3)], {}),
    ("trace", [(2, 3)], {"offset": 1}),
    ("trace", [(2, 3, 4)], {"axis1": 1, "axis2": -1}),
    ("matrix_transpose", [(2, 3, 4)], {}),
]
every_product = pytest.mark.parametrize(("name", "shapes", "params"), PRODUCTS, ids=str)


@every_product
def test_products_are_numpys(name, shapes, params):
    for dtype in (np.float16, *FLOATS):
        xs = [np.asarray(x) for x in drawn(*shapes, dtype=dtype)]
        expected = getattr(np, name)(*xs, **params)
        for f in (getattr(ag, name), getattr(np, name)):
            out = f(*[Tensor(x) for x in xs], **params)
            assert isinstance(out, Tensor)
            assert (out.dtype, out.shape) == (expected.dtype, expected.shape)
            eps = 20 * np.finfo(dtype).eps
            scale = np.abs(expected).max(initial=0)
            np.testing.assert_allclose(out.data, expected, eps, eps * scale)


@every_product
def test_derivatives_of_products_agree_with_differences(name, shapes, params):
    gradcheck(lambda *xs: getattr(ag, name)(*xs, **params), *drawn(*shapes))


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 3), (3, 4)],
        [(10, 2), (2, 9), (9, 3)],
        [(2, 9), (9, 3), (3, 8), (8, 2)],
        [(3,), (3, 4), (4, 2)],
        [(2, 3), (3, 4), (4,)],
        [(3,), (3, 4), (4,)],
        [(3,), (3,)],
        [(2, 0), (0, 3), (3, 2)],
    ],
    ids=str,
)
def test_multi_dot_is_numpys(shapes):
    xs = drawn(*shapes)
    expected = np.linalg.multi_dot(xs)
    for f in (ag.multi_dot, np.linalg.multi_dot):
        out = f([Tensor(x) for x in xs])
        assert out.shape == expected.shape
        np.testing.assert_allclose(out.data, expected, rtol=1e-13)
    gradcheck(lambda *xs: ag.multi_dot(xs), *xs)


def test_multi_dot_takes_the_cheapest_order_and_leaves_no_cycle():
    xs = [Tensor(np.ones(s), requires_grad=True) for s in [(2, 50), (50, 2), (2, 50), (50, 1)]]
    out = ag.multi_dot(xs)
    products, found = [out], []
    while products:
        t = products.pop()
        if t.op is not None:
            found += [x.shape for x in t.inputs] if t.op.name == "matmul" else []
            products += t.inputs
    # x0 (x1 (x2 x3)): a matrix times a column each time
    assert sorted(found) == sorted([(2, 50), (50, 1), (50, 2), (2, 1), (2, 50), (50, 1)])
    alive = weakref.ref(out)
    gc.disable()
    try:
        del out, t
        assert alive() is None
    finally:
        gc.enable()


# Functions of numpy.linalg.

SQUARE = [(3, 3), (2, 2, 2), (0, 2, 2), (0, 0)]
LINALG = {
    "inv": SQUARE,
    "det": SQUARE,
    "slogdet": SQUARE,
    "cholesky": SQUARE,
    "eigh": SQUARE,
    "eigvalsh": SQUARE,
    "qr": [(4, 2), (3, 3), (2, 4), (2, 3, 2), (2, 2, 3)],
    "svd": SQUARE,
    "svdvals": [(4, 2), (2, 4), (2, 2, 3)],
    "pinv": [(4, 2), (2, 4), (2, 2, 3)],
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "shapes"), LINALG.items(), ids=list(LINALG))
def test_numpys_functions_take_tensors(name, shapes, dtype):
    for shape in shapes:
        (x,) = drawn(shape, dtype=dtype)
        if name in ("cholesky", "eigh", "eigvalsh"):
            x = symmetric(x)
        expected = getattr(np.linalg, name)(x)
        for f in (getattr(ag, name), getattr(np.linalg, name)):
            out = f(Tensor(x))
            pairs = zip(out, expected, strict=True) if isinstance(out, tuple) else [(out, expected)]
            for ours, theirs in pairs:
                assert isinstance(ours, Tensor)
                eps = 100 * np.finfo(dtype).eps
                assert (ours.dtype, ours.shape) == (dtype, theirs.shape)
                np.testing.assert_allclose(ours.data, theirs, eps, eps)


def test_options_of_numpys_functions():
    (x,) = drawn((3, 3))
    t = Tensor(symmetric(x))
    upper = np.linalg.cholesky(t, upper=True)
    np.testing.assert_allclose(upper.data, np.linalg.cholesky(t.data, upper=True), rtol=1e-14)
    np.testing.assert_array_equal(np.linalg.qr(t, "r").data, np.linalg.qr(t.data, "r"))
    np.testing.assert_array_equal(
        np.linalg.svd(t, compute_uv=False).data, np.linalg.svd(t.data, compute_uv=False)
    )
    np.testing.assert_allclose(
        np.linalg.pinv(t, 0.4).data, np.linalg.pinv(t.data, 0.4), rtol=1e-12, atol=1e-14
    )
    with pytest.raises(ValueError, match="'complete' is not supported"):
        np.linalg.qr(t, "complete")
    stack = drawn((4, 3, 2))[0]
    for name in ("trace", "diagonal"):
        f = getattr(np.linalg, name)
        np.testing.assert_allclose(f(Tensor(stack), offset=-1).data, f(stack, offset=-1))


def test_methods_are_pytorchs():
    (x,) = drawn((3, 3))
    t = Tensor(x)
    for name, f in [
        ("det", np.linalg.det),
        ("inverse", np.linalg.inv),
        ("pinverse", np.linalg.pinv),
        ("trace", np.trace),
    ]:
        np.testing.assert_allclose(getattr(t, name)().data, f(x), rtol=1e-13)
    assert [p.shape for p in t.svd()] == [(3, 3), (3,), (3, 3)]
    assert [p.shape for p in t.qr()] == [(3, 3), (3, 3)]
    assert t.slogdet().sign.item() == 1
    np.testing.assert_allclose(t.matrix_power(3).data, x @ x @ x, rtol=1e-14)


# Decompositions as wholes: the parts multiply to x, and the gradients of the parts add up.


def by_qr(x):
    q, r = ag.qr(x)
    return q @ r


def by_eigh(x):
    values, vectors = ag.eigh(x)
    return (vectors * values[..., None, :]) @ vectors.swapaxes(-1, -2)


def by_svd(x):
    u, s, vh = ag.svd(x)
    return (u * s[..., None, :]) @ vh


def by_cholesky(x):
    lower = ag.cholesky(x)
    return lower @ lower.swapaxes(-1, -2)


def by_inverses(x):
    return ag.inv(ag.inv(x))


def by_pinv(x):
    return x @ ag.pinv(x) @ x


@pytest.mark.parametrize(
    ("f", "shapes", "of_symmetric_part"),
    [
        (by_qr, [(4, 2), (3, 3), (2, 4), (2, 2, 3)], False),
        (by_eigh, [(3, 3), (2, 2, 2)], True),
        (by_svd, [(4, 2), (2, 4), (3, 3), (2, 2, 3)], False),
        (by_cholesky, [(3, 3), (2, 2, 2)], True),
        (by_inverses, [(3, 3)], False),
        (by_pinv, [(4, 2), (2, 4)], False),
    ],
)
def test_taking_apart_and_putting_together_is_the_identity_with_all_its_derivatives(
    f, shapes, of_symmetric_part
):
    for shape in shapes:
        (data,) = drawn(shape)
        g = np.random.default_rng(1).standard_normal(shape)
        x = Tensor(data, requires_grad=True)
        out = f(x)
        right, pulled = (symmetric(data), symmetric(g)) if of_symmetric_part else (data, g)
        np.testing.assert_allclose(out.data, right, rtol=1e-12, atol=1e-13)
        out.backward(g)
        np.testing.assert_allclose(x.grad.data, pulled, rtol=1e-11, atol=1e-12)
        moved = ag.jvp(f, (data,), (g,))[1]
        np.testing.assert_allclose(moved.data, pulled, rtol=1e-11, atol=1e-12)
        gradgradcheck(lambda x: (f(x) ** 2).sum(), data)


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (2, 4)])
def test_decompositions_are_differentiable_twice_jointly(shape):
    (x,) = drawn(shape)
    weights = np.random.default_rng(1)
    first, last = (weights.standard_normal((20, 20)) for _ in range(2))

    def mixed(parts):
        return sum(
            (ag.sin(p) * w[: p.shape[-2] if p.ndim > 1 else 1, : p.shape[-1]]).sum()
            for p, w in zip(parts, (first, last, first + last), strict=False)
        )

    gradgradcheck(lambda x: mixed(ag.svd(x)), x)
    gradgradcheck(lambda x: mixed(ag.qr(x)), x)
    if shape == (3, 3):
        gradgradcheck(lambda x: mixed(ag.eigh(x)), x)


# Triangular systems, least squares, powers.


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("unitriangular", [False, True])
@pytest.mark.parametrize("b", [(3,), (3, 2), (2, 3, 2)], ids=str)
def test_solve_triangular_reads_its_triangle_only(upper, unitriangular, b):
    a, b = drawn((3, 3), b)
    triangle = (np.triu if upper else np.tril)(a)
    if unitriangular:
        np.fill_diagonal(triangle, 1)

    def f(a, b):
        return ag.solve_triangular(a, b, upper=upper, unitriangular=unitriangular)

    np.testing.assert_allclose(f(Tensor(a), Tensor(b)).data, np.linalg.solve(triangle, b), 1e-13)
    gradcheck(f, a, b)
    x = Tensor(a, requires_grad=True)
    f(x, b).sum().backward()
    outside = (np.tril if upper else np.triu)(np.ones((3, 3)), -1 if upper else 1)
    np.testing.assert_array_equal(x.grad.data * outside, 0)


@pytest.mark.parametrize(
    ("a", "b"),
    [((5, 2), (5,)), ((5, 2), (5, 3)), ((3, 3), (3, 2)), ((2, 4), (2, 2)), ((2, 4), (2,))],
)
def test_lstsq_is_numpys(a, b):
    a, b = drawn(a, b)
    expected = np.linalg.lstsq(a, b)
    for f in (ag.lstsq, np.linalg.lstsq):
        out = f(Tensor(a), Tensor(b))
        assert out.rank == expected[2]
        for ours, theirs in [(out[0], expected[0]), (out[1], expected[1]), (out[3], expected[3])]:
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours.data, theirs, rtol=1e-12, atol=1e-13)
    gradcheck(lambda a, b: ag.lstsq(a, b).solution, a, b)
    if out.residuals.size:
        gradcheck(lambda a, b: ag.lstsq(a, b).residuals, a, b)


def test_lstsq_of_stacks_and_of_deficient_rank():
    a, b = drawn((2, 4, 2), (2, 4, 3))
    out = ag.lstsq(Tensor(a), Tensor(b))
    for i in range(2):
        right = np.linalg.lstsq(a[i], b[i])[0]
        np.testing.assert_allclose(out.solution.data[i], right, rtol=1e-12)
    np.testing.assert_array_equal(out.rank, [2, 2])
    a = np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
    out = ag.lstsq(Tensor(a), Tensor([1.0, 2.0, 3.0]))
    assert (out.rank, out.residuals.size) == (1, 0)
    np.testing.assert_allclose(out.solution.data, [0.5, 0.5], rtol=1e-14)
    with pytest.raises(ValueError, match="the matrix has 3 rows"):
        ag.lstsq(Tensor(a), Tensor([1.0, 2.0]))


@pytest.mark.parametrize("n", range(-3, 8))
def test_matrix_power_is_numpys(n):
    for shape in [(3, 3), (2, 2, 2)]:
        (x,) = drawn(shape)
        for f in (ag.matrix_power, np.linalg.matrix_power):
            out = f(Tensor(x), n)
            np.testing.assert_allclose(out.data, np.linalg.matrix_power(x, n), rtol=1e-12)
        gradcheck(lambda x: ag.matrix_power(x, n), x)
    assert ag.matrix_power(Tensor(np.eye(2, dtype="f4")), n).dtype == np.float32


def test_a_power_of_a_matrix_is_a_whole_number():
    x = Tensor([[1.0, 1.0], [0.0, 1.0]])
    assert ag.matrix_power(x, np.int64(3)).tolist() == [[1, 3], [0, 1]]
    with pytest.raises(TypeError, match=r"n is 0\.5; pass a whole number"):
        ag.matrix_power(x, 0.5)


# Where a derivative is delicate, or is none.


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_the_gradient_of_det_is_the_cofactors_of_singular_matrices_too(rank):
    rng = np.random.default_rng(rank)
    data = rng.standard_normal((3, rank)) @ rng.standard_normal((rank, 3))
    x = Tensor(data, requires_grad=True)
    ag.det(x).backward()
    minors = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(data, i, 0), j, 1)) for j in range(3)]
        for i in range(3)
    ]
    np.testing.assert_allclose(x.grad.data, minors, rtol=1e-12, atol=1e-14)


def test_the_gradient_of_the_determinant_of_a_number_is_1():
    x = Tensor([[-3.0]], requires_grad=True)
    ag.det(x).backward()
    assert x.grad.item() == 1


def test_slogdet_of_a_negative_and_of_a_singular_matrix():
    x = Tensor([[0.0, 2.0], [3.0, 0.0]], requires_grad=True)
    sign, logabsdet = ag.slogdet(x)
    assert (sign.item(), logabsdet.item()) == (-1, pytest.approx(np.log(6)))
    (sign * logabsdet).backward()
    np.testing.assert_allclose(x.grad.data, [[0, -0.5], [-1 / 3, 0]], rtol=1e-15)
    sign, logabsdet = ag.slogdet(Tensor(np.ones((2, 2)), requires_grad=True))
    assert (sign.item(), logabsdet.item()) == (0, -np.inf)
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        logabsdet.backward()


def test_repeated_eigenvalues_give_no_wrong_number():
    x = Tensor(np.eye(3), requires_grad=True)
    values, vectors = ag.eigh(x)
    values.sum().backward()  # a symmetric function of them: the trace
    np.testing.assert_allclose(x.grad.data, np.eye(3), atol=1e-15)
    x.grad = None
    vectors.sum().backward()
    assert not np.isfinite(x.grad.data[np.triu_indices(3, 1)]).any()


def test_repeated_singular_values_give_no_wrong_number():
    x = Tensor(np.eye(3, 2), requires_grad=True)
    u, s, _ = ag.svd(x)
    s.sum().backward()
    np.testing.assert_allclose(x.grad.data, np.eye(3, 2), atol=1e-15)
    x.grad = None
    u.sum().backward()
    assert not np.isfinite(x.grad.data).all()


@pytest.mark.parametrize("vectors", ["U", "Vh"])
def test_the_singular_vectors_of_a_square_matrix_have_a_derivative_at_one_that_is_zero(vectors):
    x = np.array([[1.0, 2.0], [2.0, 4.0]])
    gradcheck(lambda x: getattr(ag.svd(x), vectors) ** 2, x)  # squared: LAPACK turns them round


def test_the_pseudo_inverse_of_deficient_rank_moves_with_changes_that_keep_the_rank():
    u, v = (np.random.default_rng(i).standard_normal(n) for i, n in ((0, 3), (1, 2)))
    gradcheck(lambda u, v: ag.pinv(ag.outer(u, v), 1e-6), u, v)


@pytest.mark.parametrize("params", [{}, {"UPLO": "L"}, {"UPLO": "U"}])
def test_numpys_eigh_reads_one_triangle(params):
    (x,) = drawn((2, 3, 3))  # not symmetric
    found, right = np.linalg.eigh(Tensor(x), **params), np.linalg.eigh(x, **params)
    np.testing.assert_allclose(found.eigenvalues.data, right.eigenvalues, 1e-12, 1e-14)
    # each vector may be turned round
    np.testing.assert_allclose(abs(found.eigenvectors.data), abs(right.eigenvectors), 1e-12, 1e-14)
    gradcheck(lambda x: np.linalg.eigvalsh(x, **params), x)
    t = Tensor(x, requires_grad=True)
    np.linalg.eigvalsh(t, **params).sum().backward()  # the trace
    np.testing.assert_allclose(t.grad.data, np.broadcast_to(np.eye(3), x.shape), atol=1e-12)
    for f in (np.linalg.eigh, np.linalg.eigvalsh):
        with pytest.raises(ValueError, match=f"{f.__name__}: UPLO is 'X'"):
            f(t, UPLO="X")


@pytest.mark.parametrize(
    "f", [ag.inv, lambda x: ag.solve(x, x), lambda x: ag.solve_triangular(x, x, upper=True)]
)
def test_a_singular_matrix_is_refused_by_name(f):
    with pytest.raises(np.linalg.LinAlgError, match=r"(inv|solve): Singular matrix.*\(2, 2\)"):
        f(Tensor([[1.0, 1.0], [0.0, 0.0]]))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ag.cholesky(-x @ x.T), "not positive definite"),
        (lambda x: ag.det(x), "square"),
        (lambda x: ag.svd(x, full_matrices=True), "pass full_matrices=False"),
        (lambda x: np.linalg.svd(x), "pass full_matrices=False"),
        (lambda x: ag.matrix_power(x, 2), "not square"),
        (lambda x: ag.multi_dot([x]), "1 matrices"),
        (lambda x: ag.tensordot(x, x, 1), r"axes \(1,\) of the first"),
        (lambda x: ag.tensordot(x[0], x, 2), "tensordot: axis -2 is out of bounds"),
        (lambda x: ag.tensordot(x[0], x, (0, 5)), "tensordot: axis 5 is out of bounds"),
        (lambda x: ag.tensordot(x, x, ((0, 0), (0, 0))), "repeated axis"),
        (lambda x: ag.vecdot(x, x.T), "must have the same length"),
        (lambda x: ag.cross(x, x, axis=0), "must have the length 3"),
    ],
)
def test_what_does_not_fit_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call(Tensor(drawn((2, 3))[0]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_ellipsis_is_never_summed_over(count):
    x = Tensor(drawn((2, 2))[0])
    for output in ("ji", "j", ""):
        with pytest.raises(ValueError, match=r"einsum: .*(no '...' ellipsis|lacks the ellipsis)"):
            ag.einsum(f"{','.join(['...ij'] * count)}->{output}", *[x[None]] * count)
    assert ag.einsum(f"{','.join(['...ij'] * count)}->ji", *[x] * count).shape == (2, 2)


@pytest.mark.parametrize("shape", [(2, 3), (3, 1), (1, 3), (3,), (4, 3, 1)])
@pytest.mark.parametrize("name", ["cholesky", "eigh", "eigvalsh"])
def test_what_is_no_square_is_never_stretched_to_one(name, shape):
    for f in (getattr(ag, name), getattr(np.linalg, name)):
        with pytest.raises(np.linalg.LinAlgError, match=rf"{name[:3]}.*not square"):
            f(Tensor(np.ones(shape)))


# PyTorch, jointly for all parts, by losses that no choice of signs changes.


def test_torch_agrees_on_decompositions():
    torch = pytest.importorskip("torch")
    (data,) = drawn((4, 3))
    square = data[:3]

    def spectral(lib, u, s, v):
        return (lib.exp(-s) * (u * u * v * v).sum(-2)).sum()

    pairs = [
        (
            data,
            lambda x: spectral(ag, *((p := ag.svd(x)).U[:3], p.S, p.Vh.mT)),
            lambda x: spectral(
                torch, *((p := torch.linalg.svd(x, full_matrices=False)).U[:3], p.S, p.Vh.mT)
            ),
        ),
        (
            symmetric(square),
            lambda x: spectral(ag, (p := ag.eigh(x))[1], p[0], p[1]),
            lambda x: spectral(torch, (p := torch.linalg.eigh(x))[1], p[0], p[1]),
        ),
        (
            square,
            lambda x: ag.slogdet(x).logabsdet * ag.det(x) + ag.matrix_power(x, -2).sum(),
            lambda x: (
                torch.slogdet(x).logabsdet * torch.det(x) + torch.linalg.matrix_power(x, -2).sum()
            ),
        ),
        (
            data,
            lambda x: (ag.lstsq(x, data[:, 0]).solution ** 2).sum(),
            lambda x: (torch.linalg.pinv(x) @ torch.tensor(data[:, 0])).square().sum(),
        ),
        (
            symmetric(square),
            lambda x: ag.cholesky(x).sum(),
            lambda x: torch.linalg.cholesky(x).sum(),
        ),
        (
            data.T,
            lambda x: (ag.qr(x).R ** 2).sum(axis=1)[0],
            lambda x: (torch.linalg.qr(x).R ** 2).sum(1)[0],
        ),
    ]
    for x, ours, theirs in pairs:
        t, u = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours(t), theirs(u)
        np.testing.assert_allclose(y.item(), z.item(), rtol=1e-12)
        y.backward()
        z.backward()
        np.testing.assert_allclose(t.grad.data, u.grad.numpy(), rtol=1e-10, atol=1e-13)


def test_einsum_takes_a_number_as_its_third_operand():
    assert ag.einsum("i,i,->", np.ones(3), np.ones(3), 2.0) == 6
