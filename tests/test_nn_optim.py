"""Optimisers against PyTorch, step by step, and against the recurrences of their papers."""

import inspect
import json
import math

import numpy as np
import pytest

from autograd import Tensor
from nn import MLP, Parameter, optim
from nn import functional as F
from nn.optim import SGD, Adagrad, Adam, AdamW, Lion, Muon, Optimizer, RMSprop
from nn.optim.muon import orthogonalize

SETTINGS = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (Adam, {}),
    (Adam, {"lr": 0.05, "betas": (0.5, 0.6)}),
    (Adam, {"lr": 0.05, "betas": (0.0, 0.99), "eps": 1e-2}),
    (Adam, {"lr": 0.05, "weight_decay": 0.1}),
    (AdamW, {}),
    (AdamW, {"lr": 0.05, "betas": (0.8, 0.9), "weight_decay": 0.3}),
    (AdamW, {"lr": 0.05, "weight_decay": 0.0, "eps": 1e-3}),
    (RMSprop, {}),
    (RMSprop, {"lr": 0.02, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    (RMSprop, {"lr": 0.02, "alpha": 0.9, "momentum": 0.8}),
    (RMSprop, {"lr": 0.005, "alpha": 0.9, "centered": True, "eps": 1e-2}),
    (RMSprop, {"lr": 0.005, "centered": True, "momentum": 0.5, "weight_decay": 0.1, "eps": 1e-2}),
    (Adagrad, {}),
    (Adagrad, {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1}),
    (Adagrad, {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    (Muon, {}),
    (Muon, {"lr": 0.02, "momentum": 0.8, "nesterov": False, "weight_decay": 0.0}),
    (Muon, {"lr": 0.1, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}),
    (Muon, {"lr": 0.02, "adjust_lr_fn": "original", "ns_coefficients": (3.0, -3.2, 1.2)}),
]
LION = [(Lion, {"lr": 0.01}), (Lion, {"lr": 0.01, "betas": (0.5, 0.8), "weight_decay": 0.3})]


def names(settings):
    return [
        f"{make.__name__}-{'-'.join(f'{k}={v}' for k, v in kw.items())}" for make, kw in settings
    ]


IDS = names(SETTINGS)
EACH = [SGD, Adam, AdamW, RMSprop, Adagrad, Lion, Muon]

X = np.random.default_rng(0).normal(size=(20, 5))
Y = np.random.default_rng(1).integers(0, 3, 20)


def descend(model, optimizer, steps=1, dtype=np.float64):
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(X.astype(dtype))), Y).backward()
        optimizer.step()


def trained(make, model):
    """The parameters that an optimiser is for: Muon's are the matrices."""
    return [p for p in model.parameters() if make is not Muon or p.ndim == 2]


def states_equal(a, b, rtol=0):
    assert a["param_groups"] == b["param_groups"] and a["state"].keys() == b["state"].keys()
    for i, entry in a["state"].items():
        for key, value in entry.items():
            np.testing.assert_allclose(value, b["state"][i][key], rtol=rtol)


# Parity


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("make", "settings"), SETTINGS, ids=IDS)
def test_thirty_steps_are_pytorchs(make, settings, dtype, monkeypatch):
    torch = pytest.importorskip("torch")
    # Muon there works in bfloat16; at full precision the rest of its step is compared
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    ours = MLP([5, 7, 3], dtype=dtype, rng=0)
    theirs = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3))
    theirs.to(getattr(torch, np.dtype(dtype).name))
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    start = ours.state_dict()
    optimizer = make(trained(make, ours), **settings)
    matrices = [p for p in theirs.parameters() if make is not Muon or p.ndim == 2]
    oracle = getattr(torch.optim, make.__name__)(matrices, **settings)
    x, y = torch.tensor(X.astype(dtype)), torch.tensor(Y)
    tolerance = 1e-11 if dtype == np.float64 else 2e-4
    for _ in range(30):
        descend(ours, optimizer, dtype=dtype)
        oracle.zero_grad()
        torch.nn.functional.cross_entropy(theirs(x), y).backward()
        oracle.step()
        expected = theirs.state_dict()
        for key, value in ours.state_dict().items():
            assert value.dtype == dtype
            np.testing.assert_allclose(value, expected[key], rtol=tolerance, atol=tolerance)
    moved = [abs(value - start[key]).max() for key, value in ours.state_dict().items()]
    assert sum(d > 1e-3 for d in moved) == len(trained(make, ours))


