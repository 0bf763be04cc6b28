"""Convolution layers, pooling and flatten: against PyTorch, and what they promise."""

import numpy as np
import pytest

import nn
from autograd import Tensor, avg_pool2d, conv2d, cost, max_pool2d
from nn import functional as F
from tests.nn_parity import compare, normal

DTYPES = [np.float32, np.float64]
torch_warns = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")

SETTINGS = [
    ("Conv2d", (3, 4, 3), {}, (2, 3, 7, 5)),
    ("Conv2d", (3, 4, (2, 3)), {"stride": 2, "padding": (1, 2)}, (2, 3, 7, 6)),
    ("Conv2d", (1, 4, 3), {"padding": 1, "bias": False}, (3, 1, 6, 6)),
    ("Conv2d", (8, 4, 3), {"dilation": 2, "padding": "same"}, (2, 8, 7, 6)),
    ("Conv2d", (2, 4, 2), {"padding": "same"}, (2, 2, 5, 4)),
    ("Conv2d", (4, 6, 3), {"groups": 2, "stride": (2, 1), "padding": "valid"}, (2, 4, 7, 6)),
    ("Conv2d", (8, 8, 3), {"groups": 8, "padding": 1}, (2, 8, 5, 5)),
    ("Conv2d", (16, 8, 1), {"stride": 2}, (1, 16, 5, 5)),
    ("Conv2d", (3, 4, 3), {"padding": 1}, (0, 3, 5, 5)),
    *[
        ("Conv2d", (2, 3, 3), {"padding": (2, 1), "padding_mode": mode, "stride": s}, (2, 2, 5, 6))
        for mode in ("circular", "reflect", "replicate")
        for s in (1, 2)
    ],
    ("Conv2d", (2, 3, (3, 2)), {"padding": "same", "padding_mode": "circular"}, (2, 2, 5, 6)),
    ("Conv1d", (3, 4, 3), {}, (2, 3, 9)),
    ("Conv1d", (4, 6, 2), {"stride": 3, "padding": 1, "groups": 2, "dilation": 2}, (1, 4, 9)),
    ("Conv1d", (2, 3, 3), {"padding": 1, "padding_mode": "circular"}, (2, 2, 5)),
    ("ConvTranspose2d", (3, 4, 3), {}, (2, 3, 4, 5)),
    ("ConvTranspose2d", (8, 4, 4), {"stride": 2, "padding": 1, "bias": False}, (2, 8, 4, 3)),
    (
        "ConvTranspose2d",
        (4, 6, (3, 2)),
        {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2), "groups": 2},
        (2, 4, 3, 4),
    ),
    ("ConvTranspose2d", (2, 3, 2), {"dilation": 3, "output_padding": 2, "stride": 2}, (1, 2, 3, 3)),
    ("ConvTranspose2d", (2, 3, 2), {"stride": 2}, (0, 2, 3, 3)),
    ("AvgPool2d", (2,), {}, (2, 3, 5, 4)),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1}, (2, 3, 5, 6)),
    ("AvgPool2d", (3, 2, 1), {"count_include_pad": False}, (2, 3, 5, 6)),
    ("MaxPool2d", (2,), {}, (2, 3, 5, 4)),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1}, (2, 3, 5, 6)),
    ("MaxPool2d", ((2, 3),), {"stride": 1, "dilation": (2, 1)}, (2, 3, 5, 6)),
    ("MaxPool2d", (2,), {}, (0, 3, 4, 4)),
    ("AdaptiveAvgPool2d", (1,), {}, (2, 3, 5, 4)),
    ("AdaptiveAvgPool2d", ((3, None),), {}, (2, 3, 5, 4)),
    ("AdaptiveAvgPool2d", (4,), {}, (2, 3, 3, 7)),
    ("Flatten", (), {}, (2, 3, 4, 5)),
    ("Flatten", (2,), {}, (2, 3, 4, 5)),
    ("Flatten", (0, 1), {}, (2, 3, 4)),
    ("Identity", (), {}, (2, 3)),
]


