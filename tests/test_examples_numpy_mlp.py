"""The MLP derived by hand: right by two references, its check notices slips, and it learns."""

import inspect
import re

import numpy as np
import pytest

from examples import numpy_mlp

# Each slip that the derivation invites: what backward says, and what it would say instead.
SLIPS = {
    "the mask is forgotten": ("(delta @ W) * (a > 0)", "delta @ W"),
    "the mask is turned round": ("(a > 0)", "(a <= 0)"),
    "1/n is forgotten": ("delta /= n", "pass"),
    "1/n is off by 0.05%": ("delta /= n", "delta /= 1.0005 * n"),
    "the label is not subtracted": ("delta[np.arange(n), y] -= 1", "pass"),
    "db is a mean": ("delta.sum(axis=0)", "delta.mean(axis=0)"),
    "the layers are not turned round": ("gradients[::-1]", "gradients"),
}


@pytest.fixture
def case():
    rng = np.random.default_rng(1)
    layers = numpy_mlp.initialise([4, 6, 5, 3], rng, np.float64)
    return layers, rng.standard_normal((7, 4)), rng.integers(0, 3, 7)


def gradients(layers, x, y):
    z, activations = numpy_mlp.forward(layers, x)
    return numpy_mlp.backward(layers, activations, z, y)


def test_backward_agrees_with_finite_differences(case):
    expected = numpy_mlp.finite_differences(*case, h=1e-5)
    for layer, reference in zip(gradients(*case), expected, strict=True):
        for g, r in zip(layer, reference, strict=True):
            assert g.shape == r.shape
            np.testing.assert_allclose(g, r, rtol=1e-6, atol=1e-9)


def test_backward_agrees_with_the_engine(case):
    expected = numpy_mlp.engine_gradients(*case)
    for layer, reference in zip(gradients(*case), expected, strict=True):
        for g, r in zip(layer, reference, strict=True):
            np.testing.assert_allclose(g, r, rtol=1e-12, atol=1e-15)


def test_finite_differences_leave_the_parameters_as_they_were(case):
    layers, x, y = case
    before = [(W.copy(), b.copy()) for W, b in layers]
    numpy_mlp.finite_differences(layers, x, y, h=1e-5)
    for layer, kept in zip(layers, before, strict=True):
        for parameter, value in zip(layer, kept, strict=True):
            np.testing.assert_array_equal(parameter, value)


def test_the_check_passes_with_the_errors_it_promises():
    from_differences, from_engine = numpy_mlp.check()
    assert from_differences < 1e-7
    assert from_engine < 1e-12


@pytest.mark.parametrize("slip", SLIPS)
def test_the_check_notices_when(slip, monkeypatch):
    right, wrong = SLIPS[slip]
    source = inspect.getsource(numpy_mlp.backward)
    assert source.count(right) == 1
    namespace = dict(vars(numpy_mlp))
    exec(source.replace(right, wrong), namespace)
    monkeypatch.setattr(numpy_mlp, "backward", namespace["backward"])
    with pytest.raises((ArithmeticError, ValueError)):
        numpy_mlp.check()


def test_the_check_names_the_wrong_array(monkeypatch):
    right = numpy_mlp.backward

    def off_in_the_second_bias(*args):
        found = right(*args)
        found[1][1][0] += 1e-3
        return found

    monkeypatch.setattr(numpy_mlp, "backward", off_in_the_second_bias)
    with pytest.raises(ArithmeticError, match=r"db_2 by hand .* finite differences"):
        numpy_mlp.check()


def test_cross_entropy_survives_logits_that_overflow_exp():
    z = np.array([[1000.0, 0.0], [0.0, 1000.0]])
    assert numpy_mlp.cross_entropy(z, np.array([0, 0])) == 500.0


def test_training_keeps_float32():
    rng = np.random.default_rng(0)
    layers = numpy_mlp.initialise([4, 6, 3], rng)
    velocities = [(np.zeros_like(W), np.zeros_like(b)) for W, b in layers]
    x, y = rng.standard_normal((10, 4), np.float32), rng.integers(0, 3, 10)
    numpy_mlp.train_epoch(layers, velocities, x, y, lr=0.1, momentum=0.9, batch_size=4, rng=rng)
    assert {p.dtype for layer in layers for p in layer} == {np.dtype(np.float32)}


def test_batches_deal_out_every_example_once():
    dealt = [rows.tolist() for rows in numpy_mlp.batches(10, 4, np.random.default_rng(0))]
    assert [len(rows) for rows in dealt] == [4, 4, 2]
    assert sorted(row for rows in dealt for row in rows) == list(range(10))


def test_it_reads_the_digits_of_other_writers(capsys):
    assert numpy_mlp.main([]) >= 0.95
    printed = capsys.readouterr().out
    assert re.search(r"finite differences: relative error \d\.\de-(0[89]|1\d)\n", printed)
    assert re.search(r"the engine: +relative error \d\.\de-1[2-9]\n", printed)
    assert re.search(r"epoch 20  loss 0\.\d{4}  test accuracy 0\.9\d{3}", printed)


def test_the_same_seed_gives_the_same_accuracy():
    options = ["--epochs", "1", "--hidden", "16", "--no-check", "--seed", "3"]
    assert numpy_mlp.main(options) == numpy_mlp.main(options)


def test_help_is_printed(capsys):
    with pytest.raises(SystemExit, match="0"):
        numpy_mlp.main(["--help"])
    assert "--momentum" in capsys.readouterr().out
