"""Schedules against PyTorch's over more than 50 steps; when they step; their state."""

import inspect
import json

import numpy as np
import pytest

from autograd import Tensor
from nn import Parameter
from nn.optim import SGD, Adagrad, Adam
from nn.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
    WarmupCosineLR,
    rates,
)

SCHEDULES = [
    (CosineAnnealingLR, {"T_max": 10}),
    (CosineAnnealingLR, {"T_max": 25, "eta_min": 0.01}),
    (CosineAnnealingLR, {"T_max": 50, "eta_min": 0.5}),
    (StepLR, {"step_size": 7}),
    (StepLR, {"step_size": 1, "gamma": 0.9}),
    (MultiStepLR, {"milestones": [30, 4, 4, 17]}),
    (MultiStepLR, {"milestones": [1], "gamma": 2.0}),
    (MultiStepLR, {"milestones": [0, 2]}),
    (ExponentialLR, {"gamma": 0.93}),
    (LambdaLR, {"lr_lambda": lambda t: 0.5 + 1 / (1 + t)}),
    (LambdaLR, {"lr_lambda": [lambda t: 0.9**t, lambda t: 1 + t]}),
    (OneCycleLR, {"max_lr": 0.3, "total_steps": 60}),
    (OneCycleLR, {"max_lr": [0.3, 0.1], "total_steps": 61, "anneal_strategy": "linear"}),
    (OneCycleLR, {"max_lr": 1.0, "total_steps": 77, "pct_start": 0.13, "three_phase": True}),
    (OneCycleLR, {"max_lr": 1.0, "total_steps": 60, "div_factor": 5.0, "final_div_factor": 7.0}),
    (OneCycleLR, {"max_lr": 1.0, "total_steps": 60, "cycle_momentum": False}),
    (OneCycleLR, {"max_lr": 1.0, "epochs": 4, "steps_per_epoch": 15}),
    (OneCycleLR, {"max_lr": 1.0, "total_steps": 60, "base_momentum": 0.5, "max_momentum": 0.6}),
]
IDS = [f"{make.__name__}-{'-'.join(kw)}-{i}" for i, (make, kw) in enumerate(SCHEDULES)]

PLATEAUS = [
    {"patience": 3},
    {"patience": 0, "factor": 0.7},
    {"mode": "max", "patience": 2},
    {"threshold": 0.05, "patience": 2},
    {"threshold": 0.05, "threshold_mode": "abs", "patience": 2},
    {"mode": "max", "threshold": 0.05, "threshold_mode": "abs", "patience": 2},
    {"patience": 1, "cooldown": 4},
    {"patience": 0, "factor": 0.5, "min_lr": 0.02},
    {"patience": 0, "factor": 0.5, "min_lr": [0.2, 0.02]},
    {"patience": 0, "factor": 0.5, "eps": 0.05},
]


def pair(make=SGD, **settings):
    """Two groups with learning rates of their own, here and in PyTorch."""
    torch = pytest.importorskip("torch")
    groups = [{"lr": 0.4}, {"lr": 0.1}]
    ours = make([{"params": [Parameter([1.0])], **g} for g in groups], **settings)
    theirs = getattr(torch.optim, make.__name__)(
        [{"params": [torch.nn.Parameter(torch.ones(1))], **g} for g in groups], **settings
    )
    return torch, ours, theirs


def optimizer():
    return SGD([Parameter([1.0])], lr=1.0)


# Parity


@pytest.mark.parametrize(("make", "settings"), SCHEDULES, ids=IDS)
@pytest.mark.parametrize("optim", [SGD, Adam])
def test_sixty_steps_are_pytorchs(make, settings, optim):
    torch, ours, theirs = pair(optim, **({"momentum": 0.9} if optim is SGD else {}))
    a = make(ours, **settings)
    b = getattr(torch.optim.lr_scheduler, make.__name__)(theirs, **settings)
    for _ in range(60):
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-12, abs=1e-12)
        for mine, other in zip(ours.param_groups, theirs.param_groups, strict=True):
            for key in mine.keys() & {"momentum", "betas"}:
                assert mine[key] == pytest.approx(other[key], rel=1e-12)
        ours.step()
        theirs.step()
        a.step()
        b.step()


