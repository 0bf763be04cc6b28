"""Functions composed of the ops that move elements: values by NumPy, gradients by differences."""

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, gradcheck, gradgradcheck

SAME = [
    ("ravel", [(2, 3)], {}),
    ("ravel", [()], {}),
    ("ravel", [(0, 3)], {}),
    ("moveaxis", [(2, 3, 4)], {"source": 0, "destination": -1}),
    ("moveaxis", [(2, 3, 4)], {"source": (0, -1), "destination": (1, 0)}),
    ("moveaxis", [(2, 3, 4, 5)], {"source": (2, 0), "destination": (-1, 2)}),
    ("atleast_1d", [()], {}),
    ("atleast_2d", [(3,)], {}),
    ("atleast_3d", [()], {}),
    ("atleast_3d", [(3,)], {}),
    ("atleast_3d", [(2, 3)], {}),
    ("atleast_3d", [(2, 3, 4)], {}),
    ("tile", [(2, 3)], {"reps": 2}),
    ("tile", [(2, 3)], {"reps": (2, 1, 3)}),
    ("tile", [(2, 1, 3)], {"reps": (3, 2)}),
    ("tile", [()], {"reps": (2, 2)}),
    ("tile", [(2,)], {"reps": 0}),
    ("repeat", [(2, 3)], {"repeats": 2}),
    ("repeat", [(2, 3)], {"repeats": 2, "axis": -1}),
    ("repeat", [(2, 3)], {"repeats": [2, 0, 1], "axis": 1}),
    ("repeat", [(2, 3)], {"repeats": np.array([3, 1]), "axis": 0}),
    ("repeat", [(0, 3)], {"repeats": 2, "axis": 0}),
    ("repeat", [()], {"repeats": 3}),
    *[
        ("pad", [(3, 4)], {"pad_width": width, "mode": mode})
        for mode in ("constant", "reflect", "edge", "symmetric", "wrap")
        for width in (1, (2, 0), ((0, 1), (2, 3)))
    ],
    ("pad", [(2, 2)], {"pad_width": 1, "constant_values": -1.5}),
    ("pad", [()], {"pad_width": 1}),
    ("pad", [(0, 2)], {"pad_width": 1}),
    ("pad", [(3,)], {"pad_width": 7, "mode": "reflect"}),  # mirrored more than once
    ("flip", [(2, 3)], {}),
    ("flip", [(2, 3)], {"axis": 1}),
    ("flip", [(2, 3, 4)], {"axis": (0, -1)}),
    ("flip", [()], {}),
    ("flipud", [(2, 3)], {}),
    ("fliplr", [(2, 3)], {}),
    *[("rot90", [(2, 3)], {"k": k}) for k in range(-1, 5)],
    ("rot90", [(2, 3, 4)], {"axes": (2, 0)}),
    ("rot90", [(2, 3, 4)], {"k": 3, "axes": (2, 0)}),
    ("roll", [(2, 3)], {"shift": 2}),
    ("roll", [(2, 3)], {"shift": -4, "axis": 1}),
    ("roll", [(2, 3)], {"shift": (1, 2), "axis": (0, 1)}),
    ("roll", [(2, 3)], {"shift": 1, "axis": (0, 1)}),
    ("roll", [(2, 3)], {"shift": (1, 2), "axis": 1}),
    ("roll", [(0, 3)], {"shift": 1, "axis": 0}),
    ("roll", [(3,)], {"shift": 3}),
    ("diagonal", [(2, 3)], {}),
    ("diagonal", [(3, 3)], {"offset": 1}),
    ("diagonal", [(4, 3)], {"offset": -2}),
    ("diagonal", [(2, 3)], {"offset": 5}),
    ("diagonal", [(2, 3, 4)], {"axis1": 2, "axis2": 0}),
    ("diagonal", [(2, 3, 4)], {"offset": -1, "axis1": -1, "axis2": -2}),
    ("diag", [(3,)], {}),
    ("diag", [(3,)], {"k": 1}),
    ("diag", [(3,)], {"k": -2}),
    ("diag", [(2, 3)], {"k": 1}),
    ("diag", [(0,)], {}),
    ("tril", [(3, 4)], {}),
    ("tril", [(2, 3, 3)], {"k": 1}),
    ("tril", [(3, 3)], {"k": -1}),
    ("triu", [(4, 3)], {}),
    ("triu", [(2, 3, 3)], {"k": 1}),
    ("triu", [(0, 3, 3)], {"k": -1}),
]
"""(function, shapes, parameters) where NumPy has the same function with the same parameters."""


