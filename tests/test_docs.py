"""The generated page is that of the ops there are."""

import importlib.util
from pathlib import Path

from autograd import op_table

DOCS = Path(__file__).parent.parent / "docs"


def test_the_table_of_ops_is_not_stale():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    page = (DOCS / "ops.md").read_text(encoding="utf-8")
    assert page == generate.page(), "run `make docs`"
    assert all(f"| `{name}` |" in page for name in op_table())
