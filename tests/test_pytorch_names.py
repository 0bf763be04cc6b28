"""PyTorch's names that are others here: the error says how they are written."""

import copy
import inspect
import re
from importlib import import_module
from inspect import getattr_static
from operator import attrgetter
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.optimize

import autograd as ag
import nn
from autograd import Tensor
from autograd.methods import Methods
from autograd.pytorch_names import INSTEAD, OF_TENSOR, Elsewhere
from nn import functional as F
from nn.pytorch_names import INSTEAD as OF_NN

CASES = [
    (place, name, says)
    for place, table in [(ag, INSTEAD), *((import_module(m), t) for m, t in OF_NN.items())]
    for name, says in table.items()
]
ABSENT = [case for case in CASES if not hasattr(case[0], case[1])]


@pytest.mark.parametrize(("place", "name", "says"), ABSENT)
def test_a_name_of_pytorchs_is_answered_with_ours(place, name, says):
    message = f"has no attribute '{name}'; {re.escape(says)}"
    with pytest.raises(AttributeError, match=message):
        getattr(place, name)


def test_no_name_is_answered_that_is_everywhere():
    assert {name for _, name, _ in ABSENT} == {name for _, name, _ in CASES}


@pytest.mark.parametrize(
    ("place", "ours"),
    [
        (place, re.findall(r"[\w.]+", says)[2])
        for place, _, says in [*ABSENT, *((Tensor, *item) for item in OF_TENSOR.items())]
        if says.startswith("it is ")
    ],
)
def test_what_it_is_here_is_here(place, ours):
    home = SimpleNamespace(autograd=ag, nn=nn)
    assert any(is_there(where, ours) for where in (place, home, ag, nn, Tensor([1.0])))


def test_no_name_stands_in_the_way_of_a_method():
    methods = inspect.getsource(Methods)
    assert [
        name for name in OF_TENSOR if re.search(rf"^    (def )?{name}( =|\()", methods, re.M)
    ] == []


def is_there(place, path):
    try:
        attrgetter(path)(place)
    except AttributeError:
        return False
    return True


def test_what_is_missing_everywhere_is_no_more_than_missing():
    for place in {place for place, _, _ in CASES}:
        with pytest.raises(AttributeError, match=r"has no attribute 'colour'$") as caught:
            place.colour  # noqa: B018
        assert caught.value.name == "colour"
        assert caught.value.obj is place


OF_CLASSES = [
    (owner, name)
    for owner in (Tensor, nn.Module, nn.Embedding, nn.optim.Optimizer)
    for base in owner.__mro__
    for name, value in vars(base).items()
    if isinstance(value, Elsewhere)
]


@pytest.mark.parametrize(("owner", "name"), OF_CLASSES)
def test_what_pytorchs_class_has_is_answered_but_not_there(owner, name):
    says = re.escape(getattr_static(owner, name).instead)
    kind = owner.__name__
    for where, what in (
        (object.__new__(owner), f"'{kind}' object"),
        (owner, f"type object '{kind}'"),
    ):
        with pytest.raises(AttributeError, match=f"{what} has no attribute '{name}'; {says}$"):
            getattr(where, name)
        assert not hasattr(where, name)
    assert name not in dir(object.__new__(owner))


def test_a_subclass_may_have_what_the_module_lacks():
    class Placed(nn.Linear):
        def cuda(self):
            return "here"

    layer = Placed(2, 2)
    layer.get_buffer = len
    assert layer.cuda() == "here"
    assert layer.get_buffer is len
    assert list(layer.state_dict()) == ["weight", "bias"]


SIGNAL, IMAGE = (
    np.random.default_rng(0).normal(size=shape).astype("float32")
    for shape in [(2, 4, 6), (2, 4, 6, 6)]
)
BILINEAR = IMAGE[:, 0], SIGNAL[:, 0, 0]
MEANT = {
    **{"autograd": ag, "F": F, "np": np, "size": 3, "margin": 1.0},
    **{"n": 2, "c": 1, "r": 2, "h": 6, "w": 6, "k": 3, "stride": 2},
    "d": lambda x, y: ag.vector_norm(x - y, axis=-1),
}


