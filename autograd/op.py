"""The two records everything else reads: what an operation is, and what a recorded value is.

An `Op` is declared once. Calling it on arrays computes; calling it on tensors also records. The
engine, forward mode, gradcheck, the op table and the pictures all read the same record.

A rule is written once, with operators, array methods, NumPy functions and other ops, and so it
serves arrays and tensors alike: arrays for a plain backward pass, tensors where the gradient
itself is to be differentiated.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, wraps
from itertools import count, pairwise, repeat
from types import MethodType
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar, get_args

import numpy as np

Array: TypeAlias = Any
"""An ndarray or NumPy scalar, or a Tensor: what a rule and an op are written for."""

Rule: TypeAlias = Callable[..., Array]

Kind: TypeAlias = Literal["elementwise", "linear", "multilinear", "reduction", "other"]
"""How the derivative is shaped, which gives forward mode:

elementwise: the Jacobian is diagonal (or symmetric), so the vjp rule is also the jvp rule;
linear: the op, applied to the tangents, is its own derivative;
multilinear: linear in each input by itself, so the product rule holds;
reduction: the vjp rule at g = 1 holds the weights, the jvp is their weighted sum;
other: the op brings a jvp rule or a reference.
"""

# PyTorch's names for the two arguments that NumPy calls otherwise.
ALIASES = {"dim": "axis", "keepdim": "keepdims"}

_SHAPE_ATTRIBUTES = ("shape", "ndim", "size", "dtype", "flags")

_ALL = repeat(True)

P = ParamSpec("P")
R = TypeVar("R")


# When a hook runs: on the gradient; to keep it, after the others; when it was added to `grad`.
BEFORE, RETAINED, ACCUMULATED = range(3)


class Node:
    """A value in the graph: its data, and how it was computed.

    What the engine reads. `Tensor` is this with methods; a leaf has `op` None and no inputs.
    """

    __slots__ = (
        "__weakref__",
        "_grad",
        "data",
        "hooks",
        "inputs",
        "name",
        "op",
        "params",
        "requires_grad",
        "saved",
        "scope",
        "serial",
    )

    data: Any
    _grad: Any
    requires_grad: bool
    op: Op | None
    inputs: tuple[Any, ...]
    params: dict[str, Any]
    saved: Any  # what the forward of a fused op kept for its rules
    scope: Any
    serial: int  # creation number: inputs come before outputs; 0 for leaves
    hooks: dict[tuple[int, int], Callable[..., Any]] | None  # by when they run, and a number
    name: str | None

    priority = 0  # of several nodes given to an op, the one with the highest decides

    def apply(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """Run `op` on `inputs`, at least one of which is a node, and record it."""
        raise NotImplementedError


def data_of(x: Any) -> Any:
    """Return the data of a node, and all else as it is."""
    return x.data if isinstance(x, Node) else x


class EachInput:
    """One rule for all inputs of an op that takes any number: ``rule(i, g, out, *inputs)``.

    `reads` tells whether the rule needs the inputs' values, or only their shapes.
    """

    def __init__(self, rule: Rule, *, reads: bool) -> None:
        self.rule = rule
        self.reads = reads

    def __getitem__(self, i: int) -> Rule:
        return partial(self.rule, i)

    def __iter__(self) -> Iterator[Rule]:
        return (partial(self.rule, i) for i in count())


@dataclass(frozen=True, eq=False)
class Op:
    """A differentiable operation: ``out = forward(*inputs, **params)``.

    Parameters
    ----------
    name : str
    forward : callable
        A NumPy function of the inputs' arrays, then of keyword parameters. It keeps the dtype. An
        op with `shared` returns (out, saved) instead of out.
    vjp : tuple of callables or None, or EachInput
        For each input ``rule(g, out, *inputs, **params)``: the gradient with respect to that
        input, given `g`, the gradient with respect to `out`. It may keep the shape that
        broadcasting made; the engine sums over it. None for an input without a derivative.
    latex : str
        The formula; ``{0}`` stands for the first input.
    kind : {'elementwise', 'linear', 'multilinear', 'reduction', 'other'}
        What forward mode follows from, and with it `hvp` and `hessian`; see `Kind`. `gradcheck`
        finds a wrong one.
    jvp : callable, optional
        ``jvp(tangents, out, *inputs, **params)`` for the kind 'other'; a tangent is None where
        the input is constant.
    shared : callable, optional
        ``shared(g, out, saved, *inputs, **params)``: what the rules of a fused op get in the
        place of `g`, computed once for all of them; also the place of a single rule that is
        written for arrays only. Derivatives of higher order and forward mode differentiate the
        `reference`.
    reference : callable, optional
        The same function of a fused op, composed from primitives.
    flops : int or callable
        Floating-point operations for each element of `out`, or ``flops(out, *inputs, **params)``.
    doc : str
        The docstring; that of `forward` if empty.

    Raises
    ------
    ValueError
        If the kind has no such name, is 'other' and neither `jvp` nor `reference` is given, or is
        'reduction' and `forward` has no parameters axis and keepdims.
    TypeError
        If `vjp` is no tuple, or a rule does not take all inputs and parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor
    >>> cube = Op("cube", lambda x: x**3, (lambda g, out, x: 3 * g * x**2,), r"{0}^3")
    >>> cube(np.array([1.0, 2.0]))
    array([1., 8.])
    >>> x = Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad.item()
    12.0
    """

    name: str
    forward: Callable[..., Any]
    vjp: tuple[Rule | None, ...] | EachInput
    latex: str
    kind: Kind = "elementwise"
    jvp: Callable[..., Array] | None = None
    shared: Callable[..., Any] | None = None
    reference: Callable[..., Array] | None = None
    flops: int | Callable[..., int] = 1
    doc: str = ""

    # What follows from the fields.
    arity: int | None = field(init=False, repr=False)  # at most; None for any number of inputs
    differentiable: bool = field(init=False, repr=False)  # with respect to some input
    straight: bool = field(init=False, repr=False)  # one or two inputs with rules, no parameters
    input_names: tuple[str, ...] = field(init=False, repr=False)
    required: int = field(init=False, repr=False)  # how many inputs there are at least
    param_names: tuple[str, ...] = field(init=False, repr=False)
    defaults: dict[str, Any] = field(init=False, repr=False)
    __signature__: inspect.Signature = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rules = self.vjp if isinstance(self.vjp, tuple) else None
        arity = None if rules is None else len(rules)
        signature = self._signature(arity or 0)
        names = [
            p.name
            for p in signature.parameters.values()
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        params = tuple(names[arity or 0 :])
        set_ = partial(object.__setattr__, self)  # frozen for everyone else
        set_("arity", arity)
        set_("differentiable", rules is None or any(rules))
        set_("input_names", tuple(names[: arity or 0]))
        defaults = [signature.parameters[name].default for name in names[: arity or 0]]
        set_("required", 1 if arity is None else arity - defaults.count(None))
        set_("param_names", params)
        set_("defaults", {name: signature.parameters[name].default for name in params})
        set_("straight", arity in (1, 2) and all(rules or ()) and not (params or self.shared))
        set_("__name__", self.name)
        set_("__doc__", self.doc or self.forward.__doc__)
        set_("__signature__", signature)
        if inspect.isfunction(self.forward):
            set_("__module__", self.forward.__module__)  # where help() and doctest look for it
        self._check()

    def _check(self) -> None:
        """Raise unless the fields fit each other."""
        if self.kind not in get_args(Kind):
            raise ValueError(
                f"Op {self.name}: kind is {self.kind!r}; it is one of {', '.join(get_args(Kind))}"
            )
        if not isinstance(self.vjp, tuple | EachInput):
            raise TypeError(
                f"Op {self.name}: vjp is a {type(self.vjp).__name__}; pass a tuple with a rule for "
                "each input, such as (rule,)"
            )
        if self.kind == "other" and self.jvp is None and self.reference is None:
            raise ValueError(
                f"Op {self.name}: the kind 'other' has no forward mode of its own; "
                "pass jvp= or reference=, or a kind that gives it"
            )
        if self.kind == "reduction" and not {"axis", "keepdims"} <= {*self.param_names}:
            raise ValueError(
                f"Op {self.name}: the kind 'reduction' has parameters axis and keepdims, but those "
                f"of its forward are {list(self.param_names)}; add them, or take another kind"
            )
        if self.jvp is not None and not self.differentiable:
            raise ValueError(
                f"Op {self.name}: it has a jvp rule and no vjp rule, and so counts as a constant; "
                "pass a vjp rule for each input that has a derivative, or leave out jvp="
            )
        count = 2 + (self.arity or 0)
        for i in range(self.arity or 0):
            rule = self.vjp[i]
            if inspect.isfunction(rule) and not _takes(rule, count, self.param_names):
                raise TypeError(
                    f"Op {self.name}: the rule for input {i} takes {inspect.signature(rule)}, but "
                    f"gets g, out, {self.arity} inputs and the parameters "
                    f"{list(self.param_names)}; pass a rule, or None, for each input, that takes "
                    "all of these"
                )

    def _signature(self, arity: int) -> inspect.Signature:
        if inspect.isfunction(self.forward):
            return inspect.signature(self.forward)
        names = ("x", "y", "z")[:arity]  # a ufunc or an operator: it takes arrays only
        kind = inspect.Parameter.POSITIONAL_ONLY
        return inspect.Signature([inspect.Parameter(name, kind) for name in names])

    def reads(self, value: int | Literal["out"], needed: Sequence[bool] | None = None) -> bool:
        """Whether the rules need the value of an input, given by position, or of 'out'.

        Read off the rules' own code, so that it cannot go stale: an argument counts unless only
        its shape, ndim, size, dtype or flags are asked for. An op with `shared` counts as needing
        all its inputs, and `out` if `shared` loads it.

        Parameters
        ----------
        value : int or 'out'
        needed : sequence of bool, optional
            Which inputs want a gradient: the rules of others do not run. All of them if None.
        """
        if isinstance(self.vjp, EachInput):
            return self.vjp.reads and value != "out"
        if self.shared is not None:
            return value != "out" or "out" in _values_read(self.shared, 0)
        rules = self._values_read
        return any(value in read for read, runs in zip(rules, needed or _ALL, strict=False) if runs)

    @cached_property
    def _values_read(self) -> list[set[int | str]]:
        assert isinstance(self.vjp, tuple)
        return [_values_read(rule, len(self.vjp)) if rule else set() for rule in self.vjp]

    @property
    def _usage(self) -> str:
        return _usage(self.name, self.__signature__)

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Compute on arrays; compute and record on tensors."""
        arity = self.arity
        if params or (arity is not None and len(args) > arity):
            args, params = self._bind(args, params)
            # a NumPy scalar would promote float32, a number does not
            params = {k: v.item() if isinstance(v, np.generic) else v for k, v in params.items()}
        while len(args) > self.required and args[-1] is None:  # an optional input, such as a bias
            args = args[:-1]
        if self.defaults:
            params = {**self.defaults, **params}
        return dispatch(self, args, params)

    def _bind(
        self, args: tuple[Any, ...], params: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Part the call's arguments into inputs and parameters, as the signature names them."""
        input_names, param_names = self.input_names, self.param_names
        arity = len(args) if self.arity is None else self.arity
        inputs, extra = args[:arity], args[arity:]
        if len(extra) > len(param_names):
            raise TypeError(
                f"{self.name}: takes at most {arity + len(param_names)} arguments, "
                f"got {len(args)}; its signature is {self._usage}"
            )
        bound = dict(zip(param_names, extra, strict=False))
        for key, value in params.items():
            name = ALIASES.get(key, key) if key not in param_names else key
            if name in input_names[len(inputs) :] and name == input_names[len(inputs)]:
                inputs = (*inputs, value)
            elif name in bound or name not in param_names:
                raise TypeError(
                    f"{self.name}: unexpected or repeated argument {key!r}; "
                    f"its signature is {self._usage}"
                )
            else:
                bound[name] = value
        return inputs, _with_tuple(bound)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """In a class body an op is a method, as a function is."""
        return self if instance is None else MethodType(self, instance)

    def __copy__(self) -> Op:
        return self

    def __deepcopy__(self, memo: Any) -> Op:
        return self

    def __repr__(self) -> str:
        return f"<Op {self.name}>"

    def count_flops(self, out: Array, *inputs: Array, **params: Any) -> int:
        """Floating-point operations of one forward call."""
        if callable(self.flops):
            return int(self.flops(out, *inputs, **params))
        return self.flops * int(out.size)


def dispatch(op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Run `op`: the node of the highest priority among its inputs records it, arrays compute."""
    decider: Node | None = None
    for x in inputs:
        if isinstance(x, Node) and (decider is None or x.priority > decider.priority):
            decider = x
    if decider is not None:
        return decider.apply(op, inputs, params)
    # Beside an array, a number takes its dtype.
    alone = not any(hasattr(x, "dtype") for x in inputs)
    arrays = [
        np.asarray(untensored(op.name, x)) if alone or isinstance(x, list | tuple) else x
        for x in inputs
    ]
    out = op.forward(*arrays, **params)
    return out[0] if op.shared is not None else out


def untensored(where: str, x: Any, what: str = "an input") -> Any:
    """Return an input, unless it holds tensors: as an array, they would be stacked unasked."""
    if isinstance(x, list | tuple) and any(isinstance(item, Node) for item in x):
        raise TypeError(
            f"{where}: {what} is a {type(x).__name__} that holds tensors; recurrent layers and "
            "MultiheadAttention return (output, ...): take the first, out[0]; others are joined by "
            "stack() or concatenate()"
        )
    return x


def op(
    *, vjp: tuple[Rule | None, ...] | EachInput, latex: str = "", **fields: Any
) -> Callable[[Callable[..., Any]], Op]:
    """Make the decorated NumPy function the forward of an `Op`; the fields are those of `Op`.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import Tensor
    >>> @op(vjp=(lambda g, out, x: -g,), kind="other", jvp=lambda t, out, x: -t[0])
    ... def reverse_gradient(x):
    ...     return +x
    >>> x = Tensor(2.0, requires_grad=True)
    >>> reverse_gradient(x * 3).backward()
    >>> x.grad.item()
    -3.0
    """

    def declare(forward: Callable[..., Any]) -> Op:
        name = forward.__name__.strip("_")
        word = name.replace("_", r"\_")
        formula = latex or rf"\mathrm{{{{{word}}}}}({{0}})"
        return Op(name, forward, vjp, formula, **fields)

    return declare


def with_aliases(f: Callable[P, R]) -> Callable[P, R]:
    """Let a function composed of ops take arguments as every op does.

    PyTorch's names of them too; and where they do not fit, the error shows the signature.
    """
    name, signature = f.__name__.strip("_"), inspect.signature(f)

    @wraps(f)
    def call(*args: P.args, **params: P.kwargs) -> R:
        ours = _with_tuple({ALIASES.get(k, k): v for k, v in params.items()})
        try:
            return f(*args, **ours)
        except TypeError:
            try:
                signature.bind(*args, **ours)
            except TypeError as error:
                usage = _usage(name, signature)
                raise TypeError(f"{name}: {error}; its signature is {usage}") from None
            raise

    return call


def _with_tuple(params: dict[str, Any]) -> dict[str, Any]:
    """Make a list of axes a tuple: PyTorch takes both, NumPy the tuple alone."""
    if type(axes := params.get("axis")) is list:
        params["axis"] = tuple(axes)
    return params


def _usage(name: str, signature: inspect.Signature) -> str:
    """Return how a function is called, without the types."""
    parameters = signature.parameters.values()
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return name + str(inspect.Signature(plain))


def _takes(rule: Any, count: int, names: Sequence[str]) -> bool:
    """Whether a function takes so many positional arguments, and keywords of these names."""
    code = rule.__code__
    given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return bool(code.co_flags & inspect.CO_VARARGS or code.co_argcount >= count) and bool(
        code.co_flags & inspect.CO_VARKEYWORDS or set(names) <= set(given)
    )


def _values_read(rule: Rule, arity: int) -> set[int | str]:
    """The inputs, by position, and 'out' where the code of `rule` loads them, not just a shape."""
    if not hasattr(rule, "__code__"):
        return {*range(arity), "out"}
    args = rule.__code__.co_varnames[: rule.__code__.co_argcount]  # g, out, *inputs, parameters
    positions: dict[str, int | str] = {name: i for i, name in enumerate(args[2 : 2 + arity])}
    positions[args[1]] = "out"
    found: set[int | str] = set()
    code = list(dis.get_instructions(rule))
    for here, after in pairwise([*code, None]):
        if here is None or not ("LOAD_FAST" in here.opname or "LOAD_CLOSURE" in here.opname):
            continue
        names = here.argval if isinstance(here.argval, tuple) else (here.argval,)
        if after and after.opname == "LOAD_ATTR" and after.argval in _SHAPE_ATTRIBUTES:
            names = names[:-1]
        found.update(positions[name] for name in names if name in positions)
    return found
