"""The drill: derive the gradients of a two-layer network by hand, against the clock.

    $ python -m lab.drill            a problem; --kind and --seed choose another
    $ python -m lab.drill cards      flash cards
    $ python -m lab.drill oral       the eight questions

A problem gives a batch and what the forward pass made of it; you give the gradients, one after the
other, as NumPy expressions. Each is compared with the right one and with the usual wrong ones.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograd import Tensor
from nn import functional as F

from .cards import quiz
from .exercise import Mark
from .oral import oral

Array = np.ndarray[Any, Any]
GOAL = 5 * 60  # seconds
EXACT, CLOSE = 1e-12, 1e-7  # relative to the largest right number
N, D, H, K = 6, 4, 5, 3  # batch, inputs, hidden units, classes
EPS = 1e-5
LEAVE = ("quit", "exit", "q")

KINDS = {
    "relu": "A1 = relu(Z1); softmax and cross-entropy",
    "tanh": "A1 = tanh(Z1); softmax and cross-entropy",
    "bce": "A1 = relu(Z1); one sigmoid and binary cross-entropy",
    "mse": "A1 = relu(Z1); L = sum((Z2 - Y)^2) / (2 n)",
    "residual": "A1 = X + relu(Z1); softmax and cross-entropy",
    "layernorm": "N1 = (Z1 - mean) / sqrt(var + 1e-5) of each row, A1 = relu(N1); softmax, CE",
    "swiglu": "A1 = silu(U) * G with U = X W1, G = X W3; softmax and cross-entropy",
}


@dataclass(frozen=True)
class Problem:
    """What is given, what is asked for, and the usual mistakes.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    given : dict of str to ndarray
        The batch, the parameters and what the forward pass made of them.
    asked : dict of str to ndarray
        The gradients, in the order of the derivation.
    mistakes : dict of str to dict of str to ndarray
        By gradient, then by what went wrong: what that gives.
    loss : callable
        The loss as the engine computes it, of a dict of tensors.
    """

    kind: str
    given: dict[str, Array]
    asked: dict[str, Array]
    mistakes: dict[str, dict[str, Array]]
    loss: Callable[[Mapping[str, Tensor]], Tensor]

    @property
    def parameters(self) -> list[str]:
        """The names of what the loss is a function of."""
        return [name for name in self.given if name[0] in "XWb"]

    def engine(self) -> dict[str, Array]:
        """Return the gradients of parameters and data by the engine."""
        tensors = {n: Tensor(self.given[n], requires_grad=True) for n in self.parameters}
        self.loss(tensors).backward()
        return {f"d{name}": t.grad.numpy() for name, t in tensors.items()}

    def differences(self, h: float = 1e-5) -> dict[str, Array]:
        """Return the same by central differences."""
        found = {}
        for name in self.parameters:
            values = {n: self.given[n].copy() for n in self.parameters}
            g = np.empty_like(values[name])
            for i in np.ndindex(g.shape):
                ends = []
                for sign in (1, -1):
                    values[name][i] = self.given[name][i] + sign * h
                    ends.append(self.loss({n: Tensor(v) for n, v in values.items()}).item())
                values[name][i] = self.given[name][i]
                g[i] = (ends[0] - ends[1]) / (2 * h)
            found[f"d{name}"] = g
        return found


def problem(kind: str = "relu", seed: int = 0) -> Problem:
    """Make a problem; the same kind and seed make the same one.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"drill: there is no kind {kind!r}; it is one of {', '.join(KINDS)}")
    for attempt in range(1000):
        made = _Derivation(kind, np.random.default_rng([seed, attempt]))
        # a relu next to its kink would make differences err
        if np.abs(made.v.get("N1", made.v["Z1"])).min() > 1e-2:
            return made.problem()
    raise AssertionError("no draw keeps away from the kinks")


