"""Normalisation layers: against PyTorch, and what they promise by themselves."""

import numpy as np
import pytest

import nn
from autograd import Tensor, checkpoint, jvp, no_grad
from nn import functional as F
from tests.nn_parity import compare, normal

DTYPES = [np.float32, np.float64]

SETTINGS = [
    ("BatchNorm2d", (3,), {}, (4, 3, 5, 6)),
    ("BatchNorm2d", (3,), {"eps": 0.1, "momentum": 0.5}, (1, 3, 5, 6)),
    ("BatchNorm2d", (3,), {"momentum": None}, (4, 3, 5, 6)),
    ("BatchNorm2d", (3,), {"affine": False}, (4, 3, 5, 6)),
    ("BatchNorm2d", (3,), {"track_running_stats": False}, (4, 3, 5, 6)),
    ("BatchNorm2d", (3,), {}, (0, 3, 5, 6)),
    ("BatchNorm1d", (5,), {}, (6, 5)),
    ("BatchNorm1d", (5,), {}, (6, 5, 7)),
    ("LayerNorm", (5,), {}, (4, 5)),
    ("LayerNorm", (5,), {"eps": 0.1}, (2, 3, 5)),
    ("LayerNorm", ((3, 5),), {}, (2, 3, 5)),
    ("LayerNorm", (5,), {"bias": False}, (4, 5)),
    ("LayerNorm", (5,), {"elementwise_affine": False}, (4, 5)),
    ("LayerNorm", (5,), {}, (5,)),
    ("LayerNorm", (5,), {}, (0, 5)),
    ("RMSNorm", (5,), {}, (4, 5)),
    ("RMSNorm", (5,), {"eps": 0.1}, (2, 3, 5)),
    ("RMSNorm", ((3, 5),), {}, (2, 3, 5)),
    ("RMSNorm", (5,), {"elementwise_affine": False}, (4, 5)),
    ("RMSNorm", (5,), {}, (0, 5)),
    ("GroupNorm", (2, 6), {}, (4, 6)),
    ("GroupNorm", (3, 6), {"eps": 0.1}, (2, 6, 5)),
    ("GroupNorm", (1, 6), {}, (2, 6, 3, 5)),
    ("GroupNorm", (6, 6), {"affine": False}, (2, 6, 3, 5)),
    ("GroupNorm", (2, 6), {}, (0, 6, 3)),
]


def randomised(model):
    """Move the weights away from ones and zeros, where a mistake in them would not show."""
    for i, p in enumerate(model.parameters()):
        p.data += normal(*p.shape, seed=100 + i, dtype=p.dtype)
    return model


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "args", "settings", "shape"), SETTINGS)
def test_outputs_and_gradients_are_pytorchs(name, args, settings, shape, dtype):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(*args, **settings, dtype=getattr(torch, np.dtype(dtype).name))
    ours = randomised(getattr(nn, name)(*args, **settings, dtype=dtype))
    x = 3 + 2 * normal(*shape, dtype=dtype)
    compare(ours, theirs, x, torch)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "args", "settings", "shape"), [row for row in SETTINGS if "Batch" in row[0]]
)
def test_batch_norm_in_use_is_pytorchs(name, args, settings, shape, dtype):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(*args, **settings, dtype=getattr(torch, np.dtype(dtype).name))
    ours = randomised(getattr(nn, name)(*args, **settings, dtype=dtype))
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    batches = [1 + i + 2 * normal(*shape, seed=i, dtype=dtype) for i in range(3)]
    for x in batches:
        ours(Tensor(x)), theirs(torch.tensor(x))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    compare(ours.eval(), theirs.eval(), batches[0], torch)


@pytest.mark.parametrize(
    "norm",
    [
        lambda F, x, w, b: F.layer_norm(x, (5,), w, b),
        lambda F, x, w, b: F.layer_norm(x, [5], w, b, 0.1),
        lambda F, x, w, b: F.rms_norm(x, (5,), w, 0.1),
        lambda F, x, w, b: F.group_norm(x, 1, w, b, 0.1),
        lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True, eps=0.1),
    ],
)
@pytest.mark.parametrize("given", ["both", "weight", "bias", "none"])
def test_functional_takes_arguments_in_pytorchs_order(norm, given):
    torch = pytest.importorskip("torch")
    x, w, b = normal(4, 5), normal(5, seed=1), normal(5, seed=2)
    w = None if given in ("bias", "none") else w
    b = None if given in ("weight", "none") else b
    out = norm(F, *(a if a is None else Tensor(a) for a in (x, w, b))).numpy()
    arguments = (a if a is None else torch.tensor(a) for a in (x, w, b))
    expected = norm(torch.nn.functional, *arguments).numpy()
    np.testing.assert_allclose(out, expected, 1e-12, 1e-12)


