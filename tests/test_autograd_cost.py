"""cost and profile: counts against closed forms, times that are there."""

from collections import Counter
from itertools import pairwise
from time import sleep

import numpy as np
import pytest

import autograd as ag
from autograd import Op, Tensor, as_tensor, cost, profile
from autograd.cost import count


def mlp(depth, width):
    """An MLP of square layers as a function of its weights."""

    def f(*weights):
        h = np.ones((5, width))
        for w in weights:
            h = ag.tanh(ag.matmul(h, w))
        return h.sum()

    return f, [np.full((width, width), 0.1)] * depth


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_backward_matmuls_are_2l_minus_1_over_l_of_the_forward(depth):
    # Each layer needs dW and dX, but the first no dX: 2L - 1 products against L. They are of
    # different inner lengths, and so only the multiplications are equal: (2k - 1) against 2k.
    width = 64
    f, weights = mlp(depth, width)
    c = cost(f, *weights)
    forward = c.forward.flops["matmul"]
    assert forward == depth * 5 * width * (2 * width - 1)
    dx, dw = 5 * width * (2 * width - 1), width * width * (2 * 5 - 1)
    assert c.reverse.flops["matmul"] == (depth - 1) * dx + depth * dw


def test_saved_bytes_grow_linearly_in_depth_and_count_each_array_once():
    f, weights = mlp(4, 8)
    one = np.ones((5, 8)).nbytes
    # each layer keeps its tanh, which is the next layer's input, and its weight, but for the first,
    # whose input wants no gradient; the first input is kept too
    assert cost(f, *weights).saved_bytes == 4 * one + 3 * weights[0].nbytes + one
    assert cost(lambda x: (x + x).sum(), np.ones(10)).saved_bytes == 0
    assert cost(lambda x: (x * x).sum(), np.ones(10)).saved_bytes == 80


@pytest.mark.parametrize(
    ("inputs", "outputs", "mode"), [(3, 1000, "forward"), (1000, 3, "reverse")]
)
def test_the_cheaper_mode_follows_the_shape_of_the_jacobian(inputs, outputs, mode):
    w = np.ones((outputs, inputs))
    assert cost(lambda x: ag.tanh(w @ x), np.ones(inputs)).mode == mode


def test_elementwise_counts_are_per_element():
    c = cost(lambda x: (x * 3 + 1).sum(), np.ones((2, 5)))
    assert c.forward.flops == {"mul": 10, "add": 10, "sum": 10}
    assert c.forward.calls == {"mul": 1, "add": 1, "sum": 1}
    assert c.forward.bytes == {"mul": 80, "add": 80, "sum": 8}


def test_the_table_shows_every_op_and_the_advice():
    text = repr(cost(lambda x: ag.exp(x).sum(), np.ones(4)))
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    assert rows["op"] == ["forward", "reverse", "jvp"]
    assert rows["exp"] == ["40", "0", "40"]
    assert rows["mul"] == ["0", "4", "4"]
    assert "Jacobian 1 x 4: reverse mode is cheaper" in text


def test_a_result_in_the_place_of_a_function_is_refused():
    with pytest.raises(TypeError, match=r"cost: got a Tensor in the place .* cost\(f, x\)"):
        cost(Tensor(1.0).exp())


def test_profile_enters_each_op_forward_and_backward_and_changes_no_gradient():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with profile() as p:
        (ag.exp(x) * x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1, 2]) * [2, 3])
    assert p.calls == {
        ("exp", "forward"): 1,
        ("mul", "forward"): 1,
        ("sum", "forward"): 1,
        ("sum", "backward"): 1,
        ("mul", "backward"): 2,
        ("exp", "backward"): 1,
    }
    assert all(s > 0 for s in p.seconds.values())
    assert p.bytes["exp", "forward"] == 16
    assert repr(p).splitlines()[0].split() == ["op", "pass", "calls", "ms", "kB"]
    ag.exp(x)
    assert sum(p.calls.values()) == 7


