"""The tasks of memory: what is asked for can be answered, and only by remembering."""

import numpy as np
import pytest

from nn.data import adding_problem, copy_task


def test_each_half_of_an_adding_problem_has_one_mark_anywhere_in_it():
    x, y = adding_problem(2000, 9, rng=0).arrays
    values, marks = x[..., 0], x[..., 1]
    assert x.dtype == y.dtype == np.float32
    assert set(marks.ravel()) == {0, 1}
    assert (marks[:, :4].sum(1) == 1).all() and (marks[:, 4:].sum(1) == 1).all()
    assert (marks.sum(0) > 2000 / 5 - 5 * np.sqrt(400)).all()  # every place, as often as others
    np.testing.assert_array_equal(y[:, 0], values[marks == 1].reshape(-1, 2).sum(1))
    assert values.min() >= 0 and values.max() < 1


def test_the_constant_answer_to_an_adding_problem_is_off_by_a_sixth():
    _, y = adding_problem(20_000, 10, rng=0).arrays
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.03)


@pytest.mark.parametrize(("delay", "symbols", "length"), [(1, 2, 1), (5, 8, 10), (30, 3, 4)])
def test_a_copy_task_asks_for_what_it_showed_first(delay, symbols, length):
    x, y = copy_task(500, delay, symbols=symbols, length=length, rng=0).arrays
    assert x.shape == y.shape == (500, delay + 2 * length)
    assert set(x[:, :length].ravel()) == set(range(symbols))
    np.testing.assert_array_equal(y[:, -length:], x[:, :length])
    assert (y[:, :-length] == symbols).all()
    rest = x[:, length:]
    assert (rest[:, delay - 1] == symbols + 1).all()
    assert (np.delete(rest, delay - 1, axis=1) == symbols).all()


@pytest.mark.parametrize("make", [adding_problem, copy_task])
def test_a_seed_draws_the_same_sequences_again(make):
    first, again, other = (make(5, 8, rng=seed).arrays for seed in (1, 1, 2))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adding_problem(0, 5), "0 sequences of length 5"),
        (lambda: adding_problem(3, 1), "3 sequences of length 1"),
        (lambda: copy_task(3, 0), "a delay of 0"),
        (lambda: copy_task(3, 1, length=0), "0 of 8 symbols"),
    ],
)
def test_sizes_too_small_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
