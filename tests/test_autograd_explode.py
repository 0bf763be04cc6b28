"""explode: the same numbers and gradients from a graph of scalars, of as many ops as there are."""

import math
from collections import Counter

import numpy as np
import pytest

import autograd as ag
import viz
from autograd import Op, Tensor, explode, no_grad, scope, toposort
from tests.op_cases_linalg import LAPACK
from tests.op_checks import BY_OP, leaves


def leaf(*shape, name=None, dtype=float, seed=0):
    values = np.random.default_rng((seed, *shape)).standard_normal(shape)
    return Tensor(values, dtype=dtype, requires_grad=True, name=name)


def gradient(scalars):
    """The gradients of an array of scalars; what nothing was computed from has 0."""
    if isinstance(scalars, Tensor):
        return 0.0 if scalars.grad is None else scalars.grad.item()
    flat = [0.0 if s.grad is None else s.grad.item() for s in scalars.ravel()]
    return np.reshape(flat, scalars.shape)


def ops_of(t):
    """How many scalar ops of each name there are behind a scalar or an array of them."""
    outs = list(t.ravel()) if isinstance(t, np.ndarray) else [t]
    nodes = {node for out in outs for node in toposort(out)}
    assert all(node.shape == () and x.shape == () for node in nodes for x in node.inputs)
    return dict(Counter(node.op.name for node in nodes))


def agree(loss, tolerance=1e-12):
    """Explode a loss, and compare value and gradients; return the scalar loss."""
    out, leaves = explode(loss)
    assert out.shape == () and out.dtype == loss.dtype
    np.testing.assert_allclose(out.item(), loss.item(), rtol=tolerance)
    loss.backward()
    if out.requires_grad:  # there is something in it
        out.backward()
    reached = {x for node in toposort(loss) for x in node.inputs if not x.inputs}
    assert set(leaves) == {x for x in reached if x.requires_grad}
    for x, scalars in leaves.items():
        expected = x.grad.numpy()
        scale = max(np.abs(expected).max(initial=0), 1)
        np.testing.assert_allclose(gradient(scalars), expected, rtol=0, atol=tolerance * scale)
    return out


# How many scalar ops an op is.


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (2, 3, 4), (5, 1, 2), (3, 7, 1)])
def test_a_matrix_product_is_2mnk_less_mn_ops(m, k, n):
    out, _ = explode(leaf(m, k) @ leaf(k, n, seed=1))
    counts = ops_of(out)
    assert out.shape == (m, n)
    assert counts["mul"] == m * n * k
    assert counts.get("add", 0) == m * n * (k - 1)
    assert sum(counts.values()) == 2 * m * n * k - m * n


CLOSED_FORMS = {
    "sum": (lambda x: x.sum(), {"add": 11}),
    "sum over an axis": (lambda x: x.sum(axis=1), {"add": 9}),
    "mean": (lambda x: x.mean(axis=0), {"add": 8, "div": 4}),
    "elementwise": (lambda x: ag.tanh(2 * x), {"tanh": 12, "mul": 12}),
    "broadcasting": (lambda x: x + leaf(4), {"add": 12}),
    "moving": (lambda x: x.T.reshape(2, 6)[:, ::2].flip(0), {}),
    "an index with repeats": (lambda x: x[[0, 0, 2], [1, 1, 1]], {}),
    "joining": (lambda x: ag.concatenate([x, 2 * x]), {"mul": 12}),
    "max": (lambda x: x.max(axis=1), {"maximum": 9}),
    "min": (lambda x: x.min(), {"minimum": 11}),
    "prod": (lambda x: x.prod(), {"mul": 11}),
    "cumsum": (lambda x: x.cumsum(axis=1), {"add": 9}),
    "var": (
        lambda x: x.var(axis=1),
        {"add": 3 * (3 + 3), "div": 6, "sub": 12, "square": 12},
    ),
    "norm": (lambda x: x.norm(), {"square": 12, "add": 11, "sqrt": 1}),
    "logsumexp": (
        lambda x: ag.logsumexp(x, axis=1),
        {"sub": 12, "exp": 12, "add": 3 * (3 + 1), "log": 3},
    ),
    "softmax": (
        lambda x: ag.softmax(x),
        {"sub": 24, "exp": 24, "add": 3 * (3 + 1), "log": 3},
    ),
    "einsum": (lambda x: ag.einsum("ij,kj->ik", x, x), {"mul": 36, "add": 27}),
    "linear": (lambda x: ag.linear(x, leaf(2, 4), leaf(2)), {"mul": 24, "add": 18 + 6}),
}


