"""Export to ONNX: the ops that a model ran become nodes that other programs run.

The model is run and an observer notes each op. A fused op that ONNX has no node for is noted as
its reference, so what it is composed of comes out in its place. `CONVERTERS` is the whole table of
what is known; whatever else a model runs is refused by name.

The model is run twice, on inputs of different values and batch size. What then differs although no
op says why (a number taken out of the graph, a shape typed in) would be frozen in the file, and is
refused, too.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor, as_tensor, no_grad, op_table
from autograd.changes import changes
from autograd.op import Op
from autograd.recording import Observer, current_scope, next_serial
from nn.io import replace_file
from nn.module import Module
from nn.train import evaluating

OPSET = 18
IR_VERSION = 8  # the first that holds opset 18

Array: TypeAlias = NDArray[Any]


def to_onnx(
    model: Module,
    inputs: Any,
    path: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_batch: bool = True,
) -> None:
    """Write a model as an ONNX file, of opset 18, for onnxruntime and others to run.

    It is exported as it is used, in evaluation mode. Its parameters and buffers keep the names of
    `Module.state_dict`, and each node is named after the part of the model that it came from. The
    file is written whole or not at all.

    Parameters
    ----------
    model : Module
        It must compute its output by ops of this library; NumPy in between is noticed and refused.
    inputs : array_like or Tensor, or tuple of them
        What to call it with: shapes and dtypes are taken from them, and where an axis 0 is the
        batch, nothing else.
    path : str or path-like
        An existing file is replaced.
    input_names, output_names : sequence of str, optional
        'input', or 'input_0', ...; 'output', or 'output_0', ....
    dynamic_batch : bool, default=True
        Leave the length of axis 0 of each input open. With False the file takes this shape only,
        which models need that compute with the batch size.

    Raises
    ------
    NotImplementedError
        If the model runs an op that has no counterpart here, or not for such inputs.
    ValueError
        If part of the output is computed from the input outside of the ops, depends on the batch
        size, or was changed in place; if an input is empty; or if the names are not as many as the
        tensors, or one of them is that of a parameter or buffer, too.
    ImportError
        If onnx is not installed: ``pip install gradwalk[onnx]``.

    Examples
    --------
    >>> import tempfile
    >>> from nn import MLP
    >>> model, x = MLP([4, 3, 2], rng=0), np.zeros((1, 4), np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_onnx(model, x, f"{folder}/model.onnx")
    ...     graph = _onnx().load(f"{folder}/model.onnx").graph
    >>> [node.op_type for node in graph.node]
    ['Gemm', 'Relu', 'Gemm']
    >>> [initializer.name for initializer in graph.initializer]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    onnx = _onnx()
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    arrays = [np.array(as_tensor(x).data) for x in given]  # each its own, even if given twice
    for i, a in enumerate(arrays):
        if not a.size:
            raise ValueError(
                f"to_onnx: input {i}, of shape {a.shape}, is empty; pass an example with values"
            )
    first = _run(model, arrays)
    try:
        second = _run(model, [_varied(a, grow=dynamic_batch) for a in arrays])
    except (ValueError, IndexError) as error:
        if not dynamic_batch:
            raise
        raise ValueError(
            f"to_onnx: the model does not run with one row more in each input ({error}); if it "
            "takes one batch size only, pass dynamic_batch=False"
        ) from error
    graph = Graph(first, second)
    ins = _names("input", input_names, len(arrays))
    outs = _names("output", output_names, len(first.outputs))
    graph.reserve([*ins, *outs, *first.paths.values()])
    for number, name in enumerate(ins):
        graph.names[number] = name
        graph.fed.add(number)
    for step in zip_longest(first.steps, second.steps):
        graph.add(*step)
    for name, value, other in zip(outs, first.outputs, second.outputs, strict=True):
        graph.node("Identity", graph.name(value, other, "the output"), output=name)
    graph.drop_identities(outs)

    examples = [(len(a), len(b)) for a, b in zip(arrays, second.arrays, strict=False) if a.ndim]

    def declared(name: str, a: Array, b: Array) -> Any:
        sizes: list[Any] = [n if n == m else None for n, m in zip(a.shape, b.shape, strict=True)]
        if sizes and sizes[0] is None and (len(a), len(b)) == examples[0]:
            sizes[0] = "batch"
        return onnx.helper.make_tensor_value_info(name, graph.type(a.dtype), sizes)

    made = onnx.helper.make_graph(
        graph.nodes,
        type(model).__name__,
        [declared(n, first.arrays[i], second.arrays[i]) for i, n in enumerate(ins)],
        [
            declared(n, first.array(v), second.array(w))
            for n, v, w in zip(outs, first.outputs, second.outputs, strict=True)
        ],
        list(graph.initializers.values()),
    )
    file = onnx.helper.make_model(
        made,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        producer_name="gradwalk",
        ir_version=IR_VERSION,
    )
    try:
        onnx.checker.check_model(file, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise NotImplementedError(
            "to_onnx: ONNX does not take an op with what the model gives it, such as integers for "
            f"floating numbers: {error}"
        ) from error
    replace_file(path, file.SerializeToString())


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "to_onnx: the package onnx is not installed; pip install gradwalk[onnx]"
        ) from error
    return onnx


def _names(kind: str, names: Sequence[str] | None, n: int) -> list[str]:
    if names is None:
        return [kind] if n == 1 else [f"{kind}_{i}" for i in range(n)]
    if len(set(names)) != n or len(names) != n:
        raise ValueError(f"to_onnx: {kind}_names is {list(names)}; pass {n} names, all different")
    return list(names)


def _varied(a: Array, *, grow: bool) -> Array:
    """Return other values in the range of those of `a`, and one example more."""
    share = np.random.default_rng(0).random(a.shape)
    first = a.flat[0]
    if not (a == first).all():
        other = np.roll(a.reshape(-1), 1).reshape(a.shape)
    elif a.dtype.kind == "f":  # all alike, such as zeros
        other = np.full_like(a, 0.9 * first if first else 0.1)
    else:
        other = np.full_like(a, 0 if first else 1)
    if a.dtype.kind == "f":  # in between: the largest and the mean change, too
        with np.errstate(invalid="ignore"):
            other = np.asarray(share * a + (1 - share) * other, a.dtype)
    return np.concatenate([other, other[:1]]) if grow and a.ndim else other


# What a model runs.

Value: TypeAlias = "int | Array"
"""The number of a value that was computed, or the array of a constant."""


@dataclass
class Step:
    """One op that was run."""

    op: Op
    inputs: list[Value]
    arrays: list[Array]
    params: dict[str, Any]
    out: int
    array: Array
    scope: str


class Recording(Observer):
    """Notes the ops that compute from the inputs and parameters of a model, in their order.

    A value is recognised by its array: the same object is the same value.

    Attributes
    ----------
    steps : list of Step
    arrays : list of ndarray
        The values, by their numbers: inputs, then parameters and buffers, then what steps made.
    serials : list of int
        When each got its number.
    given : int
        How many inputs there are.
    outputs : list
        The numbers of the outputs, once the model has run.
    paths : dict of int to str
        The names of parameters and buffers.
    """

    def __init__(self, inputs: Sequence[Tensor], model: Module) -> None:
        self.steps: list[Step] = []
        self.arrays: list[Any] = []
        self.serials: list[int] = []
        self.numbers: dict[int, int] = {}
        self.outputs: list[Value] = []
        for x in inputs:
            self.number(x.data)
        named = [*model.named_parameters(), *model.named_buffers()]
        self.given = len(inputs)
        self.paths = {self.number(t.data): path for path, t in named}

    def number(self, data: Any) -> int:
        """Give a new value a number; its array is kept, so that no other gets its place."""
        self.numbers[id(data)] = len(self.arrays)
        self.arrays.append(data)
        self.serials.append(next_serial())
        return len(self.arrays) - 1

    def value(self, data: Any) -> Value:
        """Return the number of a value, or the array of one that is no op's."""
        return self.numbers.get(id(data), np.asarray(data))

    def array(self, value: Value) -> Array:
        """Return the array of a value."""
        return np.asarray(self.arrays[value]) if isinstance(value, int) else value

    def check_unchanged(self) -> None:
        """Raise if a value is not what it was when it got its number."""
        made = {step.out: step for step in self.steps}
        for number, (data, serial) in enumerate(zip(self.arrays, self.serials, strict=True)):
            if changes.of(as_tensor(data)) > serial:
                step = made.get(number)
                what = self.paths.get(number, "an input")
                if step is not None:
                    what = f"what {step.op.name} in {step.scope or 'the model'} made"
                raise ValueError(
                    f"to_onnx: {what}, of shape {np.shape(data)}, was changed in place, which no "
                    "node stands for; make a new tensor (y = y + 1, not y += 1; autograd.where "
                    "instead of y[i] = v)"
                )

    def run(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """Note an op; one that has no converter, by what it is composed of."""
        values = [self.value(x.data) for x in inputs]
        if not any(isinstance(v, int) for v in values):  # constants make a constant
            return super().run(op, inputs, params)
        if _converter(op) is None and op.reference is not None:
            out = op.reference(*inputs, **params)
            return (out.data, None) if op.shared is not None else out.data
        result = super().run(op, inputs, params)
        out = result[0] if op.shared is not None else result
        if type(out) is np.ndarray and out.ndim == 0:
            out = out[()]  # what the tensor will hold
        scope = current_scope.get()
        self.steps.append(
            Step(
                op,
                values,
                [np.asarray(x.data) for x in inputs],
                params,
                self.number(out),
                np.asarray(out),
                scope.path if scope else "",
            )
        )
        return (out, result[1]) if op.shared is not None else out


def _run(model: Module, arrays: Sequence[Array]) -> Recording:
    tensors = [as_tensor(a) for a in arrays]
    with evaluating(model), no_grad(), Recording(tensors, model) as recording:
        out = model(*tensors)
    recording.outputs = [recording.value(t.data) for t in _tensors(out)]
    recording.check_unchanged()
    if not recording.outputs:
        raise ValueError(f"to_onnx: {type(model).__name__} returned no tensor, but {out!r}")
    return recording


def _tensors(out: Any) -> list[Tensor]:
    if isinstance(out, Tensor):
        return [out]
    return [t for x in out for t in _tensors(x)] if isinstance(out, list | tuple) else []


# What is written.


@dataclass
class Call:
    """An op to be converted, as it ran both times: what a converter reads."""

    step: Step
    other: Step
    inputs: list[str]

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the first run."""
        return self.step.params

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first input."""
        return self.step.arrays[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the output."""
        return self.step.array.dtype

    def fixed(self, read: Callable[[Step], Any]) -> Any:
        """Return what is read off the step, which must be the same for any batch size."""
        here, there = read(self.step), read(self.other)
        if here != there:
            raise ValueError(
                f"to_onnx: {self.step.op.name} in {self.step.scope or 'the model'} depends on the "
                f"batch size: {here} in one batch, {there} in another; pass dynamic_batch=False"
            )
        return here

    def axes(self, read: Callable[[Step], Any] = lambda s: s.params["axis"]) -> list[int] | None:
        """Return the axes that a reduction goes over, none negative; None for all."""
        axis, n = read(self.step), len(self.shape)
        if axis is None or not n:  # NumPy takes axis 0 of a number
            return None
        return [a % n for a in (axis if isinstance(axis, tuple) else (axis,))]


@dataclass
class Graph:
    """The nodes and initializers of a file in the making."""

    first: Recording
    second: Recording
    nodes: list[Any] = field(default_factory=list)
    initializers: dict[Any, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)  # of values
    fed: set[int] = field(default_factory=set)  # values that depend on the inputs
    constants: dict[Any, str] = field(default_factory=dict)  # their names, by content
    taken: set[str] = field(default_factory=set)  # names of anything
    scope: str = ""

    def __post_init__(self) -> None:
        self.onnx = _onnx()

    def type(self, dtype: Any) -> int:
        """Return ONNX's number of a dtype."""
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def add(self, step: Step | None, other: Step | None) -> None:
        """Convert a step, which must be the same one in both runs."""
        if step is None or other is None or step.op is not other.op:
            raise ValueError(
                "to_onnx: the model ran other ops on another batch; what it does must not depend "
                "on values, or with dynamic_batch on the batch size"
            )
        convert = _converter(step.op)
        self.scope = step.scope
        if convert is None:
            raise NotImplementedError(
                f"to_onnx: {step.op.name} in {step.scope or 'the model'} has no counterpart in "
                "ONNX here; compose it of ops that have (nn.onnx.CONVERTERS), or leave it out"
            )
        call = Call(step, other, [])
        if step.op.name not in SIZED and not _equal(step.params, other.params):
            raise ValueError(
                f"to_onnx: {step.op.name} in {step.scope or 'the model'} got {step.params} in one "
                f"run, {other.params} in another: they are computed from the input outside of the "
                "ops, or depend on the batch size; if it is that, pass dynamic_batch=False"
            )
        what = f"an input of {step.op.name} in {step.scope or 'the model'}"
        values = list(zip(step.inputs, other.inputs, strict=True))
        if step.op.name == "where" and _chooses_nothing(step) and _chooses_nothing(other):
            values[0] = values[1]  # it does not matter what decides
        if any(
            a in self.fed if isinstance(a, int) else not _same(a, np.asarray(b)) for a, b in values
        ) or not _equal(step.params, other.params):
            self.fed.add(step.out)
        call.inputs = [self.name(a, b, what) for a, b in values]
        self.names[step.out] = convert(self, call)

    def name(self, value: Value, other: Value, what: str) -> str:
        """Return the name of a value; a constant becomes an initializer."""
        if isinstance(value, int) and isinstance(other, int) and value == other:
            if value not in self.names:  # a parameter that is used for the first time
                path = self.first.paths[value]
                self.names[value] = self.initializer(path, self.first.array(value))
            return self.names[value]
        return self.lifted(self.first.array(value), self.second.array(other), what)

    def lifted(self, a: Array, b: Array, what: str) -> str:
        """Return the name of an array that came from outside of the ops.

        It is a constant if it was the same both times. An array of the values of the input or of
        a result, such as the index of an embedding, is found again by its content.
        """
        if _same(a, b):
            return self.constant(a)
        found = [value for value in self.names if self.was(value, a, b)]
        if len(found) > 1 and found[1] < self.first.given:
            raise ValueError(
                f"to_onnx: {what} is what both {self.names[found[0]]} and {self.names[found[1]]} "
                "are; pass an example in which they differ"
            )
        if found:
            return self.names[found[-1]]
        raise ValueError(
            f"to_onnx: {what} is computed from the input outside of the ops, or depends on the "
            f"batch size: an array of shape {a.shape} in one run, {b.shape} in another; use ops on "
            "tensors all the way, or if it is the batch size, pass dynamic_batch=False"
        )

    def reserve(self, names: Sequence[str]) -> None:
        """Take names that others see; those of constants and nodes give way."""
        for name in names:
            if name in self.taken or not name:
                raise ValueError(
                    f"to_onnx: the name {name!r} is empty, or would stand for two of the inputs, "
                    "outputs, parameters and buffers; pass other input_names or output_names"
                )
            self.taken.add(name)

    def fresh(self, name: str) -> str:
        """Return the name, or one like it if it is taken."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def was(self, value: int, a: Array, b: Array) -> bool:
        """Whether a value was `a` in the first run, and `b` in the second."""
        return _same(a, self.first.array(value)) and _same(b, self.second.array(value))

    def check_constant(self, index: Array) -> None:
        """Raise if an index that was the same both times may have been computed."""
        if any(self.was(value, index, index) for value in self.fed):
            raise ValueError(
                f"to_onnx: an index was {index} in two runs, and so was what the model computed "
                "from its input; pass an example of other values or more rows, which tells whether "
                "it is a constant"
            )

    def initializer(self, name: str, array: Array) -> str:
        """Enter an array under a name."""
        array = np.ascontiguousarray(array).reshape(array.shape)
        self.initializers[name] = self.onnx.numpy_helper.from_array(array, name)
        return name

    def constant(self, array: Any) -> str:
        """Return the name of an array; equal arrays are entered once."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            name = self.fresh(f"constant_{len(self.constants)}")
            self.constants[key] = self.initializer(name, array)
        return self.constants[key]

    def integers(self, *values: int) -> str:
        """Return the name of a constant list of axes or sizes."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float, dtype: Any) -> str:
        """Return the name of a constant number."""
        return self.constant(np.array(value, dtype))

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; return the name of that."""
        place = f"{self.scope}/" if self.scope else ""
        name = self.fresh(f"{place}{kind}_{len(self.nodes)}")
        output = output or name
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name, **attributes))
        return output

    def cast(self, name: str, have: Any, want: Any) -> str:
        """Return the name of a value in another dtype."""
        return name if have == want else self.node("Cast", name, to=self.type(want))

    def drop_identities(self, outputs: Sequence[str]) -> None:
        """Let the node that makes an output have its name, where one does that alone."""
        makers = {node.output[0]: node for node in self.nodes}
        for last in self.nodes[-len(outputs) :]:
            source, name = last.input[0], last.output[0]
            users = sum(list(node.input).count(source) for node in self.nodes)
            if source in makers and users == 1:
                makers[source].output[0] = name
                self.nodes.remove(last)


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(a[k] is b[k] or np.array_equal(a[k], b[k]) for k in a)


def _chooses_nothing(where: Step) -> bool:
    """Whether both sides are one value of the result's shape, as in a choice without gradient."""
    x, y = where.inputs[1:]
    one = isinstance(x, int) and isinstance(y, int) and x == y
    return one and where.arrays[1].shape == where.array.shape


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)


