"""The card of a tensor in a notebook."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from autograd import Tensor, manual_seed, randn

INF, NAN = float("inf"), float("nan")


def card(t):
    """The card, which must be well-formed, and its text."""
    text = t._repr_html_()
    tree = ET.fromstring(text)
    return text, " ".join(tree.itertext())


def test_it_says_what_the_tensor_is():
    x = Tensor([[1.0, 2.5]], requires_grad=True, name="x")
    assert card(x)[1].startswith("x  shape (1, 2), float64, requires_grad")
    assert "mean 1.75, std 0.75, from 1 to 2.5" in card(x)[1]
    assert "op exp" in card(x.exp())[1]
    assert "[[1. , 2.5]]" in card(x)[1]


def test_a_number_has_all_its_digits():
    assert card(Tensor(1.99995))[1].endswith("1.99995")
    assert card(Tensor(np.float32(0.1)))[1].endswith("0.1")


def test_the_columns_of_a_matrix_stand_below_one_another():
    tree = ET.fromstring(card(Tensor([[1.0, -2.5], [-10.0, 3.0]]))[0])
    (numbers,) = tree.iter("pre")
    assert "monospace" in numbers.get("style")
    assert [part.tag for part in tree] == ["div"] * 3, "each a line, and no <br> makes another"


@pytest.mark.parametrize(
    "value",
    [
        *(3.0, 7, True, [], np.zeros((0, 3)), [True, False], np.arange(30), np.float32(2)),
        *([NAN, NAN], np.full(50, INF), np.full(50, 2.0), [1e308, -1e308] * 20, np.float16(1)),
    ],
    ids=str,
)
def test_any_tensor_has_one(value):
    assert "shape" in card(Tensor(value))[1]


def test_nan_and_inf_are_counted_where_they_are():
    _, words = card(Tensor([NAN, INF, -INF, 1.0]))
    assert "1 NaN" in words
    assert "2 inf" in words
    assert "mean 1, std 0" in words
    assert "NaN" not in card(Tensor([1.0]))[1]


def test_many_numbers_are_a_histogram():
    manual_seed(0)
    text, words = card(randn(100, 10))
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"/>', text)]
    assert len(heights) == 24
    assert max(heights) == 36
    assert heights[0] < heights[12]
    assert len(text) < 3000
    assert "[" not in words


def test_names_are_text():
    text, words = card(Tensor(1.0, name="<script>alert('1')</script>"))
    assert "<script" not in text
    assert "<script>alert('1')</script>" in words
