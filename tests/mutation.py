"""Corrupt every rule of every op, one place at a time, and see that the op's checks notice.

    python -m tests.mutation [op ...]

The rules are found from the op table, and so is what they call in `autograd/ops`: vjp rules of each
input, jvp rules, `shared`, references. Each is taken apart by its source: a sign flipped, a factor
or term lost, an operand swapped for another, a call (a transpose, a sum) dropped, a comparison
turned, a constant changed, and so on; beside that the records themselves (a rule missing, the rules
of two inputs exchanged, another kind), and some lines of the engine. A mutant is killed when a
check of one of the ops that run it fails. One that survives must stand in `mutation_equivalent.py`
with the reason why no check can tell it from the original.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import dataclasses
import inspect
import resource
import signal
import sys
import textwrap
import time
import warnings
from collections import Counter, defaultdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType

import numpy as np

from autograd import EachInput, engine
from tests.mutation_equivalent import EQUIVALENT
from tests.op_cases import OPS
from tests.op_checks import BY_OP, checks
from tests.op_kinks import KINKS, MODES, SECOND, check_kink, check_second, ops_of
from tests.op_promises import promises

OPS_FOLDER = str(Path(engine.__file__).parent / "ops")
CONVENTIONS = defaultdict(list)
"""For each op, the checks of the rows of op_kinks.py and op_promises.py that run it."""
for kink, row in KINKS.items():
    for op_name in ops_of(row):
        CONVENTIONS[op_name] += [partial(check_kink, kink, mode) for mode in MODES]
for kink, row in SECOND.items():
    for op_name in ops_of(row):
        CONVENTIONS[op_name].append(partial(check_second, kink))
for op_names, check, promise in promises():
    for op_name in op_names:
        CONVENTIONS[op_name].append(partial(check, promise))


# What is corrupted: functions, found from the records.


@dataclasses.dataclass
class Target:
    """The source of one function, the function objects made of it, and the ops that run it."""

    where: str
    node: ast.FunctionDef | ast.Lambda
    functions: list[FunctionType]
    ops: list[str]


def roles(op):
    """Yield (name, rule) of all that a record holds but its forward."""
    if isinstance(op.vjp, EachInput):
        yield "vjp", op.vjp.rule
    else:
        for i, rule in enumerate(op.vjp):
            yield f"vjp[{i}]", rule
    yield "jvp", op.jvp
    yield "shared", op.shared
    yield "reference", op.reference


def called(f, seen):
    """Yield the functions of `autograd/ops` that a rule is made of.

    Not the ops it calls, nor other public functions, which have tests of their own, nor what only
    refuses bad arguments.
    """
    if isinstance(f, partial):
        yield from called(f.func, seen)
    if not isinstance(f, FunctionType) or f in seen or f.__name__.startswith("_check"):
        return
    if f.__name__ in getattr(sys.modules.get(f.__module__), "__all__", ()):
        return
    seen.add(f)
    if f.__code__.co_filename.startswith(OPS_FOLDER):
        yield f
    for cell in f.__closure__ or ():
        yield from called(cell.cell_contents, seen)
    for name in names_in(f.__code__):
        yield from called(f.__globals__.get(name), seen)


def names_in(code):
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from names_in(inner)


def targets(names):
    """Return every function that a rule of these ops runs, with the ops that run it."""
    found = {}
    for name in names:
        for role, rule in roles(OPS[name]):
            for f in called(rule, set()):
                key = (f.__code__.co_filename, tuple(f.__code__.co_positions()))
                if key not in found:
                    module = f.__module__.rpartition(".")[2]
                    plain = f.__qualname__.rpartition("<locals>.")[2]
                    where = f"{name}.{role}" if plain == "<lambda>" else f"{module}.{plain}"
                    found[key] = Target(where, source_node(f.__code__), [], [])
                target = found[key]
                if f not in target.functions:
                    target.functions.append(f)
                if name not in target.ops:
                    target.ops.append(name)
    return list(found.values())


TREES = {}


def source_node(code):
    """Return the innermost function of the source that holds all instructions of `code`."""
    if code.co_filename not in TREES:
        tree = ast.parse(Path(code.co_filename).read_text(encoding="utf-8"))
        TREES[code.co_filename] = [
            n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda)
        ]
    spans = [p for p in code.co_positions() if None not in p and (p[2], p[3]) != (0, 0)]
    first = min((line, column) for line, _, column, _ in spans)
    last = max((line, column) for _, line, _, column in spans)
    holding = [
        n
        for n in TREES[code.co_filename]
        if (n.lineno, n.col_offset) <= first and last <= (n.end_lineno, n.end_col_offset)
    ]
    return max(holding, key=lambda n: (n.lineno, n.col_offset))


def compiled(node, free, name):
    """Compile a function by itself, with the free variables that its function object has."""
    body = [ast.Return(node.body)] if isinstance(node, ast.Lambda) else node.body
    names = ast.Tuple([ast.Name(n, ast.Load()) for n in free], ast.Load())
    kept = ast.If(ast.Constant(False), [ast.Expr(names)], [])  # never run, but they stay free
    inner = ast.FunctionDef(name, node.args, [kept, *body], [], type_params=[])
    arguments = ast.arguments([], [ast.arg(n) for n in free], None, [], [], None, [])
    outer = ast.FunctionDef("outer", arguments, [inner], [], type_params=[])
    module = ast.fix_missing_locations(ast.Module([outer], []))
    code = compile(module, "<mutant>", "exec", dont_inherit=True)
    for wanted in ("outer", name):
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == wanted)
    return code


# How it is corrupted: each place in a function, by what stands there.

ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS = {
    ast.Lt: (ast.GtE, ast.LtE),
    ast.LtE: (ast.Gt, ast.Lt),
    ast.Gt: (ast.LtE, ast.GtE),
    ast.GtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
TWINS = [
    ("sin", "cos"),
    ("sinh", "cosh"),
    ("exp", "expm1"),
    ("log", "log1p"),
    ("minimum", "maximum"),
    ("min", "max"),
    ("tril", "triu"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("isfinite", "isnan"),
    ("sum", "mean"),
    ("cumsum", "cumprod"),
    ("floor_divide", "fmod"),
    ("trunc", "floor"),
    ("sign", "abs"),
]
OTHER_NAME = dict([*TWINS, *((b, a) for a, b in TWINS)])
COMMUTATIVE = {
    *("add", "hypot", "maximum", "max", "minimum", "min", "multiply", "swapaxes", "vecdot"),
    *("broadcast_shapes", "combine", "gcd", "_dots", "_inner", "_row_dots", "_tie_weights"),
}
SPEED = {"strict", "copy", "stable"}
"""Options that guard what does not happen, or save time."""
MODULES = {"np", "math", "special", "operator"}


def replacements(node, arrays):
    """Yield what may stand in the place of an expression."""
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in ARITHMETIC:
                yield ast.BinOp(left, ARITHMETIC[type(op)](), right)
            if isinstance(op, ast.MatMult | ast.Sub | ast.Div | ast.Pow):
                yield ast.BinOp(right, op, left)
            yield from (left, right)
        case ast.UnaryOp(ast.USub() | ast.Invert() | ast.Not(), operand):
            yield operand
        case ast.Compare(left, [op], [right]):
            for other in COMPARISONS[type(op)]:
                yield ast.Compare(left, [other()], [right])
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield from values
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Call():
            yield from other_calls(node)
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(0 if value == 1 else value + 1)
        case ast.Subscript(value, index, ast.Load()):
            yield value
            match index:
                case ast.Slice(lower, upper, step):
                    for parts in ((None, upper, step), (lower, None, step), (lower, upper, None)):
                        yield ast.Subscript(value, ast.Slice(*parts), ast.Load())
        case ast.Attribute(value, "T" | "mT"):
            yield value
        case ast.Name(name, ast.Load()) if name in arrays:
            yield from (ast.Name(other, ast.Load()) for other in arrays if other != name)


def other_calls(node):
    """Yield a call dropped, of another function, without an option, with arguments exchanged."""
    f, args, keywords = node.func, node.args, node.keywords
    match f:
        case ast.Attribute(ast.Name(name), _) if name in MODULES:
            first = args[:1]
        case ast.Attribute(value, _):
            first = [value]
        case _:
            first = args[:1]
    yield from (x for x in first if not isinstance(x, ast.Starred))
    match f:
        case ast.Attribute(value, name) if name in OTHER_NAME:
            yield ast.Call(ast.Attribute(value, OTHER_NAME[name], ast.Load()), args, keywords)
        case ast.Name(name) if name in OTHER_NAME:
            yield ast.Call(ast.Name(OTHER_NAME[name], ast.Load()), args, keywords)
    called_name = f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "")
    if len(args) > 1 and called_name not in COMMUTATIVE:
        yield ast.Call(f, [args[1], args[0], *args[2:]], keywords)
    for keyword in keywords:
        if keyword.arg not in (None, *SPEED):
            yield ast.Call(f, args, [k for k in keywords if k is not keyword])


def is_guard(statement):
    """Whether a statement only refuses bad arguments."""
    match statement:
        case ast.If(_, body):
            return all(isinstance(s, ast.Raise) for s in body)
        case ast.Expr(ast.Call(ast.Name(name))):
            return name.startswith("_check")
    return False


def places(parent, statement=None):
    """Yield (parent, field, index, node, enclosing statement) for all that may be replaced."""
    for field, value in ast.iter_fields(parent):
        if field in ("args", "returns", "annotation", "decorator_list") and not isinstance(
            parent, ast.Call
        ):
            continue
        if isinstance(parent, ast.Lambda) and field == "args":
            continue
        for i, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or is_guard(child):
                continue
            if isinstance(child, ast.keyword) and child.arg in SPEED:
                continue
            if isinstance(child, ast.Name) and asks_for_shape(parent):
                continue
            here = child if isinstance(child, ast.stmt) else statement
            yield parent, field, i if isinstance(value, list) else None, child, here
            yield from places(child, here)


def asks_for_shape(node):
    """Whether an expression reads of its argument no more than shape and dtype."""
    match node:
        case ast.Attribute(_, "shape" | "ndim" | "dtype"):
            return True
        case ast.Call(ast.Attribute(_, "zeros_like" | "ones_like") | ast.Name("len")):
            return True
    return False


@dataclasses.dataclass
class Mutant:
    name: str
    ops: list[str]
    applied: contextlib.AbstractContextManager


def put(parent, field, index, node):
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def text_of(statement, result):
    """The first line of a statement, as it reads."""
    return ast.unparse(result if statement is None else statement).split("\n")[0]


def source_mutants(target):
    """Yield every mutant of one function."""
    node = copy.deepcopy(target.node)
    if isinstance(node, ast.Lambda):
        node.body = ast.Return(node.body)
        rule = ast.FunctionDef("rule", node.args, [node.body], [], type_params=[])
        node = ast.fix_missing_locations(rule)
    if ast.get_docstring(node):
        node.body = node.body[1:]
    arguments = [*node.args.posonlyargs, *node.args.args]
    plain = [
        a.arg for a in arguments if a.annotation is None or "Array" in ast.unparse(a.annotation)
    ]
    free = target.functions[0].__code__.co_freevars
    seen = {ast.unparse(node)}
    for parent, field, index, child, statement in list(places(node)):
        for new in [*replacements(child, plain), *other_statements(child)]:
            if isinstance(parent, ast.Compare) and isinstance(new, ast.Name) and new.id == "out":
                continue  # of most kinks that asks the same
            put(parent, field, index, new)
            whole = ast.unparse(node)
            if whole not in seen:
                seen.add(whole)
                line = text_of(new if isinstance(child, ast.stmt) else statement, new)
                if isinstance(new, ast.Pass):
                    line = f"without {text_of(child, child)}"
                code = compiled(node, free, target.functions[0].__name__)
                yield Mutant(f"{target.where}: {line}", target.ops, swapped(target.functions, code))
            put(parent, field, index, child)


def other_statements(node):
    """Yield what may stand in the place of a statement."""
    match node:
        case ast.Return(ast.Tuple() | ast.Compare() | ast.BoolOp()):
            return  # no number
        case ast.Return(ast.Call() as value) if "zeros_like" in ast.unparse(value):
            return  # nothing, times anything
        case ast.Return(value) if value is not None:
            yield ast.Return(ast.UnaryOp(ast.USub(), value))
            yield ast.Return(ast.BinOp(value, ast.Mult(), ast.Constant(1.0005)))
        case ast.AugAssign(target, op, value):
            if type(op) in ARITHMETIC:
                yield ast.AugAssign(target, ARITHMETIC[type(op)](), value)
            yield ast.Pass()
        case ast.Assign([ast.Subscript()]):
            yield ast.Pass()
        case ast.Expr(ast.Call()):
            yield ast.Pass()
        case ast.If(_, body, orelse):
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)


@contextlib.contextmanager
def swapped(functions, code):
    before = functions[0].__code__
    for f in functions:
        f.__code__ = code
    try:
        yield
    finally:
        for f in functions:
            f.__code__ = before


# Records and engine.


def record_mutants(op):
    """Yield an op without one of its rules, with two exchanged, and of another kind."""
    rules = op.vjp
    if isinstance(rules, tuple):
        for i, rule in enumerate(rules):
            if rule is not None and sum(r is not None for r in rules) > 1:
                yield record(op, f"vjp[{i}] = None", vjp=(*rules[:i], None, *rules[i + 1 :]))
        for i, (a, b) in enumerate(pairwise(rules)):
            if a and b and a is not b and a.__code__.co_code != b.__code__.co_code:
                yield record(
                    op,
                    f"vjp[{i}] and vjp[{i + 1}] exchanged",
                    vjp=(*rules[:i], b, a, *rules[i + 2 :]),
                )
    # an elementwise op whose rules read no value is linear, and of both kinds
    constant = op.kind == "elementwise" and not any(map(op.reads, [*range(op.arity), "out"]))
    if op.jvp is None and op.kind != "other" and not constant:
        other = "elementwise" if op.kind == "linear" else "linear"
        yield record(op, f"kind = {other}", kind=other)


def record(op, what, **fields):
    return Mutant(f"{op.name}: {what}", [op.name], exchanged(op, fields))


@contextlib.contextmanager
def exchanged(op, fields):
    before = dict(vars(op))
    vars(op).update(vars(dataclasses.replace(op, **fields)))
    try:
        yield
    finally:
        vars(op).clear()
        vars(op).update(before)


ENGINE = [
    ("_fit", "g.shape != x.shape", "False"),
    ("_fit", "g.dtype != x.dtype", "False"),
    ("_pull", "_fit(gx, x.data, op)", "gx"),
    ("backprop", "op.shared(g, out, node.saved, *values, **params)", "g"),
    ("unbroadcast", "g.sum(axis=0 if lead == 1 else tuple(range(lead)))", "g[(0,) * lead]"),
    ("unbroadcast", "g.sum(axis=(*range(lead), *stretched))", "g.sum(axis=tuple(stretched))"),
    ("unbroadcast", "g.sum(axis=(*range", "g.mean(axis=(*range"),
    ("unbroadcast", "lead + i for i", "i for i"),
    ("backprop", "pop(node, None)", "get(node)"),
    ("pushforward", "*inputs[i + 1 :]", "*inputs[i:]"),
    ("pushforward", "reduce(add, terms)", "terms[0]"),
    ("_made_tangent", "t.shape == out.shape", "True"),
    ("pushforward", "np.ones_like(out.data)", "np.zeros_like(out.data)"),
    ("pushforward", "(t * weights).sum", "t.sum"),
    ("_pull_through_reference", "again, g, create_graph", "again, g + g, create_graph"),
]  # fmt: skip


def engine_mutants():
    """Yield the engine with one line changed; accumulation in each place where it happens."""
    listed = list(ENGINE)
    text = inspect.getsource(engine.backprop)
    for name in ("gx", "gf"):
        line = f"{name} if before is None else before + {name}"
        for k in range(text.count(line)):
            listed.append(("backprop", (line, k), name))
    for name, old, new in listed:
        f = getattr(engine, name)
        source = textwrap.dedent(inspect.getsource(f))
        old, k = old if isinstance(old, tuple) else (old, 0)
        pieces = source.split(old)
        assert len(pieces) > k + 1, f"mutation: engine.{name} has no {old!r} any more"
        changed = old.join(pieces[: k + 1]) + new + old.join(pieces[k + 1 :])
        code = compile(changed, "<mutant>", "exec", dont_inherit=True)
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
        which = f"engine.{name}: {old} -> {new}" + (f" (place {k + 1})" if k else "")
        yield Mutant(which, list(BY_OP), swapped([f], code))


# Running.


def mutants(names):
    """Yield every mutant that concerns these ops."""
    for target in targets(names):
        yield from source_mutants(target)
    for name in names:
        yield from record_mutants(OPS[name])


class Endless(Exception):
    """A mutant has run for too long."""


def too_long(*_):
    raise Endless


@contextlib.contextmanager
def guarded(seconds=5, spare=2 << 30):
    """Treat warnings as errors, as the suite does; stop what does not end or eats the memory.

    Seconds are those of this process: on a busy machine, too, only what does not end is stopped.
    """
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGPROF, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (used + spare, before[1]))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
            warnings.simplefilter("error")
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def check_op(name):
    """Run every check of one op."""
    for check, args in checks(OPS[name]):
        for case in BY_OP[name]:
            check(case, *args)
    for check in CONVENTIONS[name]:
        check()


def check_intact(names):
    """Run the checks of ops as `verdict` does: one that fails of itself would kill every mutant."""
    for name in names:
        with guarded():
            check_op(name)


def verdict(mutant):
    """Return what killed a mutant: 'wrong' (a number, a shape, a dtype), 'crash', or None."""
    with mutant.applied:
        for name in mutant.ops:
            try:
                with guarded():
                    check_op(name)
            except AssertionError:
                return "wrong"
            except (Exception, MemoryError):
                return "crash"
    return None


def run(found, report=lambda mutant, killed: None):
    """Return the counts of verdicts, and the names of the survivors."""
    counts, survivors = Counter(), []
    for mutant in found:
        killed = verdict(mutant)
        counts[killed] += 1
        report(mutant, killed)
        if killed is None:
            survivors.append(mutant.name)
    return counts, survivors


def main(names):
    started = time.perf_counter()
    whole = not names
    names = names or [n for n, op in OPS.items() if op.differentiable]
    found = [*mutants(names), *(engine_mutants() if whole else ())]
    check_intact(names)

    def report(mutant, killed):
        if killed is None and mutant.name not in EQUIVALENT:
            print(f"SURVIVES  {mutant.name}", flush=True)

    counts, survivors = run(found, report)
    check_intact(names)  # no mutant has left anything behind that kills those after it
    total = sum(counts.values())
    unknown = [name for name in survivors if name not in EQUIVALENT]
    known = len(survivors) - len(unknown)
    killed = counts["wrong"] + counts["crash"]
    print(
        f"{total} mutants of {len(names)} ops{' and the engine' if whole else ''}: "
        f"{counts['wrong']} killed by a wrong number, {counts['crash']} by an error, "
        f"{100 * killed / total:.2f} % of all; {known} argued to be equivalent; "
        f"{len(unknown)} survive, {100 * killed / (total - known):.2f} % of the others killed; "
        f"{time.perf_counter() - started:.0f} s"
    )
    stale = set(EQUIVALENT) - set(survivors) if whole else ()
    for name in sorted(stale):
        print(f"listed as equivalent, but killed or gone: {name}")
    return 1 if unknown or stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