@torch_warns
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "args", "settings", "shape"), SETTINGS)
def test_outputs_and_gradients_are_pytorchs(name, args, settings, shape, dtype):
    torch = pytest.importorskip("torch")
    weighted = name.startswith("Conv")
    own = {"dtype": dtype, "rng": 0} if weighted else {}
    ours = getattr(nn, name)(*args, **settings, **own)
    if weighted and ours.bias is not None:
        ours.bias.data += normal(*ours.bias.shape, seed=5, dtype=dtype)
    theirs = getattr(torch.nn, name)(*args, **settings).to(getattr(torch, np.dtype(dtype).name))
    compare(ours, theirs, normal(*shape, dtype=dtype), torch)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.Conv2d(1, 2, 3), "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))"),
        (
            nn.Conv1d(2, 4, 3, 2, 1, 1, 2, False),
            "Conv1d(2, 4, kernel_size=(3,), stride=(2,), padding=(1,), groups=2, bias=False)",
        ),
        (nn.MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1)"),
        (nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
    ],
)
def test_layers_show_their_settings(layer, text):
    assert repr(layer) == text


def test_flatten_refuses_an_input_without_the_axis():
    with pytest.raises(IndexError, match="flatten: axis 1 is out of bounds"):
        nn.Flatten()(Tensor(np.zeros(3)))


# What a convolution is


def toeplitz(weight, size):
    """The matrix of a valid convolution on a flattened image, written out entry by entry."""
    out_channels, channels, k, _ = weight.shape
    count = size - k + 1
    matrix = np.zeros((out_channels, count, count, channels, size, size))
    for i in range(count):
        for j in range(count):
            matrix[:, i, j, :, i : i + k, j : j + k] = weight
    return matrix.reshape(out_channels * count**2, channels * size**2)


def test_a_convolution_is_a_product_with_a_toeplitz_matrix():
    x, w = normal(2, 3, 5, 5), normal(4, 3, 3, 3, seed=1)
    out = F.conv2d(x, w)
    np.testing.assert_allclose(out.reshape(2, -1), x.reshape(2, -1) @ toeplitz(w, 5).T, 1e-12)


def test_the_gradient_of_the_input_is_a_full_convolution_with_mirrored_weights():
    x, w = Tensor(normal(2, 3, 6, 6), requires_grad=True), normal(4, 3, 3, 3, seed=1)
    g = normal(2, 4, 4, 4, seed=2)
    F.conv2d(x, Tensor(w)).backward(g)
    mirrored = w[:, :, ::-1, ::-1].swapaxes(0, 1)
    np.testing.assert_allclose(x.grad.numpy(), F.conv2d(g, mirrored, padding=2), 1e-12, 1e-12)


def test_the_gradient_of_the_weight_is_a_correlation_of_input_and_gradient():
    x, w = normal(2, 3, 6, 6), Tensor(normal(4, 3, 3, 3, seed=1), requires_grad=True)
    g = normal(2, 4, 4, 4, seed=2)
    F.conv2d(Tensor(x), w).backward(g)
    # examples take the part of channels
    correlation = F.conv2d(x.swapaxes(0, 1), g.swapaxes(0, 1)).swapaxes(0, 1)
    np.testing.assert_allclose(w.grad.numpy(), correlation, 1e-12, 1e-12)


def test_weights_are_shared_over_positions():
    small, large = (F.conv2d(np.ones((1, 3, n, n)), np.ones((8, 3, 3, 3))) for n in (8, 32))
    assert small.shape != large.shape  # the same 216 weights
    assert sum(p.size for p in nn.Conv2d(3, 8, 3).parameters()) == 8 * 3 * 9 + 8


def shifted(x, n):
    return np.roll(x, n, axis=(2, 3))


def test_a_shift_of_the_input_shifts_the_output_exactly_where_the_border_is_circular():
    x = Tensor(normal(2, 3, 8, 8))
    circular = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular", dtype="f8", rng=0)
    moved = circular(Tensor(shifted(x.numpy(), 3))).numpy()
    np.testing.assert_array_equal(moved, shifted(circular(x).numpy(), 3))

    zeros = nn.Conv2d(3, 4, 3, padding=1, dtype="f8", rng=0)
    difference = zeros(Tensor(shifted(x.numpy(), 3))).numpy() - shifted(zeros(x).numpy(), 3)
    assert np.abs(difference).max() > 0.1
    inside = difference[
        :, :, 4:7, 4:7
    ]  # away from both borders, where they were and where they are
    np.testing.assert_allclose(inside, 0, atol=1e-12)


def test_a_stride_is_equivariant_to_multiples_of_itself_alone():
    x = normal(2, 3, 8, 8)
    layer = nn.Conv2d(3, 4, 3, 2, 1, padding_mode="circular", dtype="f8", rng=0)
    out = layer(Tensor(x)).numpy()
    np.testing.assert_array_equal(layer(Tensor(shifted(x, 2))).numpy(), shifted(out, 1))
    odd = layer(Tensor(shifted(x, 1))).numpy()
    assert min(np.abs(odd - shifted(out, n)).max() for n in range(4)) > 0.1


