"""Tables of text, for the terminal and for a notebook."""

import html
import textwrap
from collections.abc import Sequence
from itertools import zip_longest


def grid(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    """Return rows as text in columns, each cell wrapped to the width of its column.

    Parameters
    ----------
    rows : sequence of sequences of str
        The first is the heading; a cell may have several lines.
    widths : sequence of int
        Of the columns; the last need not be as wide.

    Returns
    -------
    str
        With a line under the heading.
    """
    blocks = []
    for row in rows:
        cells = [_wrapped(cell, w) for cell, w in zip(row, widths, strict=True)]
        lines = [
            "  ".join(part.ljust(w) for part, w in zip(parts, widths, strict=True)).rstrip()
            for parts in zip_longest(*cells, fillvalue="")
        ]
        blocks.append("\n".join(lines))
    rule = "  ".join("-" * w for w in widths)
    return "\n".join([blocks[0], rule, *blocks[1:]])


def _wrapped(cell: str, width: int) -> list[str]:
    return [part for line in cell.split("\n") for part in textwrap.wrap(line, width) or [""]]


def as_html(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as an HTML table, the first as its heading."""
    style = 'style="text-align: left; vertical-align: top"'

    def line(tag: str, row: Sequence[str]) -> str:
        cells = (html.escape(cell).replace("\n", "<br>") for cell in row)
        return f"<tr>{''.join(f'<{tag} {style}>{cell}</{tag}>' for cell in cells)}</tr>"

    body = "\n".join([line("th", rows[0]), *(line("td", row) for row in rows[1:])])
    return f"<table>\n{body}\n</table>"