@pytest.mark.parametrize("layer", [nn.LayerNorm(64), nn.GroupNorm(2, 64)])
def test_rows_have_mean_0_and_variance_1_whatever_their_size(layer):
    x = 1000 + 100 * normal(8, 64).astype(np.float32)
    out = layer(Tensor(x)).numpy().reshape(8, -1, 32 if isinstance(layer, nn.GroupNorm) else 64)
    np.testing.assert_allclose(out.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(out.var(-1), 1, rtol=1e-4)


def test_rms_norm_keeps_the_mean_that_layer_norm_takes_out():
    out = nn.RMSNorm(64)(Tensor(np.full((2, 64), 5, np.float32))).numpy()
    np.testing.assert_allclose(out, 1, rtol=1e-6)
    np.testing.assert_array_equal(nn.LayerNorm(64)(Tensor(np.full((2, 64), 5.0))).numpy(), 0)


def test_large_numbers_of_float16_do_not_overflow():
    x = np.float16(1000) * normal(4, 256).astype(np.float16)  # squares up to 10^7
    for layer in (nn.LayerNorm(256), nn.RMSNorm(256), nn.GroupNorm(2, 256)):
        layer.to(np.float16)
        t = Tensor(x, requires_grad=True)
        out = layer(t)
        out.backward(np.ones_like(x))
        assert out.dtype == t.grad.dtype == np.float16
        assert np.isfinite(out.numpy()).all() and np.isfinite(t.grad.numpy()).all()
        assert out.numpy().std() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(
    "layer", [nn.LayerNorm(8), nn.RMSNorm(8), nn.GroupNorm(2, 8), nn.BatchNorm1d(8)]
)
def test_input_and_parameters_promote_as_in_numpy(layer):
    x = Tensor(normal(4, 8).astype(np.float16), requires_grad=True)
    for mode in (True, False):
        out = layer.train(mode)(x)
        assert out.dtype == np.float32
        out.backward(np.ones_like(out.data))
    assert x.grad.dtype == np.float16 and layer.weight.grad.dtype == np.float32
    assert layer(Tensor(normal(4, 8))).dtype == np.float64
    assert layer.half()(x).dtype == np.float16


def test_running_statistics_of_float16_are_those_of_float32():
    x = np.float16(300) * normal(64, 3).astype(np.float16)  # a variance of 90000
    half, single = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    half(Tensor(x)), single(Tensor(x.astype(np.float32)))
    for name, value in single.state_dict().items():
        np.testing.assert_allclose(half.state_dict()[name], value, rtol=1e-6)


def test_the_result_may_be_changed_in_place_before_backward():
    for layer in (nn.LayerNorm(3, elementwise_affine=False), nn.GroupNorm(1, 3, affine=False)):
        gradients = []
        for change in (False, True):
            x = Tensor(normal(2, 3), requires_grad=True)
            out = layer(x)
            if change:
                out.data *= 2
            out.backward(normal(2, 3, seed=1))
            gradients.append(x.grad.numpy())
        np.testing.assert_array_equal(*gradients)


def test_shapes_that_do_not_fit_are_named():
    x = Tensor(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"x of shape \(2, 4\) .* normalized_shape \(3,\)"):
        nn.LayerNorm(3)(x)
    with pytest.raises(ValueError, match=r"rms_norm: x of shape \(2, 4\)"):
        nn.RMSNorm(3)(x)
    with pytest.raises(ValueError, match=r"weight of shape \(4,\) .* normalized_shape \(2, 4\)"):
        F.layer_norm(x, (2, 4), Tensor(np.ones(4)))
    with pytest.raises(ValueError, match="3 groups of channels"):
        F.group_norm(x, 3)
    with pytest.raises(ValueError, match=r"group_norm: bias of shape \(3,\)"):
        F.group_norm(x, 2, Tensor(np.ones(4)), Tensor(np.ones(3)))
    with pytest.raises(ValueError, match="4 channels do not part into 3 groups"):
        nn.GroupNorm(3, 4)
    with pytest.raises(ValueError, match=r"LayerNorm: normalized_shape is 0"):
        nn.LayerNorm(0)


# Batch norm


def test_running_statistics_follow_the_batches_only_in_training():
    layer = nn.BatchNorm1d(3, dtype=np.float64)
    batches = [normal(10, 3, seed=i) for i in range(4)]
    mean, var = np.zeros(3), np.ones(3)
    for x in batches:
        layer(Tensor(x))
        mean = 0.9 * mean + 0.1 * x.mean(0)
        var = 0.9 * var + 0.1 * x.var(0, ddof=1)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean)
    np.testing.assert_allclose(layer.running_var.numpy(), var)
    assert layer.num_batches_tracked.item() == 4
    layer.eval()
    out = layer(Tensor(batches[0]))
    np.testing.assert_allclose(out.numpy(), (batches[0] - mean) / np.sqrt(var + 1e-5))
    np.testing.assert_array_equal(layer.running_mean.numpy(), layer.state_dict()["running_mean"])
    np.testing.assert_allclose(layer.running_mean.numpy(), mean)
    assert layer.num_batches_tracked.item() == 4


