"""Text for pictures: every label goes through `plain`, and every number through `number`.

Names come from users, so a label is data: nothing in it may end a string, start a tag, or be read
as markup by a layout engine.
"""

from __future__ import annotations

import inspect
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from autograd import Tensor

MAX_LABEL = 40

Named: TypeAlias = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Tensors by name, or pairs of a name and a tensor."""

SYMBOLS = {
    "add": "+",
    "sub": "\u2212",
    "mul": "\u00d7",
    "div": "\u00f7",
    "neg": "\u2212",
    "pow": "^",
    "matmul": "@",
}
"""What an op is drawn as, where a symbol says it better than its name."""

ASCII = str.maketrans(
    {
        **{"\u2212": "-", "\u00d7": "x", "\u00f7": "/", "\u2026": "..."},
        **{"\u2192": "->", "\u2248": "~", "\u2032": "'"},
    }
)
"""For terminals that print ASCII only."""

# Two Unicode blocks that reorder the text around them, and the two separators that XML allows but
# that break lines in some readers.
_REORDERING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x2028, 0x2029}

# Advance widths in em, as in the wider of the common sans-serif fonts (DejaVu Sans).
_WIDTHS = (
    ("fijlrtI|.,:;'!()[] -", 0.42),
    ("W", 1.04),
    ("mwM@%", 1.0),
    ("ABCDEFGHKLNOPQRSTUVXYZ&#+=<>~", 0.8),
)


def plain(text: object, limit: int = MAX_LABEL) -> str:
    r"""Return `text` as one line of at most `limit` characters that any XML reader accepts.

    White space becomes a space; control characters, lone surrogates, non-characters and marks that
    reorder text become U+FFFD; what is too long loses its middle to an ellipsis.

    Parameters
    ----------
    text : object
        A string, or what `str` makes of it.
    limit : int, default=40

    Returns
    -------
    str

    Examples
    --------
    >>> plain("a\tb\x00")
    'a b\ufffd'
    >>> plain("a" * 50, limit=9)
    'aaaa\u2026aaaa'
    """
    text = str(text)
    if len(text) > limit:
        tail = (limit - 1) // 2
        text = text[: limit - 1 - tail] + "\u2026" + text[len(text) - tail :]
    return "".join(map(_printable, text))


def _printable(char: str) -> str:
    if char in "\t\n\r\v\f":
        return " "
    code = ord(char)
    forbidden = unicodedata.category(char) in ("Cc", "Cs") or code in _REORDERING
    return "\ufffd" if forbidden or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE else char


def own_names(tensors: Iterable[Any]) -> dict[Any, str]:
    """Return the names of the tensors that have one; leaves that share theirs get a path before it.

    The path is that of the scope they are first used in, without the outermost one, which is the
    model: the weights of two layers are ``0.weight`` and ``2.weight``, as in the state of a model.

    Parameters
    ----------
    tensors : iterable of Tensor
        In the order of computation.
    """
    tensors = list(tensors)
    used_in: dict[Any, Any] = {}
    for t in tensors:
        for x in t.inputs:
            used_in.setdefault(x, t.scope)
    times = Counter(t.name for t in tensors if t.op is None)
    called = {}
    for t in tensors:
        if t.name:
            shared = t.op is None and times[t.name] > 1
            called[t] = ".".join([*_path(used_in.get(t)), t.name]) if shared else t.name
    return called


def _path(scope: Any) -> list[str]:
    """The attributes that lead to a scope; ``2: Linear`` is that of the module ``2``."""
    parts: list[str] = []
    while scope is not None and scope.parent is not None:
        parts.insert(0, scope.name.partition(": ")[0])
        scope = scope.parent
    return parts


def dot_lines(lines: tuple[str, ...]) -> str:
    r"""Return lines of `plain` text as one Graphviz label, in which nothing is an escape.

    A backslash would start an escape such as ``\N``, an ampersand an HTML entity.

    Examples
    --------
    >>> print(dot_lines((r"\N", "a & b")))
    \\N\na &amp; b
    """
    return r"\n".join(line.replace("\\", r"\\").replace("&", "&amp;") for line in lines)


def width(text: str) -> float:
    """Return an upper estimate of the width of `text` in em, whatever sans-serif font shows it."""
    return sum(map(_advance, text))


def _advance(char: str) -> float:
    for chars, em in _WIDTHS:
        if char in chars:
            return em
    if char < "\u2000":
        return 0.66
    return 1.05 if unicodedata.east_asian_width(char) in "WF" else 0.9


def number(value: Any, digits: int = 4) -> str:
    """Return a number in at most `digits` significant digits; integers as they are.

    Examples
    --------
    >>> number(0.1 + 0.2), number(12648), number(-0.0), number(1e-9), number(True)
    ('0.3', '12648', '0', '1e-09', 'True')
    """
    if isinstance(value, bool | int | np.integer):
        return plain(value, 24)
    return format(value + 0.0, f".{digits}g")  # + 0.0 turns -0.0 into 0.0


def numbers(array: np.ndarray[Any, Any]) -> str:
    """Return an array's numbers in at most 4 significant digits, a row a line; of many, the ends.

    Examples
    --------
    >>> print(numbers(np.array([[1.0, 2 / 3], [0.0, 1e-9]])))
    [[     1 0.6667]
     [     0  1e-09]]
    """
    if array.ndim == 0:
        return number(array.item())
    many = array.size > 24
    wide = len("-1.234e-05") if many else max(map(len, map(number, array.flat)), default=0)
    return np.array2string(
        array,
        max_line_width=200,
        threshold=24,
        edgeitems=2,
        formatter={"all": lambda x: number(x).rjust(wide)},
    )


def counted(n: int, word: str) -> str:
    """Return ``1 op`` or ``1,234 ops``; empty for none.

    Examples
    --------
    >>> counted(1234, "op"), counted(2, "leaf"), counted(0, "op")
    ('1,234 ops', '2 leaves', '')
    """
    if n == 1:
        return f"1 {word}"
    return f"{n:,} {'leaves' if word == 'leaf' else word + 's'}" if n else ""


def symbol(op_name: str) -> str:
    """Return the sign an op is drawn as: a cross for 'mul', else its name."""
    return SYMBOLS.get(op_name, op_name)


def brief(value: Any) -> str:
    """Return a parameter as a reader would type it, or what it is: no addresses.

    Examples
    --------
    >>> print(brief((slice(1, None), [0, 2], np.arange(6).reshape(2, 3))))
    (1:, [0, 2], int64 (2, 3))
    """
    if isinstance(value, tuple | list):
        inner = ", ".join([*map(brief, value[:10]), *["\u2026"] * (len(value) > 10)])
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, slice):
        ends = ["" if end is None else brief(end) for end in (value.start, value.stop)]
        return ":".join(ends if value.step is None else [*ends, brief(value.step)])
    if value is Ellipsis:
        return "..."
    if value is None or isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int | float | np.number):
        return number(value)
    if isinstance(value, type | np.dtype):
        return np.dtype(value).name
    if hasattr(value, "dtype"):  # an array or a tensor
        return f"{value.dtype} {value.shape}"
    return type(value).__name__


def named_tensors(where: str, names: Named | None, params: Named | None) -> dict[str, Any]:
    """Return the tensors that a caller names, by name; of one name, that of `params`.

    What else has a name, as in ``vars()``, is left out.
    """
    given: dict[str, Any] = {}
    for what, named in (("names", names), ("params", params)):
        pairs = named.items() if isinstance(named, Mapping) else () if named is None else named
        pairs = list(pairs) if isinstance(pairs, Iterable) else [pairs]
        strange = [pair for pair in pairs if not _is_name_with_value(pair)]
        tensors = {} if strange else {k: v for k, v in pairs if isinstance(v, Tensor)}
        if strange or (pairs and not tensors):
            first = (strange or pairs)[0]
            held = type(first).__name__
            if isinstance(first, tuple):
                held = f"({', '.join(type(item).__name__ for item in first)})"
            raise TypeError(
                f"{where}: {what} holds {held}, not names with their tensors; pass a dict or "
                "pairs, such as model.named_parameters()"
            )
        given |= tensors
    return given


def _is_name_with_value(pair: Any) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str)


def parameters(op: Any, params: dict[str, Any], write: Callable[[Any], str] = brief) -> str:
    """Return the parameters of a recorded op that differ from its defaults, as ``axis=1``.

    Values are written by `write`.
    """
    if op.name in ("checkpoint", "checkpoint_vjp"):
        return ""  # the result, and how to compute it again
    signature = inspect.signature(op).parameters
    shown = []
    for name, value in params.items():
        default = signature[name].default if name in signature else inspect.Parameter.empty
        to_fill = (op.name, name) == ("batch_norm", "moments")  # arrays, by the op itself
        if not (to_fill or _same(value, default)):
            shown.append(f"{name}={write(value)}")
    return ", ".join(shown)


def _same(value: Any, default: Any) -> bool:
    """Whether a value is the default, or in each direction."""
    if isinstance(value, tuple) and value and not isinstance(default, tuple):
        return all(_same(x, default) for x in value)
    return value is default or (
        type(value) is type(default) and _small(value) and bool(value == default)
    )


def _small(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_small, value))
    return value is None or isinstance(value, bool | int | float | str)
