"""Module and Parameter: registration by assignment, the walks, settings, state."""

import copy
import threading

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor
from nn import Linear, Module, ModuleList, Parameter, Sequential, functional_call


class Affine(Module):
    """A weight, a bias that may be missing, and a count that is saved."""

    def __init__(self, bias=True):
        self.weight = Parameter([[1.0, 2.0]])
        self.bias = Parameter([0.5]) if bias else None
        self.register_buffer("count", np.float32(0))

    def forward(self, x):
        return autograd.linear(x, self.weight, self.bias)


class Net(Module):
    def __init__(self):
        self.first = Affine()
        self.scale = Parameter(np.float32(3.0))
        self.last = Affine(bias=False)

    def forward(self, x):
        return self.last(self.first(x).expand((len(x), 2))) * self.scale


# Parameter


def test_a_parameter_requires_grad_and_its_results_are_plain_tensors():
    w = Parameter([1.0, 2.0])
    assert w.requires_grad and w.is_leaf
    assert type(w + 1) is Tensor
    assert not Parameter([1.0], requires_grad=False).requires_grad


def test_a_parameter_copies_its_data():
    data = np.ones(2)
    w = Parameter(data)
    data[0] = 5
    assert w.tolist() == [1, 1]


def test_a_parameter_without_axes_can_be_written_into():
    w = Parameter(2.0)
    w.data -= np.float64(0.5)
    w.data[...] += 1
    assert w.item() == 2.5
    (w * w).backward()
    assert w.grad.shape == () and w.grad.item() == 5.0


def test_integers_make_no_parameter():
    with pytest.raises(TypeError, match="int64 has no gradient"):
        Parameter([1, 2])


# Registration


def test_parameters_are_named_by_their_path_in_order_of_assignment():
    net = Net()
    names = ["scale", "first.weight", "first.bias", "last.weight"]
    assert [name for name, _ in net.named_parameters()] == names
    assert [p.name for p in net.parameters()] == ["scale", "weight", "bias", "weight"]
    assert [name for name, _ in net.named_buffers()] == ["first.count", "last.count"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "last"]
    assert [name for name, _ in net.named_children()] == ["first", "last"]
    assert list(net.modules()) == [net, *net.children()]
    assert len(list(net.buffers())) == 2


def test_modules_and_parameters_are_found_by_their_paths():
    net = Net()
    assert net.get_submodule("first") is net.first and net.get_submodule("") is net
    assert net.get_parameter("first.bias") is net.first.bias
    with pytest.raises(AttributeError, match=r"Net\.get_submodule: .* 'third'; .* 'first', 'last'"):
        net.get_submodule("third")
    with pytest.raises(AttributeError, match=r"get_parameter: .* 'first\.count'; .* 'first\.bias'"):
        net.get_parameter("first.count")


def test_a_subclass_may_call_super_init_or_not():
    class With(Module):
        def __init__(self):
            super().__init__()
            self.w = Parameter([1.0])

    assert list(With().state_dict()) == ["w"]


def test_a_shared_parameter_is_yielded_once_and_saved_under_each_of_its_names():
    net = Net()
    net.last.weight = net.first.weight
    names = [name for name, _ in net.named_parameters()]
    assert names == ["scale", "first.weight", "first.bias"]
    assert {"first.weight", "last.weight"} <= net.state_dict().keys()


def test_without_recursion_only_what_is_a_modules_own_is_yielded():
    net = Net()
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert list(net.parameters(recurse=False)) == [net.scale]
    assert not list(net.named_buffers(recurse=False))
    assert [name for name, _ in net.first.named_buffers(recurse=False)] == ["count"]
    assert list(net.first.buffers(recurse=False)) == [net.first.count]
    assert list(net.parameters(False)) == [net.scale]  # by position, as in PyTorch
    assert list(net.first.buffers(False)) == [net.first.count] and not list(net.buffers(False))
    net.first.again = net.first.weight  # a shared one once
    assert list(net.first.parameters(recurse=False)) == [net.first.weight, net.first.bias]


def test_a_shared_module_is_yielded_once():
    shared = Linear(2, 2)
    net = Sequential(shared, shared)
    assert len(list(net.modules())) == 2
    assert len(list(net.parameters())) == 2
    assert len(net.state_dict()) == 4