def test_the_table_covers_the_optimisers():
    assert {make for make, _ in SETTINGS + LION} == set(EACH)
    assert {make.__name__ for make in EACH} == set(optim.__all__) - {"Optimizer", "lr_scheduler"}


@pytest.mark.parametrize("make", [SGD, Adam, AdamW, RMSprop, Adagrad, Muon])
def test_names_and_defaults_are_pytorchs(make):
    torch = pytest.importorskip("torch")
    theirs = inspect.signature(getattr(torch.optim, make.__name__)).parameters
    for name, parameter in inspect.signature(make).parameters.items():
        assert parameter.default == theirs[name].default


@pytest.mark.parametrize(("make", "settings"), SETTINGS, ids=IDS)
def test_the_state_is_pytorchs(make, settings):
    torch = pytest.importorskip("torch")
    start = np.array([[1.0, 2.0]])
    p, q = Parameter(start), torch.nn.Parameter(torch.tensor(start))
    ours, theirs = make([p], **settings), getattr(torch.optim, make.__name__)([q], **settings)
    for gradient in ([[0.3, -0.4]], [[0.2, 0.7]]):
        p.grad, q.grad = Tensor(gradient), torch.tensor(gradient, dtype=torch.double)
        ours.step()
        theirs.step()
    a, b = ours.state_dict(), theirs.state_dict()
    assert a["param_groups"][0].items() <= b["param_groups"][0].items()
    entries = {i: {k: v.numpy() for k, v in entry.items()} for i, entry in b["state"].items()}
    for key, value in entries.get(0, {}).items():
        np.testing.assert_allclose(a["state"][0][key], value, rtol=1e-12)
    # and PyTorch's goes on here
    other = make([p], lr=9.0)
    other.load_state_dict({"state": entries, "param_groups": b["param_groups"]})
    states_equal(other.state_dict(), ours.state_dict(), rtol=1e-12)


def test_muon_is_pytorchs_up_to_its_bfloat16():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start = rng.normal(size=(20, 30)).astype(np.float32)
    p, q = Parameter(start), torch.nn.Parameter(torch.tensor(start))
    ours, theirs = Muon([p], lr=0.1), torch.optim.Muon([q], lr=0.1)
    for _ in range(10):
        g = rng.normal(size=start.shape).astype(np.float32)
        p.grad, q.grad = Tensor(g), torch.tensor(g)
        ours.step()
        theirs.step()
    moved = abs(p.numpy() - start).max()
    assert abs(p.numpy() - q.detach().numpy()).max() < 0.03 * moved


def test_orthogonalize_takes_singular_values_to_one():
    rng = np.random.default_rng(0)
    for shape in ((10, 30), (30, 10), (12, 12)):
        matrix = rng.normal(size=shape)
        u, s, vt = np.linalg.svd(matrix, full_matrices=False)
        out = orthogonalize(matrix)
        np.testing.assert_allclose(u @ np.diag(np.diag(u.T @ out @ vt.T)) @ vt, out, atol=1e-10)
        values = np.linalg.svd(out, compute_uv=False)
        assert s.max() / s.min() > 2 and 0.65 < values.min() <= values.max() < 1.25
        assert orthogonalize(matrix.astype(np.float16)).dtype == np.float16
    assert not orthogonalize(np.zeros((2, 3))).any()  # no division by 0


# The papers


def test_adam_is_the_recurrence_of_its_paper():
    lr, beta1, beta2, eps = 0.01, 0.9, 0.99, 1e-3
    p = Parameter(1.5)
    optimizer = Adam([p], lr, (beta1, beta2), eps)
    theta, m, v = 1.5, 0.0, 0.0
    for t in range(1, 21):
        optimizer.zero_grad()
        (p**2 + p.sin()).backward()
        optimizer.step()
        g = 2 * theta + math.cos(theta)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        theta -= lr * (m / (1 - beta1**t)) / (math.sqrt(v / (1 - beta2**t)) + eps)
        assert p.item() == pytest.approx(theta, rel=1e-12)