class _Derivation:
    """The forward pass and the derivation, written out once, with what mistakes make of it."""

    def __init__(self, kind: str, rng: np.random.Generator) -> None:
        self.kind = kind
        hidden = D if kind == "residual" else H
        outputs = 1 if kind == "bce" else K
        v: dict[str, Array] = {"X": rng.standard_normal((N, D))}
        if kind == "bce":
            v["Y"] = rng.integers(2, size=(N, 1)).astype(float)
        elif kind == "mse":
            v["Y"] = rng.standard_normal((N, K))
        else:
            v["Y"] = np.eye(K)[rng.integers(K, size=N)]
        v["W1"], v["W2"] = rng.standard_normal((D, hidden)), rng.standard_normal((hidden, outputs))
        if kind == "swiglu":
            v["W3"] = rng.standard_normal((D, hidden))
        else:
            v["b1"] = rng.standard_normal(hidden)
        v["b2"] = rng.standard_normal(outputs)
        self.v = v
        self.forward()
        self.asked: dict[str, Array] = {}
        self.mistakes: dict[str, dict[str, Array]] = {}

    def forward(self) -> None:
        v = self.v
        v["Z1"] = v["X"] @ v["W1"] + v.get("b1", 0.0)
        if self.kind == "swiglu":
            v["U"], v["G"] = v.pop("Z1"), v["X"] @ v["W3"]
            v["A1"] = v["U"] / (1 + np.exp(-v["U"])) * v["G"]
            v["Z1"] = v["U"]  # only for the distance from kinks, of which there are none
        elif self.kind == "layernorm":
            centred = v["Z1"] - v["Z1"].mean(axis=1, keepdims=True)
            v["S1"] = np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPS)
            v["N1"] = centred / v["S1"]
            v["A1"] = np.maximum(v["N1"], 0)
        elif self.kind == "tanh":
            v["A1"] = np.tanh(v["Z1"])
        else:
            v["A1"] = np.maximum(v["Z1"], 0) + (v["X"] if self.kind == "residual" else 0)
        v["Z2"] = v["A1"] @ v["W2"] + v["b2"]
        if self.kind == "bce":
            v["P"] = 1 / (1 + np.exp(-v["Z2"]))
        elif self.kind != "mse":
            e = np.exp(v["Z2"] - v["Z2"].max(axis=1, keepdims=True))
            v["P"] = e / e.sum(axis=1, keepdims=True)

    def ask(self, name: str, value: Array, **mistakes: Any) -> Array:
        """Enter a gradient with its own mistakes and those that everybody makes."""
        usual = {
            "the 1/n of the mean is missing": value * N,
            "the 1/n of the mean is in it twice": value / N,
            "the sign is turned round": -value,
        }
        if value.ndim == 2 and name[1] == "W":
            usual["it is transposed"] = value.T
        self.asked[name] = value
        self.mistakes[name] = {**{_words(k): m for k, m in mistakes.items()}, **usual}
        return value

    def problem(self) -> Problem:
        v = self.v
        prediction = v.get("P", v["Z2"])
        error = {"without_the_minus_Y": prediction / N} if self.kind != "mse" else {
            "the_square_is_halved_so_there_is_no_2": 2 * (prediction - v["Y"]) / N
        }  # fmt: skip
        dZ2 = self.ask("dZ2", (prediction - v["Y"]) / N, **error)
        dW2 = v["A1"].T @ dZ2
        self.ask("dW2", dW2, Z1_in_the_place_of_A1=v["Z1"].T @ dZ2)
        self.ask("db2", dZ2.sum(axis=0), not_summed_over_the_batch=dZ2)
        dA1 = self.ask("dA1", dZ2 @ v["W2"].T)
        dX = self.hidden(dA1)
        if self.kind == "residual":
            self.ask("dX", dX + dA1, the_identity_path_is_missing=dX)
        given = {k: a for k, a in v.items() if not (self.kind == "swiglu" and k == "Z1")}
        return Problem(self.kind, given, self.asked, self.mistakes, self.loss)

    def hidden(self, dA1: Array) -> Array:
        """Go on from dA1 to the first layer; return what reaches X through it."""
        v, X = self.v, self.v["X"]
        if self.kind == "swiglu":
            s = 1 / (1 + np.exp(-v["U"]))
            slope = s * (1 + v["U"] * (1 - s))
            dU = self.ask(
                "dU", dA1 * v["G"] * slope,
                the_gate_G_is_missing=dA1 * slope,
                the_slope_of_silu_is_s_times_1_plus_u_times_1_minus_s=dA1 * v["G"] * s * (1 - s),
            )  # fmt: skip
            dG = self.ask("dG", dA1 * v["U"] * s, silu_of_U_not_U_itself=dA1 * v["U"])
            self.ask("dW1", X.T @ dU)
            self.ask("dW3", X.T @ dG)
            return dU @ v["W1"].T + dG @ v["W3"].T
        if self.kind == "tanh":
            dZ1 = dA1 * (1 - v["A1"] ** 2)
            wrong = {
                "the_slope_of_tanh_is_missing": dA1,
                "the_slope_is_1_minus_A1_squared_not_of_Z1": dA1 * (1 - v["Z1"] ** 2),
            }
        elif self.kind == "layernorm":
            dN1 = self.ask("dN1", dA1 * (v["N1"] > 0), the_mask_of_relu_is_missing=dA1)
            inner = dN1 - dN1.mean(axis=1, keepdims=True)
            dZ1 = (inner - v["N1"] * (dN1 * v["N1"]).mean(axis=1, keepdims=True)) / v["S1"]
            wrong = {
                "mean_and_deviation_depend_on_Z1_too": dN1 / v["S1"],
                "the_deviation_depends_on_Z1_too": inner / v["S1"],
            }
        else:
            dZ1 = dA1 * (v["Z1"] > 0)
            wrong = {
                "the_mask_of_relu_is_missing": dA1,
                "the_mask_is_of_Z1_not_of_dA1": dA1 * (dA1 > 0),
            }
        self.ask("dZ1", dZ1, **wrong)
        skipped = next(iter(wrong.values()))
        self.ask("dW1", X.T @ dZ1, dA1_in_the_place_of_dZ1=X.T @ skipped)
        self.ask("db1", dZ1.sum(axis=0), not_summed_over_the_batch=dZ1)
        return dZ1 @ v["W1"].T

    def loss(self, t: Mapping[str, Tensor]) -> Tensor:
        """The loss by the engine."""
        Y, X = self.v["Y"], t["X"]
        z = X @ t["W1"]
        z = z if self.kind == "swiglu" else z + t["b1"]
        if self.kind == "swiglu":
            a = F.silu(z) * (X @ t["W3"])
        elif self.kind == "tanh":
            a = z.tanh()
        elif self.kind == "layernorm":
            a = F.layer_norm(z, H, eps=EPS).relu()
        else:
            a = z.relu() + X if self.kind == "residual" else z.relu()
        out = a @ t["W2"] + t["b2"]
        if self.kind == "mse":
            return ((out - Y) ** 2).sum() / (2 * N)
        if self.kind == "bce":
            return F.binary_cross_entropy_with_logits(out, Tensor(Y))
        return F.cross_entropy(out, Y.argmax(axis=1))