@pytest.mark.parametrize(
    "container",
    [
        list,
        tuple,
        lambda items: {"a": items[0]},
        lambda items: [[1, 2], items],
        lambda items: {"a": ([], {"b": items})},
    ],
)
@pytest.mark.parametrize("item", [Affine, lambda: Parameter([1.0])])
def test_what_hides_in_a_container_is_refused(container, item):
    net = Net()
    with pytest.raises(TypeError, match=r"Net\.hidden: .* not registered.*nn\.ModuleList"):
        net.hidden = container([item()])
    net.sizes = [1, 2]  # other lists are nobody's business
    assert net.sizes == [1, 2]


def test_what_was_hidden_in_a_list_later_is_refused_by_parameters():
    net = Net()
    net.later = []
    list(net.parameters())
    net.later.append(Affine())
    for walk in (net.parameters, net.state_dict, lambda: net.to(np.float16)):
        with pytest.raises(TypeError, match=r"Net\.later: an? Affine inside a list is not regis"):
            list(walk())


def test_a_module_cannot_be_part_of_itself():
    net, part = Net(), Affine()
    net.part = part
    for whole in (net, part):
        with pytest.raises(ValueError, match=rf"Affine\.whole: the {type(whole).__name__} contai"):
            part.whole = whole
    assert len(list(net.modules())) == len(set(net.modules()))


@pytest.mark.parametrize("name", ["weight", "forward", "part.mean"])
def test_a_buffer_takes_no_name_that_is_taken_or_has_a_dot(name):
    net = Affine()
    before = net.state_dict()
    with pytest.raises(ValueError, match=rf"Affine\.register_buffer: the name '{name}' (is|has)"):
        net.register_buffer(name, 1.0)
    assert net.state_dict().keys() == before.keys()
    net.mean = None  # to be found out later
    net.register_buffer("mean", 1.0)
    net.register_buffer("mean", 2.0)
    assert net.state_dict()["mean"] == 2


@pytest.mark.parametrize("values", [np.zeros((1, 2)), [[0.0, 0.0]]])
def test_a_parameter_is_not_replaced_by_what_would_not_be_trained(values):
    net = Affine()
    kind = type(values).__name__
    with pytest.raises(TypeError, match=rf"Affine\.weight: .* cannot become a {kind}"):
        net.weight = values
    net.weight = Parameter(np.zeros((1, 2)))
    net.bias = None
    assert [name for name, _ in net.named_parameters()] == ["weight"]


def test_a_module_is_not_frozen_by_an_attribute_that_means_nothing():
    net = Net()
    with pytest.raises(
        AttributeError, match=r"Net\.requires_grad: .* call requires_grad_\(False\)"
    ):
        net.requires_grad = False
    assert all(p.requires_grad for p in net.parameters())

    class Frozen(Affine):
        def __init__(self, requires_grad):
            self.requires_grad = requires_grad  # a setting of its own
            super().__init__()
            self.requires_grad_(requires_grad)

    assert not any(p.requires_grad for p in Frozen(False).parameters())


def test_a_buffer_that_is_not_persistent_is_not_saved():
    net = Net()
    keys = list(net.state_dict())
    net.first.register_buffer("mask", np.ones(2), persistent=False)
    assert list(net.state_dict()) == keys
    assert net.load_state_dict(Net().state_dict()) == ([], [])
    with pytest.raises(ValueError, match=r"unexpected: first\.mask"):
        net.load_state_dict({**net.state_dict(), "first.mask": np.ones(2)})
    assert "first.mask" in dict(net.named_buffers())
    assert net.to(np.float32).first.mask.dtype == np.float32
    assert copy.deepcopy(net).state_dict().keys() == net.state_dict().keys()
    net.first.register_buffer("mask", np.ones(2))
    assert "first.mask" in net.state_dict()
    net.last.register_buffer("mask", np.ones(2), persistent=False)
    net.last.mask = Parameter([1.0])
    assert "last.mask" in net.state_dict()


def test_a_buffer_that_is_none_is_refused():
    with pytest.raises(TypeError, match=r"Affine\.register_buffer: 'q' is None, .*self\.q = None"):
        Affine().register_buffer("q", None)