@pytest.mark.parametrize(("warmup", "t_max", "eta_min"), [(10, 55, 0.0), (1, 20, 0.01), (0, 9, 0)])
def test_warm_up_then_cosine_is_pytorchs_in_sequence(warmup, t_max, eta_min):
    torch, ours, theirs = pair()
    a = WarmupCosineLR(ours, warmup, t_max, eta_min)
    schedules = torch.optim.lr_scheduler
    rise = schedules.LinearLR(theirs, start_factor=1 / (warmup + 1), total_iters=warmup)
    fall = schedules.CosineAnnealingLR(theirs, t_max - warmup, eta_min)
    b = schedules.SequentialLR(theirs, [rise, fall], milestones=[warmup])
    for t in range(56):
        expected = b.get_last_lr() if t <= t_max else [eta_min] * 2  # there it climbs again
        assert a.get_last_lr() == pytest.approx(expected, rel=1e-9, abs=1e-12)
        ours.step()
        theirs.step()
        a.step()
        b.step()


@pytest.mark.parametrize("settings", PLATEAUS, ids=lambda kw: "-".join(kw))
@pytest.mark.parametrize("seed", range(3))
def test_a_plateau_is_pytorchs(settings, seed):
    torch, ours, theirs = pair()
    a = ReduceLROnPlateau(ours, **settings)
    b = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings)
    rng = np.random.default_rng(seed)
    metrics = np.exp(-np.arange(60) / 15) + rng.normal(size=60) / 10
    metrics[20] = np.nan
    for metric in metrics:
        ours.step()
        theirs.step()
        a.step(metric)
        b.step(metric)
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-12)
    assert a.get_last_lr() != [0.4, 0.1]


def test_the_table_covers_the_schedules():
    made = {make for make, _ in SCHEDULES} | {WarmupCosineLR, ReduceLROnPlateau}
    assert made == set(LRScheduler.__subclasses__())


# When they step


def test_a_step_of_the_schedule_changes_the_next_step_of_the_optimiser():
    p = Parameter([1.0])
    optimizer = SGD([p], lr=1.0)
    scheduler = CosineAnnealingLR(optimizer, 2)
    optimizer.step()
    scheduler.step()
    p.grad = Tensor([1.0])
    optimizer.step()
    assert p.item() == pytest.approx(0.5)
    assert type(optimizer.param_groups[0]["lr"]) is float  # float64 would promote the step


@pytest.mark.parametrize("make", [StepLR, ReduceLROnPlateau, OneCycleLR])
def test_a_step_before_the_optimisers_first_is_warned_about_once(make):
    args = {StepLR: (3,), OneCycleLR: (1.0, 5)}.get(make, ())
    metric = (1.0,) if make is ReduceLROnPlateau else ()
    scheduler = make(optimizer(), *args)
    with pytest.warns(UserWarning, match=f"{make.__name__}: step\\(\\) before") as caught:
        scheduler.step(*metric)
    assert caught[0].filename == __file__
    scheduler.step(*metric)  # and no second time
    scheduler = make(optimizer(), *args)
    scheduler.optimizer.step()
    scheduler.step(*metric)


def test_one_cycle_takes_its_arguments_by_position_as_pytorchs_does():
    torch = pytest.importorskip("torch")
    both = (OneCycleLR, torch.optim.lr_scheduler.OneCycleLR)
    ours, theirs = (list(inspect.signature(made.__init__).parameters) for made in both)
    assert ours[:-1] == theirs[:-1] and (ours[-1], theirs[-1]) == ("per", "last_epoch")
    scheduler = OneCycleLR(optimizer(), 1.0, None, 2, np.int64(5), 0.5, "linear")
    assert scheduler.total_steps == 10 and rates(scheduler, 5)[-1] == 1.0