def drawn(shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def named(case):
    return "-".join(str(part) for part in case).replace(" ", "")


every_case = pytest.mark.parametrize(
    ("name", "shapes", "params"), SAME, ids=[named(case) for case in SAME]
)


@every_case
def test_values_and_dtypes_are_numpys(name, shapes, params):
    for dtype in (np.float16, np.float32, np.float64, np.int64):
        xs = drawn(shapes, dtype)
        expected = getattr(np, name)(*xs, **params)
        for f in (getattr(ag, name), getattr(np, name)):
            out = f(*[Tensor(x) for x in xs], **params)
            assert isinstance(out, Tensor)
            assert out.dtype == dtype
            np.testing.assert_array_equal(out.data, expected, strict=True)
        np.testing.assert_array_equal(getattr(ag, name)(*xs, **params), expected)


@every_case
def test_derivatives_agree_with_differences(name, shapes, params):
    gradcheck(lambda *xs: getattr(ag, name)(*xs, **params), *drawn(shapes))


@every_case
def test_the_gradient_has_the_dtype_of_the_input(name, shapes, params):
    xs = [Tensor(x, requires_grad=True) for x in drawn(shapes, np.float32)]
    out = getattr(ag, name)(*xs, **params)
    out.backward(np.ones(out.shape))
    assert {x.grad.dtype for x in xs} == {np.dtype("f4")}


def test_views_read_from_behind_serve_as_inputs():
    x = np.arange(24.0).reshape(4, 6)[::-1, ::2].T
    for name, shapes, params in SAME:
        if shapes == [(3, 4)]:
            expected = getattr(np, name)(x, **params)
            np.testing.assert_array_equal(getattr(ag, name)(Tensor(x), **params).data, expected)


# What NumPy has otherwise, or not.


@pytest.mark.parametrize(
    ("f", "shape", "expected"),
    [
        (lambda x: ag.flatten(x), (2, 3, 4), (24,)),
        (lambda x: x.flatten(), (2, 3, 4), (24,)),
        (lambda x: x.flatten(1), (2, 3, 4), (2, 12)),
        (lambda x: x.flatten(start_dim=-2), (2, 3, 4), (2, 12)),
        (lambda x: x.flatten(0, 1), (2, 3, 0), (6, 0)),
        (lambda x: x.flatten(), (), (1,)),
        (lambda x: x.unflatten(1, (3, -1)), (2, 12), (2, 3, 4)),
        (lambda x: x.unflatten(dim=-1, sizes=(3, 4)), (2, 12), (2, 3, 4)),
        (lambda x: x.view(3, -1), (2, 3), (3, 2)),
        (lambda x: ag.permute(x, (2, 0, 1)), (2, 3, 4), (4, 2, 3)),
        (lambda x: ag.unsqueeze(x, 1), (2, 3), (2, 1, 3)),
        (lambda x: x.mT, (2, 3, 4), (2, 4, 3)),
        (lambda x: x.unfold(0, 3, 2), (7, 2), (3, 2, 3)),
        (lambda x: ag.sliding_window_view(x, (2, 3)), (4, 5), (3, 3, 2, 3)),
    ],
)
def test_shapes(f, shape, expected):
    (x,) = drawn([shape])
    assert f(Tensor(x)).shape == expected
    gradcheck(f, x)


def test_joined_and_split_parts_of_flatten_are_checked():
    with pytest.raises(ValueError, match="start_dim 2 comes after end_dim 0"):
        ag.flatten(Tensor(np.zeros((2, 3, 4))), 2, 0)


@pytest.mark.parametrize("name", ["vstack", "hstack"])
@pytest.mark.parametrize("shapes", [[(3,), (3,)], [(2, 3), (2, 3)], [(), ()]])
def test_stacks_are_numpys(name, shapes):
    xs = drawn(shapes)
    for f in (getattr(ag, name), getattr(np, name)):
        out = f([Tensor(x) for x in xs])
        np.testing.assert_array_equal(out.data, getattr(np, name)(xs), strict=True)
    gradcheck(lambda *xs: getattr(ag, name)(xs), *xs)


def test_several_arrays_come_back_several():
    a, b = np.atleast_2d(Tensor(1.0), Tensor([1.0, 2.0]))
    assert (a.shape, b.shape) == ((1, 1), (1, 2))


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("shapes", [[(2,), (3,)], [(2,), (3,), (4,)], [(2,)], [(0,), (2,)]])
def test_meshgrid_is_numpys(indexing, shapes):
    xs = drawn(shapes)
    for f in (ag.meshgrid, np.meshgrid):
        grids = f(*[Tensor(x) for x in xs], indexing=indexing)
        for out, right in zip(grids, np.meshgrid(*xs, indexing=indexing), strict=True):
            np.testing.assert_array_equal(out.data, right, strict=True)
    gradcheck(lambda *xs: ag.stack(ag.meshgrid(*xs, indexing=indexing)), *xs)
    with pytest.raises(ValueError, match="'yx' is neither 'xy' nor 'ij'"):
        ag.meshgrid(*xs, indexing="yx")


def test_unstack_undoes_stack():
    x = Tensor(drawn([(2, 3, 4)])[0], requires_grad=True)
    for axis in (0, 1, -1):
        parts = ag.unstack(x, axis)
        assert len(parts) == x.shape[axis]
        np.testing.assert_array_equal(ag.stack(parts, axis).data, x.data)
    assert [p.shape for p in x.unbind(dim=2)] == [(2, 3)] * 4
    ag.unstack(x, 1)[2].sum().backward()
    np.testing.assert_array_equal(x.grad.data[:, 2], 1)
    assert x.grad.data.sum() == 8


@pytest.mark.parametrize("length", [0, 1, 5, 6])
@pytest.mark.parametrize("chunks", [1, 2, 3, 4])
def test_chunks_are_equal_but_for_the_last(length, chunks):
    x = np.arange(2.0 * length).reshape(2, length)
    parts = ag.chunk(Tensor(x), chunks, axis=1)
    np.testing.assert_array_equal(np.concatenate([p.data for p in parts], axis=1), x)
    assert len(parts) <= chunks
    if length:
        step = -(-length // chunks)
        assert [p.shape[1] for p in parts[:-1]] == [step] * (len(parts) - 1)
        assert 0 < parts[-1].shape[1] <= step
    with pytest.raises(ValueError, match="chunk: 0 parts"):
        ag.chunk(Tensor(x), 0)


def test_widths_of_a_margin_are_not_cut_to_integers():
    with pytest.raises(TypeError, match=r"pad: widths 1\.5 are not integers"):
        ag.pad(Tensor([1.0, 2.0]), 1.5)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ag.pad(x, 1, mode="mirror"), "'mirror' is not supported"),
        (lambda x: ag.pad(x, (1, -1)), "not all 0 or more"),
        (lambda x: ag.pad(x, (1, 2, 3)), r"pad: widths \(1, 2, 3\) do not fit x .*pass"),
        (lambda x: ag.pad(x, ((1,), (1, 2))), r"pad: widths \(\(1,\), \(1, 2\)\) do not fit x"),
        (lambda x: ag.pad(x[:0], 1, mode="edge"), "empty axis 0"),
        (lambda x: ag.diagonal(x[0]), "has no two axes"),
        (lambda x: ag.tril(x[0]), r"tril: x of shape \(3,\) is no matrix"),
        (lambda x: ag.triu(x[0, 0]), r"triu: x of shape \(\) is no matrix"),
        (lambda x: ag.diag(x[None]), "neither a vector nor a matrix"),
        (lambda x: ag.sliding_window_view(x, 5, axis=0), "window"),
        (lambda x: ag.moveaxis(x, (0, 1), (0, 0)), "repeated axis"),
        (lambda x: ag.repeat(x, [1, 2, 3], axis=0), "broadcast"),
        (lambda x: ag.repeat(x, 2, axis=5), "repeat: axis 5 is out of bounds"),
        (lambda x: ag.flatten(x, 5), "flatten: axis 5 is out of bounds"),
        (lambda x: ag.flatten(x[0], 1), "axis 1 is out of bounds"),
        (lambda x: ag.flatten(x[0, 0], 1), "axis 1 is out of bounds"),
        (lambda x: ag.unflatten(x, 2, (1, 2)), "unflatten: axis 2 is out of bounds"),
        (lambda x: ag.fliplr(x[0]), "flip: axis 1 is out of bounds"),
        (lambda x: ag.diff(x, axis=2), "diff: axis 2 is out of bounds"),
        (lambda x: ag.diff(x, -1), "diff: n is -1"),
        (lambda x: np.flip(x, 2), "axis 2 is out of bounds"),
        (lambda x: np.flip(x, (0, -2)), "repeated axis"),
        (lambda x: ag.rot90(x, 0, (0, 2)), "rot90: axis 2 is out of bounds"),
        (lambda x: ag.rot90(x, 1, (1, -1)), "repeated axis"),
    ],
)
def test_what_does_not_fit_is_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call(Tensor(np.zeros((2, 3))))


