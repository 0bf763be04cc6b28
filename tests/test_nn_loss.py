"""Losses: against PyTorch over a table of settings, closed forms, refusals; modules."""

import linecache
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, enable_grad, gradcheck, no_grad
from nn import functional as F

N, C = 6, 4
RNG = np.random.default_rng(0)
LOGITS = 3 * RNG.normal(size=(N, C))
IMAGES = 2 * RNG.normal(size=(3, C, 2, 5))
OTHER = 3 * RNG.normal(size=(N, C))
PROBABILITIES = RNG.dirichlet(np.ones(C), N)
FRACTIONS = RNG.uniform(0.05, 0.95, (N, C))
LABELS = RNG.integers(0, C, N)
PIXELS = RNG.integers(0, C, (3, 2, 5))
PADDED = np.where(np.arange(N) % 3 == 1, -100, LABELS)
PADDED_PIXELS = np.where(PIXELS == 2, 1, PIXELS)
SIGNS = RNG.choice([-1.0, 1.0], N)
WEIGHT = RNG.uniform(0.5, 2, C)


@dataclass(frozen=True)
class Case:
    loss: str
    arrays: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    moving: tuple[int, ...] = (0,)
    theirs: str = ""

    @property
    def name(self) -> str:
        shape = "x".join(map(str, np.shape(self.arrays[0])))
        return "-".join(
            [self.loss, shape, *(f"{k}={np.shape(v) or v}" for k, v in self.options.items())]
        )


def log_softmax(x, axis):
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


LOG_P = log_softmax(LOGITS, 1)
BOTH = (0, 1)
BCE = "binary_cross_entropy"
SUM, NONE = {"reduction": "sum"}, {"reduction": "none"}
CASES = [
    *[
        Case(loss, (LOGITS, OTHER), {**options, **reduction}, BOTH)
        for loss, options in [
            ("mse_loss", {}),
            ("l1_loss", {}),
            ("huber_loss", {}),
            ("huber_loss", {"delta": 2.5}),
            ("smooth_l1_loss", {}),
            ("smooth_l1_loss", {"beta": 2.5}),
            ("smooth_l1_loss", {"beta": 0}),
        ]
        for reduction in ({}, SUM, NONE)
    ],
    *[
        Case(BCE, (FRACTIONS, PROBABILITIES), {**options, **reduction}, BOTH)
        for options in ({}, {"weight": WEIGHT})
        for reduction in ({}, SUM, NONE)
    ],
    *[
        Case(f"{BCE}_with_logits", (LOGITS, FRACTIONS), {**options, **reduction}, BOTH)
        for options in ({}, {"weight": WEIGHT}, {"pos_weight": WEIGHT})
        for reduction in ({}, SUM, NONE)
    ],
    *[
        Case("cross_entropy", arrays, {**options, **reduction})
        for arrays in [
            (LOGITS, LABELS),
            (LOGITS, PADDED),
            (IMAGES, PIXELS),
            (LOGITS[0], LABELS[0] * 0),
            (LOGITS[:, :, None], LABELS[:, None]),
        ]
        for options in [
            {},
            {"weight": WEIGHT},
            {"label_smoothing": 0.1},
            {"weight": WEIGHT, "label_smoothing": 0.3},
            {"ignore_index": 1},
            {"ignore_index": 1, "weight": WEIGHT, "label_smoothing": 0.3},
        ]
        if not (options.get("ignore_index") == 1 and (arrays[1] == -100).any())
        for reduction in ({}, SUM, NONE)
    ],
    *[
        Case("cross_entropy", arrays, {**options, **reduction}, BOTH)
        for arrays in [
            (LOGITS, PROBABILITIES),
            (LOGITS[0], PROBABILITIES[0]),
            (IMAGES, RNG.dirichlet(np.ones(C), (3, 2, 5)).transpose(0, 3, 1, 2)),
        ]
        for options in [{}, {"label_smoothing": 0.2}, {"weight": WEIGHT, "label_smoothing": 0.2}]
        for reduction in ({}, SUM, NONE)
    ],
    *[
        Case("nll_loss", arrays, {**options, **reduction})
        for arrays in [
            (LOG_P, LABELS),
            (LOG_P, PADDED),
            (-np.abs(IMAGES), PIXELS),
            (LOG_P[0], LABELS[0]),
        ]
        for options in ({}, {"weight": WEIGHT})
        for reduction in ({}, SUM, NONE)
    ],
    *[
        Case("kl_div", (LOG_P, target), {**options, "reduction": reduction}, BOTH)
        for target, options in [(PROBABILITIES, {}), (log_softmax(OTHER, 1), {"log_target": True})]
        for reduction in ("mean", "batchmean", "sum", "none")
    ],
    *[
        Case("multi_margin_loss", arrays, {**options, **reduction})
        for arrays in [(LOGITS, LABELS), (LOGITS[0], LABELS[0])]
        for options in ({}, {"p": 2}, {"margin": 0.5}, {"weight": WEIGHT, "p": 2})
        for reduction in ({}, SUM, NONE)
    ],
    *[
        Case("cosine_embedding_loss", (LOGITS, OTHER, SIGNS), {**options, **reduction}, BOTH)
        for options in ({}, {"margin": 0.2})
        for reduction in ({}, SUM, NONE)
    ],
    Case("cosine_embedding_loss", (LOGITS[0], OTHER[0], SIGNS[0]), {}, BOTH),
    Case("cosine_similarity", (LOGITS, OTHER), {}, BOTH),
    Case("cosine_similarity", (IMAGES, IMAGES[:, :, :1]), {"axis": -3}, BOTH),
]  # fmt: skip