# How each op is written. A converter gets the graph and the call, and returns the output's name.

Converter: TypeAlias = Callable[[Graph, Call], str]


def _alike(graph: Graph, call: Call, dtype: Any = None) -> list[str]:
    """Return the inputs in one dtype: NumPy mixes them, ONNX does not."""
    dtype = dtype or call.dtype
    arrays = call.step.arrays
    return [graph.cast(x, a.dtype, dtype) for x, a in zip(call.inputs, arrays, strict=True)]


def _plain(kind: str, **attributes: Any) -> Converter:
    """One node with the inputs of the op."""
    return lambda graph, call: graph.node(kind, *_alike(graph, call), **attributes)


def _or_logic(kind: str, logic: str) -> Converter:
    """One node of a kind for numbers, which is another for booleans."""
    return lambda graph, call: graph.node(
        logic if call.dtype == bool else kind, *_alike(graph, call)
    )


def _with(kind: str, **attributes: str) -> Converter:
    """One node, whose attributes are parameters of the op."""
    return lambda graph, call: graph.node(
        kind, *call.inputs, **{key: call.params[param] for key, param in attributes.items()}
    )


def _compared(kind: str, *after: str) -> Converter:
    def convert(graph: Graph, call: Call) -> str:
        dtype = np.result_type(*call.step.arrays)
        name = graph.node(kind, *_alike(graph, call, dtype))
        for more in after:
            name = graph.node(more, name)
        return name

    return convert


