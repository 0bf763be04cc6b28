"""Planted anomalies: the op, the line of source and the cause are named."""

import gc
import inspect
import re
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd import AnomalyError, Op, Tensor, detect_anomaly, no_grad, scope
from tests.leaf import leaf
from tests.op_cases import CASES

FORWARD = {
    "log of 0": ("log", lambda x: ag.log(x - x)),
    "log of a negative": ("log", lambda x: ag.log(-x)),
    "root of a negative": ("sqrt", lambda x: ag.sqrt(x - 10)),
    "0 / 0": ("div", lambda x: (x - x) / (x - x)),
    "1 / 0": ("div", lambda x: 1 / (x - x)),
    "exp overflows": ("exp", lambda x: ag.exp(1000 * x)),
    "a fraction as power of a negative": ("pow", lambda x: (-x) ** 0.5),
    "a product overflows": ("mul", lambda x: (x * 1e200) * 1e200),
    "a sum overflows": ("add", lambda x: (x * 8e307) + 1.7e308),
    "a row fully masked": ("softmax", lambda x: ag.softmax(ag.where(x > 9, x, -np.inf))),
}
ROTTEN = Op(
    "rotten",
    lambda x: (2 * x, None),
    (lambda gx, out, x: gx,),
    "{0}",
    "other",
    shared=lambda g, out, saved, x: g * np.inf * 0,
    reference=lambda x: x + x,
)
BACKWARD = {
    "root at 0": ("sqrt", lambda x: ag.sqrt(x - x).sum()),
    "power at 0": ("pow", lambda x: ((x - x) ** 0.5).sum()),
    "a branch not taken": ("sqrt", lambda x: ag.where(x > 9, ag.sqrt(x - x), x).sum()),
    "two branches deep": ("sqrt", lambda x: (ag.where(x > 9, 2 * ag.sqrt(x - x), x) * 3).sum()),
    "a pole that a where takes": ("sqrt", lambda x: ag.where(x > 0, ag.sqrt(x - x), x).sum()),
    "a slope overflows": ("mul", lambda x: ((x * 1e-200) * 1e200 * 1e200).sum()),
    "what the rules of a fused op share": ("rotten", lambda x: ROTTEN(x).sum()),
}


@pytest.mark.parametrize("case", FORWARD)
def test_the_first_bad_op_of_the_forward_pass_is_named(case):
    op, f = FORWARD[case]
    x = leaf([1.0, 2.0], name="x")
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        f(x)
    text = str(caught.value)
    line = inspect.getsourcelines(f)[1]
    assert text.startswith(f"{op} gave ")
    assert f"test_autograd_anomaly.py:{line}, in <lambda>" in text
    assert "in the forward pass" in text
    assert re.search(rf"after +{op}( <-|$)", text, re.M)


@pytest.mark.parametrize(
    ("case", "create_graph"),
    [
        *((case, False) for case in BACKWARD),
        *((case, True) for case, (op, _) in BACKWARD.items() if op != "rotten"),
    ],
)
def test_the_first_bad_rule_of_the_backward_pass_is_named(case, create_graph):
    op, f = BACKWARD[case]
    x = leaf([1.0, 2.0], name="x")
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        f(x).backward(create_graph=create_graph)
    text = str(caught.value)
    line = inspect.getsourcelines(f)[1]
    assert text.startswith(f"the gradient of {op} ")
    assert f"test_autograd_anomaly.py:{line}, in <lambda>" in text
    assert ("branch that `where` did not take" in text) == ("branch" in case)


def test_an_infinity_that_was_put_in_is_not_blamed_on_an_op():
    with detect_anomaly():
        assert np.isinf((leaf([np.inf, 1.0]) * 2).data[0])


def test_operand_ranges_and_the_way_to_the_leaf_are_shown():
    x = leaf([[0.0, 2.0], [4.0, 0.0]], name="rates")
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        ag.log(ag.relu(x) * 3)
    text = str(caught.value)
    assert "2 infinite values of 4" in text
    assert "shape (2, 2), from 0 to 12, 2 of them 0" in text
    assert "log <- mul <- relu <- leaf rates" in text


