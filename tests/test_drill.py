"""The drill: its answers, the mistakes it names, the cards, the terminal."""

import builtins

import numpy as np
import pytest

from lab import cards, drill, oral
from lab.ledger import LEDGER

kinds = pytest.mark.parametrize("kind", drill.KINDS)


@kinds
@pytest.mark.parametrize("seed", [0, 1])
def test_by_hand_by_engine_and_by_differences_agree(kind, seed):
    task = drill.problem(kind, seed)
    engine, differences = task.engine(), task.differences()
    compared = task.asked.keys() & engine.keys()
    assert {"dW1", "dW2", "db2"} <= compared
    for name in compared:
        scale = np.abs(task.asked[name]).max()
        assert np.abs(task.asked[name] - engine[name]).max() <= 1e-12 * scale
        assert np.abs(task.asked[name] - differences[name]).max() <= 1e-7 * scale


@kinds
def test_right_answers_pass_and_each_mistake_is_named(kind):
    for seed in range(3):
        task = drill.problem(kind, seed)
        for name, right in task.asked.items():
            assert drill.mark(task, name, right).text == "exact"
            assert drill.mark(task, name, right.tolist())
            assert drill.mark(task, name, right * (1 + 1e-9)).text.startswith("close")
            assert not drill.mark(task, name, ...)
            for label, wrong in task.mistakes[name].items():
                found = drill.mark(task, name, wrong)
                assert not found and found.text == label, (name, label)


def test_what_is_no_known_mistake_is_unrecognised_and_shapes_are_said():
    task = drill.problem()
    noise = np.random.default_rng(0).standard_normal((6, 3))
    assert drill.mark(task, "dZ2", noise).text.startswith("unrecognised")
    assert "the shape is (2,), and should be (6, 3)" in drill.mark(task, "dZ2", [1, 2]).text
    assert "no array of numbers" in drill.mark(task, "dZ2", "P - Y").text
    assert "nan" in drill.mark(task, "dZ2", noise * np.nan).text
    with pytest.raises(KeyError, match="dQ"):
        drill.mark(task, "dQ", 1)
    with pytest.raises(ValueError, match="no kind 'elu'"):
        drill.problem("elu")


