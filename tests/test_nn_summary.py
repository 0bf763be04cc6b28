"""summary: shapes, parameters and FLOPs add up, and the model stays as it was."""

from xml.etree import ElementTree

import numpy as np
import pytest

from autograd import Tensor, cost
from nn import LSTM, MLP, LayerNorm, Linear, Module, MultiheadAttention, Parameter, ReLU, summary

X = np.zeros((5, 4), np.float32)


class Block(Module):
    """A norm used twice, a layer that is not used, an op of its own, a weight that stands still."""

    def __init__(self):
        self.norm = LayerNorm(4)
        self.inner = MLP([4, 6, 4], rng=0)
        self.spare = Linear(2, 2, rng=0)
        self.scale = Parameter([1.0, 2.0, 3.0, 4.0], dtype=np.float32)
        self.shift = Parameter([[1.0]], dtype=np.float32, requires_grad=False)

    def forward(self, x):
        return self.norm(x + self.inner(self.norm(x)) * self.scale)


def test_it_is_shown_as_its_table():
    s = summary(MLP([4, 2], rng=0), X)
    assert repr(s) == str(s) and repr(s).startswith("layer ")


def test_each_row_is_a_module_with_its_own_numbers():
    s = summary(Block(), X)
    rows = {layer.path: layer for layer in s.layers}
    assert list(rows) == ["", "norm", "inner", "inner.0", "inner.1", "inner.2", "spare"]
    assert [layer.parameters for layer in s.layers] == [5, 8, 0, 30, 0, 28, 6]
    assert [layer.calls for layer in s.layers] == [1, 2, 1, 1, 1, 1, 0]
    assert rows[""].output == rows["inner.2"].output == "(5, 4)"
    assert rows["inner.0"].output == "(5, 6)"
    assert rows[""].flops == 2 * 5 * 4  # the product and the sum
    assert rows["inner"].flops == rows["spare"].flops == 0
    assert rows["inner.0"].flops == 5 * 6 * 2 * 4


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (Block(), [X]),
        (MLP([4, 3, 2], rng=0), [X]),
        (LSTM(4, 3, num_layers=2, rng=0), [np.zeros((7, 2, 4), np.float32)]),
        (MultiheadAttention(4, 2, rng=0), [np.zeros((2, 7, 4), np.float32)] * 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_columns_add_up(model, inputs):
    s = summary(model, *inputs)
    assert s.parameters == sum(p.size for p in model.parameters())
    assert s.parameters == sum(layer.parameters for layer in s.layers)
    assert s.bytes == 4 * s.parameters

    def total(*tensors):
        out = model(*tensors)
        return out if isinstance(out, Tensor) else out[0]

    assert s.flops == cost(total, *inputs).forward.total > 0


def test_frozen_and_shared_parameters_count_right():
    model = Block()
    assert summary(model, X).trainable == summary(model, X).parameters - 1
    model.spare.weight = model.inner[0].weight
    s = summary(model, X)
    assert s.parameters == sum(layer.parameters for layer in s.layers) == 77 - 4


def test_several_outputs_are_shown_with_their_structure():
    s = summary(LSTM(4, 3, rng=0), np.zeros((7, 2, 4), np.float32))
    assert s.layers[0].output == "[(7, 2, 3), [(1, 2, 3), (1, 2, 3)]]"


def test_the_text_and_the_html_hold_the_same_table():
    class Odd(ReLU):
        pass

    Odd.__name__ = "<Odd> & more"
    model = Block()
    model.odd = Odd()
    s = summary(model, X)
    text = str(s).splitlines()
    assert text[0].split() == ["layer", "output", "parameters", "FLOPs"]
    assert "  norm: LayerNorm (x2)" in text[2] and "not called" in text[7]
    page = ElementTree.fromstring(f"<div>{s._repr_html_()}</div>")
    cells = [[cell.text or "" for cell in row] for row in page.iter("tr")]
    assert [tuple(row) for row in cells] == s.rows()
    assert "70 parameters are trained" not in text[-1]
    assert page.find("p").text == text[-1] == "76 parameters are trained; all take 308 bytes"


def test_the_model_stays_as_it_was():
    model = Block()
    model.train().inner.eval()
    before, modes = model.state_dict(), [m.training for m in model.modules()]
    keys = [list(vars(m)) for m in model.modules()]
    seen = []

    def forward(x):
        seen.append(x.requires_grad)
        return Block.forward(model, x)

    model.forward = forward
    summary(model, X)
    assert model.forward is forward and seen == [False]
    del vars(model)["forward"]
    with pytest.raises(ValueError, match="layer_norm"):
        summary(model, X[:, :3])
    assert [list(vars(m)) for m in model.modules()] == keys
    assert [m.training for m in model.modules()] == modes
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    assert model(Tensor(X)).requires_grad


@pytest.mark.parametrize(
    "given", [np.ones((2, 4), np.float32), Tensor(np.ones((2, 4), np.float32))]
)
def test_a_model_that_changes_its_input_changes_a_copy(given):
    class Centred(Module):
        def forward(self, x):
            x -= x.mean()
            return x

    summary(Centred(), given)
    assert np.asarray(given).all()