def test_the_rewrite_that_is_recommended_is_finite():
    x = leaf([0.0, 4.0])
    with detect_anomaly():
        c = x > 0
        ag.where(c, ag.sqrt(ag.where(c, x, 1)), 0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


# A function, the point where its slope has a pole, one where it has none, and the forward value.
POLES = [
    (ag.sqrt, 0.0, 4.0),
    (ag.arcsin, 1.0, 0.3),
    (ag.arccos, -1.0, 0.3),
    (ag.arccosh, 1.0, 3.0),
    (ag.cbrt, 0.0, 8.0),
    (lambda x: x**0.5, 0.0, 4.0),
    (ag.log, 0.0, 4.0),
    (ag.log1p, -1.0, 4.0),
    (ag.rsqrt, 0.0, 4.0),
    (ag.reciprocal, 0.0, 4.0),
    (ag.arctanh, 1.0, 0.3),
    (ag.logit, 1.0, 0.3),
    (lambda x: 3 / x, 0.0, 4.0),
    (lambda x: (-1 * x) ** 0.5, 1.0, -4.0),
]


@pytest.mark.parametrize(("f", "pole", "fine"), POLES)
def test_the_rewrite_that_the_message_gives_is_executed_and_finite(f, pole, fine):
    x = leaf([pole, fine])
    c = Tensor([False, True])
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        ag.where(c, f(x), 7.0).sum().backward()
    rewrite = re.search(r"try (where\(.*\)), or safe_where", str(caught.value)).group(1)
    op = str(caught.value).split(" gave")[0].split(" with")[0].split()[-1]
    inner = -1 * x if op == "pow" and fine < 0 else x
    given = {"c": c, "other": 7.0, "x": inner, "y": 0.5}
    if op == "div":
        given |= {"x": Tensor(3.0), "y": x}
    with detect_anomaly():
        out = eval(rewrite, {**vars(ag), **given})
        out.sum().backward()
    y = leaf([fine])
    f(y).sum().backward()
    assert out.tolist() == [7.0, f(y).item()]
    assert x.grad.tolist() == [0.0, y.grad.item()]


def test_what_is_noted_keeps_no_graph():
    with detect_anomaly():
        x = leaf([1.0, 2.0])
        y = ag.exp(x)
        loss = (y * y).sum()
        loss.backward()
        freed = weakref.ref(y)
        del y, loss
        gc.collect()
        assert freed() is None


def test_messages_name_the_line_while_it_watches():
    x = leaf([1.0, 2.0], name="x")
    with detect_anomaly():
        with scope("model"):
            y = ag.exp(x)  # the line in question
        y.sum().backward(retain_graph=False)
        line = inspect.currentframe().f_lineno - 2
        with pytest.raises(RuntimeError, match="was freed") as caught:
            y.sum().backward()
    made = f"made by exp, shape (2,), in model, at test_autograd_anomaly.py:{line}, in test_"
    assert made in str(caught.value)
    assert "`y = ag.exp(x)  # the line in question`" in str(caught.value)
    with pytest.raises(RuntimeError, match=r"made by exp, .*, in model\) was freed.*loop"):
        y.sum().backward()


def test_a_file_of_the_user_is_not_taken_for_the_package_beside_it():
    beside = str(Path(ag.__file__).parent) + "_of_mine.py"
    code = compile("\n\ny = log(x)", beside, "exec")
    where = r"at +autograd_of_mine\.py:3, in <module>"
    with pytest.raises(AnomalyError, match=where), detect_anomaly():
        exec(code, {"log": ag.log, "x": leaf(0.0)})


@pytest.mark.parametrize("case", [c for c in CASES if c.op.shared], ids=lambda c: c.name)
def test_a_nan_that_a_fused_op_gets_is_not_news(case):
    inputs = [leaf(x) if x.dtype.kind == "f" else x for x in case.inputs()]
    with detect_anomaly():
        out = case.op(*inputs, **case.params)
        out.backward(np.full(out.shape, np.nan))


def test_a_cell_of_a_notebook_is_named_as_in_its_traceback():
    pytest.importorskip("IPython")
    script = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(history_load_length=0)
shell.run_cell("import autograd as ag", store_history=True)
shell.run_cell("def f(x):\\n    return ag.log(x)", store_history=True)
shell.run_cell("with ag.detect_anomaly():\\n    f(ag.Tensor([0.0]))", store_history=True)
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "at     In[2]:2, in f: `return ag.log(x)`" in out.stdout


def test_each_thread_watches_for_itself():
    barrier = threading.Barrier(2)
    seen = {}

    def work(name, watched):
        x = leaf([0.0, 1.0])
        with detect_anomaly() if watched else np.errstate(divide="ignore"):
            barrier.wait()
            try:
                ag.log(x)
                seen[name] = "passed"
            except AnomalyError as error:
                seen[name] = str(error).split(",")[0]
            barrier.wait()

    threads = [threading.Thread(target=work, args=(n, n == "watched")) for n in ("watched", "free")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert seen == {"watched": "log gave 1 infinite value of 2", "free": "passed"}


def test_healthy_programs_pass_and_the_mode_ends_with_the_block():
    x = leaf([1.0, 2.0])
    with detect_anomaly():
        ag.cross_entropy(ag.linear([[1.0, 2.0]], leaf(np.ones((3, 2)))), [1]).backward()
        with no_grad():
            assert not (x * 2).requires_grad
    with np.errstate(divide="ignore"):
        ag.log(x - x)
    with pytest.raises(AnomalyError), detect_anomaly(), no_grad():
        ag.log(x - x)


def test_it_decorates_a_generator():
    @detect_anomaly()
    def logs():
        for value in (1.0, -1.0):
            yield ag.log(Tensor(value, requires_grad=True))

    run = logs()
    assert next(run).item() == 0
    with np.errstate(all="ignore"):
        assert np.isnan(ag.log(Tensor(-1.0)).item())  # not watched in between
    with np.errstate(all="ignore"), pytest.raises(AnomalyError, match="log gave 1 NaN"):
        next(run)
