"""Derivatives as functions of functions: closed forms, PyTorch, nesting, trees, checkpoints."""

import copy
import gc
import pickle
import tracemalloc
import weakref
from collections import OrderedDict, namedtuple
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, enable_grad, no_grad
from autograd.tree import flatten, flatten_like, tree_map, unflatten

Point = namedtuple("Point", "x y")


def draws(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


W1, B1, W2 = draws(5, 3), draws(5, seed=1), draws(4, 5, seed=2)
TARGET = np.array([0, 3])


def network(x):
    """Two rows through linear, tanh, linear and cross_entropy: fused ops, with references."""
    h = ag.tanh(ag.linear(x, Tensor(W1), Tensor(B1)))
    return ag.cross_entropy(ag.linear(h, Tensor(W2)), TARGET)


def softmax_energy(x):
    return (ag.softmax(x) * x.exp()).sum() + (x[0] @ x[1]) ** 2


def sharing(x):
    y = x * x
    return (y * y.sum()).mean() / (1 + ag.sigmoid(x).sum())


FUNCTIONS = [network, softmax_energy, sharing]


def close(found, expected, rtol=1e-10, atol=1e-12):
    """Compare two trees, leaf by leaf, with their shapes."""
    a, built = flatten(found)
    b = flatten_like(built, expected, "expected")
    for x, y in zip(a, b, strict=True):
        x, y = (np.asarray(t.data if isinstance(t, Tensor) else t) for t in (x, y))
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=rtol, atol=atol)


# Trees.


def test_a_tree_comes_back_as_it_was():
    tree = {"a": [1, (2, None)], "b": OrderedDict(z=Point(3, []), y=4)}
    leaves, built = flatten(tree)
    assert leaves == [1, 2, 3, 4]
    again = unflatten(built, leaves)
    assert again == tree
    assert type(again["b"]) is OrderedDict
    assert type(again["b"]["z"]) is Point


def test_a_tree_is_read_in_the_order_of_the_skeleton_it_must_fit():
    built = flatten({"a": 1, "b": [2, 3]})[1]
    assert flatten_like(built, {"b": [20, 30], "a": 10}, "t") == [10, 20, 30]
    with pytest.raises(
        ValueError, match=r"t: built as \{'a': \*\}, .* as \{'a': \*, 'b': \[\*, \*\]"
    ):
        flatten_like(built, {"a": 1}, "t")
    with pytest.raises(ValueError, match=r"built as \[\*\]"):
        flatten_like(flatten((1,))[1], [1], "t")


def test_tree_map_leaves_the_tree_alone():
    tree = {"a": [1]}
    assert tree_map(str, tree) == {"a": ["1"]}
    assert tree == {"a": [1]}


# grad and value_and_grad.


@pytest.mark.parametrize("f", FUNCTIONS)
def test_grad_is_what_backward_gives(f):
    x = Tensor(draws(2, 3, seed=3), requires_grad=True)
    f(x).backward()
    g = ag.grad(f)(x.data)
    assert not g.requires_grad
    assert np.array_equal(g.data, x.grad.data)


def test_grad_nests_to_any_order():
    f = lambda x: x**5  # noqa: E731 - a formula
    derivative = f
    for expected in (80, 160, 240, 240, 120, 0):
        derivative = ag.grad(derivative)
        assert derivative(2.0).item() == expected


def test_grad_takes_arguments_by_number_and_passes_on_the_rest():
    def f(x, y, mode, *, scale):
        assert mode == "mode"
        return scale * x * y**2

    args = (2.0, 3.0, "mode")
    assert ag.grad(f)(*args, scale=2).item() == 18
    assert ag.grad(f, argnums=1)(*args, scale=2).item() == 24
    close(ag.grad(f, argnums=(1, 0))(*args, scale=2), (24.0, 18.0))
    close(ag.grad(f, argnums=(-2,))(*args, scale=2), (24.0,))


def test_grad_of_trees_has_their_shapes_and_dtypes():
    tree = {"w": [draws(2, 3, dtype=np.float32), 2.0], "b": Point(np.ones(3), None)}
    f = lambda t: (t["w"][0] * t["b"].x).sum() * 3  # noqa: E731 - a formula
    g = ag.grad(f)(tree)
    close(g, {"w": [np.full((2, 3), 3.0), 0.0], "b": Point(3 * tree["w"][0].sum(0), None)}, 1e-6)
    assert g["w"][0].dtype == np.float32
    assert g["b"].x.dtype == np.float64
    assert type(g["b"]) is Point


def test_value_and_grad_gives_both_and_hands_on_aux_without_a_graph():
    def f(x):
        y = x**3
        return y.sum(), {"y": y, "note": "as it is"}

    (value, aux), g = ag.value_and_grad(f, has_aux=True)(np.array([1.0, 2.0]))
    assert value.item() == 9
    assert value.op is None
    assert aux["y"].tolist() == [1, 8]
    assert aux["y"].op is None
    assert aux["note"] == "as it is"
    assert g.tolist() == [3, 12]
    g, aux = ag.grad(f, has_aux=True)(np.array([1.0, 2.0]))
    assert g.tolist() == [3, 12]
    assert aux["y"].tolist() == [1, 8]


