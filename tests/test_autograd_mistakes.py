"""Mistakes of shape: the message names what is there, and what it suggests runs."""

import re

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, strict_broadcast


def leaf(*shape):
    return Tensor(2 + np.sin(np.arange(np.prod(shape)) ** 2).reshape(shape), requires_grad=True)


# Thirty ways to get it wrong: what is called, the op that the message names, and the arguments.
MISTAKES = [
    ("matmul", lambda x, y: x @ y, (3, 4), (5, 4)),
    ("matmul", lambda x, y: x @ y, (4, 3), (4, 5)),
    ("matmul", lambda x, y: x @ y, (3, 4), (3,)),
    ("matmul", lambda x, y: x @ y, (4,), (5, 4)),
    ("matmul", lambda x, y: x @ y, (2, 3, 4), (2, 5, 4)),
    ("matmul", lambda x, y: x @ y, (2, 4, 3), (2, 4, 5)),
    ("matmul", lambda x, y: x @ y, (32, 784), (128, 784)),
    ("add", lambda x, y: x + y, (3, 4), (3,)),
    ("add", lambda x, y: x + y, (4, 3), (3, 4)),
    ("add", lambda x, y: x + y, (3,), (4,)),
    ("add", lambda x, y: x + y, (2, 3, 4), (2, 3)),
    ("add", lambda x, y: x + y, (2, 3, 4), (2, 4)),
    ("sub", lambda x, y: x - y, (5, 2), (5,)),
    ("mul", lambda x, y: x * y, (5,), (5, 2)),
    ("div", lambda x, y: x / y, (3, 4), (3,)),
    ("pow", lambda x, y: x**y, (2, 3), (2,)),
    ("maximum", ag.maximum, (2, 3), (3, 2)),
    ("hypot", ag.hypot, (6, 2), (6,)),
    ("logaddexp", ag.logaddexp, (4, 2), (4,)),
    ("arctan2", ag.arctan2, (2, 5), (2,)),
    ("where", lambda x, y: ag.where(x.data > 2, x, y), (3, 4), (3,)),
    ("solve", ag.solve, (3, 3), (4, 3)),
    ("einsum", lambda x, y: ag.einsum("ij,jk->ik", x, y), (3, 4), (5, 4)),
    ("concatenate", lambda x, y: ag.concatenate([x, y]), (2, 3), (3, 2)),
    ("concatenate", lambda x, y: ag.concatenate([x, y]), (2, 3), (3,)),
    ("reshape", lambda x: x.reshape(4, 2), (3, 4)),
    ("reshape", lambda x: x.reshape(5), (2, 3)),
    ("broadcast_to", lambda x: x.broadcast_to((3, 5)), (3,)),
    ("sum", lambda x: x.sum(axis=2), (2, 3)),
    ("softmax", lambda x: ag.softmax(x, axis=1), (4,)),
]


def names_in(message):
    return re.findall(r"\b(\w+) (\(\d*,?[^()]*\))", message)


def test_there_are_thirty():
    assert len(MISTAKES) == 30


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m[0]}-{m[2:]}".replace(" ", ""))
def test_the_message_says_what_is_wrong_and_what_runs(mistake):
    name, f, *shapes = mistake
    arguments = [leaf(*shape) for shape in shapes]
    with pytest.raises(ValueError, match=rf"^{name}: ") as caught:
        f(*arguments)
    message = str(caught.value)
    for shape in shapes:
        assert str(shape) in message
    call = message.partition("; try ")[2].partition("\n")[0]
    assert call.startswith(f"{name}("), message
    named = [n for n, shape in names_in(message) if shape in map(str, shapes)][: len(shapes)]
    values = dict(zip(named, arguments, strict=True))
    if name == "where":
        values = {"condition": arguments[0] > 2, "x": arguments[0], "y": arguments[1]}
    library = {n: getattr(ag, n) for n in dir(ag) if not n.startswith("_")}
    out = eval(call, {**library, **values})
    out.sum().backward()
    assert any(t.grad is not None for t in arguments)


def test_shapes_stand_aligned_over_the_axis_in_question():
    with pytest.raises(ValueError, match="do not fit") as caught:
        leaf(2, 3, 10) + leaf(4, 10)
    assert str(caught.value).splitlines() == [
        "add: shapes x (2, 3, 10) and y (4, 10) do not fit: axis -2 is 3 in one, 4 in the other"
        "; try add(x[:, None], y[:, None])",
        "  x   2  3 10",
        "  y      4 10",
        "         ^",
    ]


def test_no_trial_makes_a_huge_array():
    with pytest.raises(ValueError, match="do not fit") as caught:
        Tensor(np.zeros(100_000)) + Tensor(np.zeros(99_999))
    assert "try" not in str(caught.value)