MODULES = {
    "mse_loss": nn.MSELoss,
    "l1_loss": nn.L1Loss,
    "huber_loss": nn.HuberLoss,
    "smooth_l1_loss": nn.SmoothL1Loss,
    "binary_cross_entropy": nn.BCELoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "nll_loss": nn.NLLLoss,
    "kl_div": nn.KLDivLoss,
    "multi_margin_loss": nn.MultiMarginLoss,
    "cosine_embedding_loss": nn.CosineEmbeddingLoss,
    "cosine_similarity": nn.CosineSimilarity,
    "hinge_loss": nn.HingeLoss,
}


def cast(values, dtype):
    values = np.asarray(values)
    return values.astype(dtype) if values.dtype.kind == "f" else values


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")  # PyTorch's, of kl_div
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.name}" for i, c in enumerate(CASES)])
def test_losses_are_pytorchs_in_value_and_gradient(case, dtype):
    torch = pytest.importorskip("torch")
    arrays = [cast(a, dtype) for a in case.arrays]
    ours = [Tensor(a, requires_grad=i in case.moving) for i, a in enumerate(arrays)]
    theirs = [torch.tensor(a, requires_grad=i in case.moving) for i, a in enumerate(arrays)]
    options = {
        {"axis": "dim"}.get(k, k): torch.tensor(cast(v, dtype)) if isinstance(v, np.ndarray) else v
        for k, v in case.options.items()
    }
    out = getattr(F, case.loss)(*ours, **case.options)
    expected = getattr(torch.nn.functional, case.loss)(*theirs, **options)
    g = np.random.default_rng(9).normal(size=out.shape).astype(dtype)
    out.backward(g)
    expected.backward(torch.tensor(g))
    tolerance = 2e-12 if dtype == np.float64 else 2e-5
    close = {"rtol": tolerance, "atol": tolerance}
    assert out.dtype == dtype
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), **close)
    for i in case.moving:
        assert ours[i].grad.dtype == dtype
        np.testing.assert_allclose(ours[i].grad.numpy(), theirs[i].grad.numpy(), **close)


@pytest.mark.parametrize("case", CASES[::3], ids=[c.name for c in CASES[::3]])
def test_modules_call_the_functions_with_their_settings(case):
    inputs = [Tensor(a) for a in case.arrays]
    module = MODULES[case.loss](**case.options)
    np.testing.assert_array_equal(
        module(*inputs).numpy(), getattr(F, case.loss)(*inputs, **case.options).numpy()
    )


def test_every_loss_has_a_module():
    made = {cls.function for cls in MODULES.values()}
    names = {n for n in F.__all__ if n.endswith("_loss") or "entropy" in n} | {"kl_div"}
    assert {getattr(F, n) for n in names} <= made
    assert {n for n in nn.__all__ if n.endswith("Loss")} <= {
        cls.__name__ for cls in MODULES.values()
    }


