"""The generated pages are those of the ops and the claims there are."""

import importlib.util
import re
from pathlib import Path

import pytest

from autograd import op_table
from lab.ledger import LEDGER
from tests.op_kinks import KINKS, SECOND

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_ops_is_not_stale(generate):
    page = (DOCS / "ops.md").read_text(encoding="utf-8")
    assert page == generate.ops_page(), "run `make docs`"
    assert all(f"| `{name}` |" in page for name in op_table())


def test_the_page_of_claims_is_not_stale_and_its_figures_lie_in_their_intervals(generate):
    page = (DOCS / "claims.md").read_text(encoding="utf-8")
    measured = generate.measured_on(page)
    assert measured.keys() == LEDGER.keys(), "run `make docs`"
    assert page == generate.claims_page(measured), "run `make docs`"
    for id, entry in LEDGER.items():
        rounded = {name: float(value) for name, value in measured[id].items()}
        assert rounded.keys() == entry.intervals.keys()
        for name, (low, high) in entry.intervals.items():
            slack = 1e-3 * max(abs(low), abs(high))  # the page has four digits
            assert low - slack <= rounded[name] <= high + slack, (id, name)


def test_the_page_of_semantics_names_tests_and_rows_that_exist():
    page = (DOCS / "semantics.md").read_text(encoding="utf-8")
    for file, test in re.findall(r"`(test_\w+\.py)::(\w+)`", page):
        assert f"\ndef {test}(" in (DOCS.parent / "tests" / file).read_text(encoding="utf-8"), test
    kinks = page.partition("## Kinks")[2].partition("\nAlso")[0]
    rows = [line.split(" | ")[2] for line in kinks.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 30
    for row in rows:
        assert (found := re.findall(r"`(\w+)`", row)), row
        assert set(found) <= KINKS.keys() | SECOND.keys(), row