# How it is computed


def test_results_lie_in_memory_with_channels_last():
    x = Tensor(normal(2, 3, 8, 8), requires_grad=True)
    out = nn.Conv2d(3, 8, 3, padding=1, dtype="f8")(x)
    pooled = F.max_pool2d(out.relu(), 2)
    for t in (out, pooled, nn.BatchNorm2d(8, dtype="f8")(pooled)):
        assert np.moveaxis(t.numpy(), 1, -1).flags.c_contiguous


@pytest.mark.parametrize("chunk", [1, 500, 10**9])
@pytest.mark.parametrize("channels", [1, 8, 16])
def test_the_number_of_examples_at_a_time_does_not_matter(chunk, channels, monkeypatch):
    x, w = normal(5, channels, 6, 6), normal(4, channels, 3, 3, seed=1)

    def both():
        a, b = Tensor(x), Tensor(w, requires_grad=True)
        out = conv2d(a, b, padding=1)
        out.backward(normal(*out.shape, seed=2))
        return out.numpy(), b.grad.numpy()

    expected = both()
    monkeypatch.setattr("autograd.ops.convolution.CHUNK", chunk)
    for found, right in zip(both(), expected, strict=True):
        np.testing.assert_allclose(found, right, 1e-12, 1e-12)


def test_the_windows_are_not_kept_for_the_backward_pass():
    x = Tensor(normal(4, 8, 16, 16), requires_grad=True)
    w = Tensor(normal(8, 8, 3, 3, seed=1), requires_grad=True)
    saved = cost(lambda x, w: conv2d(x, w, padding=1), x, w).saved_bytes
    assert saved == x.data.nbytes + w.data.nbytes


def test_flops_are_two_for_each_product():
    x, w = Tensor(normal(2, 3, 8, 8)), Tensor(normal(4, 3, 3, 3))
    assert conv2d.count_flops(conv2d(x, w), x, w) == 2 * (2 * 4 * 6 * 6) * (3 * 3 * 3)


# Pooling


def test_largest_values_that_tie_share_the_gradient():
    x = Tensor(np.float64([[[[1, 3, 3, 0], [3, 2, 0, 0]]]]), requires_grad=True)
    max_pool2d(x, 2).backward(np.float64([[[[6, 8]]]]))
    np.testing.assert_array_equal(x.grad.numpy(), [[[[0, 3, 8, 0], [3, 0, 0, 0]]]])
    overlapping = Tensor(np.ones((1, 1, 1, 3)), requires_grad=True)
    max_pool2d(overlapping, (1, 2), stride=1).backward(np.ones((1, 1, 1, 2)))
    np.testing.assert_array_equal(overlapping.grad.numpy(), [[[[0.5, 1, 0.5]]]])


def test_many_ties_are_counted():
    x = Tensor(np.zeros((1, 1, 17, 17)), requires_grad=True)
    max_pool2d(x, 17).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / 289)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, bool])
def test_no_padding_is_larger_than_an_integer(dtype):
    x = np.array([[-128, -4], [-3, -2]]).astype(dtype)
    expected = max_pool2d(x[None, None].astype(float), 2, 1, 1)
    out = max_pool2d(Tensor(x[None, None]), 2, 1, 1)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out.data, expected.astype(dtype))


@pytest.mark.parametrize("stride", [1, 2])
def test_padding_takes_no_share_of_a_gradient(stride):
    x = Tensor(np.full((1, 1, 2, 2), -np.inf), requires_grad=True)
    out = max_pool2d(x, 2, stride, 1)
    out.sum().backward()
    assert x.grad.data.sum() == out.size


def test_nan_comes_through_a_pool():
    x = np.ones((1, 1, 2, 4))
    x[..., 0] = np.nan
    np.testing.assert_array_equal(max_pool2d(x, 2), [[[[np.nan, 1]]]])


@pytest.mark.parametrize("pool", [max_pool2d, avg_pool2d])
def test_a_window_of_one_element_is_a_copy(pool):
    x = np.moveaxis(np.ones((2, 4, 4, 3)), -1, 1)
    out = pool(x, 1)
    assert not np.shares_memory(out, x)
    np.testing.assert_array_equal(out, x)