def test_gradients_share_no_memory():
    x, y = np.ones(3), np.ones(3)
    gx, gy = ag.grad(lambda x, y: (x + y).sum(), argnums=(0, 1))(x, y)
    gx.data[0] = 5  # a read-only view of the seed would refuse
    assert gy.tolist() == [1, 1, 1]
    gx, gy = ag.grad(lambda x, y: ((x + y) * 2.0).sum(), argnums=(0, 1))(x, y)
    gx.data[0] = 5  # the rule of add gives both the same array
    assert gy.tolist() == [2, 2, 2]
    w = Tensor(2.0, requires_grad=True)  # and both the same tensor, where that is recorded
    gx, gy = ag.grad(lambda x, y: ((x + y) * w).sum(), argnums=(0, 1))(x, y)
    gx.data[0] = 5
    assert gy.tolist() == [2, 2, 2]


def test_arguments_are_not_changed_and_gather_no_grad():
    x = np.ones(3)
    x.flags.writeable = False
    t = Tensor(2.0, requires_grad=True)
    ag.grad(lambda x, t: (x * t).sum(), argnums=(0, 1))(x, t)
    assert t.grad is None
    with enable_grad():
        assert t.requires_grad


def test_a_gradient_goes_on_in_the_graph_of_an_argument_that_requires_grad():
    x = Tensor(3.0, requires_grad=True)
    value, g = ag.value_and_grad(lambda x: x**3)(x * 2)
    assert value.requires_grad
    g.backward()  # g = 3 (2x)^2
    assert x.grad.item() == 72
    with no_grad():
        value, g = ag.value_and_grad(lambda x: x**3)(x)
    assert g.item() == 27
    assert not g.requires_grad
    assert not value.requires_grad


def test_a_gradient_goes_on_in_the_graph_of_captured_tensors():
    w = Tensor(3.0, requires_grad=True)
    scaled = w * 1.0
    g = ag.grad(lambda x: scaled * x**2)(5.0)
    g.backward()  # g = 2 w x
    assert w.grad.item() == 10
    with no_grad():
        assert not ag.grad(lambda x: w * x**2)(5.0).requires_grad
    captured = Tensor(2.0)
    assert not ag.grad(lambda x: captured * x**2)(5.0).requires_grad


def test_a_captured_graph_is_not_walked():
    counted = []

    def rule(g, out, x):
        counted.append(1)
        return g

    same = ag.Op("same", lambda x: +x, (rule,), "{0}")
    before = same(Tensor(3.0, requires_grad=True))
    with no_grad():
        assert ag.grad(lambda x: x * before)(2.0).item() == 3
    assert not counted
    with no_grad():
        ag.grad(same)(2.0)
    assert counted


def test_plain_grad_leaves_nothing_to_the_garbage_collector():
    made = []

    def f(x):
        y = ag.tanh(x) * x
        made.append(weakref.ref(y))
        return y.sum()

    gc.collect()
    gc.disable()
    try:
        g = ag.grad(f)(np.ones(3))
        out, pull = ag.vjp(f, np.ones(3))
        pull(1.0)
        assert made[0]() is None
        assert made[1]() is not None  # kept for the next call
        del pull
        assert made[1]() is None
    finally:
        gc.enable()
    assert g.shape == (3,)
    assert out.op is None


def test_a_long_graph_needs_no_recursion():
    def f(x):
        for _ in range(5_000):
            x = x * 1.0
        return x

    assert ag.grad(f)(2.0).item() == 1
    assert ag.linearize(f, 2.0)[1](3.0).item() == 3
    assert ag.jvp(ag.grad(f), (2.0,), (1.0,))[1].item() == 0


# Perturbation confusion: which derivative does a symbol belong to?


def derivatives():
    grad = ag.grad
    forward = lambda f: lambda x: ag.jvp(f, (x,), (1.0,))[1]  # noqa: E731 - two like it
    linear = lambda f: lambda x: ag.linearize(f, x)[1](1.0)  # noqa: E731
    back = lambda f: lambda x: ag.vjp(f, x)[1](1.0)[0]  # noqa: E731
    return {"grad": grad, "jvp": forward, "linearize": linear, "vjp": back, "jacfwd": ag.jacfwd}


@pytest.mark.parametrize("outer", derivatives())
@pytest.mark.parametrize("inner", derivatives())
def test_nested_derivatives_are_kept_apart(outer, inner):
    D, d = derivatives()[outer], derivatives()[inner]
    assert D(lambda x: x * d(lambda y: x + y)(1.0))(3.0).item() == 1
    assert D(lambda x: x * d(lambda y: x * y)(1.0))(3.0).item() == 6
    assert D(lambda x: x * d(lambda y: x * x)(1.0))(3.0).item() == 0
    assert D(lambda x: d(lambda y: x * y**3)(x))(2.0).item() == 36  # 3 x y^2 at y = x
    assert D(d(lambda x: x**4))(2.0).item() == 48
    assert D(d(D(lambda x: x**4)))(2.0).item() == 48
    assert D(D(d(d(lambda x: x**5))))(2.0).item() == 240


# vjp, jvp, linearize.


def many(x, y):
    """A function of two trees that returns one."""
    z = ag.tanh(x["a"] @ y)
    return {"z": z, "rest": (z.sum(), x["b"] * 2.0)}


def many_arguments():
    return ({"a": draws(2, 3), "b": draws(4, seed=1)}, draws(3, 2, seed=2))