def test_a_buffer_stays_a_tensor_when_it_is_assigned_anew():
    net = Affine()
    net.count = net.count.data + 1
    assert isinstance(net.count, Tensor) and net.count.item() == 1.0
    assert net.state_dict()["count"] == 1.0


def test_a_copy_of_a_module_shares_nothing():
    net = Net()
    twin = copy.deepcopy(net)
    twin.first.weight.data[...] = 7
    assert net.first.weight.tolist() == [[1.0, 2.0]]
    assert not set(net.parameters()) & set(twin.parameters())


# Calling


def test_a_call_runs_forward_in_a_scope_named_after_the_attribute():
    net = Net()
    out = net(Tensor([[1.0, 1.0]]))
    product = out
    outer, inner = product.inputs[0], product.inputs[0].inputs[0].inputs[0]
    assert out.item() == pytest.approx(3 * (3.5 + 2 * 3.5))
    assert product.scope.path == "Net"
    assert outer.scope.path == "Net.last"
    assert inner.scope.path == "Net.first"


def test_a_module_keeps_the_first_name_it_was_given():
    layer = Linear(2, 2)
    Sequential(Linear(2, 2), layer)
    list_ = ModuleList([layer])
    assert list_[0](Tensor(np.ones((1, 2), np.float32))).scope.path == "1: Linear"


def test_forward_takes_keywords_and_must_be_defined():
    class Power(Module):
        def forward(self, x, *, exponent):
            return x**exponent

    assert Power()(Tensor(3.0), exponent=2).item() == 9.0
    with pytest.raises(NotImplementedError, match="Empty: forward is missing"):
        type("Empty", (Module,), {})()(1)


def test_the_scope_is_left_when_forward_fails():
    net = Net()
    with pytest.raises(ValueError, match="linear"):
        net(Tensor(np.ones((1, 3))))
    x = Tensor(1.0, requires_grad=True)
    assert (x * x).scope is None


def test_a_forward_hook_sees_the_call_and_may_change_its_output():
    net, seen = Net(), []
    x = Tensor([[1.0, 1.0]])
    before = net(x).item()
    looks = net.first.register_forward_hook(lambda *call: seen.append(call))
    halves = net.register_forward_hook(lambda module, args, out: out / 2)
    assert net(x).item() == before / 2
    ((module, args, out),) = seen
    assert module is net.first and args == (x,) and out.item() == 3.5
    assert not net.last.state_dict().keys() - {"weight", "count"}  # a hook is no state
    twin = copy.deepcopy(net)
    looks.remove(), halves.remove(), halves.remove()
    assert net(x).item() == before and len(seen) == 1
    assert twin(x).item() == before / 2 and len(seen) == 2  # a copy keeps its own


# Settings


def test_apply_goes_through_parts_before_wholes():
    net, seen = Net(), []
    assert net.apply(seen.append) is net
    assert seen == [net.first, net.last, net]


def test_train_and_eval_reach_every_module():
    net = Net()
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_forgets(set_to_none):
    net = Net()
    net(Tensor([[1.0, 1.0]])).backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none)
    for p in net.parameters():
        assert p.grad is None if set_to_none else not p.grad.numpy().any()
        assert set_to_none or p.grad.dtype == p.dtype


def test_requires_grad_freezes_all_parameters():
    net = Net()
    assert net.requires_grad_(False) is net
    assert not net(Tensor([[1.0, 1.0]])).requires_grad


def test_to_converts_floating_numbers_only_and_drops_gradients():
    net = Net()
    net.register_buffer("steps", np.int64(3))
    net(Tensor([[1.0, 1.0]])).backward()
    assert net.to(np.float16) is net
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float16)}
    assert net.first.count.dtype == np.float16 and net.steps.dtype == np.int64
    assert all(p.grad is None for p in net.parameters())
    with pytest.raises(TypeError, match="not int64"):
        net.to(np.int64)
    with pytest.raises(TypeError, match=r"to: 'cpu' is no dtype; .* leave a device out"):
        net.to("cpu")