def _composed(build: Callable[..., str]) -> Converter:
    """Several nodes: ``build(node, number, *inputs, **params)``, inputs in the output's dtype."""

    def convert(graph: Graph, call: Call) -> str:
        def number(value: float) -> str:
            return graph.number(value, call.dtype)

        return build(graph.node, number, *_alike(graph, call), **call.params)

    return convert


def _scaled_log(base: float) -> Converter:
    return _composed(lambda n, c, x: n("Div", n("Log", x), c(math.log(base))))


def _reduced(kind: str) -> Converter:
    def convert(graph: Graph, call: Call) -> str:
        (x,) = _alike(graph, call)
        return _reduce(graph, kind, x, call.axes(), call.params["keepdims"])

    return convert


def _reduced_to_truth(kind: str) -> Converter:
    """Reduce booleans, which ONNX knows to reduce as numbers."""

    def convert(graph: Graph, call: Call) -> str:
        (x,), truth, number = call.inputs, np.dtype(bool), np.dtype(np.int32)
        x = graph.cast(graph.cast(x, call.step.arrays[0].dtype, truth), truth, number)
        x = _reduce(graph, kind, x, call.axes(), call.params["keepdims"])
        return graph.cast(x, number, truth)

    return convert


def _reduce(graph: Graph, kind: str, x: str, axes: list[int] | None, keepdims: bool) -> str:
    """Reduce over axes: all of them if None; none if [], which ONNX would read as all."""
    if axes == []:
        return graph.node("Identity", x)
    names = [x] if axes is None else [x, graph.integers(*axes)]
    return graph.node(kind, *names, keepdims=int(keepdims))