def like(tree, seed):
    rng = np.random.default_rng(seed)
    return tree_map(lambda x: rng.standard_normal(np.shape(x)), tree)


def dot(a, b):
    leaves, built = flatten(a)
    others = flatten_like(built, b, "b")
    return sum(np.vdot(x.data, y) for x, y in zip(leaves, others, strict=True))


def test_vjp_and_jvp_are_adjoint_on_trees():
    args = many_arguments()
    v = like(args, 5)
    out, pull = ag.vjp(many, *args)
    u = like(out, 6)
    close(out, tree_map(lambda y: y, many(*tree_map(Tensor, args))))
    again, tangent = ag.jvp(many, args, v)
    close(again, out, rtol=0, atol=0)
    assert dot(tangent, u) == pytest.approx(dot(pull(u), v), rel=1e-12)
    assert abs(dot(tangent, u)) > 0.1


def test_vjp_may_be_asked_more_than_once():
    _, pull = ag.vjp(lambda x: x**2, np.array([1.0, 2.0]))
    assert pull(np.array([1.0, 0.0]))[0].tolist() == [2, 0]
    assert pull([0.0, 1.0] * np.ones(2))[0].tolist() == [0, 4]


def test_transforms_work_where_nothing_is_recorded():
    with no_grad():
        out, pull = ag.vjp(lambda x: x**2, 3.0)
        assert pull(1.0)[0].item() == 6
        assert ag.linearize(lambda x: x**2, 3.0)[1](1.0).item() == 6
        assert ag.hvp(lambda x: x**3, (3.0,), (1.0,)).item() == 18
        assert ag.hessian(lambda x: x**3)(3.0).item() == 18
    assert out.op is None
    assert pull(1.0)[0].item() == 6


def test_cotangents_can_be_differentiated():
    _, pull = ag.vjp(lambda x: x**2, 3.0)
    u = Tensor(1.0, requires_grad=True)
    pull(u * 2.0)[0].backward()
    assert u.grad.item() == 12
    assert ag.jacrev(lambda u: pull(u)[0])(1.0).item() == 6
    assert not ag.jacrev(lambda u: pull(u)[0])(1.0).requires_grad
    assert ag.jvp(lambda u: pull(u * u)[0], (3.0,), (1.0,))[1].item() == 36


def test_a_cotangent_that_comes_from_the_output_is_a_constant():
    x = Tensor(3.0, requires_grad=True)
    out, pull = ag.vjp(lambda x: x**2, x)
    assert pull(out)[0].item() == 54  # out * 2x, not the derivative of out^2


def test_has_aux_of_vjp_and_jvp():
    f = lambda x: (x * x, [x + 1.0, "note"])  # noqa: E731 - a formula
    out, pull, aux = ag.vjp(f, 3.0, has_aux=True)
    assert (out.item(), pull(1.0)[0].item(), aux[0].item(), aux[1]) == (9, 6, 4, "note")
    assert aux[0].op is None
    out, tangent, aux = ag.jvp(f, (3.0,), (1.0,), has_aux=True)
    assert (out.item(), tangent.item(), aux[0].item(), aux[1]) == (9, 6, 4, "note")
    assert type(aux[0]) is Tensor


def test_linearize_is_jvp_and_runs_the_function_once():
    runs = []

    def f(x, y):
        runs.append(1)
        return many(x, y)

    args = many_arguments()
    out, push = ag.linearize(f, *args)
    for seed in (5, 6):
        v = like(args, seed)
        found = push(*v)
        close(found, ag.jvp(many, args, v)[1], rtol=1e-13)
        assert not any(t.requires_grad for t in flatten(found)[0])
    close(out, many(*tree_map(Tensor, args)))
    assert len(runs) == 1


@pytest.mark.parametrize("f", FUNCTIONS)
def test_linearize_can_be_differentiated_and_goes_through_fused_ops(f):
    x, v = draws(2, 3, seed=3), draws(2, 3, seed=4)
    close(ag.linearize(f, x)[1](v), ag.jvp(f, (x,), (v,))[1])
    Hv = ag.hvp(f, (x,), (v,))
    close(ag.grad(lambda x: ag.linearize(f, x)[1](v))(x), Hv)
    close(ag.jacfwd(lambda x: ag.linearize(f, x)[1](v))(x), Hv)
    close(ag.grad(ag.linearize(f, x)[1])(v), ag.grad(f)(x))
    # both the point and the direction move
    found = ag.jvp(lambda x: ag.linearize(f, x)[1](x * x), (x,), (v,))[1]
    close(found, ag.jvp(lambda x: ag.jvp(f, (x,), (x * x,))[1], (x,), (v,))[1])


def test_linearize_refuses_a_point_that_was_changed_or_freed():
    w = Tensor([1.0, 2.0])
    _, push = ag.linearize(lambda x: x * w, np.ones(2))
    with no_grad():
        w += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        push(np.ones(2))
    x = Tensor(2.0, requires_grad=True)
    out, push = ag.linearize(lambda x: x * x, x)
    out.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="freed"):
        push(1.0)
    captured = x * x
    captured.backward(retain_graph=False)  # what is a constant may be freed
    assert ag.linearize(lambda x: x * captured, 2.0)[1](1.0).item() == 4


# Jacobians and Hessians.


