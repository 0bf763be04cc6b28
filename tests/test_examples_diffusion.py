"""The diffusion example: its formulas, that all of it learns, and what it writes."""

import re
import subprocess
import sys

import numpy as np
import pytest

import nn
from autograd import Tensor
from examples import diffusion

QUICK = ["--epochs", "1", "--channels", "4", "--steps", "10", "--batch-size", "512"]


@pytest.fixture
def model():
    nn.manual_seed(0)
    return diffusion.Diffusion(channels=4)


def test_at_the_end_hardly_anything_is_left_of_an_image(model):
    assert model.kept[0] > 0.999 and model.kept[-1] < 0.01
    left, noise = 1.0, 0.0  # variances, one small step after the other
    for beta, kept in zip(model.beta, model.kept, strict=True):
        left, noise = left * (1 - beta), noise * (1 - beta) + beta
        assert kept == pytest.approx(left, rel=1e-4) and 1 - kept == pytest.approx(noise, abs=1e-5)


def test_what_knows_the_noise_leads_back_to_the_image(model):
    image = np.random.default_rng(0).uniform(-1, 1, (3, 1, 8, 8)).astype(np.float32)

    def knows(x, t, label):
        kept = model.kept[t][:, None, None, None]
        return (x - np.sqrt(kept) * image) / np.sqrt(1 - kept)

    del model.unet
    model.unet = knows
    drawn = model.sample(np.zeros(3, int), progress=False)
    np.testing.assert_allclose(drawn, image, atol=1e-3)


def test_the_loss_is_of_the_noise_that_was_added(model):
    x = Tensor(np.zeros((500, 1, 8, 8), np.float32))
    del model.unet
    model.unet = lambda noisy, t, label: noisy / np.sqrt(1 - model.kept[t])[:, None, None, None]
    off = model(x, Tensor(np.zeros(500, int)))  # of no image the noise can be read off
    assert abs(off.numpy()).max() < 1e-3
    model.unet = lambda noisy, t, label: noisy * 0
    assert model(x, Tensor(np.zeros(500, int))).numpy().std() == pytest.approx(1, abs=0.02)


def test_gradients_reach_every_weight(model):
    x = Tensor(np.random.default_rng(0).normal(size=(20, 1, 8, 8)).astype(np.float32))
    (model(x, Tensor(np.arange(20) % 10)) ** 2).mean().backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and abs(p.grad.numpy()).max() > 0, name


def test_the_digit_and_the_step_make_a_difference(model):
    x = Tensor(np.zeros((3, 1, 8, 8), np.float32))
    out = model.unet(x, np.array([5, 5, 50]), Tensor([1, 2, 1])).numpy()
    assert abs(out[0] - out[1]).max() > 1e-4 and abs(out[0] - out[2]).max() > 1e-4


def test_it_draws_and_writes_its_weights(tmp_path, capsys):
    right = diffusion.main([*QUICK, "--samples", "2", "--out", str(tmp_path / "new")])
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 + 8 + 1
    assert f"reads {right:.3f} of 20 drawings" in printed[-1]
    model = diffusion.Diffusion(channels=4, steps=10)
    model.load_state_dict(nn.load(tmp_path / "new" / "diffusion.safetensors"))


def test_help_names_every_option():
    run = subprocess.run(
        [sys.executable, diffusion.__file__, "--help"],
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    options = "channels steps epochs batch-size lr samples seed out"
    assert all(f"--{name}" in run.stdout for name in options.split())


@pytest.mark.slow
def test_a_smaller_one_draws_digits_that_can_be_read(tmp_path):
    right = diffusion.main(
        ["--epochs", "6", "--channels", "12", "--steps", "50", "--out", str(tmp_path)]
    )
    assert right > 0.1 + 4 * (0.1 * 0.9 / 200) ** 0.5  # four deviations above chance
    assert re.search(r"reads (0\.\d+) of 200 drawings", diffusion.__doc__)
