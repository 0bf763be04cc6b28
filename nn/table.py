"""Tables of text, for the terminal and for a notebook."""

import html
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

SHORT = 32


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
    """Return rows as an HTML table, the first as its heading; short lines are not broken."""

    def styled(tag: str, cell: str) -> str:
        short = max(map(len, cell.split("\n"))) <= SHORT
        style = f"text-align: left; vertical-align: top{'; white-space: nowrap' * short}"
        return f'<{tag} style="{style}">{html.escape(cell).replace(chr(10), "<br>")}</{tag}>'

    tags = ["th"] + ["td"] * (len(rows) - 1)
    body = "\n".join(
        f"<tr>{''.join(styled(tag, cell) for cell in row)}</tr>"
        for tag, row in zip(tags, rows, strict=True)
    )
    return f"<table>\n{body}\n</table>"