def test_jacobians_have_the_shape_of_the_output_then_of_the_input():
    x = draws(3, 2, dtype=np.float32)
    f = lambda x: (x @ x.T)[:2]  # noqa: E731 - a formula
    numeric = np.zeros((2, 3, 3, 2))
    for i, j in np.ndindex(3, 2):
        unit = np.zeros((3, 2))
        unit[i, j] = 1
        numeric[..., i, j] = (unit @ x.T + x @ unit.T)[:2]
    for transform in (ag.jacrev, ag.jacfwd, ag.jacobian):
        J = transform(f)(x)
        assert J.dtype == np.float32
        close(J, numeric, rtol=1e-6)


def test_jacobians_of_trees_are_trees_of_trees():
    args = many_arguments()
    reverse = ag.jacrev(many, argnums=(0, 1))(*args)
    close(ag.jacfwd(many, argnums=(0, 1))(*args), reverse)
    assert reverse["rest"][1][0]["b"].tolist() == (2 * np.eye(4)).tolist()
    assert reverse["z"][0]["a"].shape == (2, 2, 2, 3)
    assert reverse["z"][1].shape == (2, 2, 3, 2)
    total, rest = reverse["rest"]
    second = {"z": reverse["z"][1], "rest": (total[1], rest[1])}
    tensors = tree_map(Tensor, args)
    close(ag.jacrev(many, argnums=1)(*tensors), second)
    close(ag.jacfwd(many, argnums=1)(*tensors), second)


@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_jacobians_of_what_is_empty(shape):
    for transform in (ag.jacrev, ag.jacfwd, ag.jacobian):
        assert transform(lambda x: x * 2.0)(np.zeros(shape)).shape == shape + shape
        assert transform(lambda x: x.sum() * np.ones(2))(np.zeros(shape)).shape == (2, *shape)
        assert transform(lambda x: x * np.zeros(shape))(1.0).shape == shape


def test_jacobian_takes_the_mode_that_costs_less():
    runs = []

    def f(x, n):
        runs.append(1)
        return x.sum() * np.ones(n), "aux"

    jac = ag.jacobian(f, has_aux=True)
    assert jac.mode is None
    for n, mode in ((2, "reverse"), (3, "reverse"), (4, "forward")):
        J, aux = jac(np.ones(3), n)
        assert jac.mode == mode
        assert aux == "aux"
        assert J.tolist() == np.ones((n, 3)).tolist()
        assert len(runs) == (1 if mode == "reverse" else 1 + 3)
        runs.clear()


ORDERS = {
    "hessian": ag.hessian,
    "forward over reverse": lambda f: ag.jacfwd(ag.jacrev(f)),
    "reverse over forward": lambda f: ag.jacrev(ag.jacfwd(f)),
    "reverse over reverse": lambda f: ag.jacrev(ag.jacrev(f)),
    "forward over forward": lambda f: ag.jacfwd(ag.jacfwd(f)),
    "jacobian of grad": lambda f: ag.jacobian(ag.grad(f)),
    "linearized gradient": lambda f: _columns(lambda x: ag.linearize(ag.grad(f), x)[1]),
    "hvp": lambda f: _columns(lambda x: lambda v: ag.hvp(f, (x,), (v,))),
}


def _columns(product):
    def matrix(x):
        multiply = product(x)
        units = np.eye(x.size).reshape(-1, *x.shape)
        return np.stack([multiply(v).data for v in units], -1).reshape(2 * x.shape)

    return matrix


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # from inside PyTorch
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_all_ways_to_the_hessian_agree_with_pytorch(f, order):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional

    def torch_network(x):
        h = torch.tanh(F.linear(x, torch.tensor(W1), torch.tensor(B1)))
        return F.cross_entropy(F.linear(h, torch.tensor(W2)), torch.tensor(TARGET))

    def torch_softmax_energy(x):
        return (x.softmax(-1) * x.exp()).sum() + (x[0] @ x[1]) ** 2

    def torch_sharing(x):
        y = x * x
        return (y * y.sum()).mean() / (1 + torch.sigmoid(x).sum())

    theirs = {
        network: torch_network,
        softmax_energy: torch_softmax_energy,
        sharing: torch_sharing,
    }
    x = draws(2, 3, seed=3)
    expected = torch.func.hessian(theirs[f])(torch.tensor(x)).numpy()
    close(ORDERS[order](f)(x), expected)
    with no_grad():
        close(ORDERS[order](f)(x), expected)


def test_a_hessian_of_several_arguments_has_all_blocks():
    f = lambda p, y: (p["x"] ** 2 * y).sum()  # noqa: E731 - a formula
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    for transform in (ag.hessian, lambda f, n: ag.jacrev(ag.jacfwd(f, n), n)):
        (xx, xy), (yx, yy) = (row for row in _blocks(transform(f, (0, 1))({"x": x}, y)))
        close(xx, np.diag(2 * y))
        close(xy, np.diag(2 * x))
        close(yx, np.diag(2 * x))
        close(yy, np.zeros((2, 2)))


def _blocks(H):
    first, second = H
    return (first["x"][0]["x"], first["x"][1]), (second[0]["x"], second[1])


def test_has_aux_of_a_hessian():
    H, aux = ag.hessian(lambda x: (x**3, x + 1.0), has_aux=True)(2.0)
    assert H.item() == 12
    assert aux.item() == 3
    assert type(aux) is Tensor
    assert not aux.requires_grad


# Products with second derivatives.


