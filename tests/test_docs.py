"""The generated pages are those of the ops and the claims there are."""

import importlib.util
import inspect
import re
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

from autograd import Op, op_table
from lab.ledger import LEDGER
from tests.op_kinks import KINKS, SECOND
from tests.test_readme import texts

DOCS = Path(__file__).parent.parent / "docs"


def script(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generate():
    return script("generate")


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


def test_the_public_names_of_the_design_page_exist():
    page = (DOCS / "design.md").read_text(encoding="utf-8")
    surface = page.partition("## The public surface")[2].partition("\n## ")[0]
    for part in re.split(r"\n- ", surface)[1:]:
        package, *names = re.findall(r"`([A-Za-z_][\w.]*)`", part)
        assert len(names) > 5
        for name in names:
            assert attrgetter(name)(import_module(package)) is not None, f"{package}.{name}"


@pytest.mark.parametrize("package", ["nn", "nn.functional", "nn.optim", "nn.data", "viz"])
def test_what_raises_says_so_in_its_docstring(package):
    module = import_module(package)
    for name in module.__all__:
        x = getattr(module, name)
        f = x.forward if isinstance(x, Op) else x
        if inspect.isclass(f) or inspect.isfunction(f):
            source = inspect.getsource(f)
            assert "raise " not in source or "Raises\n" in source, name


def rounded(text):
    """Numbers to three digits, and what rounding leaves of 0 as 0: machines differ in the rest."""

    def short(m):
        x = float(m.group())
        return "0" if abs(x) < 1e-6 else f"{x:.2g}"

    return re.sub(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", short, text)


def test_the_gallery_is_not_stale():
    gallery = script("gallery")
    under = {}
    for draw in gallery.PICTURES:
        view, under[draw.__name__] = draw()
        stored = (DOCS / "gallery" / f"{draw.__name__}.svg").read_text(encoding="utf-8")
        assert sorted(map(rounded, texts(stored))) == sorted(map(rounded, texts(view.svg()))), (
            f"run `make gallery` ({draw.__name__})"
        )
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert rounded(page) == rounded(gallery.page(under)), "run `make gallery`"
    files = {path.stem for path in (DOCS / "gallery").iterdir()}
    assert files == {draw.__name__ for draw in gallery.PICTURES}