def test_what_no_edit_mends_is_still_explained():
    with pytest.raises(ValueError, match=r"matmul: shapes x \(3, 4\) and y \(5, 6\) do not fit"):
        leaf(3, 4) @ leaf(5, 6)
    for mistake in (lambda: leaf(3, 4) @ 2.0, lambda: 2.0 @ leaf(3, 4), lambda: leaf(3) @ leaf()):
        with pytest.raises(ValueError, match=r"matmul: .* a number has no axes; write x \* y$"):
            mistake()
    with pytest.raises(ValueError, match=r"solve: shapes a \(2, 2\) and b \(1,\)") as caught:
        ag.solve(leaf(2, 2), leaf(1))
    assert "try solve(a[" not in str(caught.value)  # which would be no square
    with pytest.raises(np.exceptions.AxisError, match="sum: axis 7 is out of bounds"):
        leaf(2, 3).sum(axis=(0, 7))


def test_integers_where_floating_numbers_are_meant_are_named_with_the_cure():
    logits = Tensor([[1, 2]])
    cure = r"cross_entropy: x of int64 and target of .*; pass .* x.astype\(np.float32"
    with pytest.raises(TypeError, match=cure):
        ag.cross_entropy(logits, [0])
    assert ag.cross_entropy(logits.astype(np.float32), [0]).dtype == np.float32
    with pytest.raises(TypeError, match=r"pow: x of int64 and y of int64 do not fit: Integers to"):
        Tensor([2]) ** Tensor([-1])
    with pytest.raises(TypeError, match="boolean subtract"):  # no matter of the kind of number
        Tensor([True]) - Tensor([True])


def test_a_tensor_in_the_place_of_an_axis_is_named_and_what_takes_two_tensors():
    x, y = leaf(3), leaf(3)
    for f, g in ((ag.max, "maximum"), (ag.min, "minimum")):
        message = rf"^{f.name}: axis is a Tensor; .* of two tensors write {g}\(x, y\)$"
        with pytest.raises(TypeError, match=message):
            f(x, y)
    with pytest.raises(
        TypeError, match=r"^sum: axis is a Tensor; pass a number, such as .item\(\)$"
    ):
        ag.sum(x, y)


def test_integers_are_promoted_where_numpy_promotes_them():
    pixels, weight = Tensor(np.ones((1, 1, 4, 4), np.uint8)), leaf(2, 1, 3, 3)
    out = ag.conv2d(pixels, weight)
    assert out.dtype == np.float64
    np.testing.assert_array_equal(out.data, ag.conv2d(pixels.astype(np.float64), weight).data)


def test_an_error_that_says_where_is_passed_on_as_it_is():
    q = leaf(2, 3)
    with pytest.raises(ValueError, match=r"^scaled_dot_product_attention: [^:]*do not fit; pass"):
        ag.scaled_dot_product_attention(q, q, leaf(3, 3))


# Broadcasts that run, but should not.


def test_strict_broadcast_refuses_to_change_the_number_of_axes():
    x, y = leaf(4, 1), leaf(4)
    assert (x - y).shape == (4, 4)
    with (
        strict_broadcast(),
        pytest.raises(ValueError, match=r"sub: strict_broadcast\(\)") as caught,
    ):
        x - y
    call = str(caught.value).partition("try ")[2]
    assert call == "y[:, None]"
    with strict_broadcast():
        assert (x - eval(call, {"y": y})).shape == (4, 1)
    with strict_broadcast(), pytest.raises(ValueError, match=r"would make \(4, 3\)") as caught:
        leaf(4, 3) + leaf(3)
    assert str(caught.value).endswith("try y[None, :]")


@pytest.mark.parametrize("f", [np.subtract, ag.sub, lambda x, y: x - y, lambda x, y: -(y - x)])
def test_strict_broadcast_holds_however_an_op_is_called(f):
    with strict_broadcast(), pytest.raises(ValueError, match=r"sub: strict_broadcast\(\)"):
        f(leaf(4, 1), leaf(4))


def test_strict_broadcast_lets_pass_what_is_meant():
    x = leaf(4, 3)
    with strict_broadcast():
        out = x * 2 + Tensor(1.0) - leaf(4, 1) / leaf(1, 3)
        out = out + np.float64(2)
        loss = ag.cross_entropy(ag.linear(out, leaf(2, 3), leaf(2)), [0, 1, 1, 0])
        loss = loss + ag.std(out) + ag.quantile(out, 0.3) + ag.softmax(out).var()
        loss.backward()
        loss.backward(create_graph=True)
    assert x.grad.shape == (4, 3)


def test_strict_broadcast_ends_with_its_block_and_works_as_a_decorator():
    @strict_broadcast()
    def f():
        return leaf(4, 1) + leaf(4)

    with pytest.raises(ValueError, match="strict_broadcast"):
        f()
    assert (leaf(4, 1) + leaf(4)).shape == (4, 4)


def test_what_numpy_says_comes_through_for_ops_without_a_derivative():
    with pytest.raises(ValueError, match=r"^searchsorted: .*side.*'middle'"):
        ag.searchsorted(Tensor([1.0, 2.0, 3.0]), [2.0, 0.0], side="middle")
    with pytest.raises(ValueError, match=r"^argmax: attempt to get argmax of an empty sequence"):
        ag.argmax(Tensor(np.zeros(0)))
