"""Derivatives as functions of functions: `grad`, `jacobian`, `hessian` and their kin.

Reverse mode stands on one idea, `_Trace`: run the function on stand-ins for its arguments, and walk
back to the stand-ins. A stand-in continues the graph of an argument that requires grad, and keeps
the tangent of one that has any, and so transforms nest in every order: a reverse pass within a
reverse pass records on the outer graph; forward over reverse walks back the tangent too, since it
was computed, and recorded, from the same stand-ins.

The arguments and results are trees (see `tree`): nested lists, tuples, namedtuples and dicts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np

from .changes import changes, check_unchanged
from .engine import backprop, pushforward, toposort, unshared
from .forward import (
    Dual,
    check_pairs,
    directions_like,
    floating,
    floating_only,
    jvp,
    parts,
    tensor_only,
    with_aux,
)
from .op import EachInput, Op, dispatch
from .ops import stack
from .random import generator
from .recording import (
    Scope,
    current_scope,
    enable_grad,
    is_recording,
    next_serial,
    no_grad,
    rerunning,
)
from .tensor import Tensor, as_tensor
from .tree import LEAF, Tree, flatten, tree_map, unflatten

Function: TypeAlias = Callable[..., Any]
ArgNums: TypeAlias = int | tuple[int, ...]


# Gradients and products, in reverse mode.


def grad(f: Function, argnums: ArgNums = 0, has_aux: bool = False) -> Function:
    r"""Return the function that computes the gradient of `f`.

    .. math:: x \mapsto \nabla f(x)

    Parameters
    ----------
    f : callable that returns a tensor of shape ()
        Its arguments are trees of tensors, arrays or numbers.
    argnums : int or tuple of int, default=0
        The arguments to differentiate by: floating trees. Others are passed on as they are.
    has_aux : bool, default=False
        Whether `f` returns (out, aux), where aux is passed on and not differentiated.

    Returns
    -------
    callable
        Takes what `f` takes and returns the gradient: a tree like the argument, of its shapes and
        dtypes, zero where `f` does not depend on a leaf; a tuple of such trees if `argnums` is a
        tuple. With `has_aux` it returns (gradient, aux).

    Raises
    ------
    ValueError
        If the value of `f` is no scalar, or an argument that `argnums` names is not there.
    TypeError
        If a leaf is not floating, or `f` does not return a floating tensor.
    RuntimeError
        If `f` changes an argument in place.

    Notes
    -----
    The gradient can itself be differentiated if an argument, or a tensor that `f` captures,
    requires grad. Where that is not wanted, no_grad() around the call saves the time.

    Examples
    --------
    >>> grad(lambda x: x**3)(2.0)
    Tensor(12.0)
    >>> grad(grad(lambda x: x**3))(2.0)
    Tensor(12.0)
    >>> grad(lambda p: p["w"] * 3 + p["b"])({"w": 2.0, "b": 1.0})
    {'w': Tensor(3.0), 'b': Tensor(1.0)}
    """

    _check("grad", f, argnums)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        trace = _Trace("grad", f, args, kwargs, argnums, has_aux)
        g = trace.gradient(trace.scalar)
        return (g, trace.aux) if has_aux else g

    return gradient


def value_and_grad(f: Function, argnums: ArgNums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes `f` and its gradient, at the cost of the gradient.

    Parameters
    ----------
    f, argnums, has_aux
        As in `grad`.

    Returns
    -------
    callable
        Takes what `f` takes and returns (value, gradient), or ((value, aux), gradient) with
        `has_aux`. The value has shape (); the gradient is that of `grad`.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `grad` does.

    Examples
    --------
    >>> value_and_grad(lambda x: x**3)(2.0)
    (Tensor(8.0), Tensor(12.0))
    """

    _check("value_and_grad", f, argnums)

    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        trace = _Trace("value_and_grad", f, args, kwargs, argnums, has_aux)
        g = trace.gradient(trace.scalar)
        return ((trace.out, trace.aux), g) if has_aux else (trace.out, g)

    return value_and_gradient


