"""Build the notebooks from their sources: in `notebooks/`, ``python -m lab.book [NAME ...]``.

The source of a notebook is a Python file in jupytext's percent form; what is stored beside it, the
``.ipynb`` with its outputs, is built from it. Tags say what a cell is for:

exercise: code that assigns ``...``, for the reader to fill in;
solution: Markdown behind it, with the code that belongs there in a folded block;
slow: code whose result is stored, since it takes longer than a reader should wait.

What is stored, and opened by readers, is unsolved; `solved` puts the solutions in, to try them.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent
TIMEOUT = 240  # seconds for a cell; a notebook should take less than 60
_SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", re.DOTALL)


def sources() -> list[Path]:
    """Return the sources of all notebooks, in their order."""
    return sorted(FOLDER.glob("[0-9][0-9]*_*.py"))


def read(path: Path) -> Any:
    """Return the notebook of a source, without outputs, the same in each run."""
    book = jupytext.read(path, fmt="py:percent")
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    book.nbformat_minor = 5
    for i, cell in enumerate(book.cells):
        cell.id = f"cell-{i:02d}"
        cell.metadata = {"tags": tags(cell)} if tags(cell) else {}
    return book


def tags(cell: Any) -> list[str]:
    """Return what a cell is tagged with."""
    return list(cell.metadata.get("tags", []))


def solved(book: Any) -> Any:
    """Return the notebook with the code of each solution in the exercise before it.

    Raises
    ------
    ValueError
        If an exercise has no solution behind it, or one stands alone; it names the cell.
    """
    book = nbformat.from_dict(book)
    waiting = None
    for cell in book.cells:
        if "exercise" in tags(cell):
            if waiting is not None:
                raise ValueError(f"{waiting.id}: no solution follows the exercise")
            waiting = cell
        elif "solution" in tags(cell):
            found = _SOLUTION.search(cell.source)
            if waiting is None or found is None:
                raise ValueError(f"{cell.id}: a solution without its exercise, or without code")
            waiting.source = found[1].strip()
            waiting = None
    if waiting is not None:
        raise ValueError(f"{waiting.id}: no solution follows the exercise")
    return book


def execute(book: Any) -> Any:
    """Run all cells in a kernel of their own; return the notebook with outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    ValueError
        If a cell writes to stderr.
    """
    paths = [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]  # the checkout's packages
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="0")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    client = NotebookClient(
        book,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
        coalesce_streams=True,  # where a pause would part what is printed
        extra_arguments=["--InteractiveShell.colors=nocolor"],
    )
    client.execute()
    for cell in book.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise ValueError(f"{cell.id} writes to stderr: {output.text}")
    return book


def write(book: Any, path: Path) -> None:
    """Write a notebook; the same notebook gives the same bytes."""
    nbformat.validate(book)
    path.write_text(nbformat.writes(book, version=4) + "\n", encoding="utf-8")


def main() -> None:
    """Execute the notebooks that are named, or all, and store them with their outputs."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", help="such as 00_tour; all if none is given")
    names = parser.parse_args().names
    unknown = set(names) - {path.stem for path in sources()}
    if unknown:
        sys.exit(f"lab.book: no source for {', '.join(sorted(unknown))}")
    for path in sources():
        if not names or path.stem in names:
            print(path.stem)
            write(execute(read(path)), path.with_suffix(".ipynb"))


if __name__ == "__main__":
    main()