def test_one_cycle_ends():
    scheduler = OneCycleLR(optimizer(), 1.0, total_steps=2)
    scheduler.optimizer.step()
    scheduler.step()
    scheduler.step()
    with pytest.raises(ValueError, match=r"step\(\) after all of 2 steps; .* of batch steps"):
        scheduler.step()


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("anneal_strategy", ["cos", "linear"])
@pytest.mark.parametrize("total_steps", [1, 2, 10])
def test_one_cycle_stays_at_its_end_after_the_last_step(total_steps, anneal_strategy, three_phase):
    settings = {"anneal_strategy": anneal_strategy, "three_phase": three_phase}
    scheduler = OneCycleLR(optimizer(), 1.0, total_steps, **settings)
    scheduler.optimizer.step()
    for _ in range(total_steps):
        scheduler.step()
    assert scheduler.get_last_lr() == [pytest.approx(1 / 25 / 1e4)]
    assert scheduler.optimizer.param_groups[0]["momentum"] == pytest.approx(0.95)


def test_rates_leaves_the_schedule_where_it_is():
    scheduler = OneCycleLR(optimizer(), 1.0, total_steps=10)
    assert rates(scheduler, 10) == rates(scheduler, 10)
    assert scheduler.last_epoch == 0 and scheduler.get_last_lr()[0] == pytest.approx(0.04)


# State


@pytest.mark.parametrize(("make", "settings"), SCHEDULES, ids=IDS)
def test_a_saved_schedule_goes_on(make, settings):
    _, ours, _ = pair(momentum=0.9)
    a = make(ours, **settings)
    ours.step()
    for _ in range(13):
        a.step()
    state = json.loads(json.dumps([a.state_dict(), ours.state_dict()]))
    _, other, _ = pair(momentum=0.9)
    b = make(other, **settings)
    b.load_state_dict(state[0])
    other.load_state_dict(state[1])
    for _ in range(20):
        assert a.get_last_lr() == b.get_last_lr()
        a.step()
        b.step()


def test_a_plateau_takes_a_loss_for_its_value():
    scheduler = ReduceLROnPlateau(optimizer())
    scheduler.optimizer.step()
    scheduler.step(Tensor(2.0, requires_grad=True))
    assert scheduler.best == 2 and type(scheduler.best) is float


