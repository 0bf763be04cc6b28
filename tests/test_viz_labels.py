"""Text in pictures: escaping, numbers, parameters."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
from autograd import Tensor
from viz import draw, labels


@given(st.text() | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Cn", "Zl", "Zp"])))
def test_plain_text_is_one_short_line_that_xml_accepts(text):
    result = labels.plain(text)
    assert len(result) <= labels.MAX_LABEL
    assert len(result.splitlines()) <= 1
    element = ET.Element("text")
    element.text = result
    assert (ET.fromstring(ET.tostring(element)).text or "") == result


@pytest.mark.parametrize(
    "text", ["<b>hi</b>", "<lambda> <map>", "{ a|b }", "layer:0", "\\", r"\N", "&amp;", "Ω 漢 🙂"]
)
def test_plain_text_keeps_what_can_be_shown(text):
    assert labels.plain(text) == text


def test_plain_text_replaces_what_cannot_be_shown():
    assert labels.plain("a\0b\x1bc\ud800d\u202ee\ufffff\x85g") == "a�b�c�d�e�f�g"


def test_a_dot_label_has_no_escapes_and_no_entities():
    assert labels.dot_lines(("a\\", r"\N", "&lt;")) == r"a\\\n\\N\n&amp;lt;"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(2.0, "2"), (-0.0, "0"), (1 / 3, "0.3333"), (1e-12, "1e-12"), (12648, "12648")],
        *[(True, "True"), (float("nan"), "nan"), (float("-inf"), "-inf")],
    ],
)
def test_numbers_are_short(value, text):
    assert labels.number(value) == text


def test_the_estimated_width_grows_with_the_text():
    assert labels.width("") == 0
    assert labels.width("iii") < labels.width("nnn") < labels.width("WWW") < labels.width("漢漢漢")


def test_parameters_are_those_that_differ_from_the_defaults():
    x = Tensor(np.ones((3, 4, 5)), requires_grad=True)
    assert labels.parameters(*_op(x.sum())) == ""
    assert labels.parameters(*_op(x.sum(axis=1, keepdims=True))) == "axis=1, keepdims=True"
    assert labels.parameters(*_op(x.reshape((12, 5)))) == "shape=(12, 5)"
    assert labels.parameters(*_op(x[..., 0, 1:3])) == "index=(..., 0, 1:3)"
    assert labels.parameters(*_op(x[np.int64(2)])) == "index=2"
    assert labels.parameters(*_op(x.astype("float32"))) == "dtype=float32"


def test_parameters_print_neither_arrays_nor_addresses():
    x = Tensor(np.ones(4), requires_grad=True)
    assert labels.parameters(*_op(x[np.array([0, 0, 3])])) == "index=int64 (3,)"
    assert labels.parameters(*_op(x.reshape((2, *[1] * 9, 2)))) == (
        "shape=(2, 1, 1, 1, 1, 1, 1, 1, 1, 1, \u2026)"
    )


def test_a_default_for_each_direction_is_left_out():
    x, w = Tensor(np.ones((1, 2, 6, 6))), Tensor(np.ones((3, 2, 3, 3)), requires_grad=True)
    assert labels.parameters(*_op(ag.conv2d(x, w))) == ""
    assert labels.parameters(*_op(ag.conv2d(x, w, stride=(1, 2)))) == "stride=(1, 2)"


def test_parameters_that_do_not_fit_a_line_take_the_next():
    x, w = Tensor(np.ones((1, 2, 6, 6))), Tensor(np.ones((3, 2, 3, 3)), requires_grad=True)
    out = ag.conv2d(x, w, stride=(2, 1), padding=(1, 1))
    lines = [line.text for line in next(b for b in draw(out).figure.boxes if b.id == "n2op").lines]
    assert lines == ["conv2d", "stride=(2, 1)", "padding=(1, 1)"]


def test_arrays_for_an_op_to_fill_are_no_parameters():
    x, one = Tensor(np.ones((4, 2))), Tensor(np.ones(2), requires_grad=True)
    out = ag.batch_norm(x, one, one, moments=(np.zeros(2), np.zeros(2)))
    assert labels.parameters(*_op(out)) == ""


def _op(tensor):
    return tensor.op, tensor.params
