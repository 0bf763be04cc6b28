"""ONNX files: what onnxruntime computes from them is what the engine computes."""

import inspect
import os

import numpy as np
import pytest

import autograd
import nn
from autograd import Op, Tensor, no_grad
from autograd.recording import Observer
from nn import MLP, Embedding, LayerNorm, Linear, Module, Parameter, Sequential
from nn import functional as F
from nn.onnx import CONVERTERS, to_onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


class Function(Module):
    """A function of tensors as a model."""

    def __init__(self, f):
        self.f = f

    def forward(self, *inputs):
        return self.f(*inputs)


def run(path, *arrays):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([i.name for i in session.get_inputs()], arrays, strict=True)))


def expected(model, *arrays):
    training = [m.training for m in model.modules()]
    model.eval()
    with no_grad():
        out = model(*[Tensor(a) for a in arrays])
    for m, mode in zip(model.modules(), training, strict=True):
        m.training = mode
    return list(flat(out))


def flat(out):
    if isinstance(out, Tensor):
        yield out.numpy()
    elif out is not None:
        for x in out:
            yield from flat(x)


def check(model, path, *arrays, rtol=1e-5, atol=1e-6, **options):
    """Export with one batch; compare on it and, if the batch is open, on another one."""
    to_onnx(model, arrays, path, **options)
    batches = [arrays]
    if options.get("dynamic_batch", True):
        batches.append([np.concatenate([a, a[:1], a])[::-1].copy() for a in arrays])
    for batch in batches:
        got = run(path, *batch)
        want = expected(model, *batch)
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            # a sum rounds by the size of its terms, also where they cancel
            size = np.max(np.abs(b), where=np.isfinite(b), initial=1)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol * size)
    return onnx.load(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


def normal(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# Each op of the table

POSITIVE = {"log", "log2", "log10", "sqrt", "rsqrt", "reciprocal"}
UNIT = {"arcsin", "arccos", "arctanh"}
TABLE = {name: autograd.op_table()[name] for name in CONVERTERS}
FREE = {
    name: op for name, op in TABLE.items() if inspect.Parameter.empty not in op.defaults.values()
}
BITS = ("bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor")  # of integers: see CASES
UNARY = [
    name
    for name, op in FREE.items()
    if op.arity == 1 and name not in ("clip", "squeeze", "transpose", "rope", *BITS)
]
BINARY = [
    name
    for name, op in FREE.items()
    if op.arity == 2 and op.kind == "elementwise" and name not in BITS
]
ACTIVATIONS = [name for name, a in nn.activation_table().activations.items() if a.init]
X = normal(3, 4)
IMAGE = normal(3, 4, 8, 7)
ROWS = IMAGE[:, :, 0]
CASES = {
    "round, decimals": (lambda x: autograd.round(x, 1), X * 3),
    "leaky_relu, slope": (lambda x: F.leaky_relu(x, 0.3), X),
    "elu, alpha": (lambda x: F.elu(x, 0.5), X),
    "celu": (lambda x: F.celu(x, 0.5), X),
    "silu, beta": (lambda x: F.silu(x, 2.0), X),
    "softplus, beta": (lambda x: F.softplus(x, 3.0), X),
    "hardtanh, bounds": (lambda x: F.hardtanh(x, -0.2, 0.5), X),
    "relu6": (F.relu6, X * 5),
    "hardsigmoid": (F.hardsigmoid, X * 5),
    "hardswish": (F.hardswish, X * 5),
    "logsigmoid": (F.logsigmoid, X * 5),
    "softsign": (F.softsign, X),
    "quick_gelu": (F.quick_gelu, X),
    "glu": (F.glu, X),
    "reglu": (F.reglu, X),
    "geglu": (F.geglu, X),
    "swiglu": (F.swiglu, X),
    "prelu": (lambda x: F.prelu(x, Tensor(np.float32([0.1, 0.2, 0.3, 0.4]))), X),
    "clip": (lambda x: x.clip(-0.5, 0.3), X),
    "clip, one side": (lambda x: x.clip(min=0.1), X),
    "clip, infinity": (lambda x: x.clip(max=0.1), np.where(X > 0, X, -np.float32("inf"))),
    "clip, arrays": (lambda x: x.clip(np.float32([-1, 0, 0, 0]), np.ones(4)), X),
    "where": (lambda x: np.where(x > 0, x, 0.1 * x), X),
    "where, zero": (lambda x: autograd.where(x > 0, x, 0.0), X),
    "where, zeros": (lambda x: autograd.where(x > 0, np.zeros(4, np.float32), x), X),
    "where, one number": (lambda x: autograd.where(x > 0, *[x.sum()] * 2), X),
    "where, rows": (lambda x: autograd.where(x > 0, *[x[0]] * 2), X),
    "logic": (lambda x: autograd.logical_and(x > 0, autograd.logical_not(x > 1)), X),
    "logic by arithmetic": (lambda x: ((x > 0) + (x < -1)) * (x < 1), X),
    "logic by order": (lambda x: autograd.maximum(x > 0, autograd.minimum(x < 1, x > -1)), X),
    "any": (lambda x: (x > 1).any(axis=0), X),
    "any of numbers, keepdims": (lambda x: x.relu().any(axis=1, keepdims=True), X),
    "all": (lambda x: (x > -1).all(axis=1), X),
    "logic, or": (lambda x: autograd.logical_or(x > 1, autograd.logical_xor(x > 0, x < 1)), X),
    "logic, bits": (lambda x: (x > 1) | ~(x > 0) & ((x > -1) ^ (x < 0)), X),
    "bits": (lambda x: (x.astype(int) | 3) & ~(x.astype(int) ^ 5), 9 * X),
    "sum": (lambda x: x.sum(axis=1), X),
    "sum, no axes": (lambda x: x.sum(axis=()), X),
    "max, no axes": (lambda x: (x > 0).max(axis=(), keepdims=True), X),
    "sum of a number": (lambda x: x.sum().sum(axis=-1), X),
    "squeeze of a number": (lambda x: x.sum().squeeze(axis=0), X),
    "sum, all": (lambda x: x.sum(), X),
    "sum of booleans": (lambda x: (x > 0).sum(axis=1), X),
    "mean, keep": (lambda x: x.mean(axis=(1, 2), keepdims=True), normal(3, 4, 5)),
    "mean of the batch": (lambda x: x.mean(axis=0), X),
    "prod": (lambda x: x.prod(axis=-1), X),
    "max": (lambda x: x.max(axis=-1), X),
    "min, all": (lambda x: x.min(), X),
    "var": (lambda x: x.var(axis=1, ddof=1), X),
    "var of the batch": (lambda x: x.var(axis=0), X),
    "std": (lambda x: x.std(axis=-1, keepdims=True), X),
    "var, no axes": (lambda x: x.var(axis=()), X),
    "logsumexp, no axes": (lambda x: autograd.logsumexp(x, axis=()), X),
    "logsumexp, large": (lambda x: autograd.logsumexp(x, axis=1), X * 100),
    "norm": (lambda x: autograd.vector_norm(x, axis=1), X),
    "norm, 1": (lambda x: autograd.vector_norm(x, axis=1, ord=1), X),
    "norm, inf": (lambda x: autograd.vector_norm(x, axis=1, ord=np.inf), X),
    "norm, no axes": (lambda x: autograd.vector_norm(x, axis=()), X),
    "argmax, all, keep": (lambda x: x.argmax(keepdims=True), X),
    "argmax": (lambda x: x.argmax(axis=1), X),
    "argmin, keep": (lambda x: x.argmin(axis=-1, keepdims=True), X),
    "argmax, all": (lambda x: x.argmax(), X),
    "cumsum, flat": (lambda x: x.cumsum(), X),
    "cumsum": (lambda x: x.cumsum(axis=1), X),
    "reshape": (lambda x: x.reshape((len(x), -1)), normal(3, 4, 2)),
    "reshape, merged": (lambda x: x.reshape((-1, 2)), normal(3, 4, 2)),
    "reshape, split": (lambda x: x.reshape((x.shape[0], 2, 2)), X),
    "reshape, batch moved": (lambda x: x.T.reshape((2, 2, -1)), X),
    "transpose": (lambda x: x.transpose((1, 2, 0)), normal(3, 4, 2)),
    "T of a number": (lambda x: x.sum().T, X),
    "T": (lambda x: x.T, X),
    "swapaxes": (lambda x: x.swapaxes(-1, 1), normal(3, 4, 2, 5)),
    "squeeze": (lambda x: x.squeeze(), normal(3, 1, 2, 1)),
    "squeeze, axis": (lambda x: x.squeeze(axis=-1), normal(3, 1, 2, 1)),
    "squeeze, no axes": (lambda x: x.squeeze(axis=()), normal(3, 1, 2)),
    "squeeze, nothing": (lambda x: x.squeeze(), X),
    "expand_dims, no axes": (lambda x: autograd.expand_dims(x, ()), X),
    "expand_dims": (lambda x: autograd.expand_dims(x, (1, -1)), X),
    "broadcast_to": (lambda x: autograd.broadcast_to(x, (2, *x.shape)), X),
    "astype": (lambda x: x.astype(np.float64) * 2, X),
    "concatenate": (lambda x: autograd.concatenate([x, x * 2, -x], axis=1), X),
    "concatenate, flat": (lambda x: autograd.concatenate([x, x * 2], axis=None), X),
    "stack": (lambda x: autograd.stack([x, x * 2], axis=-1), X),
    "matmul": (lambda x: x @ x.swapaxes(-1, -2), normal(3, 4, 2)),
    "einsum": (lambda x: autograd.einsum("bij,bkj->bik", x, x * 2), normal(3, 4, 2)),
    "linear": (lambda x: F.linear(x, Tensor(normal(5, 4)), Tensor(normal(5))), X),
    "linear, no bias": (lambda x: F.linear(x, Tensor(normal(5, 4))), X),
    "linear, three axes": (
        lambda x: F.linear(x, Tensor(normal(5, 2)), Tensor(normal(5))),
        normal(3, 4, 2),
    ),
    "softmax, axis": (lambda x: F.softmax(x, 1), normal(3, 4, 2)),
    "softmax, axes": (lambda x: F.softmax(x, (1, 2)), normal(3, 4, 2) * 100),
    "softmax, all": (lambda x: F.softmax(x, None), X),
    "log_softmax, all": (lambda x: F.log_softmax(x, None), X),
    "layer_norm": (lambda x: F.layer_norm(x, (4, 2)), normal(3, 4, 2)),
    "rms_norm": (lambda x: F.rms_norm(x, (2,), Tensor(normal(2))), normal(3, 4, 2)),
    "group_norm": (
        lambda x: F.group_norm(x, 2, Tensor(normal(4)), Tensor(normal(4))),
        normal(3, 4, 5),
    ),
    "rope": (F.rope, normal(3, 2, 5, 4)),
    "rope, positions": (lambda x: F.rope(x, positions=[3, 1, 8, 100, 5]), normal(3, 2, 5, 4)),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x * 2, x - 1), normal(3, 5, 4)),
    "attention, mask made of the input": (
        lambda x: F.scaled_dot_product_attention(x, x * 2, x - 1, x[:, None, :, 0] > 0),
        normal(3, 5, 4),
    ),
    "attention, causal": (
        lambda x: F.scaled_dot_product_attention(x, x * 2, x - 1, is_causal=True),
        normal(3, 2, 5, 4),
    ),
    "index, number": (lambda x: x[:, 1], normal(3, 4, 2)),
    "index, last": (lambda x: x[:, -1, 0], normal(3, 4, 2)),
    "index, slices": (lambda x: x[1:, ::2, :-1], normal(3, 4, 2)),
    "index, backwards": (lambda x: x[:, ::-1, 1:0:-1], normal(3, 4, 2)),
    "index, none": (lambda x: x[:, None, 1, ..., None], normal(3, 4, 2)),
    "index, array": (lambda x: x[:, [2, 0, 0]], normal(3, 4, 2)),
    "index, bytes": (lambda x: x[:, np.array([2, 0], np.uint8)], normal(3, 4, 2)),
    "index, array and slice": (lambda x: x[1:, :, [[1, 0]]], normal(3, 4, 2)),
    "index, all": (lambda x: x[:], X),
    "pad": (lambda x: autograd.pad(x, ((0, 0), (2, 1), (0, 3))), normal(3, 4, 2)),
    "pad, wrapped": (lambda x: autograd.pad(x, ((0, 0), (2, 1), (0, 1)), "wrap"), normal(3, 4, 2)),
    "embed, from the end": (
        lambda x: autograd.op_table()["embed"](
            x, shape=(len(x), 6, 5), index=(slice(None), slice(-5, -1), slice(-2, None))
        ),
        normal(3, 4, 2),
    ),
    "conv1d": (
        lambda x: autograd.conv1d(x, Tensor(normal(6, 4, 3)), Tensor(normal(6))),
        IMAGE[:, :, 0],
    ),
    "conv2d": (lambda x: autograd.conv2d(x, Tensor(normal(6, 4, 3, 2))), IMAGE),
    "conv2d, settings": (
        lambda x: autograd.conv2d(
            x,
            Tensor(normal(6, 2, 3, 2)),
            Tensor(normal(6)),
            stride=(2, 1),
            padding=(2, 1),
            dilation=(1, 3),
            groups=2,
        ),
        IMAGE,
    ),
    "conv2d, pairs": (
        lambda x: autograd.conv2d(x, Tensor(normal(6, 4, 3, 2)), padding=((2, 0), (0, 1))),
        IMAGE,
    ),
    "conv2d, same": (
        lambda x: autograd.conv2d(x, Tensor(normal(6, 4, 4, 3)), padding="same", dilation=(1, 2)),
        IMAGE,
    ),
    "conv2d, valid": (
        lambda x: autograd.conv2d(x, Tensor(normal(6, 4, 4, 3)), padding="valid"),
        IMAGE,
    ),
    "conv_transpose1d": (
        lambda x: autograd.conv_transpose1d(x, Tensor(normal(4, 3, 5))),
        IMAGE[:, :, 0],
    ),
    "conv_transpose2d, settings": (
        lambda x: autograd.conv_transpose2d(
            x,
            Tensor(normal(4, 3, 3, 2)),
            Tensor(normal(6)),
            stride=(2, 3),
            padding=(1, 0),
            output_padding=(1, 2),
            dilation=(1, 2),
            groups=2,
        ),
        IMAGE,
    ),
    "max_pool2d": (lambda x: autograd.max_pool2d(x, 2), IMAGE),
    "max_pool2d, settings": (
        lambda x: autograd.max_pool2d(x, (3, 2), stride=(1, 2), padding=1, dilation=(2, 1)),
        IMAGE,
    ),
    "avg_pool2d": (lambda x: autograd.avg_pool2d(x, 2, stride=1, padding=1), IMAGE),
    "avg_pool2d, inside": (
        lambda x: autograd.avg_pool2d(x, (3, 2), padding=1, count_include_pad=False),
        IMAGE,
    ),
    "adaptive_avg_pool2d": (lambda x: autograd.adaptive_avg_pool2d(x, (3, 2)), IMAGE),
    "mixed dtypes": (lambda x: x * np.arange(4.0) + np.arange(4), X),
    "integers": (lambda x: (x > 0).astype(np.int64) / 2, X),
}