@pytest.mark.parametrize(
    ("name", "array", "theirs"),
    [
        ("AdaptiveAvgPool1d", SIGNAL, lambda f, x: f.adaptive_avg_pool1d(x, 3)),
        ("AdaptiveMaxPool2d", IMAGE, lambda f, x: f.adaptive_max_pool2d(x, 1)),
        ("AvgPool1d", SIGNAL, lambda f, x: f.avg_pool1d(x, 3)),
        ("MaxPool1d", SIGNAL, lambda f, x: f.max_pool1d(x, 3)),
        ("PairwiseDistance", SIGNAL, lambda f, x: f.pairwise_distance(x, x - 1, eps=0)),
        ("PixelShuffle", IMAGE, lambda f, x: f.pixel_shuffle(x, 2)),
        ("ReflectionPad2d", IMAGE, lambda f, x: f.pad(x, (1, 1, 1, 1), mode="reflect")),
        ("ReplicationPad2d", IMAGE, lambda f, x: f.pad(x, (1, 1, 1, 1), mode="replicate")),
        ("TripletMarginLoss", SIGNAL, lambda f, x: f.triplet_margin_loss(x, x - 1, x + 1, eps=0)),
        ("Upsample", IMAGE, lambda f, x: f.interpolate(x, scale_factor=2)),
        ("ZeroPad2d", IMAGE, lambda f, x: f.pad(x, (1, 1, 1, 1))),
        ("Bilinear", SIGNAL[0], lambda f, x: f.bilinear(x, x - 1, *map(x.new_tensor, BILINEAR))),
        ("GaussianNLLLoss", SIGNAL, lambda f, x: f.gaussian_nll_loss(x, x - 1, x**2 + 1)),
        ("MarginRankingLoss", SIGNAL, lambda f, x: f.margin_ranking_loss(x, -x, x - 1, margin=1)),
        ("PoissonNLLLoss", SIGNAL, lambda f, x: f.poisson_nll_loss(x, x - 1)),
        ("Unfold", IMAGE[:, :1], lambda f, x: f.unfold(x, 3, stride=2)),
        ("functional.softmin", SIGNAL, lambda f, x: f.softmin(x, -1)),
        ("functional.normalize", SIGNAL, lambda f, x: f.normalize(x)),
        ("functional.normalize", 0 * SIGNAL, lambda f, x: f.normalize(x)),
    ],
)
def test_what_is_written_here_gives_what_pytorch_does(name, array, theirs):
    torch = pytest.importorskip("torch")
    *path, name = name.split(".")
    says = OF_NN[".".join(["nn", *path])][name]
    x = Tensor(array)
    given = {"x": x, "y": x - 1, "x1": x, "x2": -x, "var": x**2 + 1}
    given |= dict(zip(("weight", "bias"), BILINEAR, strict=True))
    if "margin" in says:
        given |= {"a": x, "p": x - 1, "n": x + 1}
    out = eval(re.split("write |, for |, d a ", says)[1], MEANT | given)
    expected = theirs(torch.nn.functional, torch.tensor(array)).numpy()
    np.testing.assert_allclose(np.asarray(out), expected, rtol=1e-5, atol=1e-6)


def test_what_is_written_for_gumbel_softmax_draws_each_class_as_often_as_softmax_says():
    x = Tensor(np.tile(np.float32([0.0, 1.0, 2.0]), (20_000, 1)))
    says = OF_NN["nn.functional"]["gumbel_softmax"].removeprefix("write ")
    out = eval(says, MEANT | {"x": x, "tau": 0.5, "rng": np.random.default_rng(0)})
    assert out.dtype == np.float32
    often = np.bincount(out.numpy().argmax(axis=1)) / len(x)
    np.testing.assert_allclose(often, F.softmax(x[0]).numpy(), atol=0.02)


def test_what_is_written_for_vectors_that_are_given_makes_a_frozen_embedding():
    says = getattr_static(nn.Embedding, "from_pretrained").instead.removeprefix("write ")
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    made = {"Embedding": nn.Embedding, "vectors": vectors}
    exec(says, made)
    np.testing.assert_array_equal(made["layer"](np.array([2, 0])).numpy(), vectors[[2, 0]])
    assert not made["layer"].weight.requires_grad


@pytest.mark.parametrize(
    "name", [n for n, says in OF_TENSOR.items() if re.search(r"= x\.\w+\(\)", says)]
)
def test_what_is_written_for_a_change_in_place_gives_what_pytorch_does(name):
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).uniform(0.1, 1.9, size=(3, 3))
    x = Tensor(values)
    exec(OF_TENSOR[name].removeprefix("write "), {"x": x})
    np.testing.assert_allclose(x.numpy(), getattr(torch.tensor(values), name)().numpy(), rtol=1e-6)


def test_what_is_written_for_what_comes_back_as_another_tensor_is_a_method():
    names = re.findall(r"write x = x\.(\w+)", " ".join(OF_TENSOR.values()))
    assert "scatter" in names
    assert [name for name in names if not hasattr(Tensor, name)] == []


@pytest.mark.parametrize(
    ("name", "args"),
    [("squeeze_", (0,)), ("swapaxes_", (0, 2)), ("transpose_", (1, 2)), ("unsqueeze_", (1,))],
)
def test_what_is_written_for_a_change_of_shape_in_place_has_pytorchs_shape(name, args):
    torch = pytest.importorskip("torch")
    made = {"x": Tensor(np.ones((1, 2, 3))), "args": args}
    exec(OF_TENSOR[name].removeprefix("write ").replace("...", "*args"), made)
    assert made["x"].shape == getattr(torch.ones(1, 2, 3), name)(*args).shape


def test_what_is_written_for_averages_of_weights_averages_them():
    says = OF_NN["nn.optim"]["swa_utils"].split(" by ")[1]
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.BatchNorm1d(2))
    averaged = copy.deepcopy(model)
    weights = []
    for n in range(3):
        model[0].weight.data += n
        weights.append(model[0].weight.numpy().copy())
        for p, q in zip(model.parameters(), averaged.parameters(), strict=True):
            exec(says, {"p": p, "q": q, "n": n})
    np.testing.assert_allclose(averaged[0].weight.numpy(), np.mean(weights, axis=0), rtol=1e-6)


def test_what_is_written_for_lbfgs_finds_the_minimum():
    def f(x):
        value, slope = ag.value_and_grad(lambda x: ((x - 3) ** 2).sum() + (x**4).mean())(x)
        return value.item(), slope.numpy()

    says = OF_NN["nn.optim"]["LBFGS"]
    call = re.search(r"write (.*), f of", says)[1]
    found = eval(call, {"scipy": scipy, "f": f, "x": [0.0, 1.0]})
    np.testing.assert_allclose(f(found.x)[1], 0, atol=1e-4)