@pytest.mark.parametrize("case", CLOSED_FORMS)
def test_scalar_ops_are_as_many_as_the_closed_form_says(case):
    f, expected = CLOSED_FORMS[case]
    x = leaf(3, 4)
    out, _ = explode(f(x))
    assert ops_of(out) == expected
    assert out.shape == f(x).shape
    agree((f(x) * np.arange(1, f(x).size + 1).reshape(f(x).shape)).sum())


def test_a_classifier_is_counted_to_the_last_op():
    batch, n, hidden, classes = 3, 4, 5, 2
    x, target = leaf(batch, n).detach(), [0, 1, 1]
    w1, b1 = leaf(hidden, n, name="w1"), leaf(hidden, name="b1")
    w2, b2 = leaf(classes, hidden, name="w2"), leaf(classes, name="b2")
    loss = ag.cross_entropy(ag.linear(ag.tanh(ag.linear(x, w1, b1)), w2, b2), target)
    out = agree(loss)
    products = batch * (hidden * n + classes * hidden)
    log_sums = batch * (classes - 1 + 1)  # the sum, and the maximum that was taken out
    assert ops_of(out) == {
        "mul": products,
        "add": products + log_sums + batch - 1,  # the bias makes up for the first term
        "tanh": batch * hidden,
        "sub": 2 * batch * classes - (batch * classes - batch),  # only the target's is used
        "exp": batch * classes,
        "log": batch,
        "neg": batch,
        "div": 1,
    }


# The same gradients.


def normed(x, weight, bias):
    mean, var = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / ag.sqrt(var + 1e-5) * weight + bias


PROGRAMS = {
    "an MLP with layer norm and softmax": lambda: ag.cross_entropy(
        ag.linear(
            ag.gelu(normed(ag.linear(leaf(3, 4), leaf(5, 4), leaf(5)), leaf(5, seed=1), leaf(5))),
            leaf(2, 5, seed=3),
        ),
        [0, 1, 1],
    ),
    "attention": lambda: (
        ag.softmax(leaf(3, 2) @ leaf(3, 2, seed=1).T / math.sqrt(2)) @ leaf(3, 2, seed=2)
    ).sum(),
    "one leaf in many places": lambda: (lambda x: (x @ x * x.T + x[0]).prod())(leaf(2, 2)),
    "choices": lambda: (lambda x: ag.where(x > 0, ag.relu(x), x.clip(-0.5, 0.5)).sum())(leaf(3, 4)),
    "assignment": lambda: (lambda x: ag.setitem(2 * x, x[0], 2).square().sum())(leaf(3, 4)),
    "an ellipsis and a diagonal": lambda: (
        ag.einsum("...ii,ij->...j", leaf(2, 3, 3), leaf(3, 3)) ** 2
    ).sum(),
    "three operands": lambda: ag.einsum("i,ij,j", leaf(2), leaf(2, 3), leaf(3)),
    "batched products": lambda: (leaf(2, 3, 4) @ leaf(4, 2)).std(),
    "padding and windows": lambda: ag.sliding_window_view(ag.pad(leaf(5), 2), 3).max(axis=-1).sum(),
    "order": lambda: (leaf(2, 5).sort() * leaf(5)).sum() + leaf(7).median(),
    "scans": lambda: (leaf(4).cumprod() * leaf(4).logcumsumexp()).sum(),
    "norms": lambda: leaf(5).norm(3) + leaf(5).norm(np.inf) + leaf(2, 2).std(ddof=1),
    "a constant part": lambda: (leaf(3) * ag.exp(Tensor([1.0, 2.0, 3.0]))).mean(),
    "a single number": lambda: ag.tanh(leaf() * 3) ** 2,
    "an empty sum": lambda: leaf(0, 3).sum() + leaf(2).sum(),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_gradients_are_those_of_the_tensor_program(case):
    agree(PROGRAMS[case]())


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.max(),
        lambda x: x.min(),
        lambda x: x.norm(),
        lambda x: (x - 2).norm(),
        lambda x: x.std(),
        lambda x: (x - 2).prod(),
        lambda x: ag.logsumexp(x - np.inf) + x.sum(),
        lambda x: ag.maximum(x, 2).sum(),
    ],
)
@pytest.mark.parametrize("values", [[2.0, 2, 2, 2], [1.0, 2, 2, 1], [2.0, 2, 2, 1], [2.0, 1, 2, 1]])
def test_gradients_agree_at_kinks_and_ties_too(f, values):
    with np.errstate(all="ignore"):
        agree(f(Tensor(values, requires_grad=True)))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float16, 1e-2)])