@pytest.mark.parametrize("name", UNARY)
def test_unary_ops(name, path):
    x = normal(3, 4) * 2
    if name in POSITIVE:
        x = abs(x) + 0.1
    if name in UNIT:
        x = np.tanh(x)
    if name == "arccosh":
        x = abs(x) + 1.1
    if name.startswith("is"):
        x = np.float32([[np.nan, 1], [np.inf, -np.inf]])
    op = autograd.op_table()[name]
    check(Function(lambda x: op(x)), path, x)


@pytest.mark.parametrize("name", BINARY)
def test_binary_ops(name, path):
    x, y = normal(3, 4), normal(3, 4, seed=1)
    y[0] = x[0]
    if name == "pow":
        x = abs(x)
    op = autograd.op_table()[name]
    check(Function(op), path, x, y)
    check(Function(lambda x: op(x, 0.5)), path, x)
    check(Function(lambda x: op(Tensor(np.float32(0.5)), x)), path, abs(x) + 0.1)


@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:.*encountered in divide")
@pytest.mark.parametrize("n", [1, 2])
def test_the_deviation_of_too_few_is_no_number(n, path):
    check(Function(lambda x: x[:, :n].std(axis=1, ddof=2)), path, X)


def test_where_takes_its_condition_from_an_input(path):
    mask = np.float32([[0, 1, 0, 1], [1, 1, 0, 0]])
    check(Function(lambda x, m: autograd.where(m, x, 0.0)), path, normal(2, 4), mask)


