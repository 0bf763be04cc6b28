"""The derivation of a gradient, worked out: what a teacher would write on the board.

The rules of the ops are run on `Term`s, tensors that remember how they were computed; so the lines
are the rules themselves, with the names of the operands in them, and hold for any op.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from autograd import Op, Tensor, backprop, neg, softmax, toposort
from autograd.changes import changes, describe, freed
from autograd.engine import Trace, unbroadcast

from .labels import Named, brief, named_tensors, number, numbers, own_names, parameters
from .mathml import to_mathml
from .steps import Part

_INFIX = {
    **{"add": ("+", 1), "sub": ("-", 1), "mul": ("*", 2), "div": ("/", 2), "matmul": ("@", 2)},
    **{"pow": ("**", 4), "eq": ("==", 0), "ne": ("!=", 0), "lt": ("<", 0), "le": ("<=", 0)},
    **{"gt": (">", 0), "ge": (">=", 0)},
}
_RELATIONS = {"eq": "=", "ne": r"\neq", "lt": "<", "le": r"\leq", "gt": ">", "ge": r"\geq"}
_SIGNED, _ATOM = 1, 9
_LONGEST = 40  # characters of a number or array in a line
_LONGEST_FORMULA = 120
_MOST_NUMBERS = 1000  # that are written out

_one_hot = Op(
    "one_hot",
    lambda target, *, num_classes: np.eye(num_classes)[target],
    (None,),
    r"\operatorname{{onehot}}({0})",
)


class Formula(NamedTuple):
    """An equation as text and as LaTeX."""

    text: str
    latex: str


class Symbol(NamedTuple):
    """A tensor of the graph, by its name, or the gradient of the output with respect to it."""

    name: str
    gradient_of: str = ""


class Constant(NamedTuple):
    """A number, or an array that a rule made."""

    value: Any


@dataclass(frozen=True, slots=True)
class Applied:
    """An op on expressions, whose result has `ndim` axes."""

    op: Op
    operands: tuple[Expression, ...]
    params: Mapping[str, Any]
    ndim: int


Expression: TypeAlias = Symbol | Constant | Applied


class Term(Tensor):
    """A value that knows its expression."""

    __slots__ = ("expression",)

    priority = 2

    def __init__(self, data: Any, expression: Expression) -> None:
        super().__init__(0.0)
        self.data = data
        self.expression = expression

    def apply(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Tensor:
        """Run `op`, and write down that it ran."""
        terms = [x if isinstance(x, Term) else _constant(x, inputs) for x in inputs]
        out = op.forward(*[x.data for x in terms], **params)
        out = out[0] if op.shared is not None else out
        if op.name in ("mul", "div"):  # by 1 or -1
            x, y = terms
            if _is(1, y) and x.shape == out.shape:
                return Term(out, x.expression)
            if op.name == "mul" and _is(1, x) and y.shape == out.shape:
                return Term(out, y.expression)
            if op.name == "mul" and _is(-1, x) and y.shape == out.shape:
                return Term(out, Applied(neg, (y.expression,), {}, out.ndim))
        if op.name == "neg" and isinstance(terms[0].expression, Constant):
            return Term(out, Constant(-terms[0].expression.value))
        return Term(out, Applied(op, tuple(x.expression for x in terms), params, out.ndim))


def _constant(x: Any, inputs: Sequence[Any]) -> Term:
    dtype = next((y.dtype for y in inputs if isinstance(y, Term) and y.dtype.kind == "f"), None)
    array = np.asarray(x.data if isinstance(x, Tensor) else x)
    if dtype is not None and array.ndim == 0 and array.dtype.kind in "fi":
        return Term(dtype.type(array), Constant(array.item()))
    return Term(array, Constant(array))


def _is(value: float, x: Term) -> bool:
    e = x.expression
    return isinstance(e, Constant) and np.ndim(e.value) == 0 and bool(e.value == value)


class Line(NamedTuple):
    """``symbol = expression``, and the value that this comes to."""

    symbol: Symbol
    expression: Expression
    value: Any


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a gradient comes about: what `explain` returns.

    Shown in a notebook it is typeset, printed it is text.

    Attributes
    ----------
    given : tuple of (str, ndarray)
        The leaves and constants that the lines read, by name.
    forward, backward : tuple of Line
        The lines in the order they are computed; the last one is the gradient asked for.
    paths : tuple of tuple of float
        For scalars: the ways from the output to the tensor, each as its local derivatives.
    hidden_paths : int
        How many more there are.
    """

    given: tuple[tuple[str, Any], ...]
    forward: tuple[Line, ...]
    backward: tuple[Line, ...]
    paths: tuple[tuple[float, ...], ...]
    hidden_paths: int

    def text(self) -> str:
        """Return the lines as text; right of ``=`` stands an expression that Python reads."""
        lines = ["given"]
        lines += [f"  {name}  {_brief(value)}" for name, value in self.given]
        for title, part in (("forward", self.forward), ("backward", self.backward)):
            rows = [(f"{_text_of(x.symbol)} = {_text_of(x.expression)}", x.value) for x in part]
            wide = min(60, max((len(row) for row, _ in rows), default=0))
            lines += [title, *(f"  {row.ljust(wide)}  # {_brief(value)}" for row, value in rows)]
        if self.paths:
            lines.append("paths, as products of local derivatives")
            for path in self.paths:
                product = float(np.prod(path))
                lines.append("  " + " * ".join(map(number, path)) + f" = {number(product)}")
            if self.hidden_paths:
                lines.append(f"  and {self.hidden_paths:,} more")
        return "\n".join(lines)

    def latex(self) -> str:
        """Return the lines as an ``aligned`` environment of LaTeX, last the sum over paths."""
        rows = [
            f"{_latex_of(x.symbol)} &= {_latex_of(x.expression)}"
            + ("" if isinstance(x.expression, Constant) else _latex_value(x.value))
            for x in (*self.forward, *self.backward)
        ]
        signs = "=" + "+" * len(self.paths)
        rows += [f"&{sign} {_latex_product(p)}" for sign, p in zip(signs, self.paths, strict=False)]
        rows += [r"&+ \dots"] if self.hidden_paths else []
        body = " \\\\\n".join(rows)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"

    def mathml(self) -> str:
        """Return the lines as MathML, which browsers typeset without help."""
        return to_mathml(self.latex(), block=True)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def explain(
    output: Tensor,
    tensor: Tensor,
    *,
    params: Named | None = None,
    names: Named | None = None,
    max_paths: int = 8,
) -> Explanation:
    """Derive the gradient of `output` with respect to `tensor`, line by line.

    First the forward pass, then the chain rule from the output to the tensor, with the rules of the
    ops written out and the numbers beside them. For scalars also as a sum over paths of products of
    local derivatives.

    Parameters
    ----------
    output : Tensor of one element that requires grad
    tensor : Tensor that `output` was computed from
    params, names : mapping from str to Tensor, or pairs of them, optional
        What to call tensors, such as ``model.named_parameters()``, before their own names;
        others are called v1, v2, ... Weights of several layers that have the same name are told
        apart by the path of the module that uses them: ``weight_0``.
    max_paths : int, default=8
        How many paths to write out.

    Returns
    -------
    Explanation

    Raises
    ------
    ValueError
        If the output has several elements, or was not computed from the tensor.
    RuntimeError
        If the graph was freed, or a value in it was changed in place.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> y = x * x + x
    >>> y.name = "y"
    >>> explain(y, x)
    given
      x  3
    forward
      v1 = x * x  # 9
      y = v1 + x  # 12
    backward
      dy/dv1 = 1         # 1
      dy/dx = 1 + x + x  # 7
    paths, as products of local derivatives
      1 = 1
      1 * 3 = 3
      1 * 3 = 3
    """
    if output.size != 1 or not output.requires_grad:
        raise ValueError(
            f"explain: the output has shape {output.shape} and requires_grad is "
            f"{output.requires_grad}; pass a scalar that was computed from what requires grad"
        )
    nodes = toposort(output)  # newest first
    for t in nodes:
        if not t.inputs:
            raise freed(t)
    for x, t in changed(nodes):
        raise RuntimeError(
            f"explain: {describe(x)} was changed in place after {t.op.name} had "
            f"{'made' if x is t else 'used'} it, so its numbers are no longer those of the "
            "output; compute the output again, or explain it before the change"
        )
    reached = {tensor}
    for t in reversed(nodes):
        if any(x in reached for x in t.inputs):
            reached.add(t)
    if output not in reached or output is tensor:
        raise ValueError(
            "explain: the output was not computed from this tensor, or not where it requires grad"
        )
    called = _names(output, nodes, named_tensors("explain", names, params))
    terms = {t: Term(t.data, Symbol(n) if n else Constant(t.data)) for t, n in called.items()}
    forward = [_forward_line(t, terms) for t in reversed(nodes) if t.op is not None]
    backward, locals_ = _backward(output, tensor, reached, terms)
    scalar = all(t.size == 1 for t in reached)
    paths, more = _paths(output, tensor, locals_, max_paths) if scalar else ((), 0)
    given = tuple((name, t.data) for t, name in called.items() if name and t.op is None)
    return Explanation(given, tuple(forward), tuple(backward), paths, more)


