"""Formulas as MathML."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import op_table
from viz.mathml import to_mathml


def spoken(latex):
    """The formula as nested words, for comparison."""

    def words(e):
        inner = " ".join(map(words, e)) if len(e) else e.text or ""
        return (
            inner
            if e.tag in ("mi", "mn", "mo")
            else ""
            if e.tag == "mspace"
            else f"{e.tag}({inner})"
        )

    return words(ET.fromstring(to_mathml(latex)))


@pytest.mark.parametrize(
    ("latex", "content"),
    [
        ("x + y", "x + y"),
        ("-0.5", "\u2212 0.5"),
        (r"\frac{x}{1 + y}", "mfrac(x mrow(1 + y))"),
        (r"\sqrt{x}", "msqrt(x)"),
        (r"\sqrt[3]{x}", "mroot(x 3)"),
        ("{x}^2", "msup(x 2)"),
        ("x_i^T", "msubsup(x i T)"),
        ("x^T_i", "msubsup(x i T)"),
        (r"W_{1}^T", "msubsup(W 1 T)"),
        (r"e^{-x}", "msup(e mrow(\u2212 x))"),
        (r"\sum_{j \le i} x_j", "msub(\u2211 mrow(j \u2264 i)) msub(x j)"),
        (r"\mathbf{1}[x > 0]", "\U0001d7cf [ x > 0 ]"),
        (r"\operatorname{nan\_to\_num} x", "nan_to_num  x"),
        (r"\left(x - 1\right)", "( x \u2212 1 )"),
        (r"\|x\|_p", "\u2016 x msub(\u2016 p)"),
        (r"\unknown{x}", "mtext(unknown) x"),
        ("a < b & c", "a < b & c"),
    ],
)
def test_latex_becomes_mathml(latex, content):
    assert spoken(latex) == f"math({content})"


def test_rows_are_aligned_at_the_sign():
    latex = "\\begin{aligned}\na &= b^2 \\\\\nc_1 &= \\frac{d}{e}\n\\end{aligned}"
    rows = ET.fromstring(to_mathml(latex, block=True)).findall("mtable/mtr")
    cells = [["".join(cell.itertext()) for cell in row] for row in rows]
    assert cells == [["a", "=b2"], ["c1", "=de"]]
    assert [cell.get("style") for cell in rows[0]] == ["text-align:right", "text-align:left"]


@pytest.mark.parametrize("name", op_table())
def test_the_formula_of_every_op_is_understood(name):
    operands = ("x", "y", *"uvwrstabcd")
    mathml = to_mathml(op_table()[name].latex.format(*operands))
    ET.fromstring(mathml)
    assert "mtext" not in mathml


@pytest.mark.parametrize("name", op_table())
def test_a_name_in_the_formula_of_an_op_has_its_underscores_escaped(name):
    words = re.findall(r"\\(?:mathrm|operatorname)\{\{(.*?)\}\}", op_table()[name].latex)
    assert not any("_" in word.replace(r"\_", "") for word in words)


@given(st.text(max_size=40) | st.text(alphabet=r"\{}^_&[]()ax1 fracsqrt", max_size=40))
def test_any_text_gives_well_formed_mathml(text):
    root = ET.fromstring(to_mathml(text))
    assert {e.tag for e in root.iter()} <= {
        *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot"),
        *("msub", "msup", "msubsup", "mtable", "mtr", "mtd"),
    }