def _variance(*after: str) -> Converter:
    def convert(graph: Graph, call: Call) -> str:
        def count(step: Step) -> int:
            shape = step.arrays[0].shape
            return math.prod(shape if axes is None else [shape[a] for a in axes])

        axes, ddof = call.axes(), call.params["ddof"]
        (x,) = _alike(graph, call)
        centred = graph.node("Sub", x, _reduce(graph, "ReduceMean", x, axes, keepdims=True))
        squares = graph.node("Mul", centred, centred)
        out = _reduce(graph, "ReduceMean", squares, axes, call.params["keepdims"])
        if ddof:
            n = call.fixed(count)
            scale = n / (n - ddof) if n > ddof else math.inf  # and nan where the variance is 0
            out = graph.node("Mul", out, graph.number(scale, call.dtype))
        for kind in after:
            out = graph.node(kind, out)
        return out

    return convert


def _norm(graph: Graph, call: Call) -> str:
    kinds = {1: "ReduceL1", 2: "ReduceL2", math.inf: "ReduceMax"}
    order = call.params["ord"]
    if order not in kinds:
        raise NotImplementedError(
            f"to_onnx: vector_norm with ord={order} has no counterpart here; take 1, 2 or inf, or "
            "compose it: (abs(x) ** p).sum() ** (1 / p)"
        )
    if order == math.inf or call.axes() == []:
        call.inputs = [graph.node("Abs", *call.inputs)]
    return _reduced(kinds[order])(graph, call)