def test_the_dtype_is_kept(dtype, tolerance):
    x = leaf(3, 4, dtype=dtype)
    out = agree(ag.softmax(x.mean(axis=0)).max() + (x @ x.T).norm(), tolerance)
    assert {node.dtype for node in toposort(out)} == {np.dtype(dtype)}


# What LAPACK computes, and what stands only in the rules of other ops.
FORMLESS = {*LAPACK, "average_ties", "cofactor"}


@pytest.mark.parametrize("name", [name for name, op in ag.op_table().items() if op.differentiable])
def test_every_op_that_has_scalars_in_it_is_exploded(name):
    for case in BY_OP[name]:
        inputs = leaves(case, case.inputs())
        out = case.op(*inputs, **case.params)
        loss = (out * np.random.default_rng(0).uniform(0.5, 1.5, out.shape)).sum()
        if not loss.requires_grad or not out.size:
            continue
        if name in FORMLESS:
            with pytest.raises(TypeError, match=f"explode: {name} has no scalar form"):
                explode(loss)
        else:
            agree(loss, 1e-11)


# What else is in it.


def test_leaves_are_called_after_their_place_and_constants_are_no_leaves():
    w, x = leaf(2, 2, name="w"), Tensor([3.0, 4.0], name="x")
    out, leaves = explode((w @ x).sum() + 1)
    assert list(leaves) == [w]
    assert [s.name for s in leaves[w].ravel()] == ["w[0, 0]", "w[0, 1]", "w[1, 0]", "w[1, 1]"]
    assert [s.item() for s in leaves[w].ravel()] == w.numpy().ravel().tolist()
    ends = {x for node in toposort(out) for x in node.inputs if x.op is None}
    assert sorted(x.name for x in ends if not x.requires_grad and x.name) == ["x[0]", "x[1]"]
    assert sum(x.requires_grad for x in ends) == 4


def test_a_tensor_used_twice_stays_one_set_of_scalars():
    x = leaf(3)
    h = ag.exp(x)
    out, _ = explode((h * h).sum() + h.sum())
    assert ops_of(out) == {"exp": 3, "mul": 3, "add": 2 + 2 + 1}


def test_the_scalars_stand_in_the_scope_of_their_op():
    x = leaf(2)
    with scope("model"):
        h = ag.tanh(x)
    out, _ = explode(h.sum())
    assert [node.scope and node.scope.path for node in toposort(out)] == [None, "model", "model"]


def test_the_program_is_left_as_it_was_and_may_be_exploded_again():
    loss = ag.cross_entropy(leaf(2, 3), [0, 1])
    before = [(node.serial, node.inputs) for node in toposort(loss)]
    with no_grad():
        first, second = explode(loss)[0], explode(loss)[0]
    assert ops_of(first) == ops_of(second)
    assert [(node.serial, node.inputs) for node in toposort(loss)] == before


def test_a_leaf_is_its_elements():
    x = leaf(2)
    out, leaves = explode(x)
    assert [s.item() for s in out] == x.tolist()
    assert all(a is b for a, b in zip(leaves[x], out, strict=True))
    y = Tensor(2.0)
    assert explode(y)[0].item() == 2.0 and explode(y)[1] == {}


def test_it_can_be_drawn():
    x = leaf(2, name="x")
    out, _ = explode(ag.softmax(x)[0])
    svg = viz.draw(out).svg()
    assert "x[0]" in svg and "x[1]" in svg


# What it refuses.


def test_an_op_that_is_not_what_its_kind_says_is_refused():
    running = Op("running", np.cumsum, (lambda g, out, x: np.cumsum(g[::-1])[::-1],), "{0}")
    with pytest.raises(TypeError, match="running, taken element by element, gives other values"):
        explode(running(leaf(3)))
    lossy = Op(
        "lossy", lambda x: x.astype(float) * 2, (lambda g, out, x: 2 * g,), "{0}", kind="linear"
    )
    with (
        pytest.warns(UserWarning, match="float: a tensor that requires grad"),
        pytest.raises(TypeError, match="lossy has no scalar form"),
    ):
        explode(lossy(leaf(3)))


def test_what_is_too_large_freed_or_changed_is_refused():
    with pytest.raises(ValueError, match=r"explode: about [\d,]+ scalar operations.*limit=100,000"):
        explode(leaf(100, 100) @ leaf(100, 100))
    out, _ = explode(leaf(4, 4) @ leaf(4, 4), limit=200)
    assert out.shape == (4, 4)
    loss = (leaf(3) * 2).sum()
    loss.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="explode: the graph behind a tensor made by sum was"):
        explode(loss)
    x = leaf(3)
    loss = (x * x).sum()
    with no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        explode(loss)
