"""`Tensor`: an array that remembers how it was computed. It joins the op table and the engine."""

from __future__ import annotations

import operator
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import RLock
from typing import Any, Self

import numpy as np
from numpy.ma import MaskedArray
from numpy.typing import ArrayLike, DTypeLike

from . import ops
from .card import card
from .changes import changes, describe, memory
from .engine import backprop, run_hooks, unshared
from .methods import Methods
from .mistakes import explained
from .op import ACCUMULATED, BEFORE, RETAINED, Op, dispatch, untensored
from .pickling import reduce_tensor
from .recording import current_scope, enable_grad, is_recording, next_serial, recording


class Tensor(Methods):
    """A NumPy array, or a NumPy scalar, that can require a gradient.

    Parameters
    ----------
    data : array_like of numbers or booleans
        Copied. Another Tensor is copied without its graph.
    requires_grad : bool, default=False
        Record what is computed from this tensor, and collect its gradient in `grad`.
    dtype : numpy dtype, optional
        As NumPy chooses if None: Tensor(3.0) is float64.
    name : str, optional
        What pictures and messages call it.

    Attributes
    ----------
    data : ndarray or NumPy scalar
    op : Op or None
        What computed this tensor; None for a leaf.
    inputs : tuple of Tensor
        The operands of `op`, in order and with repeats.
    params : dict
        The parameters of `op`, such as an axis.
    scope : Scope or None
        The part of a model it was computed in.

    Raises
    ------
    TypeError
        If the data are not real numbers, or are integers that should require a gradient, or
        `requires_grad` is no boolean.

    Examples
    --------
    >>> x = Tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> y.backward()
    >>> x.grad
    Tensor(6.0)
    """

    __slots__ = ()

    def __init__(
        self,
        data: ArrayLike | Tensor,
        requires_grad: bool = False,
        *,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        self.data = _as_numbers(data, dtype, copy=True)
        self.requires_grad = False
        self._grad = self.op = self.saved = self.scope = self.hooks = None
        self.inputs, self.params, self.serial = (), _NO_PARAMS, 0
        self.name = name
        if requires_grad:
            if not isinstance(requires_grad, bool | np.bool_):
                raise TypeError(
                    f"Tensor: requires_grad is {requires_grad!r}; pass True or False, and a dtype "
                    "as dtype=; a tensor of given sizes is zeros(2, 3)"
                )
            self.requires_grad_()

    # What the array is.

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self.data.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self.data.dtype  # type: ignore[no-any-return]

    @property
    def is_leaf(self) -> bool:
        """Whether no op computed this tensor."""
        return self.op is None

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len: a tensor without axes has no length")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration: a tensor without axes has no parts")
        return (self[i] for i in range(self.shape[0]))

    def __repr__(self) -> str:
        text = np.array2string(
            np.asarray(self.data), separator=", ", prefix="Tensor(", threshold=100
        )
        if self.ndim == 0:
            text = str(self.data)  # of float32, no more digits than it has
        notes = []
        if self.dtype not in (np.float64, np.int64, np.bool_):  # what Python's numbers become
            notes.append(f"dtype={self.dtype}")
        if self.size > 100 or (self.size == 0 and self.shape != (0,)):
            notes.append(f"shape={self.shape}")
        if self.op is not None:
            notes.append(f"op={self.op.name}")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"Tensor({', '.join([text, *notes])})"

    def _repr_html_(self) -> str:
        return card(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    # Out of the graph.

    def item(self) -> Any:
        """Return the one element as a Python number.

        Raises
        ------
        ValueError
            If there is not exactly one element.
        """
        if self.size != 1:
            raise ValueError(
                f"item: a tensor of shape {self.shape} has {self.size} elements, not one; "
                "use numpy() or tolist()"
            )
        return self.data.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self.data.tolist()

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return the data as a read-only array that shares memory with the tensor."""
        view = np.asarray(self.data).view()
        view.flags.writeable = False
        return view

    def detach(self) -> Tensor:
        """Return a tensor that shares the data and is not part of the graph."""
        return _leaf(self.data)

    def clone(self) -> Tensor:
        """Return a copy that is part of the graph."""
        return ops.clone(self)  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """For pickle and copy: the tensor with its history, without its hooks."""
        return reduce_tensor(self)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Any:
        self._refuse_to_leave()
        return np.array(self.data, dtype=dtype, copy=copy)

    def __dlpack__(self, **kwargs: Any) -> Any:
        """Hand the data to another library, as ``torch.from_dlpack(x)`` asks, without a copy."""
        self._refuse_to_leave()
        return np.asarray(self.data).__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return np.asarray(self.data).__dlpack_device__()

    def _refuse_to_leave(self) -> None:
        if self.requires_grad or self.priority:  # or carries a tangent
            raise TypeError(
                "a tensor that requires grad does not turn into an array silently, since its "
                "gradient would be lost; use .numpy(), or .detach() first; a list of tensors is "
                "joined by stack() or concatenate()"
            )

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        if self.priority or (self.requires_grad and is_recording()):
            warnings.warn(
                "float: a tensor that requires grad turns into a number, which has none; write "
                "x.item() to look at the value, and to compute with it np.exp(x), not math.exp(x)",
                stacklevel=2,
            )
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return operator.index(self.data)

    # Gradients.

    @property
    def grad(self) -> Tensor | None:
        """What calls of `backward` added up, of the data's shape and dtype, or None."""
        if self._grad is None:
            if not self._keeps_grad():
                warnings.warn(
                    f"grad: {describe(self)} is no leaf, and backward() keeps no gradient of it; "
                    "call retain_grad() on it before backward(). If it was a parameter, update it "
                    "in place: w -= lr * w.grad within no_grad()",
                    stacklevel=2,
                )
        elif isinstance(self._grad, _ARRAYS):
            with _adding:  # only now: a scalar program has hundreds of leaves
                if isinstance(self._grad, _ARRAYS):
                    self._grad = _leaf(self._grad)
        return self._grad  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, grad: ArrayLike | Tensor | None) -> None:
        if grad is not None:
            grad = as_tensor(grad, self.dtype)
            if grad.shape != self.shape:
                raise ValueError(f"grad: shape {grad.shape} is not the tensor's, {self.shape}")
        self._grad = grad

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Switch on or off, in place, whether this leaf requires a gradient; return the tensor.

        Raises
        ------
        TypeError
            If the data are integers or booleans.
        RuntimeError
            If the tensor is not a leaf.
        """
        if requires_grad and self.dtype.kind != "f":
            raise TypeError(
                f"requires_grad: a tensor of dtype {self.dtype} has no gradient, only floating "
                f"numbers have; use astype(float) or dtype=float"
            )
        if self.op is not None:
            raise RuntimeError("requires_grad_: this tensor is not a leaf; detach() it first")
        self.requires_grad = requires_grad
        return self

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook` with the gradient of this tensor in each `backward`; return its handle.

        Transforms that walk back (`grad`, `vjp`, `jacrev`) run the hooks registered in the function
        too. Forward mode has none, and `hvp` and `hessian`, which rest on it, leave them out.

        Parameters
        ----------
        hook : callable
            Gets the gradient, final but for later hooks, as a tensor of its own; a tensor that it
            returns takes its place.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` removes the hook.

        Examples
        --------
        >>> x = Tensor(2.0, requires_grad=True)
        >>> handle = x.register_hook(lambda g: 10 * g)
        >>> (x * 3).backward()
        >>> x.grad.item()
        30.0
        >>> handle.remove()
        """
        return self._hook(BEFORE, hook)

    def register_post_accumulate_grad_hook(
        self, hook: Callable[[Tensor], object]
    ) -> RemovableHandle:
        """Call `hook` with this leaf when `backward` has added to its `grad`; return its handle.

        Parameters
        ----------
        hook : callable
            Gets the leaf. It runs at the end, when `grad` of every leaf is up to date, and may use
            the gradient and set it to None.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` removes the hook.

        Raises
        ------
        RuntimeError
            If the tensor is not a leaf.

        Examples
        --------
        >>> from autograd import no_grad
        >>> w = Tensor(2.0, requires_grad=True)
        >>> def step(w):
        ...     with no_grad():
        ...         w -= 0.1 * w.grad
        ...     w.grad = None
        >>> handle = w.register_post_accumulate_grad_hook(step)
        >>> (w * 10).backward()
        >>> w.item(), w.grad
        (1.0, None)
        """
        if self.op is not None:
            raise RuntimeError(
                "register_post_accumulate_grad_hook: this tensor is not a leaf, and adds up no "
                "gradient; use register_hook, or detach() it first"
            )
        return self._hook(ACCUMULATED, hook)

    def _hook(self, when: int, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        self.hooks = self.hooks or {}
        key = when, next_serial()
        self.hooks[key] = hook
        return RemovableHandle(self.hooks, key)

    def retain_grad(self) -> Self:
        """Keep the gradient of this tensor too, although it is not a leaf; return the tensor."""
        if not self._keeps_grad():
            keep = weakref.ref(self)

            def store(g: Tensor) -> None:
                this = keep()
                if this is not None:
                    with _adding:
                        this.grad = g if this.grad is None else this.grad + g

            self._hook(RETAINED, store)
        return self

    def _retains(self) -> bool:
        return any(when == RETAINED for when, _ in self.hooks or ())

    def _keeps_grad(self) -> bool:
        """Whether `backward` leaves a gradient in `grad`: on leaves, and after `retain_grad`."""
        return self.op is None or self._retains()

    def wrap(self, data: Any) -> Tensor:
        """Return a leaf tensor of the data, without a copy."""
        return _leaf(data)

    def backward(
        self,
        gradient: ArrayLike | Tensor | None = None,
        retain_graph: bool = True,
        create_graph: bool = False,
    ) -> None:
        """Add the gradient of this tensor to `grad` of every leaf it was computed from.

        Parameters
        ----------
        gradient : array_like of the tensor's shape, optional
            The incoming gradient; 1 for a tensor with one element.
        retain_graph : bool, default=True
            If False, free the graph on the way, as training loops want.
        create_graph : bool, default=False
            Record the backward pass, so that `grad` can be differentiated in turn. The graph of a
            leaf's `grad` then leads back to the leaf: set `grad` to None when done, or the garbage
            collector has to find the cycle.

        Raises
        ------
        RuntimeError
            If the tensor does not require grad, its graph was freed, or a value the pass needs
            was changed in place.
        ValueError
            If the tensor has several elements and no gradient is given, or its shape differs.

        Examples
        --------
        >>> x = Tensor(2.0, requires_grad=True)
        >>> y = x**3
        >>> y.backward(create_graph=True)
        >>> x.grad.item()
        12.0
        """
        seed = self._seed(gradient)
        if create_graph:
            with enable_grad():
                self._collect(as_tensor(seed), retain_graph, create_graph)
        else:
            self._collect(seed.data if isinstance(seed, Tensor) else seed, retain_graph, False)

    def _collect(self, seed: Any, retain_graph: bool, create_graph: bool) -> None:
        """Walk back, and add to the gradient of each leaf."""
        taken = {id(seed.data if create_graph else seed)}  # arrays that no gradient may share
        walk = backprop(
            self,
            seed,
            create_graph=create_graph,
            retain_graph=retain_graph,
            hooks=True,
            only_leaves=True,
        )
        # Poles have infinite derivatives, and that is an answer, not a reason to warn.
        with np.errstate(all="ignore"):
            # All are final before one is added: if the walk or a hook raises, no leaf has changed.
            pairs, hooked = [], []
            for t, g in walk:
                if t.hooks is not None:
                    g = run_hooks(t, g)
                    hooked.append(t)
                pairs.append((t, g))
            with _adding:
                for t, g in pairs:
                    t._grad = unshared(g, taken) if t._grad is None else t._grad + g
            for t in hooked:
                for (when, _), hook in sorted(t.hooks.items()):
                    if when == ACCUMULATED:
                        hook(t)

    def _seed(self, gradient: ArrayLike | Tensor | None) -> Any:
        data = self.data
        if not self.requires_grad:
            raise RuntimeError(
                "backward: this tensor does not require grad, nothing was recorded; make a leaf "
                "with requires_grad=True, compute outside no_grad(), and keep argmax(), "
                "comparisons, detach() and numpy() out of the way to it"
            )
        if data.dtype.kind != "f":
            raise TypeError(f"backward: a tensor of dtype {data.dtype} has no gradient")
        if gradient is None:
            if data.size != 1:
                raise ValueError(
                    f"backward: a tensor of shape {data.shape} needs an explicit gradient; reduce "
                    "it to a scalar first, or pass gradient="
                )
            one = data.dtype.type(1)
            return np.full(data.shape, one) if data.ndim else one
        seed = as_tensor(gradient)
        if seed.shape != data.shape:
            raise ValueError(
                f"backward: the gradient has shape {seed.shape}, but the tensor {data.shape}"
            )
        return seed if seed.dtype == data.dtype else seed.astype(data.dtype)

    # Changes in place.

    def mark_changed(self) -> None:
        """Note that `data` was changed in place: graphs that need the old values then refuse."""
        changes.note(self)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Assign to a part of the tensor; recorded, so that gradients flow to `value`."""
        index = _plain_index(index)
        if self.priority or (isinstance(value, Tensor) and value.priority):
            raise RuntimeError(
                "x[i] = v: forward mode does not follow a change in place of a tensor that stands "
                "still; write x = autograd.setitem(x, v, i)"
            )
        moves = isinstance(value, Tensor) and value.requires_grad
        if not is_recording() or not (self.requires_grad or moves):
            self._refuse_result("x[i] = v")
            data = np.asarray(self.data)
            data[index] = value.data if isinstance(value, Tensor) else value
            self._written(data)
            return
        if self.dtype.kind != "f":
            raise TypeError(
                f"x[i] = v: this tensor is {self.dtype}, and the gradient of v would be lost; make "
                "it floating (x = x.astype(float)), or assign v.detach()"
            )
        self._refuse_leaf("x[i] = v")
        self._refuse_view()
        before = self._alias()
        self._become(ops.setitem(before, before if value is self else value, index=index), before)

    def _refuse_leaf(self, what: str) -> None:
        if self.op is None and self.requires_grad:
            raise RuntimeError(
                f"{what}: this tensor is a leaf that requires grad, and its old value would be "
                "lost to the graph; do it inside no_grad(), or on a copy (x = x.clone())"
            )

    def _is_view(self) -> bool:
        """Whether the data are a part of another tensor's, who would not see a new value."""
        data = self.data
        if not isinstance(data, np.ndarray):
            return False
        if self.op is None:
            return memory(self) is not data
        return any(np.may_share_memory(data, x.data) for x in self.inputs)

    def _refuse_view(self) -> None:
        # As in y[0][1] = v: the view would get the value, and y would not.
        if self._is_view():
            raise RuntimeError(
                "x[i] = v: this tensor is a view, and what it is a view of would keep its old "
                "value; assign to that (y[0, 1] = v, not y[0][1] = v), or to a copy "
                "(x = x.clone())"
            )

    def _refuse_result(self, what: str) -> None:
        if self.op is not None and self.op.reads("out", [x.requires_grad for x in self.inputs]):
            raise RuntimeError(
                f"{what}: this tensor was made by {self.op.name}, whose gradient is computed from "
                "its value; change a copy (x = x.clone())"
            )

    def _alias(self) -> Tensor:
        """Return this tensor as it is now, for a graph in which the name moves on."""
        out = _leaf(self.data)
        out.requires_grad, out.op, out.inputs = self.requires_grad, self.op, self.inputs
        out.params, out.scope, out.serial = self.params, self.scope, self.serial
        out.saved = self.saved
        if changed := changes.of(self):
            changes.note(out, changed)
        return out

    def _become(self, after: Tensor, before: Tensor) -> None:
        """Take over the value and the history of `after`, computed from `before`: what this was.

        Hooks stay with that; only what `retain_grad` asked for is asked of this tensor.
        """
        if self.hooks and before.requires_grad:
            before.hooks = hooks = self.hooks
            self.hooks = {key: hooks.pop(key) for key in [*hooks] if key[0] == RETAINED}
        self.data, self.requires_grad, self.op = after.data, after.requires_grad, after.op
        self.inputs, self.params, self.scope = after.inputs, after.params, after.scope
        self.serial, self.saved = after.serial, after.saved
        changes.note_rebound(after.serial)

    def _update(self, op: Op, other: Any) -> Tensor:
        """Run an operator such as ``+=`` in place: recorded, if the result requires grad."""
        what = f"{op.name} in place"
        moves = self.requires_grad or (isinstance(other, Tensor) and other.requires_grad)
        recorded = is_recording() and moves
        if recorded:
            self._refuse_leaf(what)
        else:
            self._refuse_result(what)
        forward = self.priority > 0
        followed = forward or recorded
        if (followed and self._is_view()) or (not forward and getattr(other, "priority", 0) > 0):
            after = _arithmetic(op, self, other)  # which y[0] += v assigns to y[0]
            return after.retain_grad() if self._retains() else after
        before = self if forward else self._alias() if recorded else self.detach()
        after = _arithmetic(op, before, before if other is self else other)
        if after.shape != self.shape:
            raise ValueError(f"{what}: the result has shape {after.shape}, the tensor {self.shape}")
        if after.dtype != self.dtype:
            if not np.can_cast(after.dtype, self.dtype, "same_kind"):
                raise TypeError(
                    f"{what}: the result is {after.dtype}, the tensor {self.dtype}; make a new "
                    "one, x = x + v"
                )
            after = after.astype(self.dtype)
        if followed:
            self._become(after, before)
            return self
        data = np.asarray(self.data)
        data[...] = after.data
        self._written(data)
        return self

    def _written(self, data: Any) -> None:
        """Take the array that was written into: this tensor's own, or one made of its scalar."""
        # An array without axes, as parameters have, stays one: what shares its memory sees it.
        self.data = data if isinstance(self.data, np.ndarray) else data[()]
        self.mark_changed()

    # Operators.

    def __add__(self, other: Any) -> Tensor:
        return _arithmetic(ops.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return _arithmetic(ops.add, other, self)

    def __sub__(self, other: Any) -> Tensor:
        return _arithmetic(ops.sub, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return _arithmetic(ops.sub, other, self)

    def __mul__(self, other: Any) -> Tensor:
        return _arithmetic(ops.mul, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return _arithmetic(ops.mul, other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return _arithmetic(ops.div, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _arithmetic(ops.div, other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return _arithmetic(ops.floor_divide, self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return _arithmetic(ops.floor_divide, other, self)

    def __mod__(self, other: Any) -> Tensor:
        return _arithmetic(ops.remainder, self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return _arithmetic(ops.remainder, other, self)

    def __pow__(self, other: Any) -> Tensor:
        return _arithmetic(ops.pow_, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return _arithmetic(ops.pow_, other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return _arithmetic(ops.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return _arithmetic(ops.matmul, other, self)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        if other is None or isinstance(other, str):
            return NotImplemented
        return _arithmetic(ops.eq, self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        if other is None or isinstance(other, str):
            return NotImplemented
        return _arithmetic(ops.ne, self, other)

    def __lt__(self, other: Any) -> Tensor:
        return _arithmetic(ops.lt, self, other)

    def __le__(self, other: Any) -> Tensor:
        return _arithmetic(ops.le, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return _arithmetic(ops.gt, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return _arithmetic(ops.ge, self, other)

    def __and__(self, other: Any) -> Tensor:
        return _arithmetic(ops.bitwise_and, self, other)

    def __rand__(self, other: Any) -> Tensor:
        return _arithmetic(ops.bitwise_and, other, self)

    def __or__(self, other: Any) -> Tensor:
        return _arithmetic(ops.bitwise_or, self, other)

    def __ror__(self, other: Any) -> Tensor:
        return _arithmetic(ops.bitwise_or, other, self)

    def __xor__(self, other: Any) -> Tensor:
        return _arithmetic(ops.bitwise_xor, self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return _arithmetic(ops.bitwise_xor, other, self)

    def __iadd__(self, other: Any) -> Tensor:
        return self._update(ops.add, other)

    def __isub__(self, other: Any) -> Tensor:
        return self._update(ops.sub, other)

    def __imul__(self, other: Any) -> Tensor:
        return self._update(ops.mul, other)

    def __ipow__(self, other: Any) -> Tensor:
        return self._update(ops.pow_, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self._update(ops.div, other)

    def __ifloordiv__(self, other: Any) -> Tensor:
        return self._update(ops.floor_divide, other)

    def __imod__(self, other: Any) -> Tensor:
        return self._update(ops.remainder, other)

    def __imatmul__(self, other: Any) -> Tensor:
        return self._update(ops.matmul, other)

    def __iand__(self, other: Any) -> Tensor:
        return self._update(ops.bitwise_and, other)

    def __ior__(self, other: Any) -> Tensor:
        return self._update(ops.bitwise_or, other)

    def __ixor__(self, other: Any) -> Tensor:
        return self._update(ops.bitwise_xor, other)

    __hash__ = object.__hash__
    __neg__ = ops.neg
    __pos__ = ops.positive
    __abs__ = ops.abs_
    __invert__ = ops.bitwise_not

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, _plain_index(index))  # type: ignore[no-any-return]

    # Recording.

    def apply(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Tensor:
        """Run `op` on `inputs`, and record it if one of them requires grad."""
        tensors, arrays, records = [], [], False
        for x in inputs:
            if not isinstance(x, Tensor):
                x = constant(op, x, inputs)
            elif x.requires_grad:
                records = True
            array = x.data
            if isinstance(array, Tensor):
                raise TypeError(
                    f"{op.name}: the data of {describe(x)} are a tensor, and should be an array; "
                    "write x.data = values.data, or with no_grad(): x[...] = values"
                )
            tensors.append(x)
            arrays.append(array)
        mode = recording.get()
        watcher = None if mode is True or mode is False else mode
        try:
            if watcher is None or int in map(type, arrays):  # see _number
                data = op.forward(*arrays, **params)
            else:
                data = watcher.run(op, tensors, params)
        except (ValueError, TypeError) as error:
            raise explained(op, tensors, params, error) from None
        saved = None
        if op.shared is not None:
            data, saved = data
        if type(data) is np.ndarray:
            data = data if data.ndim else data[()]
        elif not isinstance(data, _ARRAYS):
            raise _no_array(op, data)
        if not (records and op.differentiable and (mode if watcher is None else watcher.on)):
            return _leaf(data)
        if data.dtype.kind != "f":  # astype(int): integers have no gradient
            if data.dtype.kind not in "iub":
                raise TypeError(
                    f"{op.name}: the result is {data.dtype}, and its gradient would be lost, since "
                    "a tensor holds real numbers; compute real and imaginary part by themselves"
                )
            return _leaf(data)
        out = _recorded(op, data, tuple(tensors), params, saved)
        if watcher is not None:
            watcher.made(out)
        return out


class RemovableHandle:
    """What registering a hook returns: `remove`, or a call, takes the hook away again."""

    def __init__(self, hooks: dict[Any, Callable[..., Any]], key: Any) -> None:
        self.hooks, self.key = hooks, key

    def remove(self) -> None:
        """Remove the hook; a second time does nothing."""
        self.hooks.pop(self.key, None)

    __call__ = remove


def _as_numbers(data: Any, dtype: DTypeLike | None, *, copy: bool | None) -> Any:
    """Return data as an array, or a NumPy scalar if it has no axes."""
    if isinstance(data, Tensor):
        data = data.data
    elif isinstance(data, MaskedArray):
        raise TypeError(
            "Tensor: a tensor has no mask, and the values that this masked array hides would count "
            "again; pass x.filled(value), or choose by where(~x.mask, x.data, value)"
        )
    array = np.array(data, dtype=dtype, copy=copy)
    if array.dtype.kind not in "fiub":
        hint = "; a function without a return, such as a forward(), gives None" * (data is None)
        raise TypeError(
            f"Tensor: {data!r:.60} has dtype {array.dtype}, which holds no real numbers; pass "
            f"floating numbers, integers or booleans{hint}"
        )
    return array[()] if array.ndim == 0 else array


def _no_array(op: Op, data: Any) -> TypeError:
    if isinstance(data, tuple):
        return TypeError(
            f"{op.name}: its forward returned a tuple of {len(data)}; an op has one result, an "
            "array, and with shared= also what it saves: (out, saved); make an op of each"
        )
    return TypeError(
        f"{op.name}: its forward returned a {type(data).__name__}; it returns an array or a NumPy "
        "scalar, computed by NumPy's functions: np.sin(x), not math.sin(x)"
    )


_adding = RLock()
"""Held while gradients are added up: threads that walk graphs of their own may share leaves."""

_NO_PARAMS: dict[str, Any] = {}
_NUMBERS = (float, int)
_ARRAYS = (np.generic, np.ndarray)


_blank = partial(object.__new__, Tensor)  # faster than a call that unpacks its argument


def _leaf(data: Any) -> Tensor:
    out = _blank()
    out.data = data
    out.requires_grad = False
    out._grad = out.op = out.saved = out.scope = out.hooks = out.name = None
    out.inputs, out.params, out.serial = (), _NO_PARAMS, 0
    return out


def _recorded(
    op: Op, data: Any, inputs: tuple[Any, ...], params: dict[str, Any], saved: Any = None
) -> Tensor:
    """Make the tensor that `op` returned, with its history."""
    out = _blank()
    out.data = data
    out.requires_grad = True
    out.op = op
    out.inputs = inputs
    out.params = params
    out.saved = saved
    out.scope = current_scope.get()
    out.serial = next_serial()
    out._grad = out.hooks = out.name = None
    return out


def _arithmetic(op: Op, x: Any, y: Any) -> Tensor:
    """Run an operator: a straight path for plain tensors, where scalar programs spend time."""
    if type(x) is not Tensor or type(y) is not Tensor:
        if type(y) in _NUMBERS and type(x) is Tensor:
            y = _number(y, x.data.dtype)
        elif type(x) in _NUMBERS and type(y) is Tensor:
            x = _number(x, y.data.dtype)
        else:
            return dispatch(op, (x, y), _NO_PARAMS)  # type: ignore[no-any-return]
    if recording.get() is not True:
        return dispatch(op, (x, y), _NO_PARAMS)  # type: ignore[no-any-return]
    try:
        data = op.forward(x.data, y.data)
    except (ValueError, TypeError) as error:
        raise explained(op, (x, y), _NO_PARAMS, error) from None
    if (x.requires_grad or y.requires_grad) and op.differentiable:
        return _recorded(op, data, (x, y), _NO_PARAMS)
    return _leaf(data)


def _number(x: float, like: np.dtype[Any]) -> Tensor:
    """Make a constant of a number; it takes the dtype of the other operand, if that is floating."""
    try:
        return _leaf((like if like.kind == "f" else np.result_type(like, x)).type(x))
    except OverflowError:
        if like.kind == "f":
            raise
        return _leaf(x)  # NumPy compares a small integer with it, and divides by it


def constant(op: Op, x: Any, inputs: Sequence[Any]) -> Tensor:
    """Make a constant of an input of an op that is no tensor."""
    number = x.item() if isinstance(x, np.generic) else x
    if not isinstance(number, _NUMBERS):
        return as_tensor(untensored(op.name, number))
    arrays = [y.dtype for y in inputs if isinstance(y, Tensor | np.ndarray)]
    scalars = [y.dtype for y in inputs if isinstance(y, np.generic)]
    like = np.result_type(*([d for d in arrays if d.kind == "f"] or arrays + scalars))
    if number is not x and like.kind != "f":
        return _leaf(x)  # it promotes integers by its own dtype
    return _number(number, like)


def _plain_index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_plain_index(i) for i in index)
    index = index.data if isinstance(index, Tensor) else index
    return index.copy() if isinstance(index, np.ndarray) else index  # the caller may change it


def tensor(
    data: ArrayLike | Tensor,
    *,
    requires_grad: bool = False,
    dtype: DTypeLike | None = None,
    name: str | None = None,
) -> Tensor:
    """Return a new leaf tensor with a copy of the data; see `Tensor`.

    Examples
    --------
    >>> tensor([1.0, 2.0])
    Tensor([1., 2.])
    """
    return Tensor(data, requires_grad, dtype=dtype, name=name)


def as_tensor(data: ArrayLike | Tensor, dtype: DTypeLike | None = None) -> Tensor:
    """Return the data as a tensor, without a copy where that is possible.

    Parameters
    ----------
    data : array_like or Tensor
        A tensor comes back as it is, if the dtype fits.
    dtype : numpy dtype, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import numpy as np
    >>> x = np.zeros(2)
    >>> t = as_tensor(x)
    >>> x[0] = 1
    >>> t
    Tensor([1., 0.])
    """
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype == dtype else data.astype(dtype)
    return _leaf(_as_numbers(data, dtype, copy=None))