@pytest.mark.parametrize("name", ["half", "float", "double"])
def test_half_float_and_double_convert_as_pytorchs_do(name):
    torch = pytest.importorskip("torch")
    net = Sequential(Linear(2, 3), Linear(3, 1))
    assert getattr(net, name)() is net
    theirs = getattr(torch.nn.Linear(2, 3), name)().weight.detach().numpy()
    assert {p.dtype for p in net.parameters()} == {theirs.dtype}


# State


def test_a_state_is_a_copy_and_loads_back():
    net, other = Net(), Net()
    state = net.state_dict()
    assert {k: v.dtype for k, v in state.items()}["scale"] == np.float32
    net.scale.data[...] = 8
    net.first.weight.data[...] = 8
    assert state["scale"] == 3
    assert other.load_state_dict(net.state_dict()) == ([], [])
    assert other.scale.item() == 8
    np.testing.assert_array_equal(other.first.weight.numpy(), net.first.weight.numpy())
    assert not np.shares_memory(other.first.weight.data, net.first.weight.data)


def test_a_loaded_state_takes_the_dtype_that_is_there_and_writes_in_place():
    net = Net()
    kept = net.first.weight.data
    state = {k: v.astype(np.float64) for k, v in net.state_dict().items()}
    state["first.weight"] = Tensor([[4.0, 5.0]], requires_grad=True)
    net.to(np.float32)
    kept = net.first.weight.data
    net.load_state_dict(state)
    assert kept.tolist() == [[4.0, 5.0]] and kept.dtype == np.float32
    assert type(net.first.count.data) is np.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first.bias": None}, "missing: first.bias"),
        ({"extra": np.ones(1)}, "unexpected: extra"),
        ({"first.weight": np.ones((2, 2))}, r"first.weight is \(2, 2\), here \(1, 2\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_whole(change, message):
    net = Net()
    before = net.state_dict()
    state = {k: v + 1 for k, v in before.items()} | change
    state = {k: v for k, v in state.items() if v is not None}
    with pytest.raises(ValueError, match=f"load_state_dict: .*Net; .*{message}.*nothing"):
        net.load_state_dict(state)
    for k, v in net.state_dict().items():
        np.testing.assert_array_equal(v, before[k])


def test_a_state_of_another_type_is_refused_whole():
    net = Net()
    before = net.state_dict()
    state = {k: v + 1 for k, v in before.items()} | {"last.weight": np.array([[1j, 2j]])}
    with pytest.raises(TypeError, match=r"last.weight is of complex128, here of float\d+, and"):
        net.load_state_dict(state)
    np.testing.assert_array_equal(net.scale.data, before["scale"])


def test_a_partial_state_loads_where_that_is_asked():
    net = Net()
    found = net.load_state_dict({"scale": 5.0, "extra": 1.0}, strict=False)
    missing, unexpected = found
    assert found.missing_keys is missing
    assert found.unexpected_keys is unexpected
    assert net.scale.item() == 5.0
    assert unexpected == ["extra"] and "first.weight" in missing and len(missing) == 5
    with pytest.raises(ValueError, match="of another shape"):
        net.load_state_dict({"scale": [5.0]}, strict=False)


def test_loading_a_state_after_the_forward_pass_is_caught_by_backward():
    net = Net()
    out = net(Tensor([[1.0, 1.0]]))
    net.load_state_dict(net.state_dict())
    with pytest.raises(RuntimeError, match="changed in place"):
        out.backward()


# Text


def test_repr_shows_the_tree():
    assert repr(Sequential(Linear(2, 3), Sequential(Linear(3, 1, bias=False)))) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): Linear(in_features=3, out_features=1, bias=False)\n"
        "  )\n"
        ")"
    )


@pytest.mark.parametrize(
    "module",
    [
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.MaxPool2d(2),
        nn.Softmax(axis=-1),
        nn.Linear(4, 2),
    ],
    ids=repr,
)
def test_a_module_returns_tensors_for_arrays_too(module):
    seen = []
    module.register_forward_hook(lambda m, args, out: seen.append(out))
    out = module(np.ones((1, 1, 4, 4), np.float32))
    assert isinstance(out, Tensor) and out.dtype == np.float32 and seen == [out]


# functional_call


def mlp():
    return Sequential(Linear(2, 4, dtype=float, rng=0), nn.Tanh(), Linear(4, 1, dtype=float, rng=1))