def mlp(sizes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [
        {"weight": rng.standard_normal((m, n)).astype(dtype) / n**0.5, "bias": np.zeros(m, dtype)}
        for n, m in pairwise(sizes)
    ]


def loss_of(x, target):
    def loss(layers):
        h = x
        for layer in layers[:-1]:
            h = ag.tanh(ag.linear(h, layer["weight"], layer["bias"]))
        return ag.cross_entropy(ag.linear(h, *layers[-1].values()), target)

    return loss


class Counted(np.ndarray):
    """An array that counts the multiplications and additions of matrix products."""

    flops = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        plain = [x.view(np.ndarray) if isinstance(x, Counted) else x for x in inputs]
        if out is not None:
            kwargs["out"] = tuple(x.view(np.ndarray) if isinstance(x, Counted) else x for x in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        if ufunc is np.matmul:
            Counted.flops += 2 * result.size * plain[0].shape[-1]
        return result.view(Counted) if isinstance(result, np.ndarray) else result


def counted(array):
    t = Tensor(array)
    t.data = t.data.view(Counted)
    return t


def test_hvp_of_a_million_parameters_is_the_difference_of_gradients():
    sizes = (100, 900, 900, 110)
    params = mlp(sizes)
    assert sum(p.size for p in flatten(params)[0]) > 1e6
    x, target = draws(4, 100), np.array([0, 5, 7, 109])
    loss = loss_of(Tensor(x), target)
    v = like(params, 1)
    h = 1e-6  # v is a thousand long
    product = ag.hvp(loss, (params,), (v,))
    after, before = (
        ag.grad(loss)(unflatten(flatten(params)[1], [p + s * h * t for p, t in pairs(params, v)]))
        for s in (1, -1)
    )
    for Hv, a, b in zip(*(flatten(t)[0] for t in (product, after, before)), strict=True):
        expected = (a.data - b.data) / (2 * h)
        np.testing.assert_allclose(Hv.data, expected, atol=1e-5 * np.abs(expected).max())


def pairs(a, b):
    return zip(flatten(a)[0], flatten(b)[0], strict=True)


@pytest.mark.parametrize("depth", [2, 8])
def test_hvp_costs_less_than_three_gradients(depth):
    params = mlp((20,) * (depth + 1))
    loss = loss_of(counted(draws(6, 20)), np.arange(6))
    given = tree_map(counted, params)
    costs = []
    for work in (
        lambda: ag.grad(loss)(given),
        lambda: ag.hvp(loss, (given,), (tree_map(counted, like(params, 1)),)),
    ):
        Counted.flops = 0
        work()
        costs.append(Counted.flops)
    gradient, product = costs
    layer = 2 * 6 * 20 * 20
    assert gradient == layer * (3 * depth - 1)  # forward, and two products back; x needs none
    assert 2 * gradient < product < 3 * gradient


def test_hvp_of_several_arguments_is_a_tuple():
    f = lambda x, y: (x**2 * y).sum()  # noqa: E731 - a formula
    x, y, v, w = (draws(3, seed=i) for i in range(4))
    close(ag.hvp(f, (x, y), (v, w)), (2 * y * v + 2 * x * w, 2 * x * v))
    close(ag.jvp(ag.grad(f, (0, 1)), (x, y), (v, w))[1], (2 * y * v + 2 * x * w, 2 * x * v))


def test_ggnvp_is_the_product_of_the_three_matrices():
    x, v = draws(2, 3, seed=3), draws(2, 3, seed=4)
    f = lambda x: {"out": ag.tanh(ag.linear(x, Tensor(W1[:4])))}  # noqa: E731 - a formula
    loss = lambda y: ag.cross_entropy(y["out"], TARGET)  # noqa: E731
    J = ag.jacrev(f)(x)["out"].data.reshape(8, 6)
    H = ag.hessian(loss)(tree_map(Tensor, f(Tensor(x))))["out"]["out"].data.reshape(8, 8)
    close(ag.ggnvp(f, loss, (x,), (v,)), (J.T @ H @ J @ v.ravel()).reshape(2, 3))
    curved = ag.hvp(lambda x: loss(f(x)), (x,), (v,)).data
    assert np.abs(curved - ag.ggnvp(f, loss, (x,), (v,)).data).max() > 1e-3
    # where f is linear the two are one
    linear = lambda x: {"out": ag.linear(x, Tensor(W1[:4]))}  # noqa: E731
    close(ag.ggnvp(linear, loss, (x,), (v,)), ag.hvp(lambda x: loss(linear(x)), (x,), (v,)))


def test_ggnvp_of_several_arguments_runs_the_model_once():
    runs = []

    def f(x, y):
        runs.append(1)
        return x * y

    found = ag.ggnvp(f, lambda z: z**2, (3.0, 2.0), (1.0, 10.0))
    close(found, (2 * 2.0 * 32, 2 * 3.0 * 32))  # J v = 2 * 1 + 3 * 10
    assert len(runs) == 1


# checkpoint.


def layers_of(count, width=32):
    rng = np.random.default_rng(0)
    return [
        Tensor(rng.standard_normal((width, width)) / width**0.5, requires_grad=True)
        for _ in range(count)
    ]


def piece(layers):
    def run(x):
        for weight in layers:
            x = ag.tanh(x @ weight) * 0.5 + x
        return x

    return run


def peak_memory(layers, size, x):
    """Return the peak of memory of a pass, without what the parameters' gradients take."""
    for weight in layers:
        weight.grad = None
    gc.collect()
    tracemalloc.start()
    try:
        out = x
        for i in range(0, len(layers), size):
            run = piece(layers[i : i + size])
            out = ag.checkpoint(run, out) if size < len(layers) else run(out)
        loss = (out * out).sum()
        del out
        loss.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak - sum(weight.data.nbytes for weight in layers), [w.grad.data for w in layers]


def test_a_checkpointed_chain_takes_a_quarter_of_the_memory_for_the_same_gradients():
    layers = layers_of(64)
    x = Tensor(draws(512, 32))
    plain, expected = peak_memory(layers, 64, x)
    assert plain > 64 * x.data.nbytes
    checkpointed, found = peak_memory(layers, 8, x)
    assert checkpointed <= plain / 4
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_checkpoint_is_one_op_on_arguments_and_captured_tensors():
    w = Tensor(3.0, requires_grad=True)
    between = w * 2.0
    x = Tensor(2.0, requires_grad=True)
    constant = Tensor(1.0)

    def f(tree, note):
        assert note == "note"
        return (tree["x"] * between).exp() * w + constant + tree["c"]

    out = ag.checkpoint(f, {"x": x, "c": constant}, "note")
    assert out.op.name == "checkpoint"
    assert sorted(map(id, out.inputs)) == sorted(map(id, (x, between, w)))
    with no_grad():  # the second run is recorded all the same
        out.backward()
    found = [x.grad.item(), w.grad.item()]
    x.grad = w.grad = None
    f({"x": x, "c": constant}, "note").backward()
    assert found == [x.grad.item(), w.grad.item()]


def test_a_checkpoint_that_records_nothing_is_a_call():
    x = Tensor(2.0, requires_grad=True)
    assert ag.checkpoint(lambda x: x * 2.0, Tensor(2.0)).op is None
    assert ag.checkpoint(lambda x: x, x) is x
    with no_grad():
        assert ag.checkpoint(lambda x: x * 2.0, x).op is None


@pytest.mark.parametrize("order", ORDERS)
def test_derivatives_of_any_order_go_through_a_checkpoint(order):
    x = draws(2, 3, seed=3)
    expected = ag.hessian(network)(x)
    close(ORDERS[order](lambda x: ag.checkpoint(network, x))(x), expected)


def test_create_graph_goes_through_a_checkpoint_to_captured_parameters():
    w, x = Tensor(3.0, requires_grad=True), Tensor(2.0, requires_grad=True)
    ag.checkpoint(lambda x: (w * x) ** 2, x).backward(create_graph=True)
    slope = x.grad  # 2 w^2 x
    x.grad = w.grad = None
    slope.backward()
    assert x.grad.item() == 18
    assert w.grad.item() == 24
    x.grad = w.grad = slope = None


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_checkpoint_runs_again_in_the_scope_of_its_first_run(create_graph):
    paths = []

    def f(x):
        with ag.scope("block"):
            y = x.exp()
        paths.append(y.scope.path)
        return y

    x = Tensor(2.0, requires_grad=True)
    with ag.scope("model"):
        y = ag.checkpoint(f, x)
    with ag.scope("elsewhere"):
        y.backward(create_graph=create_graph)
        assert (2 * x).scope.path == "elsewhere"
    assert paths == ["model.block"] * 2


def test_checkpoints_nest():
    w = Tensor(0.5, requires_grad=True)
    inner = lambda x: ag.checkpoint(lambda x: (w * x).tanh(), x) * x  # noqa: E731 - a formula
    out = ag.checkpoint(lambda x: inner(inner(x)), Tensor(2.0))
    out.backward()
    found, w.grad = w.grad.item(), None
    y = (w * 2.0).tanh() * 2.0
    ((w * y).tanh() * y).backward()
    assert found == w.grad.item()


def pulled_back(f):
    """Return the function that computes, as `ag.grad(f)` does, the gradient of `f`."""
    return lambda x: ag.vjp(f, x)[1](1.0)[0]


@pytest.mark.parametrize("inner", [ag.grad, ag.jacrev, ag.jacfwd, pulled_back])
@pytest.mark.parametrize("outer", [ag.grad, ag.jacrev, ag.jacfwd, pulled_back])
def test_transforms_go_through_a_checkpoint_to_those_inside(outer, inner):
    slope = inner(lambda x: (x**4).sum())
    x = np.array([1.0, 2.0])
    for f in (slope, lambda x: ag.checkpoint(slope, x)):
        found = outer(lambda x: ag.checkpoint(f, 2 * x).sum())(x)  # noqa: B023 - called at once
        np.testing.assert_allclose(found.data, 2 * 12 * (2 * x) ** 2, rtol=1e-14)


def test_a_checkpoint_draws_the_same_numbers_again():
    x = Tensor(np.ones(50), requires_grad=True)

    def dropout(rng):
        return lambda x: x * (rng.random(50) < 0.5)

    rng = np.random.default_rng(0)
    out = ag.checkpoint(dropout(rng), x, rng=rng)
    following = rng.random()
    out.sum().backward()
    assert x.grad.tolist() == out.tolist()
    assert 0 < sum(out.tolist()) < 50
    reference = np.random.default_rng(0)
    reference.random(50)
    assert following == reference.random()
    assert rng.random() == reference.random()  # the second run has left the state alone


def test_a_checkpoint_draws_the_same_from_the_default_generator():
    x = Tensor(np.ones(3), requires_grad=True)
    ag.random.manual_seed(0)
    plain = ag.grad(lambda x: (x * ag.random.generator().random(3)).sum())(x)
    after = ag.random.generator().random()
    ag.random.manual_seed(0)
    ag.checkpoint(lambda x: (x * ag.random.generator().random(3)).sum(), x).backward()
    assert x.grad.tolist() == plain.tolist()
    assert ag.random.generator().random() == after


def test_a_checkpoint_says_when_the_second_run_differs():
    x = Tensor(np.ones(3), requires_grad=True)
    shapes = [3, 2]
    out = ag.checkpoint(lambda x: x[: shapes.pop(0)] * 2.0, x)
    with pytest.raises(RuntimeError, match="did not do the same"):
        out.backward(np.ones(3))
    rng = np.random.default_rng(0)  # not passed as rng=
    out = ag.checkpoint(lambda x: x * rng.random(3), x)
    with pytest.raises(RuntimeError, match="pass the generator it draws from as rng="):
        out.backward(np.ones(3))
    w = Tensor(np.ones(3), requires_grad=True)
    used = [w, Tensor(np.ones(3))]
    out = ag.checkpoint(lambda x: x * used.pop(0), x)
    with pytest.raises(RuntimeError, match="did not do the same"):
        out.backward(np.ones(3))


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_checkpoint_compares_every_element_of_the_second_run(create_graph, dtype):
    rng = np.random.default_rng(0)  # not passed as rng=
    x = Tensor([1e4, 1, 1, 1, 1, 1, 1, 1], requires_grad=True, dtype=dtype)
    drop = lambda x: x * (rng.random(7) < 0.5)  # noqa: E731 - a formula
    out = ag.checkpoint(lambda x: ag.concatenate([x[:1], drop(x[1:])]), x)
    with pytest.raises(RuntimeError, match="did not do the same"):
        out.sum().backward(create_graph=create_graph)
    assert x.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_checkpoint_takes_rounding_and_infinities_for_the_same(create_graph, dtype):
    factors = [1, 1 + np.finfo(dtype).eps]
    x = Tensor([100, 1, np.inf, np.nan], requires_grad=True, dtype=dtype)
    ag.checkpoint(lambda x: x * factors.pop(0), x).sum().backward(create_graph=create_graph)
    np.testing.assert_allclose(x.grad.data, np.ones(4), 1e-2)


def test_a_checkpoint_notices_inputs_that_were_changed_in_place():
    x = Tensor(np.ones(3), requires_grad=True)
    out = ag.checkpoint(lambda x: x * x, x)
    with no_grad():
        x += 1
    with pytest.raises(RuntimeError, match=r"changed in place, .*after checkpoint"):
        out.backward(np.ones(3))


# What is refused.


def test_a_function_that_is_no_scalar_is_refused():
    with pytest.raises(ValueError, match=r"grad: f returned .* shape \(2,\).* use jacobian"):
        ag.grad(ag.exp)(np.ones(2))
    with pytest.raises(ValueError, match=r"hvp: f returned .* shape \(2,\)"):
        ag.hvp(ag.exp, (np.ones(2),), (np.ones(2),))
    with pytest.raises(TypeError, match=r"value_and_grad: f returned \(\*, \*\).*has_aux=True"):
        ag.value_and_grad(lambda x: (x, x))(1.0)


def test_integers_are_refused():
    with pytest.raises(TypeError, match=r"grad: leaf 1 of the arguments is int64.*argnums="):
        ag.grad(lambda x: x[0])([1.0, 3])
    with pytest.raises(TypeError, match="jvp: leaf 0 of the primals is int64"):
        ag.jvp(ag.exp, (3,), (1.0,))
    with pytest.raises(TypeError, match="jacrev: f returned a tensor of dtype bool"):
        ag.jacrev(lambda x: x > 0)(1.0)
    with pytest.raises(TypeError, match="jacfwd: f returned a tensor of dtype int64"):
        ag.jacfwd(lambda x: x.argmax())(np.ones(2))


@pytest.mark.parametrize(
    "transform",
    [
        ag.grad,
        ag.jacrev,
        ag.jacfwd,
        ag.hessian,
        lambda f: lambda x: ag.vjp(f, x),
        lambda f: lambda x: ag.linearize(f, x),
        lambda f: lambda x: ag.checkpoint(f, Tensor(x)),
    ],
)
def test_a_result_that_is_no_tensor_is_refused(transform):
    with pytest.raises(TypeError, match="f returned a float where a tensor is needed"):
        transform(lambda x: (x * 2.0).item())(1.0)


def test_arguments_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match=r"grad: argnums=1, but f was called with 1 positional"):
        ag.grad(ag.exp, argnums=1)(1.0)
    with pytest.raises(ValueError, match=r"jacrev: argnums=\(0, 2\)"):
        ag.jacrev(ag.mul, argnums=(0, 2))(1.0, 2.0)
    with pytest.raises(ValueError, match="grad: there is no tensor in"):
        ag.grad(lambda x: Tensor(1.0))({})
    for transform in (ag.grad, ag.jacrev, ag.jacfwd, ag.jacobian):
        with pytest.raises(ValueError, match=r"argnums=\(0, -2\) names an argument of 2 twice"):
            transform(ag.mul, (0, -2))(1.0, 2.0)


@pytest.mark.parametrize(
    "transform", [ag.grad, ag.value_and_grad, ag.jacrev, ag.jacfwd, ag.jacobian, ag.hessian]
)
def test_a_transform_is_given_the_function_alone(transform):
    name = transform.__name__
    with pytest.raises(TypeError, match=rf"{name}: argnums is array\(\[0.*: {name}\(f\)\(x\)"):
        transform(ag.exp, np.zeros(2))
    with pytest.raises(TypeError, match=rf"{name}: got a Tensor .*its backward\(\) computes"):
        transform(Tensor(1.0))


@pytest.mark.parametrize("transform", [ag.jvp, ag.hvp, partial(ag.ggnvp, ag.exp)])
def test_primals_and_tangents_are_tuples(transform):
    with pytest.raises(TypeError, match=r"the primals are a ndarray; pass a tuple"):
        transform(ag.exp, np.ones(1), np.ones(1))
    with pytest.raises(
        TypeError, match=r"the tangents are a ndarray; .*\(f, \(x,\), \(direction,\)\)"
    ):
        transform(ag.exp, (np.ones(1),), np.ones(1))


def test_both_modes_give_the_blocks_of_a_jacobian_the_dtype_of_their_argument():
    args = np.ones(2, np.float32), np.ones(2)
    for transform in (ag.jacrev, ag.jacfwd):
        blocks = transform(ag.mul, (0, 1))(*args)
        assert [block.dtype for block in blocks] == [np.float32, np.float64]


def test_aux_that_is_not_there_is_refused():
    for transform in (ag.grad, ag.jacrev, ag.jacfwd):
        with pytest.raises(TypeError, match=r"has_aux=True f must return \(out, aux\)"):
            transform(ag.exp, has_aux=True)(1.0)


def test_directions_that_do_not_fit_are_refused():
    _, pull = ag.vjp(lambda x: {"y": x}, np.ones(2))
    with pytest.raises(ValueError, match=r"vjp: the cotangents: built as \*, .* as \{'y': \*\}"):
        pull(np.ones(2))
    with pytest.raises(ValueError, match=r"vjp: output 0 has shape \(2,\), its cotangent \(3,\)"):
        pull({"y": np.ones(3)})
    _, push = ag.linearize(ag.exp, np.ones(2))
    with pytest.raises(ValueError, match=r"linearize: primal 0 has shape \(2,\), its tangent \(\)"):
        push(1.0)
    with pytest.raises(ValueError, match=r"linearize: the tangents: built as \(\*, \*\)"):
        push(1.0, 2.0)


def test_an_argument_changed_in_place_is_refused():
    def assigns(x):
        x[0] = 5.0
        return x.sum()

    def updates(x):
        with no_grad():
            x *= 2
        return x.sum()

    given = np.ones(2)
    for f in (assigns, updates):
        with pytest.raises(RuntimeError, match="f changed an argument in place"):
            ag.grad(f)(given)
    assert given.tolist() == [1, 1]


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, pickle.dumps])
def test_forward_mode_refuses_a_copy_without_its_tangent(twin):
    with pytest.raises(TypeError, match=r"would lose; clone\(\) passes it on"):
        ag.jvp(lambda x: [twin(x), x * x][1], (2.0,), (1.0,))