def _arg(kind: str) -> Converter:
    def convert(graph: Graph, call: Call) -> str:
        axis, keep = call.params["axis"], int(call.params["keepdims"])
        (x,) = call.inputs
        if axis is not None:
            return graph.node(kind, x, axis=axis, keepdims=keep)
        out = graph.node(kind, graph.node("Reshape", x, graph.integers(-1)), axis=0, keepdims=0)
        sizes = [1] * len(call.shape)
        return graph.node("Reshape", out, graph.integers(*sizes)) if keep and sizes else out

    return convert


def _reshape(graph: Graph, call: Call) -> str:
    """Sizes that are the same in both runs are written, others follow from the input's."""
    sizes = []
    for i, (n, m) in enumerate(zip(call.step.array.shape, call.other.array.shape, strict=True)):
        if n == m:
            sizes.append(n)
        elif call.shape[i : i + 1] == (n,) and call.other.arrays[0].shape[i : i + 1] == (m,):
            sizes.append(0)  # as it is in the input
        else:
            sizes.append(-1)
    if sizes.count(-1) > 1:
        call.fixed(lambda step: step.array.shape)
    if 0 in call.step.array.shape:
        raise NotImplementedError(
            f"to_onnx: reshape of an empty array, to {call.step.array.shape}, has no counterpart "
            "here; leave it out"
        )
    return graph.node("Reshape", call.inputs[0], graph.integers(*sizes))


def _expand(graph: Graph, call: Call) -> str:
    def stretched(step: Step) -> list[int]:
        given, made = step.arrays[0].shape, step.array.shape
        given = (1,) * (len(made) - len(given)) + given
        return [1 if n == m else m for n, m in zip(given, made, strict=True)]

    return graph.node("Expand", call.inputs[0], graph.integers(*call.fixed(stretched)))


def _squeeze(graph: Graph, call: Call) -> str:
    axes = call.axes()
    if axes is None:
        axes = call.fixed(lambda s: [i for i, n in enumerate(s.arrays[0].shape) if n == 1])
    return graph.node("Squeeze", call.inputs[0], graph.integers(*axes)) if axes else call.inputs[0]


def _expand_dims(graph: Graph, call: Call) -> str:
    axis, n = call.params["axis"], call.step.array.ndim
    axes = [a % n for a in (axis if isinstance(axis, tuple) else (axis,))]
    if not axes:
        return call.inputs[0]
    return graph.node("Unsqueeze", call.inputs[0], graph.integers(*axes))


def _transpose(graph: Graph, call: Call) -> str:
    n = len(call.shape)
    axes = call.params["axes"]
    perm = [a % n for a in axes] if axes is not None else list(range(n))[::-1]
    if not perm:
        return call.inputs[0]
    return graph.node("Transpose", *call.inputs, perm=perm)


def _swapaxes(graph: Graph, call: Call) -> str:
    perm = list(range(len(call.shape)))
    a, b = call.params["axis1"], call.params["axis2"]
    perm[a], perm[b] = perm[b], perm[a]
    return graph.node("Transpose", *call.inputs, perm=perm)


def _cumsum(graph: Graph, call: Call) -> str:
    (x,), axis = _alike(graph, call), call.params["axis"]
    if axis is None:
        x, axis = graph.node("Reshape", x, graph.integers(-1)), 0
    return graph.node("CumSum", x, graph.constant(np.int64(axis)))


def _concatenate(graph: Graph, call: Call) -> str:
    parts, axis = _alike(graph, call), call.params["axis"]
    if axis is None:
        parts, axis = [graph.node("Reshape", x, graph.integers(-1)) for x in parts], 0
    return graph.node("Concat", *parts, axis=axis)


def _stack(graph: Graph, call: Call) -> str:
    axis = call.params["axis"] % call.step.array.ndim
    parts = [graph.node("Unsqueeze", x, graph.integers(axis)) for x in _alike(graph, call)]
    return graph.node("Concat", *parts, axis=axis)


