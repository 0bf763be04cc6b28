"""ModuleList, Sequential and ModuleDict."""

import numpy as np
import pytest

import nn as ours
from autograd import Tensor, enable_grad, no_grad, relu
from nn import Linear, Module, ModuleList, ReLU, Sequential


def test_sequential_runs_its_modules_in_order():
    first, last = Linear(3, 4, rng=0), Linear(4, 2, rng=1)
    x = Tensor(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    expected = last(relu(first(x)))
    np.testing.assert_array_equal(Sequential(first, ReLU(), last)(x).numpy(), expected.numpy())


def test_an_empty_sequential_returns_its_input():
    x = Tensor([1.0])
    assert Sequential()(x) is x


def test_containers_are_sequences():
    modules = [Linear(2, 2) for _ in range(3)]
    for made in (Sequential(*modules), ModuleList(modules)):
        assert len(made) == 3 and list(made) == modules
        assert made[0] is modules[0] and made[-1] is modules[2]
        assert type(made[1:]) is type(made) and list(made[1:]) == modules[1:]
        with pytest.raises(IndexError):
            made[3]


def test_appended_modules_are_registered():
    net = ModuleList()
    assert net.append(Linear(2, 2)) is net
    net.append(Linear(2, 1, bias=False))
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight"]


def test_a_layer_can_be_replaced():
    net = Sequential(Linear(2, 3), ReLU(), Linear(3, 4))
    net[-1] = head = Linear(3, 7)
    assert list(net)[2] is net[2] is head and net(Tensor([1.0, 2.0])).shape == (7,)
    with pytest.raises(IndexError):
        net[3] = head
    with pytest.raises(TypeError, match=r"Sequential: item 1 is an Op, .*nn\.ReLU\(\)"):
        net[1] = relu
    assert isinstance(net[1], ReLU)


def names(net):
    return [(name, type(module).__name__) for name, module in net.named_children()]


def test_after_a_module_was_taken_out_by_name_the_others_keep_their_places():
    net = Sequential(Linear(3, 4), ReLU(), Linear(4, 2))
    delattr(net, "1")
    net[1] = Linear(4, 5)
    assert names(net) == [("0", "Linear"), ("2", "Linear")] and net[1].out_features == 5
    net.append(ReLU())
    assert names(net) == [("0", "Linear"), ("2", "Linear"), ("3", "ReLU")]


def test_modules_are_inserted_taken_out_and_added_as_in_pytorch():
    torch = pytest.importorskip("torch")

    def changed(nn, net):
        net.insert(1, nn.Tanh())
        net.insert(0, nn.ReLU())
        del net[-1]
        assert net.extend([nn.GELU(), nn.Linear(4, 1)]) is net
        del net[2:4]
        return [(name, type(module).__name__) for name, module in net.named_children()]

    for kind in ("Sequential", "ModuleList"):
        found = []
        for nn in (ours, torch.nn):
            layers = [nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)]
            made = getattr(nn, kind)
            found.append(changed(nn, made(*layers) if kind == "Sequential" else made(layers)))
        assert found[0] == found[1] == [(str(i), name) for i, (_, name) in enumerate(found[0])]


def test_a_failed_insertion_changes_nothing():
    net = Sequential(Linear(3, 4), ReLU())
    with pytest.raises(TypeError, match="Sequential: item 1 is an Op"):
        net.insert(1, relu)
    with pytest.raises(IndexError):
        del net[2]
    assert names(net) == [("0", "Linear"), ("1", "ReLU")]
    net.extend(net)
    assert len(net) == 4


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match=r"Sequential: item 1 is an Op, .*nn\.ReLU\(\)"):
        Sequential(Linear(2, 2), relu)
    with pytest.raises(TypeError, match=r"Sequential: item 0 is a list, .*unpack it: \*layers"):
        Sequential([Linear(2, 2), ReLU()])
    with pytest.raises(TypeError, match=r"item 0 is a dict, .*names are not taken; .*\*d\.values"):
        Sequential({"first": Linear(2, 2)})
    with pytest.raises(TypeError, match=r"item 1 is the class ReLU, .*parentheses: ReLU\(\)"):
        Sequential(Linear(2, 2), ReLU)


@pytest.mark.parametrize(
    "layer",
    [
        ours.Dropout(0.1),
        ours.Embedding(4, 4),
        ours.GRU(4, 4),
        ours.Linear(4, 4),
        ours.PReLU(),
    ],
    ids=lambda layer: type(layer).__name__,
)
@pytest.mark.parametrize("mode", [enable_grad, no_grad])
def test_after_a_recurrent_layer_the_message_says_to_take_its_output(layer, mode):
    net = Sequential(ours.GRU(4, 4), layer)
    with (
        mode(),
        pytest.raises(TypeError, match=r"(?i)put is a tuple.* \(output, \.\.\.\).*out\[0\]"),
    ):
        net(Tensor(np.ones((2, 3, 4), np.float32)))


