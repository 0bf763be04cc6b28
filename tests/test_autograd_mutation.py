"""A sample of the mutants of `tests/mutation.py` is killed; that script runs all of them."""

from zlib import crc32

import pytest

from tests.mutation import OPS, engine_mutants, mutants, run
from tests.mutation_equivalent import argued

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
    names = [name for name, op in OPS.items() if op.differentiable]
    counts, survivors = run(sample(mutants(names), group))
    assert [name for name in survivors if not argued(name)] == []
    assert counts["wrong"] + counts["crash"] > 0.95 * counts.total()


@pytest.mark.slow
def test_corrupting_the_engine_is_noticed():
    _, survivors = run(engine_mutants())
    assert survivors == []