X, Y = np.random.default_rng(0).normal(size=(2, 5, 2))
Y = Y[:, :1]


def test_a_module_is_a_function_of_its_parameters():
    net = mlp()
    weights = dict(net.named_parameters())

    def loss(weights):
        return nn.functional.mse_loss(nn.functional_call(net, weights, X), Y)

    found = autograd.grad(loss)(weights)
    assert all(p.grad is None for p in net.parameters())
    nn.functional.mse_loss(net(X), Y).backward()
    for path, p in weights.items():
        np.testing.assert_array_equal(found[path].numpy(), p.grad.numpy(), strict=True)
    assert dict(net.named_parameters()) == weights
    second = autograd.hvp(loss, (weights,), (weights,))
    step = 1e-6
    ahead, behind = (
        autograd.grad(loss)({k: (1 + s) * p.detach() for k, p in weights.items()})
        for s in (step, -step)
    )
    for path in weights:
        expected = (ahead[path] - behind[path]).numpy() / (2 * step)
        np.testing.assert_allclose(second[path].numpy(), expected, atol=1e-7)


def test_weights_that_were_computed_pass_gradients_on():
    net, other = mlp(), mlp()
    weights = {path: 2.0 * p for path, p in other.named_parameters()}
    assert not np.array_equal(nn.functional_call(net, weights, (X,)).numpy(), net(X).numpy())
    nn.functional_call(net, weights, kwargs={"x": X}).sum().backward()
    assert all(p.grad is not None for p in other.parameters())
    assert all(p.grad is None for p in net.parameters())


def test_each_parameter_of_a_walk_can_be_replaced_in_its_turn():
    net = Sequential(mlp(), Linear(1, 1, dtype=float, rng=2))
    moved = [nn.functional_call(net, {path: p + 1}, X) for path, p in net.named_parameters()]
    assert len({out.sum().item() for out in moved}) == 6


def test_a_functional_call_replaces_shared_tensors_and_buffers_and_puts_all_back():
    net = Net()
    net.last.weight = net.first.weight
    before = [dict(vars(m)) for m in net.modules()]
    given = {"last.weight": np.zeros((1, 2)), "first.bias": [2.0], "first.count": 7.0}
    seen = []
    net.first.register_forward_hook(lambda m, args, out: seen.append((m.count.item(), out.item())))
    assert nn.functional_call(net, given, Tensor([[1.0, 1.0]])).item() == 0
    assert seen == [(7.0, 2.0)]
    with pytest.raises(ValueError, match="linear"):
        nn.functional_call(net, given, Tensor([[1.0, 1.0, 1.0]]))
    for module, attributes in zip(net.modules(), before, strict=True):
        assert all(vars(module)[name] is value for name, value in attributes.items())


class Decayed(Module):
    """A layer whose forward looks at the parameters: weight decay as a part of the output."""

    def __init__(self, layer):
        self.layer = layer

    def forward(self, x):
        penalty = sum((p**2).sum() for p in self.parameters())
        assert [path for path, _ in self.named_parameters()] == ["layer.weight", "layer.bias"]
        return self.layer(x).sum() + penalty


class Inner(Decayed):
    """One step of an inner loop in forward: the layer is called with what was made of its own."""

    def forward(self, x):
        fast = {path: 2 * p * p for path, p in self.layer.named_parameters()}
        return nn.functional_call(self.layer, fast, x).sum()


@pytest.mark.parametrize("kind", [Decayed, Inner])
def test_a_forward_finds_the_tensors_that_stand_in_for_its_parameters(kind):
    net = kind(Linear(2, 1, dtype=float, rng=0))
    weights = {path: Tensor(p + 1, requires_grad=True) for path, p in net.named_parameters()}
    out = nn.functional_call(net, weights, X)
    w, b = weights.values()
    if kind is Decayed:
        expected = (X @ w.T + b).sum() + (w**2).sum() + (b**2).sum()
    else:
        expected = (X @ (2 * w * w).T + 2 * b * b).sum()
    assert out.item() == pytest.approx(expected.item(), abs=1e-12)
    (expected - out).backward()  # each by the same gradients
    assert max(np.abs(g.numpy()).max() for g in (w.grad, b.grad)) < 1e-12
    assert all(isinstance(p, Parameter) for p in net.parameters())


