"""Exercises: what is asked, what is right, and which mistakes are usual.

An exercise knows the right answer as a function, so that nothing is copied by hand, and the usual
wrong ones by name. `check` compares an answer with the right one first, then with the mistakes, and
says which it is. An empty answer fails.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

from autograd import Tensor

from . import exercises as _modules


@dataclass(frozen=True)
class Exercise:
    """A question with one right answer.

    Parameters
    ----------
    question : str
    right : callable
        Returns the answer: a number, an array or a text.
    mistakes : dict of str to callable, optional
        By what went wrong: the answer that this mistake gives.
    rtol : float, default=1e-6
        How far off a number may be, relative to the largest right one.
    """

    question: str
    right: Callable[[], Any]
    mistakes: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    rtol: float = 1e-6


class Mark:
    """What `check` found: it is true where the answer is right, and prints itself."""

    def __init__(self, id: str, ok: bool, text: str) -> None:
        self.id, self.ok, self.text = id, ok, text

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"{self.id} {'right' if self.ok else 'not yet'}: {self.text}"

    def _repr_html_(self) -> str:
        mark = "✓ right" if self.ok else "✗ not yet"
        return f"<b>{html.escape(self.id)}</b> {mark}: {html.escape(self.text)}"


def check(id: str, answer: Any) -> Mark:
    """Mark the answer to an exercise, and name the mistake if it is a usual one.

    Parameters
    ----------
    id : str
        Such as 'ex7.2'.
    answer : number, array_like, Tensor or str
        ``...`` is no answer. Axes of length 1 and the difference between lists, tuples, arrays and
        tensors do not matter.

    Returns
    -------
    Mark

    Raises
    ------
    KeyError
        If there is no such exercise.
    """
    found = every()
    if id not in found:
        raise KeyError(f"check: there is no exercise {id!r}; there are {', '.join(found)}")
    exercise = found[id]
    if _empty(answer):
        return Mark(id, False, "no answer yet")
    right = exercise.right()
    if same(answer, right, exercise.rtol):
        return Mark(id, True, "well done")
    for mistake, wrong in exercise.mistakes.items():
        if same(answer, wrong(), exercise.rtol):
            return Mark(id, False, mistake)
    return Mark(id, False, _difference(answer, right, exercise.rtol))


def every() -> dict[str, Exercise]:
    """Return all exercises by id, in the order of the notebooks."""
    modules = [
        import_module(f"{_modules.__name__}.{m.name}") for m in iter_modules(_modules.__path__)
    ]
    return {id: e for module in modules for id, e in module.EXERCISES.items()}


def _empty(answer: Any) -> bool:
    if isinstance(answer, list | tuple):
        return any(part is ... for part in answer)  # `in` would compare arrays, element by element
    return answer is None or answer is ...


def _array(value: Any) -> Any:
    """Return numbers as a squeezed float array, text as it is; None where it is neither."""
    if isinstance(value, str):
        return value
    try:
        array = np.asarray(value.data if isinstance(value, Tensor) else value, dtype=float)
    except (TypeError, ValueError):
        return None
    return array.squeeze()


def same(answer: Any, right: Any, rtol: float) -> bool:
    """Tell whether two answers are the same up to rounding and axes of length 1."""
    a, b = _array(answer), _array(right)
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and _plain(a) == _plain(b)
    if a is None or a.shape != b.shape or not np.isfinite(a).all():
        return False
    scale = np.abs(b).max(initial=0.0)
    return bool(np.abs(a - b).max(initial=0.0) <= rtol * (scale or 1.0))


def _plain(text: str) -> str:
    return "".join(text.lower().split())


def _difference(answer: Any, right: Any, rtol: float) -> str:
    a, b = _array(answer), _array(right)
    if isinstance(b, str):
        asked = "a text"
    else:
        asked = f"an array of shape {b.shape}" if b.ndim else "one number"
    if a is None or isinstance(a, str) != isinstance(b, str):
        return f"a {type(answer).__name__} is not the kind of answer asked for: {asked}"
    if isinstance(b, str):
        return "this is not it"
    if a.shape != b.shape:
        return f"the shape is {a.shape}, but the answer is {asked}"
    if not np.isfinite(a).all():
        return "the answer holds NaN or infinity"
    if factor := _factor(a, b, rtol):
        return f"{factor} times the right answer"
    gap = np.abs(a - b)
    shape = np.shape(answer.data if isinstance(answer, Tensor) else answer)
    at = ", ".join(str(i) for i in np.unravel_index(gap.argmax(), shape))
    return f"the largest difference is {gap.max():.3g}{f', at [{at}]' if at else ''}"


def _factor(a: Any, b: Any, rtol: float) -> str:
    """Return by what number an answer is too large or too small, or '' if by none.

    Any number is some multiple of another one, so for one number the factor must be whole, or 1
    over a whole one, and a right answer that is whole itself has none.
    """
    k = float((a * b).sum() / (b * b).sum()) if b.any() else 0.0
    if not k or abs(k - 1) < 1e-3 or not same(a, k * b, rtol):
        return ""
    size = max(abs(k), 1 / abs(k))
    if not b.ndim and (abs(size - round(size)) > rtol * size or b == np.round(b)):
        return ""
    return f"{'-' if k < 0 else ''}{'1/' if abs(k) < 0.999 else ''}{size:.6g}"