def vjp(f: Function, *primals: Tree, has_aux: bool = False) -> Any:
    r"""Return ``f(*primals)`` and the function that multiplies cotangents by the Jacobian.

    .. math:: y = f(x), \quad u \mapsto u^T J_f(x)

    Parameters
    ----------
    f : callable
        Takes trees of tensors, returns a tree of tensors.
    primals : trees of Tensor, ndarray or number, floating
        The arguments of `f`.
    has_aux : bool, default=False
        Whether `f` returns (out, aux), where aux is passed on and not differentiated.

    Returns
    -------
    out : what `f` returns
    vjp_function : callable
        Takes a tree like `out` and returns a tuple with one tree for each primal. It does not run
        `f` again, and may be called as often as needed.
    aux : only with `has_aux`

    Raises
    ------
    ValueError
        If cotangents do not fit the output in shape or in the way they are nested.
    TypeError
        If a leaf is not floating, or `f` does not return floating tensors.
    RuntimeError
        If `f` changes an argument in place.

    Examples
    --------
    >>> out, pull = vjp(lambda x, y: x * y, 3.0, 2.0)
    >>> out
    Tensor(6.0)
    >>> pull(1.0)
    (Tensor(2.0), Tensor(3.0))
    """
    trace = _Trace("vjp", f, primals, {}, _all(primals), has_aux)
    return trace.out, trace.pull, *([trace.aux] if has_aux else [])


def linearize(f: Function, *primals: Tree) -> tuple[Tree, Function]:
    r"""Return ``f(*primals)`` and the function that multiplies the Jacobian by tangents.

    .. math:: y = f(x), \quad \dot x \mapsto J_f(x)\, \dot x

    For one direction `jvp` is cheaper in memory; for many directions this is cheaper in time, since
    `f` runs only once: each call pushes the tangents along the graph that was recorded.

    Parameters
    ----------
    f : callable
        Takes trees of tensors, returns a tree of tensors.
    primals : trees of Tensor, ndarray or number, floating
        The arguments of `f`.

    Returns
    -------
    out : what `f` returns
    jvp_function : callable
        Takes for each primal a tree like it, and returns a tree like `out`.

    Raises
    ------
    ValueError
        If tangents do not fit the primals in number, shape or the way they are nested.
    TypeError
        If a leaf is not floating, or `f` does not return floating tensors.
    RuntimeError
        If `f` changes an argument in place.

    Examples
    --------
    >>> out, push = linearize(lambda x, y: x * y, 3.0, 2.0)
    >>> push(1.0, 0.0), push(0.0, 1.0)
    (Tensor(2.0), Tensor(3.0))
    """
    trace = _Trace("linearize", f, primals, {}, _all(primals))

    def jvp_function(*tangents: Tree) -> Tree:
        return trace.push(tangents)

    return trace.out, jvp_function


# Matrices of derivatives.


