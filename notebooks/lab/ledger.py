"""The claim ledger: each statement of the course, where it holds, and the experiment that shows it.

The records stand in ``claims/*.toml``, a file for each section of the course. `LEDGER` holds them
by id; `Claim.measure` runs the experiment, `claim` compares a number with its interval in a
notebook.
"""

from __future__ import annotations

import html
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from math import isnan
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "claims"
VERDICTS = ("holds", "holds if", "wrong as commonly said", "not measured")

Measured = Mapping[str, float]
"""Numbers by name; the name is empty where an experiment returns one number."""


@dataclass(frozen=True)
class Claim:
    """A statement of the course, and what was found out about it.

    Parameters
    ----------
    id : str
        Section and number in the course, such as 'S7.3'.
    claim : str
        The statement in our own words; the accurate one.
    formula : str
        In LaTeX.
    verdict : {'holds', 'holds if', 'wrong as commonly said', 'not measured'}
        What the experiment says of the statement as it is commonly made. 'not measured' is an
        opinion or a report of others; its experiment measures what can be measured beside it.
    experiment : str
        'module.function' in `lab.experiments`.
    expected : pair of numbers, or dict of str to pair
        The interval of what the experiment returns, ends included; by name where it returns
        several numbers.
    measures : str
        What the number is, with its unit.
    source : str
        Where the statement or its correction comes from.
    condition : str
        Under what condition it holds; needed for 'holds if'.
    commonly : str
        How it is commonly said; needed for 'wrong as commonly said', with `instead`.
    instead : str
        What is true instead.
    slow : bool, default=False
        Whether the experiment takes more than a few seconds.
    """

    id: str
    claim: str
    formula: str
    verdict: str
    experiment: str
    expected: Any
    measures: str
    source: str
    condition: str = ""
    commonly: str = ""
    instead: str = ""
    slow: bool = False
    intervals: dict[str, tuple[float, float]] = field(init=False)

    def __post_init__(self) -> None:
        named = self.expected if isinstance(self.expected, dict) else {"": self.expected}
        intervals = {name: (float(low), float(high)) for name, (low, high) in named.items()}
        object.__setattr__(self, "intervals", intervals)
        where = f"claim {self.id}"
        if self.verdict not in VERDICTS:
            raise ValueError(f"{where}: verdict is {self.verdict!r}; it is one of {VERDICTS}")
        needed = {"holds if": ("condition",), "wrong as commonly said": ("commonly", "instead")}
        for name in needed.get(self.verdict, ()):
            if not getattr(self, name):
                raise ValueError(f"{where}: the verdict {self.verdict!r} needs {name}")
        for name, (low, high) in intervals.items():
            if not low <= high:
                raise ValueError(f"{where}: the interval {name} from {low} to {high} is empty")

    @property
    def function(self) -> Callable[..., Any]:
        """The experiment: ``function(seed=0)`` returns a number, or a dict of numbers."""
        module, _, name = self.experiment.partition(".")
        found: Callable[..., Any] = getattr(import_module(f"lab.experiments.{module}"), name)
        return found

    def measure(self, seed: int = 0) -> dict[str, float]:
        """Run the experiment; return its numbers by name."""
        return numbers(self.function(seed=seed))

    def outside(self, measured: Any) -> list[str]:
        """Say of each number that is missing or outside its interval what it is and should be."""
        found = numbers(measured)
        faults = [f"{name or 'it'} was not measured" for name in self.intervals.keys() - found]
        for name, value in found.items():
            if name not in self.intervals:
                faults.append(f"{name or 'a number'} has no interval in the ledger")
                continue
            low, high = self.intervals[name]
            if isnan(value) or not low <= value <= high:
                faults.append(f"{name or 'it'} is {value:.6g}, expected {low:.6g} to {high:.6g}")
        return sorted(faults)


def numbers(measured: Any) -> dict[str, float]:
    """Return one number, or several by name, as a dict of floats."""
    named = measured if isinstance(measured, Mapping) else {"": measured}
    return {name: float(value) for name, value in named.items()}


