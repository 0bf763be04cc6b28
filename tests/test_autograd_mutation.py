"""A sample of the mutants of `tests/mutation.py` is killed; that script runs all of them."""

from zlib import crc32

import pytest

from tests.mutation import OPS, check_intact, engine_mutants, mutants, run
from tests.mutation_equivalent import EQUIVALENT

DIFFERENTIABLE = [name for name, op in OPS.items() if op.differentiable]
EVERY = 8
GROUPS = 8


def sample(found, group):
    """Take one mutant of `EVERY`, told by its name, and of those the ones of a group."""
    for mutant in found:
        number = crc32(mutant.name.encode())
        if number % EVERY == 0 and number // EVERY % GROUPS == group:
            yield mutant


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_corrupting_a_rule_is_noticed(group):
    counts, survivors = run(sample(mutants(DIFFERENTIABLE), group))
    assert [name for name in survivors if name not in EQUIVALENT] == []
    assert counts["wrong"] + counts["crash"] > 0.95 * counts.total()


@pytest.mark.slow
def test_corrupting_the_engine_is_noticed():
    _, survivors = run(engine_mutants())
    assert survivors == []


@pytest.mark.slow
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_an_op_that_is_not_corrupted_passes(name):
    check_intact([name])


@pytest.mark.slow
def test_no_mutant_is_argued_to_be_equivalent_that_is_gone():
    assert set(EQUIVALENT) - {mutant.name for mutant in mutants(DIFFERENTIABLE)} == set()