@pytest.mark.parametrize("name", CASES)
def test_ops_with_parameters(name, path):
    f, x = CASES[name]
    check(Function(f), path, x)


class Seen(Observer):
    def __init__(self):
        self.names = set()

    def run(self, op, inputs, params):
        self.names.add(op.name)
        return super().run(op, inputs, params)


def test_the_table_is_tried_whole():
    seen = {*UNARY, *BINARY}
    for f, x in CASES.values():
        with no_grad(), Seen() as watcher:
            f(Tensor(x))
        seen |= watcher.names
    assert set(CONVERTERS) <= seen
    assert set(CONVERTERS) <= set(autograd.op_table())


# Models


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_mlp_with_each_activation(activation, path):
    model = MLP([4, 8, 3], activation, rng=0)
    graph = check(model, path, normal(2, 4)).graph
    names = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(names[key], value)
    assert graph.node[0].name == "MLP.0: Linear/Gemm_0"
    assert graph.input[0].name == "input" and graph.output[0].name == "output"
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_a_cnn_with_batch_norm_and_pools(path):
    x = normal(3, 2, 9, 8)
    model = Sequential(
        nn.Conv2d(2, 4, 3, padding="same", rng=0),
        nn.BatchNorm2d(4),
        nn.GELU(),
        nn.MaxPool2d(2, stride=1, padding=1),
        nn.Conv2d(4, 6, 3, stride=2, padding=1, padding_mode="circular", groups=2, rng=1),
        nn.GroupNorm(2, 6),
        nn.Dropout(0.5),
        nn.ConvTranspose2d(6, 4, 3, stride=2, output_padding=1, rng=2),
        nn.AvgPool2d(3, stride=2, padding=1),
        nn.AdaptiveAvgPool2d((2, 1)),
        nn.Flatten(),
        Linear(8, 3, rng=3),
    )
    model(Tensor(x))  # moves the running statistics
    made = check(model, path, x, rtol=1e-4)
    kinds = {n.op_type for n in made.graph.node}
    assert {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "Gemm"} <= kinds
    state = model.state_dict()
    for initializer in made.graph.initializer:
        if initializer.name in state:
            array = onnx.numpy_helper.to_array(initializer)
            np.testing.assert_array_equal(array, state[initializer.name])
    assert {"0.weight", "1.running_mean", "5.bias"} <= {i.name for i in made.graph.initializer}