def load(folder: Path = FOLDER) -> dict[str, Claim]:
    """Read the ledger.

    Raises
    ------
    ValueError
        If a record is malformed, or an id stands twice; it names the file.
    """
    ledger: dict[str, Claim] = {}
    for path in sorted(folder.glob("*.toml")):
        for record in tomllib.loads(path.read_text(encoding="utf-8"))["claim"]:
            try:
                entry = Claim(**record)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path.name}, {record.get('id', 'no id')}: {error}") from error
            if entry.id in ledger:
                raise ValueError(f"{path.name}: {entry.id} stands twice in the ledger")
            ledger[entry.id] = entry
    return dict(sorted(ledger.items(), key=lambda item: _order(item[0])))


def _order(id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in id.removeprefix("S").split("."))


LEDGER = load()


class Verdict:
    """What a notebook shows of a claim: expected, measured, and what follows."""

    def __init__(self, entry: Claim, measured: Any, guess: Any = None) -> None:
        self.entry = entry
        self.measured = numbers(measured)
        self.guess = guess
        self.faults = entry.outside(measured)

    @property
    def ok(self) -> bool:
        """Whether each number lies in its interval."""
        return not self.faults

    def _rows(self) -> list[tuple[str, str]]:
        entry = self.entry
        rows = [("claim", entry.claim), ("measured", entry.measures)]
        for name, value in self.measured.items():
            low, high = entry.intervals.get(name, (float("nan"), float("nan")))
            where = f" for {name}" if name else ""
            rows.append((f"found{where}", f"{value:.4g}  (expected {low:.4g} to {high:.4g})"))
        if self.guess is not None and self.guess is not ...:
            rows.append(("your guess", f"{self.guess}{self._of_guess()}"))
        said = {"condition": entry.condition, "commonly said": entry.commonly}
        rows += [(name, text) for name, text in {**said, "instead": entry.instead}.items() if text]
        return [*rows, ("verdict", entry.verdict if self.ok else "; ".join(self.faults))]

    def _of_guess(self) -> str:
        """How far the guess is from what was found: number by number, or from the nearest."""
        guesses = self.guess if isinstance(self.guess, tuple | list) else [self.guess]
        if not all(isinstance(g, int | float) for g in guesses):
            return ""
        found = list(self.measured.items())
        if len(guesses) != len(found):
            if len(guesses) > 1:
                return ""
            found = [min(found, key=lambda item: abs(item[1] - guesses[0]))]
        words = []
        for guess, (name, value) in zip(guesses, found, strict=True):
            low, high = self.entry.intervals.get(name, (value, value))
            near = low <= guess <= high or abs(guess - value) <= 0.1 * abs(value)
            words.append("right" if near else f"found {value:.4g}")
            words[-1] += f" for {name}" if name and len(self.measured) > 1 else ""
        return f" ({', '.join(words)})"

    def __repr__(self) -> str:
        head = f"{self.entry.id} {'ok' if self.ok else 'OUTSIDE'}"
        return "\n".join([head, *(f"  {name}: {text}" for name, text in self._rows())])

    def _repr_html_(self) -> str:
        mark = "✓" if self.ok else "✗ outside its interval"
        left = "text-align:left;vertical-align:top"
        body = "".join(
            f'<tr><td style="{left};white-space:nowrap">{html.escape(name)}</td>'
            f'<td style="{left}">{html.escape(text)}</td></tr>'
            for name, text in self._rows()
        )
        return f"<b>{self.entry.id}</b> {mark}<table>{body}</table>"


def claim(id: str, measured: Any, guess: Any = None) -> Verdict:
    """Compare what was measured with the interval of a claim.

    Parameters
    ----------
    id : str
    measured : float, or dict of str to float
        What the experiment of the claim returned.
    guess : optional
        The reader's prediction, shown beside it.

    Returns
    -------
    Verdict
        It prints itself.

    Raises
    ------
    KeyError
        If there is no such claim.

    Examples
    --------
    >>> claim("S4.2", 0).ok
    True
    """
    if id not in LEDGER:
        raise KeyError(f"claim: there is no {id!r} in the ledger; ids run from S1.1 to S13.7")
    return Verdict(LEDGER[id], measured, guess)