def _getitem(graph: Graph, call: Call) -> str:
    """Slices by Slice, numbers by Squeeze, None by Unsqueeze, one array of integers by Gather."""
    index, other = (_entries(s) for s in (call.step, call.other))
    (x,) = call.inputs
    cuts: list[tuple[int, int, int, int]] = []  # start, end, axis, step
    dropped: list[int] = []
    added: list[int] = []
    gathers: list[tuple[int, str]] = []
    axis = 0
    for place, (entry, there) in enumerate(zip(index, other, strict=True)):
        if entry is None:
            added.append(place)
            continue
        if isinstance(entry, slice):
            if entry != slice(None):
                call.fixed(lambda s, place=place: _entries(s)[place])  # type: ignore[misc]
                start, end, step = _bounds(entry)
                cuts.append((start, end, axis, step))
        elif isinstance(entry, np.ndarray) and entry.dtype.kind in "iu" and entry.ndim:
            if _same(entry, there):
                graph.check_constant(entry)
            rows = graph.lifted(entry, there, "an index")
            if entry.dtype not in (np.int32, np.int64):  # which Gather takes
                rows = graph.cast(rows, entry.dtype, np.int64)
            gathers.append((axis, rows))
        elif isinstance(entry, int | np.integer):
            at = int(call.fixed(lambda s, place=place: int(_entries(s)[place])))  # type: ignore[misc]
            graph.check_constant(np.asarray(entry))
            cuts.append((at, at + 1 if at != -1 else _MOST, axis, 1))
            dropped.append(axis)
        else:
            raise NotImplementedError(
                f"to_onnx: indexing by {entry!r} has no counterpart here; index by integers, "
                "slices, None or an array of integers, and for a mask use autograd.where"
            )
        axis += 1
    if len(gathers) > 1 or (gathers and (dropped or added)):
        raise NotImplementedError(
            "to_onnx: indexing by several arrays, or by an array beside numbers, has no "
            "counterpart here; take them one after the other"
        )
    if cuts:
        x = graph.node("Slice", x, *(graph.integers(*v) for v in zip(*cuts, strict=True)))
    for at, rows in gathers:
        x = graph.node("Gather", x, rows, axis=at)
    if dropped:
        x = graph.node("Squeeze", x, graph.integers(*dropped))
    if added:
        # places among the entries, less the numbers before them, which make no axis
        numbers = [i for i, e in enumerate(index) if isinstance(e, int | np.integer)]
        x = graph.node(
            "Unsqueeze", x, graph.integers(*(p - sum(i < p for i in numbers) for p in added))
        )
    return x if x != call.inputs[0] else graph.node("Identity", x)


_MOST = 2**63 - 1


def _entries(step: Step) -> list[Any]:
    """Return an index with one entry for each axis, and the ellipsis written out."""
    index, ndim = step.params["index"], step.arrays[0].ndim
    entries = [
        np.asarray(e) if isinstance(e, list) else e
        for e in (index if isinstance(index, tuple) else (index,))
    ]
    taken = sum(e is not None and e is not Ellipsis for e in entries)
    rest = [slice(None)] * (ndim - taken)
    for i, entry in enumerate(entries):
        if entry is Ellipsis:
            return [*entries[:i], *rest, *entries[i + 1 :]]
    return entries + rest


def _bounds(entry: slice) -> tuple[int, int, int]:
    """Return start, end and step as ONNX writes them: numbers far out for an open end."""
    step = 1 if entry.step is None else int(entry.step)
    start = (0 if step > 0 else _MOST) if entry.start is None else int(entry.start)
    end = (_MOST if step > 0 else -_MOST) if entry.stop is None else int(entry.stop)
    return start, end, step


def _linear(graph: Graph, call: Call) -> str:
    x, weight, *bias = _alike(graph, call)
    if len(call.shape) == 2:
        return graph.node("Gemm", x, weight, *bias, transB=1)
    out = graph.node("MatMul", x, graph.node("Transpose", weight, perm=[1, 0]))
    return graph.node("Add", out, *bias) if bias else out