def layers(sizes, seed=0):
    """An MLP of linear layers and a cross-entropy, as a function of weights and biases."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((m, n)) / n**0.5 for n, m in pairwise(sizes)]
    biases = [np.zeros(m) for m in sizes[1:]]
    x, target = rng.standard_normal((5, sizes[0])), rng.integers(sizes[-1], size=5)

    def f(*params):
        h = as_tensor(x)
        for i, (w, b) in enumerate(zip(params[::2], params[1::2], strict=True)):
            h = ag.linear(h, w, b)
            if i < len(weights) - 1:
                h = ag.relu(h)
        return ag.cross_entropy(h, target)

    return f, [p for pair in zip(weights, biases, strict=True) for p in pair]


@pytest.mark.parametrize("sizes", [(784, 10), (784, 128, 10), (784, 256, 128, 10), (30,) * 11])
def test_an_mlp_is_counted_as_it_is_by_hand(sizes):
    f, params = layers(sizes)
    c = cost(f, *params)
    pairs = list(pairwise(sizes))
    assert c.forward.flops["linear"] == sum(2 * 5 * n * m for n, m in pairs)
    dw = sum(n * m * (2 * 5 - 1) for n, m in pairs)
    dx = sum(5 * n * (2 * m - 1) for n, m in pairs[1:])  # the data want none
    assert c.reverse.flops["matmul"] == dw + dx
    assert c.reverse.flops["sum"] == sum(5 * m for m in sizes[1:])  # the biases
    # of multiplications alone, for layers of one size, (2L - 1) / L
    if len(set(sizes)) == 1:
        forward, backward = sum(5 * n * m for n, m in pairs), 5 * 30 * 30 * (2 * len(pairs) - 1)
        assert backward / forward == (2 * len(pairs) - 1) / len(pairs)
        assert (dw + dx + 5 * 30 * (len(pairs) - 1) + 900 * len(pairs)) == 2 * backward
    # What is kept, once each: what goes into a linear layer (the data, then each relu's result,
    # which its own rule reads, too), the weights that dx needs, and of the loss the logits, the
    # probabilities, the targets and a copy of these.
    numbers = sum(5 * n for n in sizes[:-1]) + sum(n * m for n, m in pairs[1:])
    assert c.saved_bytes == 8 * (numbers + 2 * 5 * sizes[-1] + 2 * 5)


def test_a_fused_op_is_counted_by_its_reference_in_forward_mode_and_integers_stand_still():
    logits, target = np.ones((5, 3)), np.array([0, 2, 1, 1, 0])
    c = cost(ag.cross_entropy, logits, target)
    assert c.inputs == 15
    assert c.forward.flops.keys() == {"cross_entropy"}
    assert "cross_entropy" not in c.jvp.flops
    with count() as reference:
        ag.cross_entropy.reference(as_tensor(logits), target)
    assert all(c.jvp.flops[name] >= flops for name, flops in reference.ledger.flops.items())


def test_forward_mode_costs_n_passes_and_reverse_mode_one_for_each_output():
    w1, w2 = np.ones((7, 4)), np.ones((3, 7))
    c = cost(lambda x: ag.matmul(w2, ag.tanh(ag.matmul(w1, x))), np.ones(4))
    products = 7 * (2 * 4 - 1) + 3 * (2 * 7 - 1)
    assert c.forward.flops["matmul"] == products
    assert c.jvp.flops["matmul"] == 2 * products  # of the value, of the tangent; the weights stand
    back = 7 * (2 * 3 - 1) + 4 * (2 * 7 - 1)
    assert c.reverse.flops["matmul"] == back
    assert (c.inputs, c.outputs) == (4, 3)
    assert c.jacobian == {
        "reverse": c.forward.total + 3 * c.reverse.total,
        "forward": 4 * c.jvp.total,
    }


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 9), (9, 1), (3, 4), (4, 3), (64, 64), (2, 200)])
def test_the_advice_is_the_mode_that_counts_less_work(n, m):
    w = np.ones((m, n))

    def f(x):
        return ag.tanh(ag.matmul(w, x))

    x = np.linspace(-0.1, 0.1, n)
    c = cost(f, x)
    work = {}
    for mode, jacobian in (("reverse", ag.jacrev(f)), ("forward", ag.jacfwd(f))):
        with count() as counted:
            jacobian(x)
        work[mode] = sum(counted.ledger.flops.get(op, 0) for op in ("matmul", "tanh", "mul", "sub"))
    assert c.mode == min(c.jacobian, key=c.jacobian.get)
    if max(work.values()) > 1.5 * min(work.values()):
        assert c.mode == min(work, key=work.get)


def test_a_view_of_what_is_kept_costs_nothing_more():
    assert cost(lambda x: (x * x.T * x.reshape(3, 3)).sum(), np.ones((3, 3))).saved_bytes == 9 * 16
    assert (
        cost(lambda x: (x.unfold(0, 2, 1) * x.unfold(0, 2, 1)).sum(), np.ones(10)).saved_bytes == 80
    )
    big = np.ones((100, 3))
    assert (
        cost(lambda x: (x * as_tensor(big)[:2]).sum(), np.ones((2, 3))).saved_bytes == 2 * 48 - 48
    )


def test_a_checkpoint_keeps_less_and_costs_one_more_forward():
    weights = [np.eye(8) * 0.9] * 16
    x = np.ones((4, 8))

    def piece(ws, h):
        for w in ws:
            h = ag.tanh(ag.matmul(h, w))
        return h

    def chain(size):
        def f(*ws):
            h = as_tensor(x)
            for i in range(0, 16, size):
                part = ws[i : i + size]
                h = ag.checkpoint(piece, part, h) if size < 16 else piece(part, h)
            return h.sum()

        return cost(f, *weights)

    plain, cut = chain(16), chain(4)
    one, w = x.nbytes, weights[0].nbytes
    assert plain.saved_bytes == 17 * one + 15 * w
    assert cut.saved_bytes == 3 * one + 16 * w  # what goes into the pieces, but the data
    assert cut.forward.total == plain.forward.total
    again = cut.reverse.flops["matmul"] - plain.reverse.flops["matmul"]
    assert again == plain.forward.flops["matmul"]
    assert cut.reverse.flops["tanh"] == plain.forward.flops["tanh"]


def test_what_the_rules_of_a_fused_op_share_is_counted_and_timed_once():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    with count() as counted, profile() as p:
        ag.cross_entropy(x, [0, 1]).backward()
    assert counted.ledger.flops["cross_entropy (vjp)"] == 2 * counted.ledger.flops["cross_entropy"]
    assert counted.ledger.bytes["cross_entropy (vjp)"] == x.data.nbytes
    assert p.calls == {("cross_entropy", "forward"): 1, ("cross_entropy", "backward"): 1}


def test_the_time_of_what_rules_share_counts_as_that_of_the_op():
    def shared(g, out, saved, x):
        sleep(0.02)
        return 2 * g

    twice = Op(
        "twice",
        lambda x: (2 * x, None),
        (lambda gx, out, x: gx,),
        "{0}",
        "other",
        shared=shared,
        reference=lambda x: x + x,
    )
    with profile() as p:
        twice(Tensor(1.0, requires_grad=True)).backward()
    assert p.seconds["twice", "backward"] >= 0.02
    assert p.calls["twice", "backward"] == 1


def test_the_time_of_what_runs_inside_an_op_is_its_own():
    def slow(x):
        sleep(0.02)
        return x * 2

    wait = Op("wait", slow, (lambda g, out, x: slow(g),), "{0}", "linear")
    x = Tensor(np.ones(3), requires_grad=True)
    with profile() as p:
        ag.checkpoint(lambda x: wait(x).exp(), x).sum().backward()
    assert p.calls["wait", "forward"] == 2
    assert p.seconds["wait", "forward"] >= 0.04
    assert p.seconds["wait", "backward"] >= 0.02
    assert p.seconds["checkpoint", "backward"] < p.seconds["wait", "backward"]
    rows = [line.split() for line in str(p).splitlines()]
    assert rows[1][:3] == ["wait", "forward", "2"]
    assert rows[-1][0] == "all"
    assert int(rows[-1][1]) == sum(p.calls.values())
    assert float(rows[-1][2]) == pytest.approx(1e3 * sum(p.seconds.values()), abs=1e-3)


def test_an_hvp_of_a_million_parameters_costs_less_than_five_gradients():
    f, params = layers((784, 900, 330, 10))
    assert sum(p.size for p in params) > 10**6
    flops = []
    for work in (
        lambda: ag.grad(f, tuple(range(len(params))))(*params),
        lambda: ag.hvp(f, params, params),
    ):
        with count() as counted:
            work()
        flops.append(counted.ledger.total)
    gradient, product = flops
    assert gradient < product < 2 * gradient  # 1.85: the data stand still


@pytest.mark.parametrize(("n", "f"), [(1, 63), (8, 287), (32, 1055), (128, 4127)])
def test_a_gradient_is_a_small_multiple_of_the_function_scalar_by_scalar(n, f):
    """n inputs, 16 hidden units, one output: the cheap gradient, counted op by op."""
    rng = np.random.default_rng(0)
    w1, w2 = Tensor(rng.standard_normal((16, n))), Tensor(rng.standard_normal(16))
    x = Tensor(rng.standard_normal(n), requires_grad=True)
    out, _ = ag.explode(w2 @ ag.tanh(w1 @ x))
    nodes = ag.toposort(out)
    assert len(nodes) == f == 16 * (2 * n - 1) + 16 + 31
    with count() as counted:
        dict(ag.backprop(out, np.float64(1)))
    # g w for each product, g (1 - y^2) for each tanh; sums pass g on
    assert counted.ledger.calls == {"mul": 16 * n + 16 + 2 * 16, "sub": 16}
    uses = Counter(x for node in nodes for x in node.inputs if x.requires_grad)
    merged = sum(uses.values()) - len(uses)  # each x goes to 16 units, whose gradients add up
    assert merged == 15 * n
    whole = f + sum(counted.ledger.calls.values()) + merged
    assert whole < 3 * f
    assert whole / f == pytest.approx({1: 2.51, 8: 2.09, 32: 2.00, 128: 1.98}[n], abs=0.005)


@pytest.mark.parametrize(
    ("sizes", "ratio"),
    [((784, 256, 128, 10), 1.145), ((784, 256, 10), 1.013), ((256,) * 7, 11 / 6)],
)
def test_backward_products_are_to_forward_ones_as_their_multiplications_are(sizes, ratio):
    batch = 128
    weights = [np.ones((m, n)) for n, m in pairwise(sizes)]

    def f(*ws):
        h = as_tensor(np.ones((batch, sizes[0])))
        for w in ws:
            h = ag.tanh(ag.linear(h, w))
        return h.sum()

    c = cost(f, *weights)
    forward = sum(n * m for n, m in pairwise(sizes))
    assert (2 * forward - sizes[0] * sizes[1]) / forward == pytest.approx(ratio, abs=5e-4)
    # an addition less for each number that comes out: one in 2 * 128 and fewer
    assert c.reverse.flops["matmul"] / c.forward.flops["linear"] == pytest.approx(ratio, rel=5e-3)