def test_a_resnet(path):
    model = nn.ResNet((1, 1), (4, 8), in_channels=1, rng=0)
    x = normal(3, 1, 12, 12)
    model(Tensor(x))  # moves the running statistics
    made = check(model, path, x, rtol=1e-4, atol=1e-5)
    kinds = [n.op_type for n in made.graph.node]
    assert kinds.count("Conv") == sum(isinstance(m, nn.Conv2d) for m in model.modules())


@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rope"])
def test_a_gpt(positions, path):
    model = nn.GPT(11, 6, 16, 4, 2, positions=positions, dropout=0.1, rng=0)
    x = np.random.default_rng(0).integers(0, 11, (2, 6))
    made = check(model, path, x, rtol=1e-4, atol=1e-5)
    kinds = [n.op_type for n in made.graph.node]
    assert kinds.count("Softmax") == 2 and kinds.count("LayerNormalization") == 5
    assert {i.name for i in made.graph.initializer} >= {n for n, _ in model.named_parameters()}


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_transformer_block(norm, path):
    model = nn.TransformerBlock(8, 2, norm=norm, rng=0)
    check(model, path, normal(2, 5, 8), rtol=1e-4, atol=1e-5)
    check(Sequential(nn.RMSNorm(8), nn.SwiGLU(8, rng=0)), path, normal(2, 5, 8))


