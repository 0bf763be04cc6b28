"""What a notebook shows of a tensor: its facts, its numbers in short, and a histogram."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

_BINS, _WIDTH, _HEIGHT = 24, 168, 36
_SHOWN = 24  # elements that are written out
_BOX = (
    "display:inline-block;border:1px solid #8888;border-radius:6px;padding:6px 10px;margin:2px 0;"
    "font:13px/1.45 sans-serif"
)
_NUMBERS = "margin:0;font:13px/1.45 monospace"  # said, as notebooks let <pre> inherit its font
_BADGE = "background:#b00020;color:#fff;border-radius:4px;padding:0 5px"


def card(t: Any) -> str:
    """Return a tensor as a small piece of HTML; text takes the colour of the page.

    Parameters
    ----------
    t : Tensor

    Returns
    -------
    str
    """
    values = np.asarray(t.data)
    facts = [f"shape {t.shape}", str(t.dtype)]
    if t.op is not None:
        facts.append(f"op {t.op.name}")
    elif t.requires_grad:
        facts.append("requires_grad")
    name = f"<b>{html.escape(t.name)}</b> " if t.name else ""
    parts = [f"{name}{html.escape(', '.join(facts))}{_badges(values)}"]
    if values.size <= _SHOWN:
        text = np.array2string(values, precision=4, separator=", ") if t.ndim else str(t.data)
        parts.append(f'<pre style="{_NUMBERS}">{html.escape(text)}</pre>')
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size and values.ndim and values.dtype.kind != "b":
        with np.errstate(all="ignore"):  # sums of huge numbers
            mean, std, low, high = finite.mean(), finite.std(), finite.min(), finite.max()
            parts.append(f"mean {mean:.4g}, std {std:.4g}, from {low:.4g} to {high:.4g}")
            if finite.size > _SHOWN and 0 < high - low < np.inf:
                parts.append(_histogram(finite))
    return f'<div style="{_BOX}">{"".join(map("<div>{}</div>".format, parts))}</div>'


def _badges(values: Any) -> str:
    """What is wrong with the numbers, in a colour and in words."""
    if values.dtype.kind != "f":
        return ""
    counts = {"NaN": np.isnan(values).sum(), "inf": np.isinf(values).sum()}
    badge = ' <span style="{}">{:,} {}</span>'
    return "".join(badge.format(_BADGE, n, what) for what, n in counts.items() if n)


def _histogram(values: Any) -> str:
    counts, _ = np.histogram(values, _BINS)
    step = _WIDTH / _BINS
    bars = "".join(
        f'<rect x="{i * step:g}" y="{_HEIGHT * (1 - n / counts.max()):.1f}" '
        f'width="{step - 1:g}" height="{_HEIGHT * n / counts.max():.1f}"/>'
        for i, n in enumerate(counts)
    )
    return (
        f'<svg role="img" aria-label="histogram in {_BINS} bins" width="{_WIDTH}" '
        f'height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" fill="currentColor" '
        f'fill-opacity="0.6">{bars}</svg>'
    )