def jacrev(f: Function, argnums: ArgNums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the Jacobian of `f` row by row, in reverse mode.

    It runs `f` once, and walks back once for each element of the output: the mode for functions
    with fewer outputs than inputs.

    Parameters
    ----------
    f : callable that returns a tree of floating tensors
    argnums, has_aux
        As in `grad`.

    Returns
    -------
    callable
        Takes what `f` takes and returns for each leaf of the output, of shape (o...), a tree like
        the argument, where a leaf of shape (i...) has become a tensor of shape (o..., i...); a
        tuple of such trees if `argnums` is a tuple. With `has_aux` it returns (jacobian, aux).

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `grad` does; but the output may have any shape.

    Examples
    --------
    >>> import numpy as np
    >>> jacrev(lambda x: x * x)(np.array([1.0, 2.0])).numpy()
    array([[2., 0.],
           [0., 4.]])
    """

    _check("jacrev", f, argnums)

    def reverse_jacobian(*args: Any, **kwargs: Any) -> Any:
        trace = _Trace("jacrev", f, args, kwargs, argnums, has_aux)
        return (trace.jacobian(), trace.aux) if has_aux else trace.jacobian()

    return reverse_jacobian


def jacfwd(f: Function, argnums: ArgNums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the Jacobian of `f` column by column, in forward mode.

    It runs `f` with a tangent once for each element of the input, and keeps no graph: the mode for
    functions with fewer inputs than outputs.

    Parameters
    ----------
    f, argnums, has_aux
        As in `jacrev`.

    Returns
    -------
    callable
        As that of `jacrev`.

    Raises
    ------
    ValueError, TypeError
        As `jacrev` does.

    Examples
    --------
    >>> import numpy as np
    >>> jacfwd(lambda x: x * x)(np.array([1.0, 2.0])).numpy()
    array([[2., 0.],
           [0., 4.]])
    """

    _check("jacfwd", f, argnums)

    def forward_jacobian(*args: Any, **kwargs: Any) -> Any:
        skeleton, points = _select("jacfwd", args, argnums)
        blocks: list[list[Tensor]] = []  # for each leaf of the input, one for each of the output
        for j, x in enumerate(points):

            def along(x: Tensor, j: int = j) -> Any:
                leaves = [x if i == j else +y for i, y in enumerate(points)]  # f may change them
                out = f(*_replaced(args, argnums, skeleton, leaves), **kwargs)
                return with_aux("jacfwd", out) if has_aux else (out, None)

            columns = []
            for direction in _units(x):
                out, tangent, aux = jvp(along, (x,), (direction,), has_aux=True)
                for y in flatten(out)[0]:
                    floating_only(y, "jacfwd")
                leaves, built = flatten(tangent)
                columns.append([t.astype(x.dtype) for t in leaves])
            blocks.append(
                [
                    _joined(c if x.size else (), -1, (*c[0].shape, *x.shape), c[0].dtype)
                    for c in zip(*columns, strict=True)
                ]
            )
        rows = (unflatten(skeleton, row) for row in zip(*blocks, strict=True))
        J = unflatten(built, rows)
        return (J, aux) if has_aux else J

    return forward_jacobian


class jacobian:
    """The function that computes the Jacobian of `f`, in the mode that costs less.

    It counts the elements of input and output at the first walk: forward mode where there are fewer
    inputs than outputs, else reverse mode.

    Parameters
    ----------
    f, argnums, has_aux
        As in `jacrev`.

    Attributes
    ----------
    mode : {'forward', 'reverse'} or None
        The mode of the last call; None before it.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        When it is called, as `jacrev` does.

    Examples
    --------
    >>> import numpy as np
    >>> jac = jacobian(lambda x: x.sum())
    >>> jac(np.array([1.0, 2.0])), jac.mode
    (Tensor([1., 1.]), 'reverse')
    >>> jac = jacobian(lambda x: x * np.ones(3))
    >>> jac(2.0), jac.mode
    (Tensor([1., 1., 1.]), 'forward')
    """

    def __init__(self, f: Function, argnums: ArgNums = 0, has_aux: bool = False) -> None:
        _check("jacobian", f, argnums)
        self.f = f
        self.argnums = argnums
        self.has_aux = has_aux
        self.mode: str | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the Jacobian at these arguments, as `jacrev` and `jacfwd` do."""
        trace = _Trace("jacobian", self.f, args, kwargs, self.argnums, self.has_aux)
        inputs = sum(x.size for x in trace.targets)
        outputs = sum(y.size for y in trace.outs)
        self.mode = "forward" if inputs < outputs else "reverse"
        if self.mode == "forward":
            return jacfwd(self.f, self.argnums, self.has_aux)(*args, **kwargs)
        return (trace.jacobian(), trace.aux) if self.has_aux else trace.jacobian()


def hessian(f: Function, argnums: ArgNums = 0, has_aux: bool = False) -> Function:
    r"""Return the function that computes the Hessian of `f`: forward over reverse.

    .. math:: H_{ij} = \frac{\partial^2 f}{\partial x_i \partial x_j}

    Parameters
    ----------
    f : callable that returns a floating tensor, mostly of shape ()
    argnums, has_aux
        As in `grad`.

    Returns
    -------
    callable
        Takes what `f` takes and returns jacfwd(jacrev(f)): for an output of shape (o...) and an
        argument of shape (i...), a tensor of shape (o..., i..., i...); for trees, trees of trees.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        As `jacrev` does.

    Examples
    --------
    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0])).numpy()
    array([[4., 2.],
           [2., 0.]])
    """
    _check("hessian", f, argnums)
    return jacfwd(jacrev(f, argnums, has_aux), argnums, has_aux)


# Products with matrices of second derivatives that are never formed.


def hvp(f: Function, primals: Sequence[Tree], tangents: Sequence[Tree]) -> Tree:
    r"""Return the product of the Hessian of `f` and the tangents: the gradient of a slope.

    .. math:: H v = \nabla_x \left( \nabla f(x) \cdot v \right)

    The slope along v comes from forward mode, and one walk back from it gives the product: for
    matrix products less than three times the gradient, whatever the size of the Hessian.

    Parameters
    ----------
    f : callable that returns a tensor of shape ()
    primals : sequence of trees of Tensor, ndarray or number, floating
        The arguments of `f`.
    tangents : sequence of trees
        The vector: for each leaf of the primals one of its shape.

    Returns
    -------
    A tree like the primal, of its shapes and dtypes; a tuple of them for several primals

    Raises
    ------
    ValueError
        If the value of `f` is no scalar, or the tangents do not fit the primals.
    TypeError
        If a leaf is not floating, or `f` does not return a floating tensor.

    References
    ----------
    Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6(1), 1994.

    Examples
    --------
    >>> import numpy as np
    >>> hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 10.0]),))
    Tensor([  6., 120.])
    """

    check_pairs("hvp", primals, tangents)

    def slope(*xs: Tree) -> Any:
        return jvp(lambda *xs: tree_map(lambda y: tensor_only(y, "hvp"), f(*xs)), xs, tangents)[1]

    trace = _Trace("hvp", slope, primals, {}, _all(primals))
    return _alone(trace.gradient(trace.scalar))


def ggnvp(f: Function, loss: Function, primals: Sequence[Tree], tangents: Sequence[Tree]) -> Tree:
    r"""Return the product of the Gauss-Newton matrix of loss(f(x)) and the tangents.

    .. math:: G v = J_f^T H_\ell J_f v

    where the Hessian of the loss is taken at y = f(x). For a convex loss the matrix is positive
    semi-definite, which the Hessian is not, and it is the Hessian where `f` is linear.

    Parameters
    ----------
    f : callable
        The model: takes the primals, returns a tree of tensors.
    loss : callable
        Takes what `f` returns, returns a tensor of shape ().
    primals : sequence of trees of Tensor, ndarray or number, floating
        The arguments of `f`.
    tangents : sequence of trees
        The vector: for each leaf of the primals one of its shape.

    Returns
    -------
    A tree like the primal, of its shapes and dtypes; a tuple of them for several primals

    Raises
    ------
    ValueError
        If the loss is no scalar, or the tangents do not fit the primals.
    TypeError
        If a leaf is not floating, or a function does not return floating tensors.

    References
    ----------
    Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent",
    Neural Computation 14(7), 2002.

    Examples
    --------
    >>> ggnvp(lambda x: x**2, lambda y: y**2, (3.0,), (1.0,))  # (2x) * 2 * (2x)
    Tensor(72.0)
    """
    check_pairs("ggnvp", primals, tangents)
    trace = _Trace("ggnvp", f, primals, {}, _all(primals))
    curved = hvp(loss, (trace.out,), (trace.push(tangents),))
    return _alone(trace.pull(curved))


# Memory for time.


def checkpoint(f: Function, *args: Tree, rng: np.random.Generator | None = None) -> Tensor:
    r"""Return ``f(*args)`` and keep only what went in; the backward pass computes the rest again.

    A chain of n equal layers, cut into checkpointed pieces of :math:`\sqrt n`, needs memory for
    about :math:`2 \sqrt n` layers in place of n, at the price of a second forward pass.

    Parameters
    ----------
    f : callable that returns a tensor
        A function of its arguments and of tensors it captures, such as the parameters of a layer.
        It must do the same again when it is run again.
    args : trees
    rng : numpy.random.Generator, optional
        What `f` draws from, as dropout does: the second run draws the same numbers. The library's
        default if None.

    Returns
    -------
    Tensor
        The same value; its gradients are the same bit for bit.

    Raises
    ------
    TypeError
        If `f` does not return a tensor.
    RuntimeError
        In the backward pass, if `f` did not do the same again.

    Notes
    -----
    Derivatives of higher order are right, and save nothing; in forward mode there is nothing to
    save, and `f` runs as it is. Unlike in PyTorch, the running statistics of a batch norm in `f`
    move in the first run only.

    References
    ----------
    Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic
    differentiation", Optimization Methods and Software 1(1), 1992.
    Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", 2016,
    arXiv:1604.06174.

    Examples
    --------
    >>> x = Tensor(2.0, requires_grad=True)
    >>> y = checkpoint(lambda x: (x * x).exp(), x)
    >>> y.op.name
    'checkpoint'
    >>> y.backward()
    >>> x.grad.item() == 4 * y.item()
    True
    """
    rng = generator(rng)
    state = rng.bit_generator.state
    start = next_serial()
    out = tensor_only(f(*args), "checkpoint")
    given = {x for x in flatten(args)[0] if isinstance(x, Tensor)}
    inside = [node for node in toposort(out, given) if node.serial > start]
    reached = dict.fromkeys(x for node in inside for x in node.inputs if x.requires_grad)
    inputs = tuple(x for x in reached if x.op is None or x.serial < start)
    if not inputs:  # nothing was recorded, or forward mode is on
        return out
    again = _Again(f, args, inputs, rng, state, current_scope.get())
    return dispatch(_checkpoint, inputs, {"value": out.data, "again": again})  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class _Again:
    """How to run the function of a checkpoint as it ran the first time."""

    f: Function
    args: tuple[Tree, ...]
    inputs: tuple[Tensor, ...]  # the arguments and captured tensors that its graph starts from
    rng: np.random.Generator
    state: Any
    scope: Scope | None

    def run(self, value: Any) -> Tensor:
        """Return the output with its graph, if it has the value of the first run."""
        token, outer = rerunning.set(frozenset(self.inputs)), current_scope.set(self.scope)
        now = self.rng.bit_generator.state
        try:
            self.rng.bit_generator.state = self.state
            with enable_grad():
                out: Tensor = self.f(*self.args)
        finally:
            rerunning.reset(token)
            current_scope.reset(outer)
            self.rng.bit_generator.state = now
        if not _is_same(out.data, value):
            raise _differs()
        return out

    def gradients(self, g: Any, out: Any) -> list[Any]:
        """Return the gradients of all inputs, given that of the output."""
        leaves = set(self.inputs)
        walk = backprop(self.run(out), g, retain_graph=False, hooks=True, leaves=leaves)
        found = {x: gx for x, gx in walk if x in leaves}
        if not leaves <= found.keys():
            raise _differs()
        return [found[x] for x in self.inputs]


def _differs() -> RuntimeError:
    return RuntimeError(
        "checkpoint: f did not do the same when it was run again for the backward pass; pass "
        "the generator it draws from as rng=, and let it depend on nothing that changes"
    )


def _is_same(again: Any, out: Any) -> bool:
    """Whether a second run gave the values of the first, but for rounding: element by element."""
    if again.shape != out.shape or np.array_equal(again, out, equal_nan=True):
        return bool(again.shape == out.shape)
    eps = float(np.finfo(out.dtype).eps)
    large = np.abs(out[np.isfinite(out)], dtype=np.float64).max(initial=0)
    return np.allclose(again, out, eps**0.5, 8 * eps * large, equal_nan=True)


_checkpoint = Op(
    "checkpoint",
    lambda *inputs, value, again: (value, None),
    EachInput(lambda i, gs, out, *inputs, **params: gs[i], reads=True),
    r"f({0}, \dots)",
    kind="other",
    shared=lambda g, out, saved, *inputs, value, again: again.gradients(g, out),
    reference=lambda *inputs, value, again: again.run(value),
    flops=0,
)


# How it is done.


class _Trace:
    """One run of `f`, recorded from stand-ins for the selected arguments on."""

    def __init__(
        self,
        where: str,
        f: Function,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        argnums: ArgNums,
        has_aux: bool = False,
    ) -> None:
        self.where = where
        self.start = next_serial()
        self.skeleton, self.points = _select(where, args, argnums)
        self.targets: list[Tensor] = []  # what to walk back to: the plain tensors in the stand-ins
        leaves: list[Tensor] = []
        with enable_grad():
            stand_ins = [self._stand_in(x, leaves) for x in self.points]
            made = [x.serial for x in self.targets]
            out = f(*_replaced(args, argnums, self.skeleton, stand_ins), **kwargs)
        for x in leaves:
            x.requires_grad = False  # from here on only a walk to the targets asks for them
        changed = any(changes.of(x) > self.start for x in self.targets)
        if changed or made != [x.serial for x in self.targets]:
            raise RuntimeError(
                f"{where}: f changed an argument in place, and its gradient would be that of the "
                "new value; change a copy (x = x.clone())"
            )
        out, aux = with_aux(where, out) if has_aux else (out, None)
        outs, self.built = flatten(out)
        self.outs = [floating_only(y, where) for y in outs]
        self._aux = aux

    def _stand_in(self, x: Tensor, leaves: list[Tensor]) -> Tensor:
        """Return a recorded copy: of `x` itself where an outer graph shall go on through it."""
        if isinstance(x, Dual):
            return Dual(self._stand_in(x.primal, leaves), x.tangent, x.level)
        if not x.requires_grad:
            x = x.detach().requires_grad_()
            leaves.append(x)
        target: Tensor = +x
        self.targets.append(target)
        return target

    @property
    def out(self) -> Tree:
        """What `f` returned, without the graph unless it leads to an outer one."""
        return unflatten(self.built, map(_outside, self.outs))

    @property
    def aux(self) -> Tree:
        """What `f` returned beside it."""
        return tree_map(_outside, self._aux)

    @property
    def scalar(self) -> Tensor:
        """The output, if it has a gradient."""
        if self.built is not LEAF:
            raise TypeError(
                f"{self.where}: f returned {self.built}, where * is a tensor, but a gradient is "
                "that of one tensor; use jacobian(), or has_aux=True for (out, aux)"
            )
        (y,) = self.outs
        if y.shape:
            raise ValueError(
                f"{self.where}: f returned a tensor of shape {y.shape}, but a gradient is that of "
                "a scalar, of shape (); reduce it, as with .sum(), or use jacobian()"
            )
        return y

    def gradient(self, y: Tensor, constants: Collection[Tensor] = ()) -> Tree:
        """Return the gradient of a scalar computed from the outputs, as a tree of the arguments."""
        return unflatten(self.skeleton, self._gradient(y, constants))

    def pull(self, cotangents: Tree) -> Tree:
        """Return the cotangents times the Jacobian: the gradient of <out, cotangents>."""
        names = ("output", "cotangent")
        us = directions_like(self.where, self.outs, self.built, cotangents, names)
        with enable_grad(), np.errstate(all="ignore"):
            us = [+u for u in us]  # a cotangent may be an output, and is a constant all the same
            products = [(y * u).sum() for y, u in zip(self.outs, us, strict=True)]
            inner = sum(products[1:], start=products[0]) if products else as_tensor(0.0)
        return self.gradient(inner, [x for u in us for x in _plain(u)])

    def push(self, tangents: Sequence[Tree]) -> Tree:
        """Return the Jacobian times the tangents, pushed along the graph."""
        ts = directions_like(self.where, self.points, self.skeleton, tuple(tangents))
        moving = dict(zip(self.targets, ts, strict=True))
        on = is_recording() and any(_is_tracked(x) for t in (*self.outs, *ts) for x in _plain(t))
        with nullcontext() if on else no_grad(), np.errstate(all="ignore"):
            return unflatten(self.built, _push(self.outs, moving, self.start))

    def jacobian(self) -> Tree:
        """Return the Jacobian, row by row."""
        blocks = []
        for y in self.outs:
            with enable_grad():
                flat = y.reshape(-1)
                elements = [flat[i] for i in range(y.size)]
            rows = [self._gradient(element) for element in elements]
            shapes = [(*y.shape, *x.shape) for x in self.points]
            columns = [[row[j] for row in rows] for j in range(len(self.points))]
            parts = zip(columns, shapes, self.points, strict=True)
            blocks.append(
                unflatten(self.skeleton, (_joined(c, 0, shape, x.dtype) for c, shape, x in parts))
            )
        return unflatten(self.built, blocks)

    def _gradient(self, y: Tensor, constants: Collection[Tensor] = ()) -> list[Tensor]:
        """Return the gradient of `y` for each target, with `constants` taken as such."""
        if isinstance(y, Dual):
            values = self._gradient(y.primal, constants)
            slopes = self._gradient(y.tangent, constants)
            return [Dual(v, s, y.level) for v, s in zip(values, slopes, strict=True)]
        graph = toposort(y)
        create_graph = is_recording() and _is_tracked(y, graph)
        older = [x for x in graph if x.serial < self.start]
        leaves = {*self.targets, *constants, *older}
        found: dict[Tensor, Any] = {}
        if y.requires_grad:
            seed: Any = as_tensor(y.dtype.type(1))
            with np.errstate(all="ignore"):
                if not create_graph:
                    seed = seed.data
                walk = backprop(y, seed, create_graph=create_graph, hooks=True, leaves=leaves)
                found = {x: g for x, g in walk if x in leaves}
        taken: set[int] = set()
        return [_own(found.get(x), x, taken) for x in self.targets]


def _own(g: Any, x: Tensor, taken: set[int]) -> Tensor:
    """Return the gradient of x as a tensor whose memory is shared with no other."""
    if g is None:
        return as_tensor(np.zeros_like(x.data))
    g = unshared(g, taken)
    return g if isinstance(g, Tensor) else x.wrap(g)


def _push(ys: Sequence[Tensor], moving: dict[Tensor, Tensor], start: int) -> list[Tensor]:
    """Return the tangents of `ys`, given those of the tensors their graph starts from."""
    top = max((x.level for x in (*ys, *moving.values()) if isinstance(x, Dual)), default=0)
    if top:  # the product of (y0 + e y1) and (t0 + e t1), where e^2 = 0
        y0, y1 = zip(*(parts(y, top) for y in ys), strict=True)
        t0 = {x: parts(t, top)[0] for x, t in moving.items()}
        t1 = {x: parts(t, top)[1] for x, t in moving.items()}
        terms = zip(_push(y0, t0, start), _push(y1, t0, start), _push(y0, t1, start), strict=True)
        return [Dual(value, a + b, top) for value, a, b in terms]
    moving = dict(moving)
    nodes = {x for y in ys for x in toposort(y, moving) if x.serial > start}
    for node in sorted(nodes, key=attrgetter("serial")):
        tangents = tuple(moving.get(x) for x in node.inputs)
        if not tangents:
            raise RuntimeError(
                f"linearize: the graph behind a tensor made by {node.op.name} was freed by "
                "backward(retain_graph=False); leave retain_graph True"
            )
        if any(t is not None for t in tangents):
            moving[node] = _push_one(node, tangents)
    return [moving[y] if y in moving else as_tensor(np.zeros_like(y.data)) for y in ys]


def _push_one(node: Any, tangents: tuple[Tensor | None, ...]) -> Tensor:
    """Return the tangent of one recorded tensor, given those of its inputs."""
    op: Op = node.op
    if changes.last > node.serial:
        check_unchanged(node)
    if op.kind == "other" and op.jvp is None and op.reference is not None:
        start = next_serial()
        with enable_grad():
            again = op.reference(*node.inputs, **node.params)
        pairs = zip(node.inputs, tangents, strict=True)
        return _push([again], {x: t for x, t in pairs if t is not None}, start)[0]
    out: Tensor = pushforward(op, tangents, node, node.inputs, node.params)
    return out


def _check(where: str, f: Any, argnums: Any) -> None:
    """Raise unless a transform got a function, and the numbers of its arguments."""
    if not callable(f):
        raise TypeError(
            f"{where}: got a {type(f).__name__} in the place of a function, as in {where}(f)(x); "
            "the gradient of a tensor is what its backward() computes"
        )
    numbers = argnums if isinstance(argnums, tuple | list) else (argnums,)
    if any(type(n) is not int for n in numbers):
        raise TypeError(
            f"{where}: argnums is {argnums!r:.60}; pass an int or a tuple of them, and the "
            f"arguments of f to what {where} returns: {where}(f)(x)"
        )


def _select(where: str, args: Sequence[Any], argnums: ArgNums) -> tuple[Tree, list[Tensor]]:
    """Return the skeleton and the leaves of the arguments to differentiate by."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise ValueError(
                f"{where}: argnums={argnums}, but f was called with {len(args)} positional "
                "arguments; those given by keyword are constants"
            )
    if len({n % len(args) for n in numbers}) < len(numbers):
        raise ValueError(f"{where}: argnums={argnums} names an argument of {len(args)} twice")
    chosen = args[argnums] if isinstance(argnums, int) else tuple(args[n] for n in argnums)
    leaves, skeleton = flatten(chosen)
    if not leaves:
        raise ValueError(f"{where}: there is no tensor in {chosen!r:.60} to differentiate by")
    return skeleton, [
        floating(x, f"{where}: leaf {i} of the arguments") for i, x in enumerate(leaves)
    ]


