"""The mixture of experts: its formula, its balance loss, and what the example says of itself."""

import re
import subprocess
import sys

import numpy as np
import pytest

import nn
from autograd import Tensor, gradcheck
from examples import moe

QUICK = ["--epochs", "2", "--experts", "4", "--width", "16", "--hidden", "16"]


@pytest.fixture
def layer():
    nn.manual_seed(0)
    return moe.MixtureOfExperts(5, experts=4, k=2, hidden=6).to(np.float64)


X = np.random.default_rng(0).normal(size=(7, 5))


def test_it_is_the_formula_example_by_example(layer):
    out = layer(Tensor(X)).numpy()
    weight = layer.router.weight.numpy()
    calls = np.zeros(4)
    probability = np.zeros(4)
    for x, y in zip(X, out, strict=True):
        p = np.exp(weight @ x) / np.exp(weight @ x).sum()
        best = sorted(range(4), key=lambda e: -p[e])[:2]
        expected = sum(p[e] * layer.experts[e](Tensor(x)).numpy() for e in best)
        np.testing.assert_allclose(y, expected / p[best].sum(), rtol=1e-12)
        calls[best] += 1
        probability += p
    np.testing.assert_allclose(layer.load, calls / 14)
    assert layer.balance.item() == pytest.approx(4 * (calls / 14 * probability / 7).sum())


@pytest.mark.parametrize("k", [1, 2, 4])
def test_gradients_reach_the_router_and_the_experts_that_were_asked(layer, k):
    layer.k = k
    gradcheck(layer, X)
    layer(Tensor(X)).sum().backward()
    assert layer.router.weight.grad.numpy().any()
    for e, expert in enumerate(layer.experts):
        grad = expert.linear1.weight.grad
        assert (grad is not None and grad.numpy().any()) == (layer.load[e] > 0)


def test_the_balance_loss_is_least_where_all_get_the_same(layer):
    layer.router.weight.data[...] = 0
    layer(Tensor(X))
    assert layer.balance.item() == pytest.approx(1)
    layer.router.weight.data[...] = [[9.0] * 5, [8.0] * 5, [0.0] * 5, [0.0] * 5]
    layer(Tensor(abs(X)))
    assert layer.balance.item() == pytest.approx(2, rel=0.05)  # half of the experts do it all


def test_help_names_every_option():
    run = subprocess.run(
        [sys.executable, moe.__file__, "--help"],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    options = "experts k width hidden balance epochs lr seed"
    assert all(f"--{name}" in run.stdout for name in options.split())


def test_it_prints_who_reads_what(capsys):
    _, load = moe.main(QUICK)
    printed = capsys.readouterr().out
    rows = re.findall(r"^ *(digit \d|all) +(\d+) +(\d+) +(\d+) +(\d+)$", printed, re.MULTILINE)
    assert len(rows) == 11
    assert all(97 <= sum(map(int, row[1:])) <= 103 for row in rows)
    assert [int(n) for n in rows[-1][1:]] == [round(100 * x) for x in load]


@pytest.mark.slow
def test_as_it_stands_it_learns_and_the_balance_loss_spreads_the_work(capsys):
    accuracy, load = moe.main([])
    shown = re.search(r"test images: (0\.\d+)", moe.__doc__)
    assert accuracy == pytest.approx(float(shown[1]), abs=0.015)  # other BLAS, other rounding
    _, unbalanced = moe.main(["--balance", "0"])
    assert load.min() > 0.1 and load.std() < unbalanced.std() / 2