def test_the_weights_of_classes_are_a_buffer_as_pytorchs_are():
    loss = nn.CrossEntropyLoss(weight=[1.0, 2.0], label_smoothing=0.1)
    assert list(loss.state_dict()) == ["weight"]
    assert "label_smoothing=0.1" in repr(loss)
    with pytest.raises(TypeError, match=r"CrossEntropyLoss: .*'smoothing'.*label_smoothing=0\.0"):
        nn.CrossEntropyLoss(smoothing=0.1)


# Derivatives by differences, and closed forms.


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, y: F.huber_loss(x, y, reduction="none"),
        lambda x, y: F.mse_loss(x, y, reduction="none"),
        lambda x, y: F.cosine_similarity(x, y),
        lambda x, y: F.cross_entropy(x, ag.softmax(y)),
        lambda x, y: F.kl_div(ag.log_softmax(x), ag.softmax(y), reduction="batchmean"),
        lambda x, y: F.cross_entropy(x * y, LABELS, WEIGHT, label_smoothing=0.2),
        lambda x, y: F.binary_cross_entropy_with_logits(x, ag.sigmoid(y), pos_weight=WEIGHT),
        lambda x, y: F.binary_cross_entropy(ag.sigmoid(x), ag.sigmoid(y)),
        lambda x, y: F.multi_margin_loss(x * y, LABELS, p=2),
    ],
)
def test_derivatives_agree_with_differences(loss):
    gradcheck(loss, LOGITS / 3, OTHER / 3)


def test_squared_errors_are_minus_the_logarithm_of_a_normal_density_up_to_a_line():
    sigma = 0.7
    density = np.exp(-((LOGITS - OTHER) ** 2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)
    nll = -np.log(density).mean()
    mse = F.mse_loss(LOGITS, OTHER).item()
    assert nll == pytest.approx(
        mse / (2 * sigma**2) + np.log(np.sqrt(2 * np.pi) * sigma), rel=1e-12
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_gradient_of_both_cross_entropies_is_p_minus_y(reduction):
    over = {"mean": N, "sum": 1}[reduction]
    z = Tensor(LOGITS, requires_grad=True)
    F.cross_entropy(z, LABELS, reduction=reduction).backward()
    y = np.eye(C)[LABELS]
    p = np.exp(LOG_P)
    np.testing.assert_allclose(z.grad.numpy(), (p - y) / over, rtol=1e-12, atol=1e-15)
    z.grad = None
    F.binary_cross_entropy_with_logits(z, FRACTIONS, reduction=reduction).backward()
    over = {"mean": N * C, "sum": 1}[reduction]
    p = 1 / (1 + np.exp(-LOGITS))
    np.testing.assert_allclose(z.grad.numpy(), (p - FRACTIONS) / over, rtol=1e-12, atol=1e-15)


def test_several_labels_are_several_binary_losses():
    whole = F.binary_cross_entropy_with_logits(LOGITS, FRACTIONS, reduction="sum").item()
    parts = [
        F.binary_cross_entropy_with_logits(LOGITS[:, k], FRACTIONS[:, k], reduction="sum").item()
        for k in range(C)
    ]
    assert whole == pytest.approx(sum(parts), rel=1e-12)


@pytest.mark.parametrize(
    ("gap", "of_cross_entropy", "of_squares"),
    # measured by an independent program in plain NumPy, for three classes
    [(0, 0.816, 0.181), (5, 1.400, 0.0162), (10, 1.414, 1.1e-4), (20, 1.414, 5.1e-9)],
)
def test_squares_of_a_softmax_hardly_correct_what_is_confidently_wrong(
    gap, of_cross_entropy, of_squares
):
    z = Tensor([[float(gap), 0.0, 0.0]], requires_grad=True)
    F.cross_entropy(z, [1]).backward()
    assert np.linalg.norm(z.grad.numpy()) == pytest.approx(of_cross_entropy, rel=1e-3)
    z.grad = None
    F.mse_loss(ag.softmax(z), [[0.0, 1.0, 0.0]]).backward()
    assert np.linalg.norm(z.grad.numpy()) == pytest.approx(of_squares, rel=3e-2)


def test_hinge_is_zero_from_the_margin_on_and_a_line_before():
    x = Tensor([2.0, 1.0, 0.25, -1.0, -3.0], requires_grad=True)
    out = F.hinge_loss(x, [1, 1, 1, 1, -1], reduction="none")
    np.testing.assert_array_equal(out.numpy(), [0, 0, 0.75, 2, 0])
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, 0, -1, -1, 0])
    assert F.hinge_loss(x, [1, 1, 1, 1, -1], margin=3.0).item() == (1 + 2 + 2.75 + 4 + 0) / 5


