"""What ops promise beside right numbers, one test a row of op_promises.py."""

import pytest

from tests.op_promises import promises


@pytest.mark.parametrize(
    ("check", "name"),
    [pytest.param(check, name, id=f"{check.__name__}-{name}") for _, check, name in promises()],
)
def test_ops_keep_their_promises(check, name):
    check(name)