def test_a_name_misspelt_on_a_list_of_tensors_is_said_to_be_just_that():
    class Joined(Module):
        def forward(self, xs):
            return xs.pops()

    with pytest.raises(AttributeError, match="'list' object has no attribute 'pops'"):
        Joined()([Tensor(1.0)])


def test_an_attribute_that_another_object_lacks_is_reported_as_it_is():
    class Broken(Module):
        def forward(self, pair):
            return pair[0].nothing

    with pytest.raises(AttributeError, match="nothing"):
        Broken()((Tensor(1.0), Tensor(2.0)))


def test_a_list_has_no_forward_of_its_own():
    class Net(Module):
        def __init__(self):
            self.layers = ModuleList([Linear(2, 2)])

    net = Net()
    assert [name for name, _ in net.named_parameters()] == ["layers.0.weight", "layers.0.bias"]
    with pytest.raises(NotImplementedError, match="ModuleList: forward is missing"):
        net.layers(1)


# ModuleDict


def test_a_module_dict_registers_under_its_names_as_pytorchs_does():
    torch = pytest.importorskip("torch")
    made = ours.ModuleDict({"b": Linear(2, 3), "a": ModuleList([Linear(3, 1)])})
    theirs = torch.nn.ModuleDict(
        {"b": torch.nn.Linear(2, 3), "a": torch.nn.ModuleList([torch.nn.Linear(3, 1)])}
    )
    assert list(made.state_dict()) == list(theirs.state_dict())
    for net in (made, theirs):
        assert list(net) == list(net.keys()) == ["b", "a"]
        assert [module is net[name] for name, module in net.items()] == [True, True]
        assert list(net.values()) == list(net.children()) and net["b"] is net.b
        assert len(net) == 2 and "b" in net and "training" not in net and "c" not in net
        net["b"] = net["a"]
        net["c"] = net["a"][0]
        del net["a"]
        assert [name for name, _ in net.named_children()] == ["b", "c"]
        for missing in (lambda net=net: net["a"], lambda net=net: net.__delitem__("a")):
            with pytest.raises(KeyError, match="a"):
                missing()
    assert not ours.ModuleDict()


def test_a_module_dict_is_filled_and_emptied_as_pytorchs_is():
    torch = pytest.importorskip("torch")
    for nn in (ours, torch.nn):
        first, last = nn.ReLU(), nn.Tanh()
        net = nn.ModuleDict([("a", first), ("b", last)])
        assert list(net.items()) == [("a", first), ("b", last)]
        assert net.pop("a") is first and list(net) == ["b"]
        with pytest.raises(KeyError, match="a"):
            net.pop("a")
        net.update({"b": first, "c": last})
        net.update(nn.ModuleDict({"d": first}))
        net.update([("e", last)])
        assert list(net.items()) == [("b", first), ("c", last), ("d", first), ("e", last)]
        net.clear()
        assert len(net) == 0 and not list(net.children())


@pytest.mark.parametrize("modules", [[Linear(2, 2)], ModuleList([ReLU()]), ReLU(), 3, ["abc"]])
def test_a_module_dict_asks_for_names(modules):
    kind = type(modules).__name__
    with pytest.raises(TypeError, match=f"ModuleDict: a {kind} without names; pass a dict, or"):
        ours.ModuleDict(modules)


@pytest.mark.parametrize(
    ("name", "module", "error", "message"),
    [
        ("keys", ReLU(), ValueError, "the name 'keys' is taken"),
        ("training", ReLU(), ValueError, "the name 'training' is taken"),
        ("pop", ReLU(), ValueError, "the name 'pop' is taken"),
        ("", ReLU(), ValueError, "the name '' is empty; choose another"),
        ("a.b", ReLU(), ValueError, r"the name 'a\.b' has a dot"),
        (0, ReLU(), TypeError, "the name 0 is no str"),
        ("a", ReLU, TypeError, r"item 'a' is the class ReLU, .*: ReLU\(\)"),
        ("a", relu, TypeError, "item 'a' is an Op, not a Module"),
    ],
)
def test_a_module_dict_refuses_what_is_no_name_or_no_module(name, module, error, message):
    with pytest.raises(error, match=f"ModuleDict: {message}"):
        ours.ModuleDict({name: module})