def test_what_stands_in_for_a_parameter_or_a_buffer_is_found_as_one():
    class Looking(Module):
        def __init__(self):
            self.part = Affine()
            self.part.register_buffer("mask", np.ones(2), persistent=False)

        def forward(self):
            part = self.part
            assert [n for n, _ in part.named_parameters()] == ["weight", "bias"]
            assert list(part.parameters()) == [self.get_parameter("part.weight"), part.bias]
            assert part.weight is weight and dict(part.named_buffers())["count"].item() == 7
            assert list(part.state_dict()) == ["weight", "bias", "count"]
            nn.functional_call(part, {"weight": weight + 1}, X)
            assert next(part.parameters()) is weight

    net, weight = Looking(), Tensor([[3.0, 4.0]])
    own = list(net.parameters())
    nn.functional_call(net, {"part.weight": weight, "part.count": 7.0})
    assert list(net.parameters()) == own and len(list(net.buffers())) == 2
    net.part.weight = None
    assert list(net.parameters()) == own[1:]


def test_two_tensors_for_one_that_is_shared_are_refused():
    net = Net()
    net.last.weight = net.first.weight
    one, two = Tensor([[3.0, 4.0]]), Tensor([[3.0, 4.0]])
    twice = [{"last.weight": one}, {"last.weight": two}]
    for given in ({"first.weight": one, "last.weight": two}, twice):
        with pytest.raises(ValueError, match=r"'last\.weight' are one tensor in Net, and two were"):
            nn.functional_call(net, given, X)
    expected = nn.functional_call(net, {"last.weight": one}, X).numpy()
    for a, b in ((one, one), (one.numpy(), two.numpy())):
        out = nn.functional_call(net, {"first.weight": a, "last.weight": b}, X)
        np.testing.assert_array_equal(out.numpy(), expected)
    np.testing.assert_array_equal(nn.functional_call(net, net.state_dict(), X), net(X).numpy())


@pytest.mark.parametrize("several", [tuple, list])
def test_parameters_and_buffers_come_in_a_mapping_each_as_in_pytorch(several):
    net = nn.BatchNorm1d(2).eval()
    parameters = {path: p + 1 for path, p in net.named_parameters()}
    given = several([parameters, {"running_mean": [5.0, 5.0]}])
    expected = (X - 5) * 2 / np.sqrt(1 + net.eps) + 1
    np.testing.assert_allclose(nn.functional_call(net, given, X).numpy(), expected, rtol=1e-6)


def test_running_means_move_in_the_tensors_that_are_given():
    net = nn.BatchNorm1d(2)
    before = net.state_dict()
    given = {path: Tensor(b) for path, b in net.named_buffers()}
    out = nn.functional_call(net, given, X)
    np.testing.assert_array_equal(out.numpy(), net(X).numpy())
    for path, own in net.state_dict().items():
        assert (path in given) == (not np.array_equal(own, before[path]))
        if path in given:
            np.testing.assert_array_equal(given[path].numpy(), own, strict=True)


def test_a_path_that_names_nothing_is_refused():
    with pytest.raises(ValueError, match=r"Sequential has no '0\.wait'; choose from '0\.weight', "):
        nn.functional_call(mlp(), {"0.wait": 1.0}, X)


def test_functional_calls_in_two_threads_follow_one_another():
    inside, layer, found = threading.Event(), Linear(1, 1, bias=False, rng=0), []

    class Waiting(Module):
        def __init__(self):
            self.layer = layer

        def forward(self, first):
            if first:
                inside.set()
                second.join(0.05)  # which waits for this call to end
            return self.layer(Tensor([[1.0]])).item()

    def call(value, first):
        weights = {"layer.weight": Tensor([[value]])}
        found.append(functional_call(model, weights, first))

    model, weight = Waiting(), layer.weight
    second = threading.Thread(target=lambda: inside.wait() and call(8.0, False))
    second.start()
    call(7.0, True)
    second.join()
    assert found == [7.0, 8.0]
    assert layer.weight is weight
    assert not layer._replaced