# Far out, and on the edge.


def test_cross_entropy_is_finite_far_out():
    z = Tensor([[1000.0, -1000.0], [-1000.0, 1000.0]], requires_grad=True)
    for options in ({}, {"label_smoothing": 0.1}, {"weight": [1.0, 1.0]}):
        z.grad = None
        out = F.cross_entropy(z, [0, 0], **options)
        out.backward()
        assert out.item() == pytest.approx(1000)
        assert np.isfinite(z.grad.numpy()).all()


@pytest.mark.parametrize("pos_weight", [None, 2.0])
def test_binary_cross_entropy_with_logits_is_finite_and_keeps_small_losses(pos_weight):
    z = Tensor([1000.0, -1000.0, 1000.0, 40.0, -40.0], requires_grad=True)
    y = [1.0, 0.0, 0.0, 1.0, 0.0]
    out = F.binary_cross_entropy_with_logits(z, y, reduction="none", pos_weight=pos_weight)
    tiny = np.exp(-40.0)
    np.testing.assert_allclose(
        out.numpy(), [0, 0, 1000, (pos_weight or 1) * tiny, tiny], rtol=1e-15
    )
    out.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [0, 0, 1, 0, 0], atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_rounded_to_0_or_1_leave_the_loss_finite(dtype):
    torch = pytest.importorskip("torch")
    p, y = np.array([0, 1, 0, 1, 0.5], dtype), np.array([0, 0, 1, 1, 0.5], dtype)
    ours = Tensor(p, requires_grad=True)
    out = F.binary_cross_entropy(ours, y, reduction="none")
    out.backward(np.ones(5))
    np.testing.assert_allclose(out.numpy(), [0, 100, 100, 0, np.log(2)], rtol=1e-3)
    if dtype != np.float16:  # where 1e-12 is 0
        theirs = torch.tensor(p, requires_grad=True)
        torch.nn.functional.binary_cross_entropy(
            theirs, torch.tensor(y), reduction="sum"
        ).backward()
        np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-6)
    assert np.isfinite(ours.grad.numpy()).all()


def test_what_is_ignored_may_hold_anything():
    z = Tensor([[np.inf, -np.inf], [0.0, 0.0]], requires_grad=True)
    for options in ({"reduction": "none"}, {"label_smoothing": 0.1}, {"weight": [1.0, 3.0]}):
        z.grad = None
        with np.errstate(invalid="ignore"):  # inf - inf, in the row that does not count
            out = F.cross_entropy(z, [-100, 1], **options)
        np.testing.assert_allclose(out.numpy()[..., -1:] if out.ndim else out.item(), np.log(2))
        out.sum().backward()
        assert np.isfinite(z.grad.numpy()[1]).all()


def test_without_an_example_that_counts_there_is_no_mean():
    with np.errstate(invalid="ignore"):
        assert np.isnan(F.cross_entropy(Tensor(LOGITS), np.full(N, -100)).item())
    assert F.cross_entropy(Tensor(LOGITS), np.full(N, -100), reduction="sum").item() == 0


# Refusals.

PAIRS = ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy",
         "binary_cross_entropy_with_logits", "kl_div", "hinge_loss"]  # fmt: skip


@pytest.mark.parametrize("loss", PAIRS)
def test_losses_refuse_shapes_that_would_broadcast(loss):
    function = getattr(F, loss)
    with pytest.raises(ValueError, match=r"\w+: .*\(4, 1\).*\(4,\) differ.*; reshape one"):
        function(Tensor(np.ones((4, 1))), np.ones(4))
    with pytest.raises(ValueError, match=r"\(4,\) and target of shape \(\) differ, .*broadcast$"):
        function(Tensor(np.ones(4)), 1.0)
    with pytest.raises(TypeError, match="the input is of int64"):
        function([1, 2], [1.0, 2.0])


@pytest.mark.parametrize("options", [{}, {"weight": [1, 2]}, {"label_smoothing": 1e-6}])
def test_a_mean_of_many_losses_does_not_overflow_in_float16(options):
    z = Tensor(np.tile(np.float16([10, 0]), (20_000, 1)))  # the sum is 200000
    assert F.cross_entropy(z, np.ones(20_000, int), **options).item() == 10