def _words(keyword: str) -> str:
    return keyword.replace("_", " ")


def mark(task: Problem, name: str, answer: Any) -> Mark:
    """Compare an answer with the right one, then with the usual mistakes.

    Parameters
    ----------
    task : Problem
    name : str
        Such as 'dW1'.
    answer : array_like or Tensor
        ``...`` is no answer.

    Returns
    -------
    Mark
        'exact', 'close' with the largest difference, or which mistake it is.

    Raises
    ------
    KeyError
        If that gradient is not asked for.
    """
    if name not in task.asked:
        raise KeyError(f"drill: {name!r} is not asked for; asked are {', '.join(task.asked)}")
    right = task.asked[name]
    if answer is None or answer is ...:
        return Mark(name, False, "no answer yet")
    try:
        a = np.asarray(answer.data if isinstance(answer, Tensor) else answer, dtype=float)
    except (TypeError, ValueError):
        return Mark(name, False, f"a {type(answer).__name__} is no array of numbers")
    far = _distance(a, right)
    if far <= EXACT:
        return Mark(name, True, "exact")
    if far <= CLOSE:
        return Mark(name, True, f"close: the largest difference is {np.abs(a - right).max():.1e}")
    for label, wrong in task.mistakes[name].items():
        if _distance(a, wrong) <= CLOSE:
            return Mark(name, False, label)
    if a.shape != right.shape:
        return Mark(name, False, f"the shape is {a.shape}, and should be {right.shape}")
    return Mark(
        name, False, f"unrecognised: the largest difference is {np.abs(a - right).max():.3g}"
    )