# First weights


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (nn.Conv2d(32, 64, 3, rng=0), 32 * 9),
        (nn.Conv2d(64, 64, 3, groups=2, rng=0), 32 * 9),
        (nn.Conv1d(64, 64, 5, rng=0), 64 * 5),
        (nn.ConvTranspose2d(64, 64, 4, stride=2, rng=0), 64 * 16 / 4),
        (nn.ConvTranspose2d(64, 64, 3, groups=2, rng=0), 32 * 9),
    ],
)
def test_weights_start_as_he_says(layer, fan_in):
    w = layer.weight.numpy()
    assert w.dtype == np.float32 and not layer.bias.numpy().any()
    assert abs(w.mean()) < 4 * w.std() / np.sqrt(w.size)
    assert w.std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.02)
    size = (16,) * (w.ndim - 2)
    x = Tensor(normal(4, layer.in_channels, *size, seed=1, dtype=np.float32))
    inside = (Ellipsis, *(slice(5, -5),) * (w.ndim - 2))  # away from the border
    out = layer(x).numpy()[inside]
    assert np.square(np.maximum(out, 0)).mean() == pytest.approx(1, rel=0.1)


def test_the_same_seed_gives_the_same_weights_in_both_dtypes():
    a, b = (nn.Conv2d(3, 4, 3, dtype=d, rng=3).weight.numpy() for d in DTYPES)
    np.testing.assert_array_equal(a, b.astype(np.float32))


# Mistakes


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 0), r"Conv2d: kernel_size is 0; pass an int of 1 or more"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"kernel_size is \(3, 3, 3\); .* or 2 of them"),
        (lambda: nn.Conv2d(3, 4, 3, padding=-1), "Conv2d: padding is -1"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "3 to 4 channels in 2 groups"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "'mirror' is not known; it is one of"),
        (lambda: F.conv2d(np.ones((1, 3, 5, 5)), np.ones((4, 2, 3, 3))), "has 3 channels, but"),
        (
            lambda: F.conv2d(np.ones((1, 4, 5, 5)), np.ones((3, 2, 3, 3)), groups=2),
            r"groups=2 does not divide the first axis of .* \(3, 2, 3, 3\); pass a divisor of 3",
        ),
        (
            lambda: F.conv2d(np.ones((1, 3, 5, 5)), np.ones((4, 3, 3, 3)), padding=((1, 1),)),
            r"padding is \(\(1, 1\),\); pass a pair, before and after, for each of the 2 axes",
        ),
        (lambda: F.conv2d(np.ones((3, 5, 5)), np.ones((4, 3, 3, 3))), "each with 4 axes"),
        (
            lambda: F.conv2d(np.ones((1, 3, 2, 5)), np.ones((4, 3, 3, 3))),
            r"kernel of size \(3, 3\) .* does not fit in \(2, 5\)",
        ),
        (
            lambda: F.conv2d(np.ones((1, 3, 5, 5)), np.ones((4, 3, 3, 3)), np.ones(3)),
            r"bias of shape \(3,\).*\(4,\)",
        ),
        (
            lambda: F.conv2d(np.ones((1, 3, 5, 5)), np.ones((4, 3, 3, 3)), None, 2, "same"),
            "'same' keeps the size, which stride",
        ),
        (
            lambda: F.conv2d(np.ones((1, 3, 5, 5)), np.ones((4, 3, 3, 3)), None, 1, "full"),
            "padding is 'full'; pass 'same', 'valid' or numbers",
        ),
        (
            lambda: F.conv_transpose2d(np.ones((1, 3, 5, 5)), np.ones((3, 4, 3, 3)), None, 2, 0, 2),
            r"conv_transpose2d: output_padding \(2, 2\) must be less than the stride",
        ),
        (
            lambda: F.conv_transpose2d(np.ones((1, 3, 1, 1)), np.ones((3, 4, 2, 2)), None, 1, 1),
            "leaves nothing of x",
        ),
        (lambda: F.max_pool2d(np.ones((1, 5, 5)), 2), r"one example as x\[None\]"),
        (lambda: F.max_pool2d(np.ones((1, 1, 5, 5)), 2, padding=2), "more than half of the kernel"),
        (lambda: F.avg_pool2d(np.ones((1, 1, 2, 5)), 3), "avg_pool2d: a kernel of size"),
        (lambda: F.adaptive_avg_pool2d(np.ones((1, 5, 5)), 2), r"is not \(batch, channels"),
        (lambda: F.adaptive_avg_pool2d(np.ones((1, 1, 5, 5)), 0), "output_size is"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_sums_of_a_pool_do_not_overflow_float16():
    x = np.full((1, 1, 4, 4), 60000, np.float16)
    out = F.avg_pool2d(Tensor(x), 4)
    assert out.dtype == np.float16 and out.item() == x[0, 0, 0, 0]