def test_sgd_with_momentum_is_the_recurrence_of_its_paper():
    p = Parameter(1.5)
    optimizer = SGD([p], lr=0.1, momentum=0.8)
    theta, v = 1.5, 0.0
    for _ in range(20):
        optimizer.zero_grad()
        (p * p).backward()
        optimizer.step()
        v = 0.8 * v + 2 * theta
        theta -= 0.1 * v
        assert p.item() == pytest.approx(theta, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("make", "settings"), LION, ids=names(LION))
def test_lion_is_the_recurrence_of_its_paper(make, settings, dtype):
    settings = {"betas": (0.9, 0.99), "weight_decay": 0.0, **settings}
    lr, (beta1, beta2), decay = settings["lr"], settings["betas"], settings["weight_decay"]
    starts = [1.5, -0.3, 0.02]
    p = Parameter(np.array(starts, dtype))
    optimizer = make([p], **settings)
    path = []
    for _ in range(40):
        optimizer.zero_grad()
        (p**2 + p.sin()).sum().backward()
        optimizer.step()
        path.append(p.numpy().copy())
    for i, theta in enumerate(starts):
        m = 0.0
        for values in path:
            g = 2 * theta + math.cos(theta)
            c = beta1 * m + (1 - beta1) * g
            theta -= lr * (math.copysign(1, c) + decay * theta)
            m = beta2 * m + (1 - beta2) * g
            assert values[i] == pytest.approx(theta, abs=1e-12 if dtype == np.float64 else 1e-5)


def test_adamw_decays_past_the_moments_and_adam_through_them():
    p, q = Parameter([1.0]), Parameter([1.0])
    for w, make in ((p, AdamW), (q, Adam)):
        w.grad = Tensor([0.0])
        make([w], lr=0.1, weight_decay=0.5).step()
    assert p.item() == pytest.approx(0.95)  # 1 - lr * decay
    assert q.item() == pytest.approx(0.9)  # a whole step of Adam: the penalty is normalised


def test_centered_rmsprop_survives_a_gradient_that_never_changes():
    p = Parameter(np.ones((1, 4), np.float32))
    optimizer = RMSprop([p], centered=True, alpha=0.5)
    for _ in range(200):
        p.grad = Tensor(np.array([[1.1, 0.3, -7.7, 1e-3]], np.float32))
        optimizer.step()
    assert np.isfinite(p.numpy()).all()


# In place


@pytest.mark.parametrize(("make", "settings"), SETTINGS + LION, ids=IDS + names(LION))
def test_a_step_writes_in_place_and_leaves_gradients_alone(make, settings):
    p = Parameter(np.ones((2, 3), np.float32))
    data = p.data
    optimizer = make([p], **settings)
    for _ in range(3):
        p.grad = Tensor(np.arange(6, dtype=np.float32).reshape(2, 3))
        p.grad.data.flags.writeable = False
        optimizer.step()
    assert p.data is data and (data.ravel()[1:] < 1).all()
    assert p.dtype == np.float32
    arrays = [v for entry in optimizer.state.values() for v in entry.values() if np.ndim(v)]
    assert {v.dtype for v in arrays} <= {np.dtype(np.float32)}
    assert not any(np.shares_memory(v, p.grad.data) for v in arrays)