def test_a_saved_plateau_goes_on():
    a, b = (ReduceLROnPlateau(optimizer(), patience=3, cooldown=2) for _ in range(2))
    metrics = [3, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    for i, metric in enumerate(metrics):
        a.optimizer.step()
        a.step(metric)
        if i == 6:
            b.load_state_dict(a.state_dict())
            b.optimizer.load_state_dict(a.optimizer.state_dict())
        elif i > 6:
            b.step(metric)
            assert a.get_last_lr() == b.get_last_lr()
    assert a.get_last_lr()[0] < 0.02


def test_the_state_of_another_schedule_is_refused_whole():
    scheduler = StepLR(optimizer(), 3)
    before = scheduler.state_dict()
    _, two_groups, _ = pair()
    for state in (
        ExponentialLR(optimizer(), 0.5).state_dict(),
        ReduceLROnPlateau(optimizer()).state_dict(),
        StepLR(two_groups, 3).state_dict(),
        {**before, "last_epoch": "3"},
        {"scheduler": "StepLR"},
        {},
    ):
        with pytest.raises(ValueError, match=r"StepLR.load_state_dict: .* not of this schedule"):
            scheduler.load_state_dict(state)
        assert scheduler.state_dict() == before
    with pytest.raises(ValueError, match=r"ReduceLROnPlateau.load_state_dict"):
        ReduceLROnPlateau(optimizer()).load_state_dict(before)


# Refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: CosineAnnealingLR(o, 0), "CosineAnnealingLR: T_max is 0"),
        (lambda o: CosineAnnealingLR(o, 5, per="step"), "per is 'step'; it is 'epoch' or 'batch'"),
        (lambda o: StepLR(o, 0), "StepLR: step_size is 0"),
        (lambda o: WarmupCosineLR(o, -1, 5), "warmup is -1"),
        (lambda o: WarmupCosineLR(o, 5, 5), "T_max is 5; pass the number of steps, >= 6"),
        (lambda o: OneCycleLR(o, 1.0, 0), "total_steps is 0"),
        (lambda o: OneCycleLR(o, 1.0, 7.5), r"total_steps is 7\.5; pass a whole number, 1 or more"),
        (lambda o: OneCycleLR(o, 1.0), "got none of them; pass total_steps alone, or epochs and"),
        (lambda o: OneCycleLR(o, 1.0, epochs=3), "got epochs=3; pass"),
        (lambda o: OneCycleLR(o, 1.0, 9, 3), "got total_steps=9, epochs=3; pass"),
        (lambda o: OneCycleLR(o, 1.0, None, 0, 3), "epochs is 0; pass"),
        (lambda o: OneCycleLR(o, 1.0, None, -2, -3), "epochs is -2; pass"),
        (lambda o: OneCycleLR(o, 1.0, None, 2, 3.5), r"steps_per_epoch is 3\.5; pass"),
        (lambda o: OneCycleLR(o, 1.0, 5, pct_start=2), "pct_start is 2"),
        (lambda o: OneCycleLR(o, 1.0, 5, anneal_strategy="exp"), "anneal_strategy is 'exp'"),
        (lambda o: OneCycleLR(o, [1.0, 2.0], 5), "max_lr has 2 entries, .* 1 groups"),
        (lambda o: LambdaLR(o, [abs, abs]), "lr_lambda has 2 entries"),
        (lambda o: ReduceLROnPlateau(o, mode="less"), "mode is 'less'"),
        (lambda o: ReduceLROnPlateau(o, threshold_mode="off"), "threshold_mode is 'off'"),
        (lambda o: ReduceLROnPlateau(o, factor=1.0), "factor is 1.0"),
        (lambda o: ReduceLROnPlateau(o, factor=-0.1), "factor is -0.1; pass 0 <= factor < 1"),
        (lambda o: ReduceLROnPlateau(o, patience=-3), "patience is -3; pass 0 or more"),
        (lambda o: ReduceLROnPlateau(o, threshold=-1), "threshold is -1; pass 0 or more"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    o = optimizer()
    with pytest.raises(ValueError, match=message):
        make(o)
    assert o.param_groups[0]["lr"] == 1.0


def test_one_cycle_needs_a_momentum():
    o = Adagrad([Parameter([1.0])])
    with pytest.raises(ValueError, match="Adagrad has no momentum to cycle"):
        OneCycleLR(o, 1.0, 10)
    assert OneCycleLR(o, 1.0, 10, cycle_momentum=False).get_last_lr()[0] == pytest.approx(0.04)


def test_the_base_says_what_a_subclass_defines():
    scheduler = LRScheduler(optimizer())
    scheduler.optimizer.step()
    with pytest.raises(NotImplementedError, match=r"LRScheduler.get_lr: not defined; .* get_last"):
        scheduler.step()


def test_a_learning_rate_that_something_else_has_set_is_not_overwritten_without_a_word():
    optimizer = SGD([Parameter(0.0)], lr=1.0)
    decay, halve = ExponentialLR(optimizer, 0.9), StepLR(optimizer, 1, 0.5)
    optimizer.step()
    decay.step()
    halve.step()  # may take over from here on
    halve.step()
    with pytest.warns(UserWarning, match=r"ExponentialLR: .* was \[0\.9\] .* changed to \[0\.25\]"):
        decay.step()
    decay.load_state_dict(decay.state_dict())
    optimizer.param_groups[0]["lr"] = 1.0  # as a checkpoint does
    decay.step()


def test_the_first_step_is_at_the_rate_that_get_lr_gives():
    class Warmer(ExponentialLR):
        def __init__(self, optimizer):
            super().__init__(optimizer, gamma=1.0)
            self.warmup = 4

        def get_lr(self, base_lr, t):
            return base_lr * min(1.0, (t + 1) / self.warmup)

    made = optimizer()
    scheduler = Warmer(made)
    assert made.param_groups[0]["lr"] == 0.25 and scheduler.base_lrs == [1.0]
    assert rates(scheduler, 5) == [0.25, 0.5, 0.75, 1.0, 1.0]