def test_running_statistics_are_outside_the_graph():
    layer = nn.BatchNorm2d(3)
    out = layer(Tensor(normal(2, 3, 4, 4, dtype=np.float32)))
    assert out.op is not None and not layer.running_mean.requires_grad
    assert all(x is not layer.running_mean for x in out.inputs)
    with no_grad():
        layer(Tensor(normal(2, 3, 4, 4, dtype=np.float32)))
    assert layer.num_batches_tracked.item() == 2  # the mode is train() or eval(), nothing else


def test_statistics_move_once_however_the_output_is_differentiated():
    x = Tensor(normal(8, 3), requires_grad=True)
    layer = nn.BatchNorm1d(3, dtype=np.float64)
    out = layer(x)
    once = layer.running_var.numpy().copy()
    out.backward(normal(8, 3, seed=1), create_graph=True)  # runs the reference
    x.grad.sum().backward()
    np.testing.assert_array_equal(layer.running_var.numpy(), once)
    other = nn.BatchNorm1d(3, dtype=np.float64)
    jvp(other, (x.detach(),), (normal(8, 3, seed=2),))
    np.testing.assert_allclose(other.running_var.numpy(), once)
    np.testing.assert_allclose(other.running_mean.numpy(), layer.running_mean.numpy())


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("rng", [None, np.random.default_rng(0)])
def test_statistics_move_once_in_a_checkpoint(momentum, rng):
    x, g = normal(8, 3), normal(8, 3, seed=1)
    plain, kept = (nn.BatchNorm1d(3, momentum=momentum, dtype=np.float64) for _ in range(2))
    for _ in range(2):
        plain(Tensor(x)).backward(g)
        checkpoint(lambda x: checkpoint(kept, x), Tensor(x), rng=rng).backward(g)
    for name, value in plain.state_dict().items():
        np.testing.assert_array_equal(kept.state_dict()[name], value)
    assert kept.num_batches_tracked.item() == 2
    np.testing.assert_array_equal(kept.weight.grad.numpy(), plain.weight.grad.numpy())


def test_training_after_use_does_not_spoil_a_graph_silently():
    layer = nn.BatchNorm1d(3, dtype=np.float64)
    x = Tensor(normal(8, 3), requires_grad=True)
    layer.eval()
    weight = layer.weight
    out = layer(x)
    right = (normal(8, 3) / np.sqrt(1 + 1e-5)).sum(0)
    layer.train()
    layer(x)
    try:
        out.sum().backward()
    except RuntimeError as error:
        assert "changed in place" in str(error)
    else:
        np.testing.assert_allclose(weight.grad.numpy(), right)


def test_a_batch_of_one_is_refused_in_training_and_served_in_use():
    layer = nn.BatchNorm1d(3)
    x = Tensor(np.ones((1, 3), np.float32))
    with pytest.raises(ValueError, match=r"one value in each channel.*model\.eval\(\)"):
        layer(x)
    assert layer.num_batches_tracked.item() == 0 and not layer.running_mean.numpy().any()
    assert layer.eval()(x).shape == (1, 3)


def test_far_from_zero_batch_norm_keeps_its_digits():
    x = (1000 + normal(64, 4, 28, 28)).astype(np.float32)
    out = nn.BatchNorm2d(4)(Tensor(x)).numpy().astype(np.float64)
    exact = x.astype(np.float64)
    exact -= exact.mean((0, 2, 3), keepdims=True)
    exact /= exact.std((0, 2, 3), keepdims=True)
    assert np.abs(out - exact).max() < 1e-3


def test_batch_norm_refuses_other_axes_and_missing_statistics():
    with pytest.raises(ValueError, match=r"BatchNorm2d: x of shape \(2, 3\).* 4 axes"):
        nn.BatchNorm2d(3)(Tensor(np.ones((2, 3))))
    with pytest.raises(ValueError, match=r"BatchNorm1d: x of shape \(2, 4\)"):
        nn.BatchNorm1d(3)(Tensor(np.ones((2, 4))))
    with pytest.raises(ValueError, match="no running statistics"):
        F.batch_norm(Tensor(np.ones((2, 3))), None, None)
    with pytest.raises(ValueError, match="BatchNorm1d: 0 features"):
        nn.BatchNorm1d(0)