def test_several_inputs_and_outputs_and_a_scalar(path):
    class Two(Module):
        def __init__(self):
            self.w = Parameter(np.float32([2.0]))

        def forward(self, x, y):
            return x * self.w, [y + x.sum(), None], self.w

    made = check(Two(), path, normal(2, 3), normal(2, 3, seed=1), output_names=["a", "b", "c"])
    assert [o.name for o in made.graph.output] == ["a", "b", "c"]
    assert [i.name for i in made.graph.input] == ["input_0", "input_1"]


def test_only_lengths_of_the_batch_are_called_so(path):
    def f(x, y):
        return x * 2, x[1:], autograd.concatenate([x, x]), y + x.sum()

    made = check(Function(f), path, normal(4, 3), normal(2, 3))
    tensors = [*made.graph.input, *made.graph.output]
    names = [t.type.tensor_type.shape.dim[0].dim_param for t in tensors]
    assert names == ["batch", "", "batch", "", "", ""]


def test_an_input_that_is_the_output(path):
    check(Function(lambda x: (x, x.exp(), x)), path, normal(2, 3))
    check(Function(lambda x: [x.exp()] * 2), path, normal(2, 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept(dtype, path):
    model = MLP([4, 5, 2], dtype=dtype, rng=0)
    check(model, path, normal(3, 4, dtype=dtype), rtol=1e-5 if dtype == np.float32 else 1e-12)


def test_a_shared_parameter_is_written_once(path):
    model = Sequential(Linear(3, 3, rng=0), Linear(3, 3, rng=1))
    model[1].weight = model[0].weight
    made = check(model, path, normal(2, 3))
    assert [i.name for i in made.graph.initializer] == ["0.weight", "0.bias", "1.bias"]


def test_embedding_takes_its_index_from_the_input(path):
    class Words(Module):
        def __init__(self, padding_idx=None):
            self.embed = Embedding(7, 4, padding_idx=padding_idx, rng=0)
            self.norm = LayerNorm(4)
            self.head = Linear(4, 7, rng=1)

        def forward(self, x):
            return self.head(self.norm(self.embed(x)))

    x = np.array([[1, 2, 3], [0, 6, 5]])
    made = check(Words(), path, x)
    assert "Gather" in {n.op_type for n in made.graph.node}
    check(Words(padding_idx=0), path, x)
    check(Words(), path, x.astype(np.uint8))


def test_inputs_that_are_alike_are_refused_where_they_cannot_be_told_apart(path):
    class Two(Module):
        def __init__(self):
            self.words, self.segments = Embedding(7, 4, rng=0), Embedding(2, 4, rng=1)

        def forward(self, x, y):
            return self.words(x) + self.segments(y)

    zeros = np.zeros((2, 3), int)
    with pytest.raises(ValueError, match=r"an index is what both input_0 and input_1 are; pass an"):
        to_onnx(Two(), (zeros, zeros), path)
    assert not path.exists()
    check(Two(), path, np.array([[1, 2, 3], [0, 6, 5]]), zeros)


class Codes(Module):
    """Rows of a table, by what is computed from the input."""

    def __init__(self, axis):
        self.table, self.axis = Parameter(normal(5, 3)), axis
        self.order = Parameter(np.arange(5.0))

    def forward(self, x):
        return self.table[x.argmax(axis=self.axis)] + self.table[self.order.argmax()]


def test_an_index_that_was_computed_is_no_constant(path):
    x = np.float32([[0, 0, 0, 1, 9]])
    with pytest.raises(ValueError, match=r"an index was \[4\] in two runs, and so was what the"):
        to_onnx(Codes(1), x, path, dynamic_batch=False)
    with pytest.raises(ValueError, match=r"an index was 4 in two runs, and so was what the model"):
        to_onnx(Codes(None), x, path, dynamic_batch=False)
    assert not path.exists()
    check(Codes(1), path, normal(6, 5))
    check(Codes(1), path, normal(6, 5), dynamic_batch=False)


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_recurrent_network_of_one_batch_size_unrolled(make, path):
    model = make(3, 4, num_layers=2, batch_first=True, rng=0)
    check(model, path, normal(2, 5, 3), dynamic_batch=False)
    with pytest.raises(ValueError, match=r"depends on the batch size.*pass dynamic_batch=False"):
        to_onnx(model, normal(2, 5, 3), path)


def test_the_model_stays_as_it_was(path):
    model = MLP([3, 4, 2], rng=0)
    model[1].eval()
    before = model.state_dict()
    to_onnx(model, normal(2, 3), path)
    assert [m.training for m in model.modules()] == [True, True, False, True]
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    assert model(Tensor(normal(2, 3))).requires_grad


# Refusals


def test_an_op_without_counterpart_is_named(path):
    class Gamma(Module):
        def forward(self, x):
            return autograd.lgamma(x)

    with pytest.raises(NotImplementedError, match="to_onnx: lgamma in Gamma has no counterpart"):
        to_onnx(Gamma(), normal(2, 3), path)
    assert not path.exists()


def test_an_embed_that_repeats_is_refused(path):
    embed = autograd.op_table()["embed"]
    f = Function(lambda x: embed(x[:, :1], shape=(len(x), 6), index=(slice(None), slice(1, 4))))
    with pytest.raises(
        NotImplementedError, match=r"embed of 1 in 6 at slice\(1, 4, None\) repeats"
    ):
        to_onnx(f, normal(2, 3), path)


def test_an_op_of_ones_own_is_not_taken_for_that_of_its_name(path, monkeypatch):
    relu = Op("relu", lambda x: x * 2, (lambda g, out, x: 2 * g,), r"2{0}")
    with pytest.raises(NotImplementedError, match="to_onnx: relu in Function has no counterpart"):
        to_onnx(Function(relu), normal(2, 3), path)
    twice = Op("twice", relu.forward, relu.vjp, relu.latex)
    monkeypatch.setitem(
        CONVERTERS, "twice", lambda graph, call: graph.node("Add", *call.inputs * 2)
    )
    check(Function(twice), path, normal(2, 3))


@pytest.mark.parametrize(
    "f, cure",
    [
        (lambda x: autograd.vector_norm(x, ord=3), r"vector_norm with ord=3 .*\(abs\(x\) \*\* p\)"),
        (lambda x: x[:0].reshape(0, 1), r"empty array, to \(0, 1\), .*leave it out"),
        (lambda x: x[np.array([True, False])], "indexing by array.*autograd.where"),
        (lambda x: autograd.embed(x, shape=(4, 3), index=np.array([0, 2])), "use autograd.pad"),
    ],
)
def test_what_an_op_has_no_counterpart_for_is_named_with_a_way_around(f, cure, path):
    with pytest.raises(NotImplementedError, match=cure):
        to_onnx(Function(f), normal(2, 3), path, dynamic_batch=False)
    assert not path.exists()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * float(x.numpy().max()),
        lambda x: x + x.numpy() ** 2,
        lambda x: x * (x.numpy() > 0),
        lambda x: x[:, x.numpy()[0] > 0],
        lambda x: x.clip(max=float(x.numpy().mean())),
    ],
)
def test_what_is_computed_outside_of_the_ops_is_refused(f, path):
    with pytest.raises((ValueError, NotImplementedError), match=r"outside of the ops|indexing by"):
        to_onnx(Function(f), normal(3, 4), path)
    assert not path.exists()


