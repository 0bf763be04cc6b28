"""Toy sets: their form, their shape in the plane, and that networks can tell the classes apart."""

import numpy as np
import pytest

from nn import MLP, evaluate, fit
from nn.data import blobs, circles, moons, sine, spirals
from nn.optim import Adam

CLASSES = [moons, circles, spirals, blobs]


@pytest.mark.parametrize("make", CLASSES)
@pytest.mark.parametrize("n", [10, 101])
def test_the_form_is_as_promised(make, n):
    x, y = make(n, rng=0).arrays
    assert x.shape == (n, 2) and x.dtype == np.float32
    assert y.shape == (n,) and y.dtype == np.int64
    counts = np.bincount(y)
    assert counts.sum() == n and counts.max() - counts.min() <= 1
    assert (y[:-1] > y[1:]).any()  # in random order


@pytest.mark.parametrize("make", [*CLASSES, sine])
def test_the_same_seed_gives_the_same_set(make):
    a, b, c = (np.concatenate([t.ravel() for t in make(20, rng=s).arrays]) for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_moons_are_half_circles():
    x, y = moons(100, noise=0, rng=0).arrays
    upper, lower = x[y == 0], x[y == 1]
    np.testing.assert_allclose((upper**2).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(((lower - [1, 0.5]) ** 2).sum(axis=1), 1, rtol=1e-6)
    assert upper[:, 1].min() > -1e-6 and lower[:, 1].max() < 0.5 + 1e-6


def test_circles_have_their_radii():
    x, y = circles(100, noise=0, factor=0.3, rng=0).arrays
    np.testing.assert_allclose(np.hypot(*x.T), np.where(y == 0, 1, 0.3), rtol=1e-6)


def test_spirals_wind():
    x, y = spirals(400, classes=2, noise=0, turns=1.5, rng=0).arrays
    r, phi = np.hypot(*x.T), np.arctan2(x[:, 0], x[:, 1])
    expected = 2 * np.pi * (1.5 * r + y / 2)
    np.testing.assert_allclose(np.exp(1j * phi)[r > 0], np.exp(1j * expected)[r > 0], atol=1e-5)


def test_blobs_have_their_centres_and_width():
    centers = [[0.0, 0.0, 5.0], [9.0, -9.0, 0.0]]
    x, y = blobs(4000, centers=centers, noise=2.0, rng=0).arrays
    for c, center in enumerate(centers):
        np.testing.assert_allclose(x[y == c].mean(axis=0), center, atol=0.2)
        np.testing.assert_allclose(x[y == c].std(axis=0), 2, atol=0.1)


def test_noise_is_as_wide_as_asked():
    clean, noisy = (moons(4000, noise=s, rng=0).arrays[0] for s in (0.0, 0.3))
    x, y = sine(4000, noise=0.3, low=0, high=1, rng=0).arrays
    assert (y - np.sin(x)).std() == pytest.approx(0.3, rel=0.05)
    assert x.min() >= 0 and x.max() <= 1
    assert noisy.var() - clean.var() == pytest.approx(0.09, rel=0.3)


@pytest.mark.parametrize(("make", "lines"), [(moons, 0.9), (circles, 0.7), (spirals, 0.7)])
def test_a_network_tells_apart_what_no_line_does(make, lines):
    def accuracy(sizes):
        model = MLP(sizes, rng=0)
        optimizer = Adam(model.parameters(), lr=0.02)
        fit(model, make(rng=0), epochs=60, optimizer=optimizer, rng=0, progress=False)
        return evaluate(model, make(rng=1))["accuracy"]

    assert accuracy([2, 3]) < lines
    assert accuracy([2, 32, 32, 3]) > 0.97


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: moons(1), "moons: 1 examples of 2 classes"),
        (lambda: moons(10, noise=-1), "moons: noise is -1"),
        (lambda: circles(10, factor=1.0), "circles: factor is 1.0"),
        (lambda: spirals(10, classes=0), "spirals: 10 examples of 0 classes"),
        (lambda: blobs(10, centers=[1.0, 2.0]), r"blobs: centers has shape \(2,\)"),
        (lambda: sine(0), "sine: 0 examples"),
        (lambda: sine(3, noise=float("nan")), "sine: noise is nan"),
    ],
)
def test_what_cannot_be_made_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
