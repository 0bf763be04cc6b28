import copy
import pickle

import numpy as np
import pytest

from nn import random


def test_the_same_seed_draws_the_same():
    random.manual_seed(3)
    first = random.generator().random(5)
    random.manual_seed(3)
    np.testing.assert_array_equal(random.generator().random(5), first)


def test_different_seeds_draw_different_numbers():
    random.manual_seed(3)
    first = random.generator().random(5)
    random.manual_seed(4)
    assert (random.generator().random(5) != first).all()


def test_a_reset_generator_draws_as_a_new_one_does():
    random.generator().integers(9, dtype=np.uint32)  # may leave half a word behind in the old state
    random.manual_seed(3)
    ours, theirs = random.generator(), np.random.default_rng(3)
    np.testing.assert_array_equal(
        ours.integers(1000, size=7, dtype=np.uint32), theirs.integers(1000, size=7, dtype=np.uint32)
    )
    np.testing.assert_array_equal(ours.standard_normal(7), theirs.standard_normal(7))


def test_who_holds_the_default_generator_sees_a_reset():
    held = random.generator()
    random.manual_seed(3)
    assert held.random() == np.random.default_rng(3).random()


def test_none_is_always_the_one_default():
    assert random.generator() is random.generator(None)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda rng: pickle.loads(pickle.dumps(rng))]
)
def test_a_copy_of_the_default_is_the_default(again):
    assert again(random.generator()) is random.generator()
    spawned = again(random.generator().spawn(1)[0])  # which is of the same class
    assert spawned.bit_generator is not random.generator().bit_generator


def test_a_generator_is_returned_as_it_is():
    rng = np.random.default_rng(0)
    assert random.generator(rng) is rng


def test_an_int_seeds_a_generator_of_its_own():
    rng = random.generator(5)
    assert rng is not random.generator(5)
    assert rng.random() == np.random.default_rng(5).random()


def test_an_int_leaves_the_default_alone():
    random.manual_seed(3)
    random.generator(5).random()
    assert random.generator().random() == np.random.default_rng(3).random()


def test_a_negative_seed_is_refused_by_name():
    with pytest.raises(ValueError, match="manual_seed: seed -1 is negative"):
        random.manual_seed(-1)


def test_what_is_no_seed_is_refused():
    with pytest.raises(TypeError):
        random.generator("seed")