def test_an_element_repeated_gets_the_gradients_of_all_its_copies():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    ag.pad(x, 2, mode="reflect").backward(np.array([1.0, 10, 100, 1000, 10000, 100000, 1000000]))
    np.testing.assert_array_equal(x.grad.data, [1000100, 101010, 10001])


def test_rearranging_twice_is_differentiable_twice():
    def f(x):
        windows = ag.sliding_window_view(ag.pad(x, 1, "reflect"), 3)
        return (ag.tril(windows) ** 3).sum(axis=-1) * ag.roll(x, 1)

    gradgradcheck(f, np.array([0.3, -1.2, 0.7, 2.0]))


def test_torch_agrees():
    torch = pytest.importorskip("torch")
    pairs = [
        (lambda x: x.flatten(1), lambda x: x.flatten(1)),
        (lambda x: x.unfold(1, 2, 2), lambda x: x.unfold(1, 2, 2)),
        (lambda x: x.tile((2, 1, 1)), lambda x: x.repeat(2, 1, 1)),
        (lambda x: x.repeat(2, 1), lambda x: x.repeat_interleave(2, dim=1)),
        (lambda x: x.chunk(3, 2)[1], lambda x: x.chunk(3, 2)[1]),
        (lambda x: x.roll((1, 2), (0, 2)), lambda x: x.roll((1, 2), (0, 2))),
        (lambda x: x.flip((0, 2)), lambda x: x.flip((0, 2))),
        (lambda x: x.rot90(1, (1, 2)), lambda x: x.rot90(1, (1, 2))),
        (lambda x: x.diagonal(1, 1, 2), lambda x: x.diagonal(1, 1, 2)),
        (lambda x: x.triu(1), lambda x: x.triu(1)),
        (lambda x: x.moveaxis((0, 1), (1, 2)), lambda x: x.moveaxis((0, 1), (1, 2))),
        (lambda x: x.unbind(1)[0], lambda x: x.unbind(1)[0]),
    ]
    (data,) = drawn([(2, 3, 4)])
    for ours, theirs in pairs:
        x, t = Tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        y, z = ours(x), theirs(t)
        np.testing.assert_array_equal(y.data, z.detach().numpy(), strict=True)
        seed = np.random.default_rng(1).standard_normal(y.shape)
        y.backward(seed)
        z.backward(torch.tensor(seed))
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=1e-14)