def _replaced(
    args: Sequence[Any], argnums: ArgNums, skeleton: Tree, leaves: Iterable[Tensor]
) -> list[Any]:
    """Return the arguments with other leaves in those that were selected."""
    new = list(args)
    tree = unflatten(skeleton, leaves)
    if isinstance(argnums, int):
        new[argnums] = tree
    else:
        for n, part in zip(argnums, tree, strict=True):
            new[n] = part
    return new


def _units(x: Tensor) -> Iterator[Any]:
    """Yield the directions along the elements of x; one without elements for an empty x."""
    for i in range(max(x.size, 1)):
        unit = np.zeros(x.size, x.dtype)
        unit[i : i + 1] = 1
        yield unit.reshape(x.shape)


def _joined(
    parts: Sequence[Tensor], axis: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Tensor:
    """Return the rows or columns of a Jacobian as one tensor."""
    if not parts:
        return as_tensor(np.zeros(shape, dtype))
    return stack(parts, axis=axis).reshape(shape)  # type: ignore[no-any-return]


def _plain(t: Tensor) -> Iterator[Tensor]:
    """Yield the tensors in a dual, to any depth; a plain tensor is its own."""
    if isinstance(t, Dual):
        yield from _plain(t.primal)
        yield from _plain(t.tangent)
    else:
        yield t


def _is_tracked(t: Tensor, graph: Sequence[Tensor] | None = None) -> bool:
    """Whether the graph of a plain tensor leads to a leaf that requires grad.

    In the second run of a checkpoint: or to what its gradient is asked for.
    """
    starts = rerunning.get()
    if t.op is None or t in starts:
        return t.requires_grad
    nodes = toposort(t) if graph is None else graph
    return any(
        x.requires_grad and (x.op is None or x in starts) for node in nodes for x in node.inputs
    )


def _outside(t: Any) -> Any:
    """Return a result without its graph, unless that leads to a leaf that requires grad."""
    if isinstance(t, Dual):
        return Dual(_outside(t.primal), _outside(t.tangent), t.level)
    if not isinstance(t, Tensor) or not t.requires_grad or (is_recording() and _is_tracked(t)):
        return t
    return t.detach()


def _all(primals: Sequence[Tree]) -> tuple[int, ...]:
    return tuple(range(len(primals)))


def _alone(trees: tuple[Tree, ...]) -> Tree:
    """Return the only one of several results, or all."""
    return trees[0] if len(trees) == 1 else trees