@pytest.mark.parametrize("t", [np.float32(0.5), np.float32(0), np.array(3)])
def test_a_number_is_an_input_that_varies(t, path):
    x = normal(2, 3)
    to_onnx(Function(lambda x, t: x * t), (x, t), path)
    other = np.asarray(t + 2, t.dtype)
    np.testing.assert_array_equal(run(path, x, other)[0], x * other)
    with pytest.raises(ValueError, match="outside of the ops"):
        to_onnx(Function(lambda x, t: x * (2 + float(t))), (x, t), path)


def test_a_padding_mask_follows_the_tokens(path):
    class Words(Module):
        def __init__(self):
            self.embed = Embedding(9, 8, padding_idx=0, rng=0)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True, rng=1)

        def forward(self, x):
            h = self.embed(x)
            return self.attention(h, h, h, key_padding_mask=x == 0, need_weights=False)[0]

    to_onnx(Words(), np.array([[1, 2, 0], [3, 0, 0]]), path, dynamic_batch=False)
    other = np.array([[1, 0, 0], [3, 4, 5]])
    np.testing.assert_allclose(run(path, other)[0], expected(Words(), other)[0], atol=1e-6)


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize(
    "example", [np.zeros((1, 3), int), np.full((2, 3), 4), np.zeros((1, 1), int)]
)
def test_an_example_whose_values_are_all_alike_freezes_nothing(example, dynamic, path):
    class Words(Module):
        def __init__(self):
            self.embed = Embedding(7, 4, rng=0)

        def forward(self, x):
            return self.embed(x) + self.embed.weight[x]  # the index as it is, and a copy of it

    to_onnx(Words(), example, path, dynamic_batch=dynamic)
    other = (np.arange(example.size) % 7).reshape(example.shape) + 1
    np.testing.assert_allclose(run(path, other)[0], expected(Words(), other)[0])
    with pytest.raises(ValueError, match="outside of the ops"):
        model = Function(lambda x: x * x.numpy().sum())
        to_onnx(model, example.astype(np.float32), path, dynamic_batch=dynamic)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + np.ones(x.shape, np.float32),
        lambda x: x / len(x),
        lambda x: x[: len(x) - 1],
        lambda x: F.leaky_relu(x, 1 / len(x)),
        lambda x: autograd.broadcast_to(x[:1], x.shape),
        lambda x: x.var(axis=0, ddof=1),
        lambda x: x.reshape((len(x), len(x), -1)),
    ],
)
def test_what_depends_on_the_batch_size_is_refused_or_written_for_one(f, path):
    x = normal(2, 36)
    with pytest.raises(ValueError, match=r"depends? on the batch size.*dynamic_batch=False"):
        to_onnx(Function(f), x, path)
    assert not path.exists()
    check(Function(f), path, x, dynamic_batch=False)