@pytest.mark.parametrize("make", [make for make in EACH if make is not Muon])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tensor_without_axes_is_trained_as_one_with(make, dtype):
    x, y = (
        Tensor(dtype(3.0), requires_grad=True),
        Tensor(np.array([3.0], dtype), requires_grad=True),
    )
    for p in (x, y):
        optimizer = make([p], lr=0.1, weight_decay=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
    assert x.dtype == dtype and x.item() == pytest.approx(y.item(), rel=1e-6) and x.item() < 2.9


def test_a_step_is_noticed_by_graphs_that_need_the_old_values():
    p = Parameter([1.0])
    y = (p * p).sum()
    y.backward()
    SGD([p]).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


@pytest.mark.parametrize("make", EACH)
def test_what_has_no_gradient_stays(make):
    p, q = Parameter([[1.0]]), Parameter([[1.0]])
    optimizer = make([p, q], lr=0.1, weight_decay=0.5)
    p.grad = Tensor([[1.0]])
    optimizer.step()
    assert p.item() < 1 and q.item() == 1
    assert q not in optimizer.state


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_forgets(set_to_none):
    p = Parameter([1.0, 2.0])
    p.grad = Tensor([1.0, 1.0])
    SGD([p]).zero_grad(set_to_none)
    assert p.grad is None if set_to_none else p.grad.tolist() == [0, 0]


# Groups and state


def test_groups_have_settings_of_their_own():
    p, q = Parameter([1.0]), Parameter([1.0])
    optimizer = SGD([{"params": [p]}, {"params": q, "lr": 0.5}], lr=0.1)
    for x in (p, q):
        x.grad = Tensor([1.0])
    optimizer.step()
    assert (p.item(), q.item()) == (0.9, 0.5)
    assert repr(optimizer).startswith("SGD(lr=0.1, momentum=0.0")


@pytest.mark.parametrize(("make", "settings"), SETTINGS + LION, ids=IDS + names(LION))
def test_a_saved_state_goes_on_bit_for_bit(make, settings):
    model, twin = (MLP([5, 7, 3], dtype=np.float64, rng=0) for _ in range(2))
    optimizer = make(trained(make, model), **settings)
    descend(model, optimizer, 5)
    state = optimizer.state_dict()
    twin.load_state_dict(model.state_dict())
    other = make(trained(make, twin), lr=123.0)
    other.load_state_dict(state)
    states_equal(other.state_dict(), state)
    descend(model, optimizer, 5)
    descend(twin, other, 5)
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_saved_state_is_a_copy():
    p = Parameter([1.0])
    optimizer = Adam([p])
    p.grad = Tensor([1.0])
    optimizer.step()
    state = optimizer.state_dict()
    before = state["state"][0]["exp_avg"].copy()
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 7
    np.testing.assert_array_equal(state["state"][0]["exp_avg"], before)
    assert state["state"][0]["step"] == 1 and state["param_groups"][0]["lr"] == 1e-3


def test_a_state_that_does_not_fit_is_refused_whole():
    p, q = Parameter([1.0]), Parameter([1.0, 2.0])
    donor, optimizer = Adam([q], lr=9.0), Adam([p], lr=0.1)
    q.grad = Tensor([1.0, 1.0])
    donor.step()
    with pytest.raises(ValueError, match=r"exp_avg of parameter 0 has shape \(2,\), .* \(1,\)"):
        optimizer.load_state_dict(donor.state_dict())
    with pytest.raises(ValueError, match=r"groups of \[2\] parameters, this optimiser of \[1\]"):
        optimizer.load_state_dict(Adam([p, q]).state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.1 and not optimizer.state


def test_the_state_of_another_optimiser_is_refused():
    p = Parameter([[1.0]])
    for donor in EACH:
        p.grad = Tensor([[1.0]])
        state = donor([p])
        state.step()
        state = state.state_dict()
        for make in EACH:
            if make is not donor:
                optimizer = make([p], lr=0.5)
                before = optimizer.state_dict()
                with pytest.raises(ValueError, match=f"{make.__name__}.load_state_dict: .* anothe"):
                    optimizer.load_state_dict(state)
                assert optimizer.state_dict() == before


def test_entries_that_do_not_fit_are_refused():
    p = Parameter([1.0])
    optimizer = Adam([p])
    state = optimizer.state_dict()
    for entries, message in (
        ({0: {"step": 1}}, r"parameter 0 has \['step'\], this optimiser remembers \['exp_avg'"),
        ({3: {}}, r"entries for the parameters \[3\], but there are 1"),
        ({0: {"step": 1, "exp_avg": 1.0, "exp_avg_sq": [1.0]}}, r"exp_avg .* has shape \(\)"),
    ):
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict({**state, "state": entries})
    with pytest.raises(ValueError, match="pass what state_dict returns"):
        optimizer.load_state_dict({"params": []})
    assert not optimizer.state


def test_a_state_survives_json():
    p = Parameter([1.0])
    optimizer = Adam([p], betas=(0.5, 0.6))
    groups = json.loads(json.dumps(optimizer.state_dict()["param_groups"]))
    optimizer.load_state_dict({"state": {}, "param_groups": groups})
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.6)


# Refusals


@pytest.mark.parametrize("make", EACH)
def test_nothing_to_train_is_refused(make):
    model = MLP([2, 2])
    parameters = model.parameters()
    list(parameters)
    for empty in ([], parameters, [{"params": []}]):  # the second is used up
        with pytest.raises(ValueError, match=f"{make.__name__}: there are no parameters"):
            make(empty)


def test_what_is_no_list_of_parameters_is_refused():
    p = Parameter([1.0])
    with pytest.raises(TypeError, match=r"params is one tensor; pass a list"):
        SGD(p)
    with pytest.raises(TypeError, match="params holds a float"):
        SGD([1.0])
    with pytest.raises(ValueError, match="a tensor made by mul"):
        SGD([p * 2])
    with pytest.raises(ValueError, match="given twice"):
        SGD([p, p])
    for model, what in ((MLP([2, 2]), "holds a Linear, .*"), (MLP([2, 2])[0], "is a Linear")):
        with pytest.raises(TypeError, match=rf"SGD: params {what}; pass .* model.parameters\(\)"):
            SGD(model)
    for groups in ([{"lr": 1.0}], [{"params": [p]}, p]):
        with pytest.raises(TypeError, match=r"SGD: a group is .*; pass a dict with the key 'para"):
            SGD(groups)
    with pytest.raises(TypeError, match=r"SGD: lr is '0\.1'; pass a number"):
        SGD([p], lr="0.1")
    with pytest.raises(TypeError, match=r"a group sets {'momentun'}"):
        SGD([{"params": [p], "momentun": 0.9}])


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (SGD, {"lr": -0.1}),
        (SGD, {"momentum": -0.1}),
        (SGD, {"weight_decay": -0.1}),
        (SGD, {"nesterov": True}),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
        (SGD, {"dampening": -0.1}),
        (Adam, {"lr": -0.1}),
        (Adam, {"eps": -0.1}),
        (Adam, {"weight_decay": -0.1}),
        (Adam, {"betas": (0.9, 1.0)}),
        (Adam, {"betas": (-0.1, 0.9)}),
        (Adam, {"betas": (0.9,)}),
        (Adam, {"lr": math.nan}),
        (AdamW, {"weight_decay": -0.1}),
        (AdamW, {"betas": (0.9, 1.0)}),
        (RMSprop, {"alpha": 1.0}),
        (RMSprop, {"momentum": -0.1}),
        (Adagrad, {"lr_decay": -0.1}),
        (Adagrad, {"initial_accumulator_value": -0.1}),
        (Lion, {"betas": (1.0, 0.9)}),
        (Muon, {"momentum": -0.1}),
        (Muon, {"ns_coefficients": (1.0, 2.0)}),
        (Muon, {"adjust_lr_fn": "newest"}),
    ],
)
def test_settings_out_of_range_are_refused(make, settings):
    p = Parameter([[1.0]])
    with pytest.raises(ValueError, match=f"{make.__name__}: {next(iter(settings))}"):
        make([p], **settings)
    with pytest.raises(ValueError, match=f"{make.__name__}: {next(iter(settings))}"):
        make([{"params": [p], **settings}])  # in a group
    optimizer = make([p])
    state = optimizer.state_dict()
    state["param_groups"][0].update(settings)
    with pytest.raises(ValueError, match=f"{make.__name__}: {next(iter(settings))}"):
        optimizer.load_state_dict(state)  # in a file
    assert "nan" not in repr(optimizer) and optimizer.state_dict() == make([p]).state_dict()


def test_muon_refuses_what_is_no_matrix():
    with pytest.raises(ValueError, match=r"Muon: .* has shape \(3,\), but only matrices"):
        Muon([Parameter(np.ones((2, 2))), Parameter(np.ones(3))])


def test_the_base_says_what_a_subclass_defines():
    p = Parameter([1.0])
    p.grad = Tensor([1.0])
    with pytest.raises(NotImplementedError):
        Optimizer([p], {}).step()