def _distance(a: Array, b: Array) -> float:
    """How far two arrays are apart, relative to the second; inf where the shapes differ."""
    if a.shape != b.shape and a.shape != b.squeeze().shape:
        return np.inf
    scale = np.abs(b).max()
    gap = np.abs(a.reshape(b.shape) - b).max()
    return float(gap / scale) if np.isfinite(gap) else np.inf


@dataclass
class Drill:
    """A problem against the clock: `check` what you derived, then `finish`."""

    task: Problem
    started: float = field(default_factory=time.monotonic)
    marks: dict[str, Mark] = field(default_factory=dict)

    @property
    def given(self) -> SimpleNamespace:
        """What is given, by name, with n for the size of the batch."""
        return SimpleNamespace(**self.task.given, n=N)

    def check(self, name: str, answer: Any) -> Mark:
        """Mark one gradient; the last mark counts."""
        self.marks[name] = mark(self.task, name, answer)
        return self.marks[name]

    def finish(self) -> str:
        """Return time and score."""
        seconds = time.monotonic() - self.started
        right, asked = sum(bool(m) for m in self.marks.values()), len(self.task.asked)
        minutes, rest = divmod(round(seconds), 60)
        score = f"{right} of {asked} right in {minutes}:{rest:02d}"
        if right < asked:
            return f"{score}; the goal is all of them in five minutes"
        return f"{score}, {'within' if seconds <= GOAL else 'over'} the five minutes"

    def __repr__(self) -> str:
        shapes = ", ".join(f"{n} {a.shape}" for n, a in self.task.given.items())
        return (
            f"{KINDS[self.task.kind]}\n"
            f"given, for a batch of n = {N} rows: {shapes}\n"
            f"asked, of the mean loss: {', '.join(self.task.asked)}"
        )


def start(kind: str = "relu", seed: int = 0) -> Drill:
    """Start the clock on a problem of a kind."""
    return Drill(problem(kind, seed))


def in_the_terminal(kind: str, seed: int) -> None:
    """Ask for each gradient at a prompt; 'skip' leaves one out, 'quit' ends, 'help' says how."""
    drill = start(kind, seed)
    print(drill)
    how = "Answer in NumPy, such as (P - Y) / n; what you found has its name. skip, quit, help."
    print(f"{how}\n")
    names = {"np": np, **vars(drill.given)}
    for name in drill.task.asked:
        while True:
            try:
                text = input(f"{name} = ").strip()
            except (EOFError, KeyboardInterrupt):
                print()
                text = "quit"
            text = re.sub(rf"^{name}\s*=(?!=)\s*", "", text)  # who writes out the prompt's name
            word = text.partition("(")[0]  # who ends Python with quit() ends this so
            if not text or word in ("help", "?"):
                print(f"  {how}\n  given: {', '.join(n for n in names if n[:2] != '__')}")
                continue
            if word in ("skip", *LEAVE):
                names[name] = drill.task.asked[name]
                break
            try:
                # the reader's own terminal; compiled first, or Python would end as interrupted
                value = eval(compile(text, "<answer>", "eval"), names)
            except (Exception, KeyboardInterrupt) as error:  # whatever they typed
                print(f"  {type(error).__name__}: {error}")
                continue
            found = drill.check(name, value)
            print(f"  {found.text}")
            if found:
                names[name] = value
                break
        if word in LEAVE:
            break
    print(drill.finish())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["problem", "cards", "oral"], default="problem")
    parser.add_argument("--kind", choices=KINDS, default="relu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.what == "cards":
        quiz(args.seed)
    elif args.what == "oral":
        oral()
    else:
        in_the_terminal(args.kind, args.seed)


if __name__ == "__main__":
    sys.exit(main())
