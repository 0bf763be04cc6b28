"""Optimisers against PyTorch, step by step, and against the recurrences of their papers."""

import math

import numpy as np
import pytest

from autograd import Tensor
from nn import MLP, Parameter
from nn import functional as F
from nn.optim import SGD, Adam, Optimizer
from nn.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

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
]
IDS = [f"{make.__name__}-{'-'.join(f'{k}={v}' for k, v in kw.items())}" for make, kw in SETTINGS]

X = np.random.default_rng(0).normal(size=(20, 5))
Y = np.random.default_rng(1).integers(0, 3, 20)


def descend(model, optimizer, steps=1, dtype=np.float64):
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(X.astype(dtype))), Y).backward()
        optimizer.step()


def states_equal(a, b):
    assert a["param_groups"] == b["param_groups"] and a["state"].keys() == b["state"].keys()
    for i, entry in a["state"].items():
        for key, value in entry.items():
            np.testing.assert_array_equal(value, b["state"][i][key])


# Parity


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("make", "settings"), SETTINGS, ids=IDS)
def test_thirty_steps_are_pytorchs(make, settings, dtype):
    torch = pytest.importorskip("torch")
    ours = MLP([5, 7, 3], dtype=dtype, rng=0)
    theirs = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3))
    theirs.to(getattr(torch, np.dtype(dtype).name))
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    start = ours.state_dict()
    optimizer = make(ours.parameters(), **settings)
    oracle = getattr(torch.optim, make.__name__)(theirs.parameters(), **settings)
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
    assert all(abs(value - start[key]).max() > 1e-3 for key, value in ours.state_dict().items())


def test_the_state_is_pytorchs():
    torch = pytest.importorskip("torch")
    p, q = Parameter([1.0, 2.0]), torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.double))
    for make, kw in ((SGD, {"lr": 0.1, "momentum": 0.9}), (Adam, {})):
        ours, theirs = make([p], **kw), getattr(torch.optim, make.__name__)([q], **kw)
        p.grad, q.grad = Tensor([0.3, -0.4]), torch.tensor([0.3, -0.4], dtype=torch.double)
        ours.step()
        theirs.step()
        a, b = ours.state_dict(), theirs.state_dict()
        assert a["param_groups"][0].items() <= b["param_groups"][0].items()
        for key, value in b["state"][0].items():
            np.testing.assert_allclose(a["state"][0][key], value.numpy(), rtol=1e-12)


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


# In place


@pytest.mark.parametrize(("make", "settings"), SETTINGS, ids=IDS)
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


def test_a_step_is_noticed_by_graphs_that_need_the_old_values():
    p = Parameter([1.0])
    y = (p * p).sum()
    y.backward()
    SGD([p]).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


@pytest.mark.parametrize("make", [SGD, Adam])
def test_what_has_no_gradient_stays(make):
    p, q = Parameter([1.0]), Parameter([1.0])
    optimizer = make([p, q], lr=0.1, weight_decay=0.5)
    p.grad = Tensor([1.0])
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


@pytest.mark.parametrize(("make", "settings"), SETTINGS, ids=IDS)
def test_a_saved_state_goes_on_bit_for_bit(make, settings):
    model, twin = (MLP([5, 7, 3], dtype=np.float64, rng=0) for _ in range(2))
    optimizer = make(model.parameters(), **settings)
    descend(model, optimizer, 5)
    state = optimizer.state_dict()
    twin.load_state_dict(model.state_dict())
    other = make(twin.parameters(), lr=123.0)
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


# Refusals


@pytest.mark.parametrize("make", [SGD, Adam])
def test_nothing_to_train_is_refused(make):
    model = MLP([2, 2])
    parameters = model.parameters()
    make(parameters)
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
    ],
)
def test_settings_out_of_range_are_refused(make, settings):
    with pytest.raises(ValueError, match=f"{make.__name__}: {next(iter(settings))}"):
        make([Parameter([1.0])], **settings)


def test_the_base_says_what_a_subclass_defines():
    p = Parameter([1.0])
    p.grad = Tensor([1.0])
    with pytest.raises(NotImplementedError):
        Optimizer([p], {}).step()
    with pytest.raises(NotImplementedError):
        LRScheduler(SGD([p])).step()


# Schedules


@pytest.mark.parametrize(("t_max", "eta_min"), [(10, 0.0), (25, 0.01), (50, 0.5)])
def test_cosine_annealing_is_pytorchs(t_max, eta_min):
    torch = pytest.importorskip("torch")
    groups = [{"lr": 0.4}, {"lr": 0.1}]
    ours = SGD([{"params": [Parameter([1.0])], **g} for g in groups])
    theirs = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))], **g} for g in groups])
    a = CosineAnnealingLR(ours, t_max, eta_min)
    b = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, t_max, eta_min)
    for _ in range(60):
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), abs=1e-12)
        theirs.step()
        a.step()
        b.step()


def test_a_step_of_the_schedule_changes_the_next_step_of_the_optimiser():
    p = Parameter([1.0])
    optimizer = SGD([p], lr=1.0)
    CosineAnnealingLR(optimizer, 2).step()
    p.grad = Tensor([1.0])
    optimizer.step()
    assert p.item() == pytest.approx(0.5)
    assert type(optimizer.param_groups[0]["lr"]) is float  # float64 would promote the step


def test_schedules_refuse_what_they_do_not_know():
    optimizer = SGD([Parameter([1.0])])
    with pytest.raises(ValueError, match="T_max is 0"):
        CosineAnnealingLR(optimizer, 0)
    with pytest.raises(ValueError, match="per is 'step'; it is 'epoch' or 'batch'"):
        CosineAnnealingLR(optimizer, 5, per="step")