def assigned(x):
    y = x * 1
    y[:, 0] = 5.0
    return y


def added(x):
    x += 1
    return x


def added_through_a_view(x):
    y = x.exp()
    part = y[:, 1:]
    part *= 2
    return y


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (assigned, "what mul in Function made"),
        (added, "an input"),
        (added_through_a_view, "what exp in Function made"),
    ],
)
def test_changes_in_place_are_refused(f, what, path):
    x = normal(2, 3)
    before = x.copy()
    with pytest.raises(ValueError, match=rf"to_onnx: {what}, .* was changed in place"):
        to_onnx(Function(f), x, path)
    assert not path.exists()
    np.testing.assert_array_equal(x, before)


def test_a_constant_that_is_filled_in_place_is_a_constant(path):
    def f(x):
        mask = Tensor(np.zeros(3, np.float32))
        mask[1] = 1.0
        return x * mask

    check(Function(f), path, normal(2, 3))


def test_an_array_that_is_given_twice_is_two_inputs(path):
    x, y = normal(2, 3), normal(2, 3, seed=1)
    to_onnx(Function(lambda x, y: x - y), (x, x), path)
    np.testing.assert_array_equal(run(path, x, y)[0], x - y)


def test_a_model_that_does_not_run_with_another_batch_size_is_refused(path):
    f = Function(lambda x: x @ np.ones((2, 2), np.float32) + x.reshape((2, 2)))
    match = r"does not run with one row more .*reshape.*dynamic_batch=False"
    with pytest.raises(ValueError, match=match):
        to_onnx(f, normal(2, 2), path)
    check(f, path, normal(2, 2), dynamic_batch=False)