def test_problems_vary_by_seed_and_not_otherwise():
    first, again, other = (drill.problem("relu", seed).given["X"] for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def test_the_clock_and_the_score():
    d = drill.start("relu", 0)
    d.check("dZ2", d.task.asked["dZ2"])
    d.check("dW2", -d.task.asked["dW2"])
    assert d.finish().startswith("1 of 7 right in 0:0")
    assert d.finish().endswith("; the goal is all of them in five minutes")
    for name, right in d.task.asked.items():
        d.check(name, right)
    assert "within the five minutes" in d.finish()
    d.started -= 301
    assert "over the five minutes" in d.finish()
    assert "Z1 (6, 5)" in repr(d) and d.given.n == 6


def answers(monkeypatch, lines):
    lines = iter(lines)

    def reply(prompt=""):
        print(prompt, end="")
        try:
            line = next(lines)
        except StopIteration:
            raise EOFError from None
        if line is KeyboardInterrupt:
            raise line
        return line

    monkeypatch.setattr(builtins, "input", reply)


def test_the_terminal_takes_expressions_and_names_mistakes(monkeypatch, capsys):
    answers(monkeypatch, ["P / n", "(P - Y) / n", "A1.T @ dZ2", "nonsense", "skip", "quit"])
    drill.in_the_terminal("relu", 0)
    said = capsys.readouterr().out
    assert "without the minus Y" in said
    assert said.count("exact") == 2
    assert "NameError" in said
    assert "2 of 7 right" in said


def test_help_says_how_to_answer_and_what_there_is(monkeypatch, capsys):
    answers(monkeypatch, ["(P - Y) / n", "help", "help()", "quit"])
    drill.in_the_terminal("relu", 0)
    said = capsys.readouterr().out
    assert said.count("Answer in NumPy") == 3
    assert "given: np, X, " in said and "n, dZ2\n" in said


def test_an_answer_may_repeat_the_name_and_no_answer_is_helped(monkeypatch, capsys):
    answers(monkeypatch, ["", "?", "dZ2 = (P - Y) / n", "dW2=A1.T @ dZ2", "db2 == 1", "q"])
    drill.in_the_terminal("relu", 0)
    said = capsys.readouterr().out
    assert said.count("Answer in NumPy") == 3 and said.count("exact") == 2
    assert "NameError: name 'db2'" in said and "2 of 7 right" in said


def test_ctrl_c_stops_what_runs_and_ends_what_asks_with_the_score(monkeypatch, capsys):
    def forever():
        raise KeyboardInterrupt

    answers(monkeypatch, ["np.forever()", "(P - Y) / n", KeyboardInterrupt])
    monkeypatch.setattr(np, "forever", forever, raising=False)
    drill.in_the_terminal("relu", 0)
    said = capsys.readouterr().out
    assert "KeyboardInterrupt" in said and "1 of 7 right" in said
    answers(monkeypatch, ["", KeyboardInterrupt])
    cards.quiz()
    assert "0 known" in capsys.readouterr().out
    answers(monkeypatch, ["", KeyboardInterrupt])
    oral.oral()
    assert oral.ask(1).answer in capsys.readouterr().out


@pytest.mark.parametrize("lines", [["quit"], ["exit"], ["quit()"], ["exit(0)"], []])
def test_whoever_leaves_the_terminal_at_once_is_told_the_goal_and_not_praised(
    lines, monkeypatch, capsys
):
    answers(monkeypatch, lines)
    drill.in_the_terminal("relu", 0)
    *_, last = capsys.readouterr().out.splitlines()
    assert last.removeprefix("dZ2 = " if lines else "").startswith("0 of 7 right in 0:00; the goal")


def test_the_cards_of_the_terminal_come_back_until_they_are_known(monkeypatch, capsys):
    deck = [*cards.activations(), *cards.inits()]
    assert len(deck) == 11
    answers(monkeypatch, ["", "n"] + ["", "y"] * 3 * len(deck))
    cards.quiz()
    assert f"{len(deck)} known" in capsys.readouterr().out
    answers(monkeypatch, ["", "yes"] * 3 * len(deck))
    cards.quiz()
    assert f"{len(deck)} known" in capsys.readouterr().out
    for leave in (["", "q"], ["q"]):
        answers(monkeypatch, leave)
        cards.quiz()
        assert "0 known" in capsys.readouterr().out


def test_of_an_initialisation_no_slope_is_asked():
    assert "slope" in cards.activations()[0].asks and "slope" not in cards.inits()[0].asks


def test_a_wrong_card_goes_back_to_the_first_box():
    boxes = cards.Boxes(cards.inits())
    card = next(iter(boxes))
    boxes.answer(card, True)
    assert card in boxes.boxes[1]
    boxes.answer(card, False)
    assert card in boxes.boxes[0]
    for _ in range(3):
        boxes.answer(card, True)
    assert card in boxes.done


@pytest.mark.parametrize(("index", "expected"), [(0, 1), (1, 1), (2, 2), (3, None)])
def test_the_measured_deviations_are_those_of_the_formulas(index, expected):
    _, function, *_ = cards.INITS[index]
    std = 0.02 if expected is None else (expected / cards.FAN) ** 0.5
    assert cards.deviation(function) == pytest.approx(std, rel=0.01)


def test_the_eight_questions_have_a_claim_each_and_a_follow_up(monkeypatch, capsys):
    assert len(oral.QUESTIONS) == 8
    for number, question in enumerate(oral.QUESTIONS, start=1):
        assert oral.ask(number) is question
        assert question.claim == f"S11.{number}" and question.claim in LEDGER
        assert question.follow_up.endswith("?") and question.follow_up_answer
        assert "<details>" in question._repr_html_()
    with pytest.raises(IndexError, match="no question 9"):
        oral.ask(9)
    answers(monkeypatch, [""] * 16)
    oral.oral()
    said = capsys.readouterr().out
    assert all(q.answer in said and q.follow_up_answer in said for q in oral.QUESTIONS)