def _windows(call: Call, kernel: Sequence[int]) -> dict[str, Any]:
    """Return the attributes of windows, from the parameters of a convolution or a pool."""
    params, n = call.params, len(kernel)
    stride = params["stride"] if params["stride"] is not None else tuple(kernel)
    dilation = _each(params.get("dilation", 1), n)
    padding = params["padding"]
    if isinstance(padding, str):
        around = [d * (k - 1) * (padding == "same") for d, k in zip(dilation, kernel, strict=True)]
        pairs = [(p // 2, p - p // 2) for p in around]
    else:
        pairs = [(p, p) if isinstance(p, int) else p for p in _each(padding, n)]
    made = {
        "kernel_shape": list(kernel),
        "strides": _each(stride, n),
        "pads": [a for a, _ in pairs] + [b for _, b in pairs],
    }
    return {**made, "dilations": dilation} if "dilation" in params else made


def _each(value: Any, n: int) -> list[Any]:
    return [value] * n if isinstance(value, int) else list(value)


def _conv(kind: str) -> Converter:
    def convert(graph: Graph, call: Call) -> str:
        windows = _windows(call, call.step.arrays[1].shape[2:])
        if "output_padding" in call.params:
            n = len(windows["kernel_shape"])
            windows["output_padding"] = _each(call.params["output_padding"], n)
        return graph.node(kind, *_alike(graph, call), group=call.params["groups"], **windows)

    return convert


def _max_pool(graph: Graph, call: Call) -> str:
    return graph.node(
        "MaxPool", *call.inputs, **_windows(call, _each(call.params["kernel_size"], 2))
    )


def _avg_pool(graph: Graph, call: Call) -> str:
    windows = _windows(call, _each(call.params["kernel_size"], 2))
    whole = int(call.params["count_include_pad"])
    return graph.node("AveragePool", *call.inputs, count_include_pad=whole, **windows)


def _embed(graph: Graph, call: Call) -> str:
    """A margin of zeros; other places to put an array are not written."""

    def margins(step: Step) -> list[int]:
        before, after = [], []
        index = step.params["index"]
        index = index if isinstance(index, tuple) else (index,)
        for entry, n, m in zip_longest(index, step.array.shape, step.arrays[0].shape):
            if not isinstance(entry, slice) or entry.step not in (None, 1):
                raise NotImplementedError(
                    f"to_onnx: embed at {index}, which is no margin all around, has no "
                    "counterpart here; use autograd.pad or autograd.concatenate"
                )
            start, stop, _ = entry.indices(n)
            if stop - start != m:
                raise NotImplementedError(
                    f"to_onnx: embed of {m} in {n} at {entry} repeats them, which has no "
                    "counterpart here; use autograd.broadcast_to before"
                )
            before.append(start)
            after.append(n - stop)
        return before + after

    return graph.node("Pad", *call.inputs, graph.integers(*call.fixed(margins)))


def _layer_norm(graph: Graph, call: Call) -> str:
    x, *affine = _alike(graph, call)
    size = call.params["normalized_shape"] or call.step.arrays[1].shape
    size = (size,) if isinstance(size, int) else tuple(size)
    if not affine:
        affine = [graph.constant(np.ones(size, call.dtype))]
    return graph.node("LayerNormalization", x, *affine, axis=-len(size), epsilon=call.params["eps"])


def _rope(graph: Graph, call: Call) -> str:
    """Rotate by x cos + (x P) sin, where P takes each pair (a, b) to (-b, a)."""
    t, d = call.fixed(lambda s: s.arrays[0].shape[-2:])
    positions, base = call.params["positions"], call.params["base"]
    at = np.arange(t) if positions is None else np.asarray(positions)
    angle = np.repeat(at[:, None] * base ** (-np.arange(0, d, 2) / d), 2, axis=1)
    turn = np.zeros((d, d), call.dtype)
    turn[range(1, d, 2), range(0, d, 2)], turn[range(0, d, 2), range(1, d, 2)] = -1, 1
    (x,) = call.inputs
    straight = graph.node("Mul", x, graph.constant(np.cos(angle).astype(call.dtype)))
    turned = graph.node("MatMul", x, graph.constant(turn))
    turned = graph.node("Mul", turned, graph.constant(np.sin(angle).astype(call.dtype)))
    return graph.node("Add", straight, turned)


def _softmax(kind: str, *after: str) -> Converter:
    """One node for one axis; for several, or all, what it is composed of."""

    def convert(graph: Graph, call: Call) -> str:
        (x,), axis = _alike(graph, call), call.params["axis"]
        if isinstance(axis, int):
            return graph.node(kind, x, axis=axis)
        total = _reduce(graph, "ReduceLogSumExp", x, call.axes(), keepdims=True)
        out = graph.node("Sub", x, total)
        for more in after:
            out = graph.node(more, out)
        return out

    return convert


def _where(graph: Graph, call: Call) -> str:
    condition, x, y = call.inputs
    if _chooses_nothing(call.step) and _chooses_nothing(call.other):
        return graph.node("Identity", x)
    condition = graph.cast(condition, call.step.arrays[0].dtype, np.dtype(bool))
    x, y = (
        graph.cast(name, a.dtype, call.dtype)
        for name, a in zip((x, y), call.step.arrays[1:], strict=True)
    )
    return graph.node("Where", condition, x, y)


def _clip(graph: Graph, call: Call, low: str = "min", high: str = "max") -> str:
    (x,), bounds = _alike(graph, call), [call.params[low], call.params[high]]
    names = ["" if b is None else graph.constant(np.asarray(b, call.dtype)) for b in bounds]
    if all(b is not None and np.ndim(b) == 0 for b in bounds):
        return graph.node("Clip", x, *names)
    # ONNX clips to numbers only, and without a bound clips infinity
    for kind, name in zip(("Max", "Min"), names, strict=True):
        x = graph.node(kind, x, name) if name else x
    return x


def _round(graph: Graph, call: Call) -> str:
    (x,), decimals = _alike(graph, call), call.params["decimals"]
    if not decimals:
        return graph.node("Round", x)
    scale = graph.number(10.0**decimals, call.dtype)
    return graph.node("Div", graph.node("Round", graph.node("Mul", x, scale)), scale)


def _erfc(n: Callable[..., str], c: Callable[[float], str], x: str) -> str:
    return n("Sub", c(1), n("Erf", x))


def _ndtr(n: Callable[..., str], c: Callable[[float], str], x: str) -> str:
    half = n("Erf", n("Mul", x, c(math.sqrt(0.5))))
    return n("Mul", c(0.5), n("Add", c(1), half))


def _gelu_tanh(n: Callable[..., str], c: Callable[[float], str], x: str) -> str:
    cubic = n("Mul", n("Mul", x, x), n("Mul", x, c(0.044715)))
    t = n("Tanh", n("Mul", c(math.sqrt(2 / math.pi)), n("Add", x, cubic)))
    return n("Mul", n("Mul", c(0.5), x), n("Add", c(1), t))


def _softplus(n: Callable[..., str], c: Callable[[float], str], x: str, beta: float) -> str:
    if beta == 1:
        return n("Softplus", x)
    return n("Div", n("Softplus", n("Mul", c(beta), x)), c(beta))


def _silu(n: Callable[..., str], c: Callable[[float], str], x: str, beta: float) -> str:
    return n("Mul", x, n("Sigmoid", x if beta == 1 else n("Mul", c(beta), x)))


def _prelu(n: Callable[..., str], c: Callable[[float], str], x: str, weight: str) -> str:
    return n("Add", n("Relu", x), n("Mul", weight, n("Min", x, c(0))))


CONVERTERS: dict[str, Converter] = {
    "add": _or_logic("Add", "Or"),
    "sub": _plain("Sub"),
    "mul": _or_logic("Mul", "And"),
    "div": _plain("Div"),
    "pow": _plain("Pow"),
    "neg": _plain("Neg"),
    "positive": _plain("Identity"),
    "reciprocal": _plain("Reciprocal"),
    "square": _composed(lambda n, c, x: n("Mul", x, x)),
    "exp": _plain("Exp"),
    "log": _plain("Log"),
    "sqrt": _plain("Sqrt"),
    "rsqrt": _composed(lambda n, c, x: n("Reciprocal", n("Sqrt", x))),
    "exp2": _composed(lambda n, c, x: n("Pow", c(2), x)),
    "log2": _scaled_log(2),
    "log10": _scaled_log(10),
    "sin": _plain("Sin"),
    "cos": _plain("Cos"),
    "tan": _plain("Tan"),
    "arcsin": _plain("Asin"),
    "arccos": _plain("Acos"),
    "arctan": _plain("Atan"),
    "sinh": _plain("Sinh"),
    "cosh": _plain("Cosh"),
    "arcsinh": _plain("Asinh"),
    "arccosh": _plain("Acosh"),
    "arctanh": _plain("Atanh"),
    "erf": _plain("Erf"),
    "erfc": _composed(_erfc),
    "ndtr": _composed(_ndtr),
    "abs": _plain("Abs"),
    "sign": _plain("Sign"),
    "floor": _plain("Floor"),
    "ceil": _plain("Ceil"),
    "trunc": _composed(lambda n, c, x: n("Mul", n("Sign", x), n("Floor", n("Abs", x)))),
    "round": _round,
    "maximum": _or_logic("Max", "Or"),
    "minimum": _or_logic("Min", "And"),
    "clip": _clip,
    "where": _where,
    "eq": _compared("Equal"),
    "ne": _compared("Equal", "Not"),
    "lt": _compared("Less"),
    "le": _compared("LessOrEqual"),
    "gt": _compared("Greater"),
    "ge": _compared("GreaterOrEqual"),
    "bitwise_and": _or_logic("BitwiseAnd", "And"),
    "bitwise_or": _or_logic("BitwiseOr", "Or"),
    "bitwise_xor": _or_logic("BitwiseXor", "Xor"),
    "bitwise_not": _or_logic("BitwiseNot", "Not"),
    "logical_and": _plain("And"),
    "logical_or": _plain("Or"),
    "logical_xor": _plain("Xor"),
    "logical_not": _plain("Not"),
    "isnan": _with("IsNaN"),
    "isinf": _with("IsInf"),
    "relu": _plain("Relu"),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "leaky_relu": _with("LeakyRelu", alpha="negative_slope"),
    "prelu": _composed(_prelu),
    "elu": _with("Elu", alpha="alpha"),
    "selu": _plain("Selu", alpha=1.6732632423543772, gamma=1.0507009873554805),
    "softplus": _composed(_softplus),
    "hardtanh": lambda graph, call: _clip(graph, call, "min_val", "max_val"),
    "gelu": _composed(lambda n, c, x: n("Mul", x, _ndtr(n, c, x))),
    "gelu_tanh": _composed(_gelu_tanh),
    "silu": _composed(_silu),
    "mish": _plain("Mish"),
    "sum": _reduced("ReduceSum"),
    "mean": _reduced("ReduceMean"),
    "prod": _reduced("ReduceProd"),
    "all": _reduced_to_truth("ReduceMin"),
    "any": _reduced_to_truth("ReduceMax"),
    "max": _reduced("ReduceMax"),
    "min": _reduced("ReduceMin"),
    "var": _variance(),
    "std": _variance("Sqrt"),
    "logsumexp": _reduced("ReduceLogSumExp"),
    "vector_norm": _norm,
    "argmax": _arg("ArgMax"),
    "argmin": _arg("ArgMin"),
    "cumsum": _cumsum,
    "reshape": _reshape,
    "transpose": _transpose,
    "swapaxes": _swapaxes,
    "squeeze": _squeeze,
    "expand_dims": _expand_dims,
    "broadcast_to": _expand,
    "astype": lambda graph, call: graph.node("Cast", *call.inputs, to=graph.type(call.dtype)),
    "concatenate": _concatenate,
    "stack": _stack,
    "getitem": _getitem,
    "matmul": _plain("MatMul"),
    "einsum": lambda graph, call: graph.node(
        "Einsum", *_alike(graph, call), equation=call.params["subscripts"]
    ),
    "linear": _linear,
    "softmax": _softmax("Softmax", "Exp"),
    "log_softmax": _softmax("LogSoftmax"),
    "conv1d": _conv("Conv"),
    "conv2d": _conv("Conv"),
    "conv_transpose1d": _conv("ConvTranspose"),
    "conv_transpose2d": _conv("ConvTranspose"),
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "embed": _embed,
    "layer_norm": _layer_norm,
    "rope": _rope,
}

OPS = op_table()


def _converter(op: Op) -> Converter | None:
    """Return how an op is written; one of the user's with a name of the library's is another."""
    return CONVERTERS.get(op.name) if OPS.get(op.name, op) is op else None


# Their converters look at sizes themselves.
SIZED = {"reshape", "broadcast_to", "getitem", "embed"}