def test_what_onnx_takes_of_other_dtypes_only_is_refused(path):
    with pytest.raises(NotImplementedError, match=r"to_onnx: ONNX does not take .*Floor"):
        to_onnx(Function(autograd.floor), np.arange(3), path)
    assert not path.exists()


def test_other_ops_on_other_values_are_refused(path):
    with pytest.raises(ValueError, match="ran other ops on another batch"):
        to_onnx(Function(lambda x: x.exp() if len(x) > 2 else x.sin()), normal(2, 1), path)


@pytest.mark.parametrize("dynamic", [True, False])
def test_an_empty_example_is_refused(dynamic, path):
    with pytest.raises(ValueError, match=r"input 1, of shape \(0, 4\), is empty; pass an example"):
        model = Function(lambda x, y: x + y.sum())
        to_onnx(model, (normal(1, 4), normal(0, 4)), path, dynamic_batch=dynamic)


def test_a_constant_in_the_place_of_a_value_is_refused(path):
    def f(x):
        total = x.sum(axis=0)
        return x + (total if len(x) == 2 else np.ones(3))

    with pytest.raises(ValueError, match="an input of add in Function is computed from the input"):
        to_onnx(Function(f), normal(2, 3), path)


def test_wrong_names_and_outputs_are_refused(path):
    with pytest.raises(ValueError, match=r"input_names is \['a', 'b'\]; pass 1 names"):
        to_onnx(MLP([2, 2]), normal(1, 2), path, input_names=["a", "b"])
    with pytest.raises(ValueError, match="output_names"):
        to_onnx(Function(lambda x: (x, x)), normal(1, 2), path, output_names=["a", "a"])
    with pytest.raises(ValueError, match="returned no tensor, but 3"):
        to_onnx(Function(lambda x: 3), normal(1, 2), path)
    assert not path.exists()


class Named(Module):
    """A module with a parameter of a given name."""

    def __init__(self, name):
        setattr(self, name, Parameter(np.float32([3.0])))
        self.name = name

    def forward(self, x):
        return 2 * F.relu(x) + getattr(self, self.name)


@pytest.mark.parametrize("name", ["input", "output", "in_", "out_"])
def test_names_that_clash_are_refused(name, path):
    with pytest.raises(ValueError, match=rf"the name '{name}' .* two of the inputs"):
        own = {"input_names": ["in_"], "output_names": ["out_"]} if name.endswith("_") else {}
        to_onnx(Named(name), normal(2, 3), path, **own)
    assert not path.exists()
    to_onnx(Named(name), normal(2, 3), path, input_names=["a"], output_names=["b"])


def test_an_input_named_as_an_output_is_refused(path):
    for name in ["x", ""]:
        with pytest.raises(ValueError, match=f"the name '{name}' is empty, or"):
            to_onnx(Named("w"), normal(2, 3), path, input_names=["x"], output_names=[name])


def test_constants_and_nodes_give_way_to_names(path):
    check(Named("constant_0"), path, normal(2, 3))
    check(Named("Relu_0"), path, normal(2, 3))
    made = check(
        Named("w"), path, normal(2, 3), input_names=["constant_0"], output_names=["Named/Relu_0"]
    )
    assert [o.name for o in made.graph.output] == ["Named/Relu_0"]
    assert len({n.name for n in made.graph.node}) == len(made.graph.node)


def test_a_file_is_replaced_whole_or_not_at_all(path, monkeypatch):
    to_onnx(MLP([2, 2], rng=0), normal(1, 2), path)
    before = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        to_onnx(MLP([2, 2], rng=1), normal(1, 2), path)
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1
