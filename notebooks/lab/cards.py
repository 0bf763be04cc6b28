"""Flash cards of activations and initialisations, made from nn's own tables; a quiz of three boxes.

A card that was answered wrong comes back soon, one that was right moves to a box that comes up less
often (Leitner's boxes). Nothing is kept when the quiz ends.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import nn
from nn import init

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu", "swiglu")


@dataclass(frozen=True)
class Card:
    """A question and its answer, line by line; `asks` is what to say of it."""

    front: str
    back: tuple[str, ...]
    asks: str = "formula, slope, range, use, failure"

    def __repr__(self) -> str:
        return f"{self.front}\n" + "\n".join(f"  {line}" for line in self.back)

    def _repr_html_(self) -> str:
        body = "<br>".join(map(html.escape, self.back))
        return f"<details><summary>{html.escape(self.front)}</summary>{body}</details>"


def activations() -> list[Card]:
    """Return a card for each activation: formula, slope, range, use, failure, one measured fact."""
    rows = nn.activation_table(*ACTIVATIONS).rows()[1:]
    cards = []
    for name, formulas, facts, use, failure in rows:
        lines = [*formulas.split("\n"), f"range {facts}".replace("\n", ", "), f"use: {use}"]
        cards.append(Card(name, (*lines, f"fails: {failure}", _measured(name))))
    return cards


def _measured(name: str) -> str:
    """One number that the library computes: the gain, where there is one."""
    if name == "swiglu":
        return "measured: 3 matrices; at width 8d/3 as many weights as a plain layer of width 4d"
    gain = init.calculate_gain(name)
    return f"measured: gain {gain:.4g} on standard normal inputs, gain^2 {gain**2:.4g}"


INITS = (
    ("LeCun", "lecun_normal_", "Var(w) = 1 / n_in", "no activation, SELU; small tanh signals"),
    ("Xavier", "xavier_normal_", "Var(w) = 2 / (n_in + n_out)", "tanh: forward and backward"),
    ("He", "kaiming_normal_", "Var(w) = 2 / n_in", "ReLU, which halves the mean square"),
    (
        "GPT-2",
        "gpt2_",
        "N(0, 0.02^2); last layers of the 2 N branches over sqrt(2 N)",
        "behind a norm",
    ),
)
FAN = 400  # of the square layer that the facts are measured on


def deviation(name: str) -> float:
    """Return the standard deviation that an initialisation gives a square layer of `FAN`."""
    layer = nn.Linear(FAN, FAN, rng=0)
    getattr(init, name)(layer.weight, rng=0)
    return float(layer.weight.numpy().std())


def inits() -> list[Card]:
    """Return a card for each initialisation: the variance, what it keeps, one measured fact."""
    return [
        Card(
            f"{title} initialisation",
            (
                formula,
                f"for: {use}",
                f"measured: deviation {deviation(function):.4g} at fan {FAN}",
            ),
            "variance, and what it is for",
        )
        for title, function, formula, use in INITS
    ]


class Boxes:
    """Three boxes: wrong cards go back to the first, right ones one further."""

    def __init__(self, cards: list[Card], seed: int = 0) -> None:
        order = np.random.default_rng(seed).permutation(len(cards))
        self.boxes: list[list[Card]] = [[cards[i] for i in order], [], []]
        self.done: list[Card] = []
        self.turn = 0

    def __iter__(self) -> Iterator[Card]:
        while any(self.boxes):
            self.turn += 1
            # the second box comes up every other turn, the third every fourth
            due = [
                b for b, every in zip(self.boxes, (1, 2, 4), strict=True) if self.turn % every == 0
            ]
            box = next((b for b in reversed(due) if b), None) or next(b for b in self.boxes if b)
            yield box[0]

    def answer(self, card: Card, right: bool) -> None:
        """Move a card, as it was answered."""
        here = next(i for i, box in enumerate(self.boxes) if card in box)
        self.boxes[here].remove(card)
        if not right:
            self.boxes[0].append(card)
        elif here + 1 < len(self.boxes):
            self.boxes[here + 1].append(card)
        else:
            self.done.append(card)


def quiz(seed: int = 0) -> None:
    """Show cards in the terminal until all are known; 'q' ends."""
    boxes = Boxes([*activations(), *inits()], seed)
    for card in boxes:
        try:
            said = input(f"\n{card.front}: {card.asks}? [Enter] ").strip().lower()
            if said != "q":
                print("\n".join(f"  {line}" for line in card.back))
                said = input("did you know it? [y/n/q] ").strip().lower()
        except (EOFError, KeyboardInterrupt):
            print()
            said = "q"
        if said in ("q", "quit"):
            break
        boxes.answer(card, said in ("y", "yes"))
    print(f"{len(boxes.done)} known")