def changed(nodes: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Return what was changed in place since, with the result of each op that used or made it.

    Whether or not a rule reads it: new numbers stand beside old ones. What was used comes first.
    """
    pairs = ((x, t) for t in nodes for x in (*t.inputs, t) if not isinstance(x, Trace))
    return sorted((p for p in pairs if changes.of(p[0]) > p[1].serial), key=lambda p: p[0] is p[1])


def _names(
    output: Tensor, nodes: Sequence[Tensor], given: Mapping[str, Tensor]
) -> dict[Tensor, str]:
    """A name for each tensor that Python could use, inputs first; none for a plain number."""
    wanted = {t: name for name, t in given.items()}
    tensors = dict.fromkeys(x for t in reversed(nodes) for x in (*t.inputs, t))
    own = own_names(tensors)
    called: dict[Tensor, str] = {}
    taken = {"L"}
    unnamed = 0
    for t in tensors:
        name = _identifier(wanted.get(t) or own.get(t) or "")
        if not name and t.op is None and not t.requires_grad and t.ndim == 0:
            called[t] = ""
            continue
        if t is output and (not name or _latex_name(name) in taken):
            name = "L"  # which is kept for it
        while t is not output and (not name or _latex_name(name) in taken):
            unnamed += 1
            name = f"v{unnamed}" if t.op is not None or t.requires_grad else f"c{unnamed}"
        taken.add(_latex_name(name))  # v1 and v_1 are one there
        called[t] = name
    return called


def _identifier(name: str) -> str:
    """``0.weight`` as ``weight_0``: what Python reads as one name; empty if there is none."""
    # as Python reads them: an index that stands lower is a digit, as any other
    words = re.findall(r"[^\W\d]\w*|\d+", unicodedata.normalize("NFKC", name))
    words.sort(key=str.isdigit)
    made = "_".join(words)
    return made + "_" * keyword.iskeyword(made) if made.isidentifier() else ""


def _forward_line(t: Any, terms: Mapping[Tensor, Term]) -> Line:
    operands = tuple(terms[x].expression for x in t.inputs)
    symbol = terms[t].expression
    assert isinstance(symbol, Symbol)
    return Line(symbol, Applied(t.op, operands, t.params, t.ndim), t.data)


def _backward(
    output: Tensor, tensor: Tensor, reached: set[Tensor], terms: Mapping[Tensor, Term]
) -> tuple[list[Line], dict[Tensor, list[tuple[Tensor, float]]]]:
    """The lines of the chain rule, and the local derivatives by the tensor they lead to."""
    root = terms[output].expression
    assert isinstance(root, Symbol)
    lines: list[Line] = []
    terms_of: dict[Tensor, list[Term]] = {}
    locals_: dict[Tensor, list[tuple[Tensor, float]]] = {}
    with np.errstate(all="ignore"):
        for t, g in backprop(output, np.ones_like(output.data)[()]):
            if t not in reached:
                continue
            name = terms[t].expression
            assert isinstance(name, Symbol)
            incoming = Term(g, Constant(1.0))
            if t is not output:
                symbol = Symbol(root.name, name.name)
                total: Any = terms_of[t][0]
                for term in terms_of[t][1:]:
                    total = total + term
                lines.append(Line(symbol, total.expression, g))
                incoming = Term(g, total.expression if _is(1, total) else symbol)
            if t is tensor or t.op is None:
                continue
            for i, x in enumerate(t.inputs):
                if x in reached:
                    out, values = terms[t], [terms[y] for y in t.inputs]
                    terms_of.setdefault(x, []).append(_pulled(t, i, incoming, out, values))
                    if x.size == t.size == 1:
                        local = float(_pulled(t, i, _one(t), out, values).data.item())
                        locals_.setdefault(x, []).append((t, local))
    return lines, locals_


def _one(t: Any) -> Term:
    return Term(np.ones_like(t.data)[()], Constant(1.0))


def _pulled(t: Any, i: int, g: Term, out: Term, values: Sequence[Term]) -> Term:
    """What the rule of an op passes on to an operand, as a term of the operand's shape."""
    pulled = _ruled(t, i, g, out, values)
    shape = t.inputs[i].shape
    return pulled if pulled.shape == shape else unbroadcast(pulled, shape, t.op)


def _ruled(t: Any, i: int, g: Term, out: Term, values: Sequence[Term]) -> Term:
    """What the rule of an op makes of `g`, as a term."""
    op = t.op
    if op.name == "cross_entropy":
        pulled: Any = _cross_entropy_dx(g, *values, **t.params)
    elif op.shared is not None:  # its rules are written for arrays
        arrays = [x.data for x in values]
        shared = op.shared(g.data, t.data, t.saved, *arrays, **t.params)
        name = op.name.replace("_", r"\_")
        rule = Op(f"{op.name}_vjp", op.forward, (), rf"\operatorname{{{{{name}}}}}'({{0}}, {{1}})")
        operands = (g.expression, *(x.expression for x in values))
        data = op.vjp[i](shared, t.data, *arrays, **t.params)
        pulled = Term(data, Applied(rule, operands, t.params, np.ndim(data)))
    else:
        pulled = op.vjp[i](g, out, *values, **t.params)
    return pulled if isinstance(pulled, Term) else _constant(pulled, (g,))


def formulas(t: Any, parts: Sequence[Part]) -> tuple[Formula, ...]:
    r"""Return what an op computes and what its rules pass on, with its own names of operands.

    Parameters
    ----------
    t : Tensor
        What the op computed.
    parts : sequence of Part
        Of the step back through it, as `backward_steps` yields it.

    Returns
    -------
    tuple of Formula
        ``z = f(x, y)``; then for each part the local derivative, if that is all there is to say,
        else the gradient of the loss L that is passed on. What is too long to be read is left out.

    Examples
    --------
    >>> from viz import backward_steps
    >>> (step,) = backward_steps(Tensor(2.0, requires_grad=True) * 3)
    >>> for formula in formulas(step.tensor, step.parts):
    ...     print(formula.text, " ", formula.latex)
    z = x * y   z = x \cdot y
    dz/dx = y   \frac{\partial z}{\partial x} = y
    """
    names = t.op.input_names if t.op.arity else [f"x{i + 1}" for i in range(len(t.inputs))]
    result = next(name for name in "zyqs" if name not in names)
    values = [Term(x.data, Symbol(name)) for x, name in zip(t.inputs, names, strict=False)]
    out = Term(t.data, Symbol(result))
    whole = Applied(t.op, tuple(x.expression for x in values), t.params, t.ndim)
    equations: list[tuple[Symbol, Expression]] = [(Symbol(result), whole)]
    for part in parts:
        if t.op.shared is not None and t.op.name != "cross_entropy":
            continue  # its rules are written for arrays, and say nothing on paper
        name, local = names[part.slot], part.local is not None
        g = _one(t) if local else Term(np.ones_like(t.data)[()], Symbol("L", result))
        pull = _ruled if local else _pulled
        try:
            with np.errstate(all="ignore"):
                pulled = pull(t, part.slot, g, out, values)
        except Exception:  # a rule of the user's that is written for arrays only
            continue
        equations.append((Symbol(result if local else "L", name), pulled.expression))
    written = (
        Formula(f"{_text_of(left)} = {_text_of(e)}", f"{_latex_of(left)} = {_latex_of(e)}")
        for left, e in equations
    )
    return tuple(f for f in written if len(f.text) <= _LONGEST_FORMULA)


def _cross_entropy_dx(g: Any, x: Any, target: Any, *, reduction: str) -> Any:
    """p - y, as every course derives it; the engine computes the same from what it saved."""
    delta = softmax(x) - _one_hot(target, num_classes=x.shape[1])
    if reduction == "none":
        return g[:, None] * delta
    return g * (delta / len(x) if reduction == "mean" else delta)


def _paths(
    output: Tensor,
    tensor: Tensor,
    locals_: Mapping[Tensor, Sequence[tuple[Tensor, float]]],
    limit: int,
) -> tuple[tuple[tuple[float, ...], ...], int]:
    """The first ways from the output to the tensor, and how many more there are."""
    ways = {output: 1}
    for x in sorted(locals_, key=lambda t: -t.serial if t.op is not None else 1):
        ways[x] = sum(ways.get(user, 0) for user, _ in locals_[x])
    found: list[tuple[float, ...]] = []
    stack: list[tuple[Tensor, tuple[float, ...]]] = [(tensor, ())]
    while stack and len(found) < limit:
        t, path = stack.pop()
        if t is output:
            found.append(path)
        for user, local in reversed(locals_.get(t, ())):
            stack.append((user, (local, *path)))
    return tuple(found), ways.get(tensor, 0) - len(found)


# Writing expressions down.


def _text_of(e: Expression, above: int = 0) -> str:
    """An expression as Python reads it; in parentheses if it binds less than what is around it."""
    if isinstance(e, Symbol):
        return f"d{e.name}/d{e.gradient_of}" if e.gradient_of else e.name
    if isinstance(e, Constant):
        return _value_text(e.value)
    name, operands = e.op.name, e.operands
    if name in _INFIX and len(operands) == 2:
        sign, rank = _INFIX[name]
        left, right = _text_of(operands[0], rank), _text_of(operands[1], rank + 1)
        if name == "pow":
            left, right = _text_of(operands[0], rank + 1), _text_of(operands[1], rank)
        text = f"{left} {sign} {right}"
        return f"({text})" if rank < above else text
    if name == "neg":
        text = f"-{_text_of(operands[0], 3)}"
        return f"({text})" if above >= 2 else text
    if _is_transpose(e):
        return f"{_text_of(operands[0], _ATOM)}.{'T' if e.ndim == 2 else 'mT'}"
    if name == "getitem":
        return f"{_text_of(operands[0], _ATOM)}[{_subscript(e.params['index'])}]"
    shown = [_text_of(x) for x in operands]
    params = parameters(e.op, dict(e.params), written) if e.params else ""
    return f"{name}({', '.join([*shown, *([params] if params else [])])})"


def _subscript(index: Any) -> str:
    """An index as it stands in brackets."""
    parts = index if isinstance(index, tuple) else (index,)
    text = ", ".join(brief(part) if isinstance(part, slice) else written(part) for part in parts)
    return f"{text}," if isinstance(index, tuple) and len(index) == 1 else text or "()"


def written(value: Any) -> str:
    """Return a parameter as an expression that Python reads, with all its digits.

    Of long lists and arrays it has an ellipsis.

    Examples
    --------
    >>> print(written((slice(1, None), np.array([0, 2]), 1 / 3, "mean")))
    (slice(1, None), array([0, 2]), 0.3333333333333333, 'mean')
    """
    if isinstance(value, Tensor):
        value = value.data
    if isinstance(value, tuple):
        inner = ", ".join(map(written, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        text = ", ".join(map(written, value))
        return f"[{text if len(text) <= _LONGEST else '...'}]"
    if isinstance(value, slice):
        ends = [value.start, value.stop] + [value.step] * (value.step is not None)
        return f"slice({', '.join(map(written, ends))})"
    if isinstance(value, int | float | np.generic | np.ndarray):
        text = _value_text(value)
        return text if np.ndim(value) == 0 or len(text) <= _LONGEST else "array(...)"
    return repr(value) if isinstance(value, str) else brief(value)


def _is_transpose(e: Applied) -> bool:
    axes = {e.params.get("axis1"), e.params.get("axis2")}
    return e.op.name == "swapaxes" and axes in ({0, 1}, {-1, -2})


def _value_text(value: Any) -> str:
    array = np.asarray(value)
    if array.ndim == 0:
        item = array.item()
        whole = isinstance(item, float) and item.is_integer() and abs(item) < 1e6
        return repr(int(item) if whole else item)
    if not array.size or (array == array.flat[0]).all():
        return f"full({array.shape}, {_value_text(array.flat[0]) if array.size else 0})"
    return f"array({array.tolist() if array.size <= _MOST_NUMBERS else '...'})"


def _brief(value: Any) -> str:
    array = np.asarray(value)
    text = numbers(array).replace("\n", "")
    text = re.sub(r"\s+", " ", text).replace("[ ", "[")
    if len(text) <= _LONGEST:
        return text
    return f"shape {array.shape}, norm {number(float(np.linalg.norm(array.ravel())))}"


def _latex_value(value: Any) -> str:
    return f" = {_latex_number(np.asarray(value).item())}" if np.ndim(value) == 0 else ""


def _latex_product(factors: Iterable[float]) -> str:
    first, *rest = map(_latex_number, factors)
    return r" \cdot ".join([first, *(rf"\left({x}\right)" if x[0] == "-" else x for x in rest)])


def _latex_number(value: Any) -> str:
    text = number(value)
    if isinstance(value, bool):
        return rf"\mathrm{{{text}}}"
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else text


def _latex_name(name: str) -> str:
    letters, digits = re.fullmatch(r"(.*?)_?(\d*)", name).groups()  # type: ignore[union-attr]
    letters = letters.replace("_", r"\_")
    base = letters if len(letters) == 1 else rf"\mathrm{{{letters}}}"
    return f"{base}_{{{digits}}}" if digits else base


def _latex_of(e: Expression, above: int = 0, *, leads: bool = True) -> str:
    """Write what stands in a formula of the rank `above`; `leads` if nothing is written before."""
    if isinstance(e, Symbol):
        name = _latex_name(e.name)
        of = _latex_name(e.gradient_of) if e.gradient_of else ""
        return rf"\frac{{\partial {name}}}{{\partial {of}}}" if of else name
    if isinstance(e, Constant):
        if np.ndim(e.value):
            return r"\mathrm{const}"
        text = _latex_number(np.asarray(e.value).item())
        bare = text[0] != "-" or leads or above <= _SIGNED
        return text if bare else rf"\left({text}\right)"
    name, operands = e.op.name, e.operands
    if name == "getitem":
        index = _subscript(e.params["index"])
        words = rf"\mathrm{{{index}}}" if re.search("[a-z]", index) else index
        return rf"{_latex_of(operands[0], _ATOM)}[{words}]"
    if name in _RELATIONS:
        left, right = (_latex_of(x, 1) for x in operands)
        return rf"\mathbf{{1}}[{left} {_RELATIONS[name]} {right}]"
    rank = {"div": _ATOM, "neg": _SIGNED}.get(name, _INFIX[name][1] if name in _INFIX else _ATOM)
    bare = rank >= above or (name == "neg" and leads)
    leads = name in _INFIX and name != "pow" and (leads or not bare)
    rooms = [_room(e.op, i, rank) for i in range(len(operands))]
    shown = [
        _latex_of(x, room, leads=room == 0 or (i == 0 and leads))
        for i, (x, room) in enumerate(zip(operands, rooms, strict=True))
    ]
    scaled = name == "mul" and (e.ndim == 0 or any(isinstance(x, Constant) for x in operands))
    template = r"{0} \cdot {1}" if scaled else e.op.latex
    # an optional operand that was left out takes the sign before it along
    template = re.split(rf" (?:\+|\\odot) \{{{len(operands)}\}}", template)[0]
    for digit, script in {*re.findall(r"\{(\d)\}(?:\}\})?([_^])", template)}:
        i = int(digit)
        if i < len(shown) and shown[i].startswith(r"\frac"):
            shown[i] = rf"\left({shown[i]}\right)"
        elif i < len(shown) and script in shown[i]:
            shown[i] = f"{{{shown[i]}}}"  # TeX takes one index, and one exponent
    try:
        text = template.format(*shown)
    except (IndexError, KeyError, ValueError):  # a formula of the user's with braces astray
        word = name.replace("_", r"\_")
        text = rf"\operatorname{{{word}}}({', '.join(shown)})"
    return text if bare else rf"\left({text}\right)"


def _room(op: Op, i: int, rank: int) -> int:
    """How much an operand must bind to stand in the formula without parentheses."""
    before, found, _ = op.latex.partition(f"{{{i}}}")
    if found and before.endswith(("(", "{", "[", "|", ", ", "; ")):
        return 0
    return rank + (i > 0) if op.name in _INFIX else _ATOM