def test_forward_mode_refuses_a_backward_pass_and_takes_grad():
    def slope(x):
        w = Tensor(3.0, requires_grad=True)
        (w * w * x).backward()
        return w.grad * x

    with pytest.raises(RuntimeError, match=r"forward mode does not follow .*autograd\.grad\(f\)"):
        ag.jvp(slope, (2.0,), (1.0,))
    _, tangent = ag.jvp(lambda x: ag.grad(lambda w: w * w * x)(3.0) * x, (2.0,), (1.0,))
    assert tangent.item() == 24


def test_forward_mode_leaves_arguments_alone_that_f_changes():
    def f(x, y):
        y[0] = 7.0
        return x * y

    for record in (False, True):
        x, y = Tensor([1.0, 2.0], requires_grad=record), Tensor([3.0, 4.0], requires_grad=record)
        by_x, by_y = ag.jacfwd(f, argnums=(0, 1))(x, y)
        assert by_x.tolist() == [[7, 0], [0, 4]]
        assert by_y.tolist() == [[0, 0], [0, 2]]
        assert (x.tolist(), y.tolist()) == ([1, 2], [3, 4])


def test_has_aux_is_named_where_a_transform_takes_it():
    with pytest.raises(TypeError, match=r"^checkpoint: .* return one tensor, such as stack\(\)"):
        ag.checkpoint(lambda x: (x, x), Tensor(1.0))
    calls = {
        "hvp": lambda f: ag.hvp(f, (1.0,), (1.0,)),
        "ggnvp": lambda f: ag.ggnvp(f, lambda y: y, (1.0,), (1.0,)),
        "linearize": lambda f: ag.linearize(f, 1.0),
    }
    for name, call in calls.items():
        for f in (lambda x: 3.0, lambda x: x > 0):
            with pytest.raises(TypeError, match=rf"^{name}: .* return floating tensors only"):
                call(f)
    with pytest.raises(TypeError, match=r"^grad: .* has_aux=True"):
        ag.grad(lambda x: 3.0)(1.0)