def test_nll_loss_warns_of_what_is_no_log_probability():
    logits = Tensor([[2.0, -1.0]])
    with pytest.warns(UserWarning, match="nll_loss: the input has a value of 2, and log-prob"):
        F.nll_loss(logits, [0])
    with pytest.warns(UserWarning, match="nll_loss: the input has a value of 0.953"):
        F.nll_loss(F.softmax(logits), [0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.nll_loss(F.log_softmax(Tensor([[100.0, 0.0]])), [0])


def test_integers_neither_overflow_nor_cut_weights_off():
    x = np.array([[100, 100], [-100, 100]], np.int8)
    np.testing.assert_allclose(F.cosine_similarity(x, x).data, [1, 1])
    weighted = [F.multi_margin_loss(a, [0, 0], weight=[0.5, 1]).item() for a in (x, x * 1.0)]
    assert weighted[0] == weighted[1]
    with pytest.raises(TypeError, match="nll_loss: the input is of int8; pass floating numbers"):
        F.nll_loss(x, [0, 1])
    for options in ({}, {"label_smoothing": 0.1}, {"weight": [1, 2]}):
        with pytest.raises(TypeError, match=r"cross_entropy: .* pass floating numbers"):
            F.cross_entropy(x, [0, 1], **options)


REDUCIBLE = {
    **{loss: (np.full(3, 0.5), np.ones(3)) for loss in PAIRS},
    "cross_entropy": (LOGITS, LABELS),
    "nll_loss": (LOG_P, LABELS),
    "multi_margin_loss": (LOGITS, LABELS),
    "cosine_embedding_loss": (LOGITS, OTHER, SIGNS),
}


@pytest.mark.parametrize("loss", REDUCIBLE)
def test_an_unknown_reduction_is_named(loss):
    with pytest.raises(ValueError, match=r"\w+: reduction is 'avg'"):
        getattr(F, loss)(*map(Tensor, REDUCIBLE[loss]), reduction="avg")
    if loss == "cross_entropy":
        with pytest.raises(ValueError, match="reduction is 'avg'"):
            F.cross_entropy(LOGITS, LABELS, WEIGHT, reduction="avg")


REFUSED = {
    "negative_class": (F.cross_entropy, (LOGITS, -1 - LABELS), {}, ValueError, "from -3 to -1"),
    "class_too_high": (F.cross_entropy, (LOGITS, LABELS + C), {}, ValueError, "0 to 3"),
    "class_too_high_among_ignored": (
        F.cross_entropy,
        (LOGITS, np.where(LABELS == 1, -100, LABELS + 2)),
        {},
        ValueError,
        "0 to 3",
    ),
    "class_too_high_with_weights": (
        F.cross_entropy,
        (LOGITS, LABELS + C, WEIGHT),
        {},
        ValueError,
        "0 to 3",
    ),
    "targets_of_another_shape": (
        F.cross_entropy,
        (IMAGES, PIXELS[:, :1]),
        {},
        ValueError,
        r"\(3, 4, 2, 5\) and targets of shape",
    ),
    "floating_classes": (
        F.cross_entropy,
        (LOGITS, LABELS * 1.0),
        {},
        TypeError,
        r"integers, but are float.*; pass target.astype\(int\)",
    ),
    "floating_classes_of_nll": (
        F.nll_loss,
        (LOG_P, LABELS * 1.0),
        {},
        TypeError,
        r"integers, but are float.*; pass target.astype\(int\)",
    ),
    "smoothing": (
        F.cross_entropy,
        (LOGITS, LABELS),
        {"label_smoothing": 1.5},
        ValueError,
        "between 0 and 1",
    ),
    "weights": (
        F.cross_entropy,
        (LOGITS, LABELS, WEIGHT[1:]),
        {},
        ValueError,
        r"\(3,\) does not fit 4",
    ),
    "logits_for_probabilities": (
        F.binary_cross_entropy,
        (LOGITS, FRACTIONS),
        {},
        ValueError,
        "with_logits",
    ),
    "delta": (F.huber_loss, (LOGITS, OTHER), {"delta": 0}, ValueError, "delta is 0"),
    "p": (F.multi_margin_loss, (LOGITS, LABELS), {"p": 3}, ValueError, "p is 3"),
    "images_for_scores": (
        F.multi_margin_loss,
        (IMAGES, PIXELS),
        {},
        ValueError,
        "pass .batch, classes.",
    ),
    "zeros_for_signs": (F.hinge_loss, (LOGITS[:, 0], SIGNS > 0), {}, ValueError, "-1 or 1"),
    "cosines_of_images": (
        F.cosine_embedding_loss,
        (IMAGES, IMAGES, PIXELS),
        {},
        ValueError,
        "pass .batch, size.",
    ),
    "one_sign_for_all": (
        F.cosine_embedding_loss,
        (LOGITS, OTHER, 1.0),
        {},
        ValueError,
        r"\(6,\) and target of shape \(\)",
    ),
}


@pytest.mark.parametrize(
    ("loss", "arrays", "options", "error", "text"), REFUSED.values(), ids=REFUSED
)
def test_what_does_not_fit_is_refused_by_name(loss, arrays, options, error, text):
    with pytest.raises(error, match=text) as caught:
        loss(*arrays, **options)
    assert str(caught.value).startswith(loss.__name__)


def test_a_plain_target_takes_the_dtype_of_the_input():
    x = Tensor(np.ones(2, np.float32))
    assert F.mse_loss(x, [0.0, 1.0]).dtype == np.float32
    assert F.mse_loss(x, np.ones(2)).dtype == np.float32


# The warning.


class Wrapped(nn.Module):
    def __init__(self, **options):
        self.options = options

    def forward(self, p):
        return nn.CrossEntropyLoss(**self.options)(p, np.zeros(5, int))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("classes", [2, 4, 1000])
def test_probabilities_handed_to_cross_entropy_are_noticed(dtype, classes):
    p = ag.softmax(Tensor(np.random.default_rng(0).normal(size=(5, classes)), dtype=dtype))
    for options in ({}, {"label_smoothing": 0.1}):
        with pytest.warns(UserWarning, match="looks like probabilities.*pass the logits") as caught:
            F.cross_entropy(p, np.zeros(5, int), **options)
            nn.CrossEntropyLoss(**options)(p, np.zeros(5, int))
            nn.Sequential(Wrapped(**options))(p)
        lines = [linecache.getline(w.filename, w.lineno).strip()[:9] for w in caught]
        assert lines == ["F.cross_e", "nn.CrossE", "return nn"]
    with pytest.warns(UserWarning, match="looks like probabilities"):
        F.cross_entropy(Tensor(np.eye(classes)), np.zeros(classes, int))


@pytest.mark.parametrize(
    "logits",
    [
        LOGITS,
        PROBABILITIES * 1.1,
        np.vstack([PROBABILITIES, LOGITS]),
        np.vstack([PROBABILITIES, 2 * PROBABILITIES]),
        np.vstack([[[0.5, 1.0, -1.0, 0.5]], PROBABILITIES]),
        np.zeros((3, 1)),
        np.zeros((3, 4)),
        np.zeros((0, 4)),
    ],
    ids=range(8),
)
def test_logits_raise_no_alarm(logits):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.cross_entropy(Tensor(logits), np.zeros(len(logits), int), reduction="sum")


@pytest.mark.parametrize("mode", [enable_grad, no_grad])
@pytest.mark.parametrize(
    "name", ["cosine_similarity", "cross_entropy", "mse_loss", "multi_margin_loss", "nll_loss"]
)
def test_what_a_recurrent_layer_returns_is_no_input(name, mode):
    function = getattr(F, name)
    with mode(), pytest.raises(TypeError, match=rf"{name}: the input is a tuple.*, out\[0\]"):
        function(nn.GRU(2, 3)(np.ones((1, 1, 2), "float32")), np.zeros((1, 1, 3)))


def test_a_tuple_of_numbers_is_an_array_like_a_list():
    x = Tensor(np.ones(2, np.float32))
    assert F.mse_loss(x, (1.0, 2.0)).item() == F.mse_loss((1.0, 2.0), x).item() == 0.5
    rows = nn.Embedding(3, 2, rng=0)
    np.testing.assert_array_equal(rows((1, 2)).numpy(), rows.weight.numpy()[1:])


def test_what_a_recurrent_layer_returns_is_no_target():
    out = nn.GRU(2, 3)(np.ones((1, 1, 2), "float32"))
    with pytest.raises(TypeError, match=r"mse_loss: the target is a tuple.*, out\[0\]"):
        F.mse_loss(out[0], out)
