"""`Module`: a function with parameters, built out of smaller ones.

Assigning is registering: a `Parameter` or a `Module` that becomes an attribute is part of the
model from then on. Nothing is kept beside the attributes themselves, so there is no second list
that could disagree with them, and ``super().__init__()`` may be called or forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from autograd import Scope, Tensor, as_tensor, no_grad
from autograd.op import untensored
from autograd.pytorch_names import CPU, Elsewhere, present
from autograd.recording import current_scope, next_serial
from autograd.tensor import RemovableHandle

T = TypeVar("T")

_OUT_HOOK = "write out.register_hook(f) in a forward hook: f gets the gradient of the output"

_CONTAINERS = (list, tuple, dict)
_ARRAYS = (np.ndarray, np.generic)

Tensors: TypeAlias = Mapping[str, ArrayLike | Tensor]


class Parameter(Tensor):
    """A tensor that a module trains: it requires a gradient, and assigning it registers it.

    What is computed from it is a plain `Tensor`.

    Parameters
    ----------
    data : array_like of floating numbers
        Copied.
    requires_grad : bool, default=True
    dtype : numpy dtype, optional
        As NumPy chooses if None.
    name : str, optional
        What pictures and messages call it; the attribute it is assigned to if None.

    Attributes
    ----------
    data : ndarray
        An array even without axes, so that optimisers can write into it.

    Raises
    ------
    TypeError
        If the data are not floating numbers, and a gradient is required.

    Examples
    --------
    >>> w = Parameter([1.0, 2.0])
    >>> w.requires_grad, type(w * 2).__name__
    (True, 'Tensor')
    """

    def __init__(
        self,
        data: ArrayLike | Tensor,
        requires_grad: bool = True,
        *,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data, requires_grad, dtype=dtype, name=name)
        self.data = np.asarray(self.data)


class Module:
    """A part of a network: give a subclass parameters in ``__init__``, and a ``forward``.

    Calling a module runs `forward` inside `autograd.scope`, under the name of the attribute that
    it was first assigned to, else of its class: what pictures draw as a box. A number, as in a
    `Sequential`, is followed by the class: ``2: Linear``. An array that `forward` returns becomes
    a Tensor.

    Attributes
    ----------
    training : bool
        Whether the module is in training mode, as at first, or in evaluation mode, in which dropout
        does nothing and batch norm takes its running statistics.

    Examples
    --------
    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Parameter([2.0])
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> scale = Scale()
    >>> scale(Tensor([1.0, 2.0])).numpy()
    array([2., 4.])
    >>> scale.state_dict()
    {'factor': array([2.])}
    """

    training: bool = True
    _name: str = "Module"
    _buffers: frozenset[str] = frozenset()
    _unsaved: frozenset[str] = frozenset()
    _replaced: frozenset[str] = frozenset()  # parameters: by other tensors, in a functional_call
    _forward_hooks: Mapping[int, Callable[..., Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._name = cls.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # with autograd.scope(self._name), written out: that would cost half as much again
        token = current_scope.set(Scope(self._name, current_scope.get()))
        try:
            out = self.forward(*args, **kwargs)
            if isinstance(out, _ARRAYS):  # of ops alone, which compute on arrays as on tensors
                out = as_tensor(out)
            return self._hooked(args, out) if self._forward_hooks else out
        except AttributeError as error:
            if args and error.obj is args[0] and hasattr(Tensor, str(error.name)):
                untensored(type(self).__name__, args[0], "the input")
            raise
        finally:
            current_scope.reset(token)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; what a subclass defines, and a call of the module runs."""
        raise NotImplementedError(
            f"{type(self).__name__}: forward is missing; define forward(self, x)"
        )

    # Registration.

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Module):
            if any(module is self for module in value.modules()):
                raise ValueError(
                    f"{type(self).__name__}.{name}: the {type(value).__name__} contains this "
                    "module, which cannot be part of itself; pass it as an argument of forward"
                )
            frame = f"{name}: {type(value).__name__}" if name.isdigit() else name
            value.__dict__.setdefault("_name", frame)
        elif isinstance(value, Parameter):
            value.name = value.name or name
        elif name in self._buffers:
            value = as_tensor(value)
        elif value is not None and isinstance(self.__dict__.get(name), Parameter):
            raise TypeError(
                f"{type(self).__name__}.{name}: a parameter cannot become a "
                f"{type(value).__name__}, it would not be trained; assign a Parameter, or write "
                f"its values: {name}.data[...] = values"
            )
        elif name == "requires_grad" and next(self.parameters(), None) is not None:
            raise AttributeError(
                f"{type(self).__name__}.requires_grad: a module has none, its parameters have; "
                f"call requires_grad_({value})"
            )
        else:
            self._refuse_hidden(name, value)
        object.__setattr__(self, name, value)

    def _refuse_hidden(self, name: str, value: Any) -> None:
        hidden = _hidden(value)
        if hidden is not None:
            raise TypeError(
                f"{type(self).__name__}.{name}: a {type(hidden).__name__} inside a "
                f"{type(value).__name__} is not registered, it would be neither trained nor saved; "
                "use nn.ModuleList or nn.ModuleDict for modules, one in the other where they are "
                "nested, and an attribute for each parameter"
            )

    def register_buffer(
        self, name: str, value: ArrayLike | Tensor, persistent: bool = True
    ) -> None:
        """Make `value` an attribute that is saved with the parameters but not trained.

        Parameters
        ----------
        name : str
        value : array_like
            Copied to a Tensor, such as the running mean of a norm.
        persistent : bool, default=True
            If False, it is not saved: what is made anew with the module, such as a mask.

        Raises
        ------
        ValueError
            If `name` has a dot, which parts the names in a path, or is taken by something else.
        TypeError
            If `value` is None.
        """
        if value is None:
            raise TypeError(
                f"{type(self).__name__}.register_buffer: {name!r} is None, which cannot be saved; "
                f"pass an array, or write self.{name} = None until there is one"
            )
        taken = name not in self._buffers and getattr(self, name, None) is not None
        if "." in name or taken:
            raise ValueError(
                f"{type(self).__name__}.register_buffer: the name {name!r} "
                f"{'is taken' if taken else 'has a dot'}; choose another"
            )
        self._buffers = self._buffers | {name}
        self._unsaved = self._unsaved - {name} if persistent else self._unsaved | {name}
        setattr(self, name, Tensor(value))

    def register_forward_hook(
        self, hook: Callable[[Any, tuple[Any, ...], Any], Any]
    ) -> RemovableHandle:
        """Call `hook` after each call of this module; return its handle.

        Parameters
        ----------
        hook : callable
            Gets the module, its positional arguments and its output; what it returns takes the
            place of the output, unless that is None.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` removes the hook.

        Examples
        --------
        >>> from nn import Linear, ReLU, Sequential
        >>> net = Sequential(Linear(2, 3), ReLU(), Linear(3, 1))
        >>> seen = {}
        >>> handle = net[1].register_forward_hook(lambda m, args, out: seen.update(hidden=out))
        >>> out = net(Tensor(np.ones((4, 2), np.float32)))
        >>> seen["hidden"].shape
        (4, 3)
        >>> handle.remove()
        """
        hooks = vars(self).setdefault("_forward_hooks", {})
        key = next_serial()
        hooks[key] = hook
        return RemovableHandle(hooks, key)

    def _hooked(self, args: tuple[Any, ...], out: Any) -> Any:
        for hook in tuple(self._forward_hooks.values()):  # one may remove itself
            changed = hook(self, args, out)
            out = out if changed is None else changed
        return out

    # The tree of modules. Each walk goes through parents before children, in order of assignment.

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield (attribute, module) for each module assigned to this one."""
        return iter([(k, v) for k, v in vars(self).items() if isinstance(v, Module)])

    def children(self) -> Iterator[Module]:
        """Yield each module assigned to this one."""
        return iter([v for v in vars(self).values() if isinstance(v, Module)])

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yield (path, module) for this module, whose path is '', and all below it, each once."""
        return _once(self._paths(""))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self, *, recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Yield (path, parameter) for all parameters, a shared one once, under its first path.

        Parameters
        ----------
        recurse : bool, default=True
            If False, only those assigned to this module itself.
        """
        return _once((path, t) for path, t, trained in self._state(recurse) if trained)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield all parameters, a shared one once; see `named_parameters` for `recurse`."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(self, *, recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Yield (path, buffer) for all buffers, a shared one once; `recurse` as for parameters."""
        return _once((path, t) for path, t, trained in self._state(recurse) if not trained)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield all buffers, a shared one once; `recurse` as for parameters."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the module at a path as `named_modules` yields it, such as 'layers.0'.

        Raises
        ------
        AttributeError
            If there is none.
        """
        return self._at("get_submodule", target, dict(self._paths("")))

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path as `named_parameters` yields it, such as '0.weight'.

        Raises
        ------
        AttributeError
            If there is none.
        """
        named: dict[str, Parameter] = {path: t for path, t, trained in self._state() if trained}
        return self._at("get_parameter", target, named)

    def _at(self, where: str, target: str, named: dict[str, T]) -> T:
        if target not in named:
            raise AttributeError(
                f"{type(self).__name__}.{where}: there is nothing at {target!r}; "
                f"choose one of {', '.join(map(repr, named))}"
            )
        return named[target]

    def _paths(self, path: str) -> Iterator[tuple[str, Module]]:
        """Yield (path, module), a shared module under each of its paths."""
        yield path, self
        for name, child in self.named_children():
            yield from child._paths(f"{path}.{name}" if path else name)

    def _state(self, recurse: bool = True) -> Iterator[tuple[str, Any, bool]]:
        """Yield (path, tensor, whether it is a parameter) for parameters and buffers.

        A shared one stands under each of its paths. What stands in for a parameter counts as one.
        """
        for path, module in self._paths("") if recurse else [("", self)]:
            buffers, replaced = module._buffers, module._replaced
            for name, value in list(vars(module).items()):
                trained = isinstance(value, Parameter) or name in replaced
                if trained or name in buffers:
                    yield f"{path}.{name}" if path else name, value, trained
                elif isinstance(value, _CONTAINERS):  # it may have been filled since
                    module._refuse_hidden(name, value)

    def _saved(self) -> dict[str, Tensor]:
        """Return what is saved, by its paths."""
        return {
            f"{path}.{name}" if path else name: value
            for path, module in self._paths("")
            for name, value, trained in module._state(recurse=False)
            if trained or name not in module._unsaved
        }

    # Settings.

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call `fn` with each module below this one, parts before wholes, then with it; return it.

        Parameters
        ----------
        fn : callable
            Such as one that draws the weights of each Linear anew. As in PyTorch, it gets a module
            that stands in several places as often.

        Examples
        --------
        >>> from nn import Linear, Sequential, init
        >>> def draw(module):
        ...     if isinstance(module, Linear):
        ...         init.normal_(module.weight, std=0.02)
        >>> net = Sequential(Linear(100, 50), Linear(50, 10)).apply(draw)
        >>> net[1].weight.numpy().std().round(2)
        np.float32(0.02)
        """
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training mode, or if False to evaluation mode.

        Returns the module.
        """
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all below it to evaluation mode; return the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Switch on or off whether the parameters require gradients; return the module."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def to(self, dtype: DTypeLike) -> Self:
        """Convert parameters and floating buffers to `dtype`, drop gradients; return the module.

        Make the optimiser afterwards: its state has the old dtype.

        Parameters
        ----------
        dtype : numpy dtype, floating

        Raises
        ------
        TypeError
            If `dtype` is none, such as a device, or not floating.
        """
        try:
            dtype = np.dtype(dtype)
        except TypeError:
            raise TypeError(
                f"to: {dtype!r} is no dtype; pass np.float32, or leave a device out: all is on the "
                "CPU"
            ) from None
        if dtype.kind != "f":
            raise TypeError(f"to: parameters are floating numbers, not {dtype}; pass np.float32")
        for _, t, _ in self._state():
            if t.dtype.kind == "f":
                t.data = t.data.astype(dtype)
                t.grad = None
                t.mark_changed()
        return self

    def half(self) -> Self:
        """Convert to float16, as ``to(np.float16)`` does; return the module."""
        return self.to(np.float16)

    def float(self) -> Self:
        """Convert to float32, as ``to(np.float32)`` does; return the module."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64, as ``to(np.float64)`` does; return the module."""
        return self.to(np.float64)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, which otherwise add up.

        Parameters
        ----------
        set_to_none : bool, default=True
            If False, fill them with zeros.
        """
        zero_grad(self.parameters(), set_to_none)

    # State.

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return a copy of all parameters and saved buffers, by their paths, which are PyTorch's.

        A copy: unlike PyTorch's, it does not change when training goes on.

        Returns
        -------
        dict of str to ndarray
            A shared parameter stands under each of its paths.
        """
        return {path: np.array(t.data) for path, t in self._saved().items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy the arrays of `state` into the parameters and buffers: all of them, or none.

        Parameters
        ----------
        state : mapping of str to array_like
            Arrays are converted to the dtype that the parameter has.
        strict : bool, default=True
            Whether the keys must be exactly those of `state_dict`. Of a shared parameter one of
            its paths is enough: ``safetensors.torch.save_model`` writes no more.

        Returns
        -------
        missing_keys, unexpected_keys : list of str
            The paths whose tensor `state` lacks, and the keys that have no place; empty if
            `strict`. A named tuple, as in PyTorch.

        Raises
        ------
        ValueError
            If keys or shapes differ. Nothing is changed then.
        TypeError
            If an array does not convert to the parameter's dtype. Nothing is changed then.
        """
        own = self._saved()
        given = {own[k] for k in own if k in state}
        missing = [k for k in own if own[k] not in given]
        unexpected = [k for k in state if k not in own]
        arrays = {k: _array(state[k]) for k in own if k in state}
        reshaped = [
            f"{k} is {a.shape}, here {own[k].shape}"
            for k, a in arrays.items()
            if a.shape != own[k].shape
        ]
        faults = [
            f"{what}: {', '.join(found)}"
            for what, found in (
                ("missing", missing if strict else []),
                ("unexpected", unexpected if strict else []),
                ("of another shape", reshaped),
            )
            if found
        ]
        if faults:
            raise ValueError(
                f"load_state_dict: the state does not fit {type(self).__name__}; "
                f"{'; '.join(faults)}; nothing was loaded"
            )
        for k, a in arrays.items():
            if not np.can_cast(a.dtype, own[k].dtype, "same_kind"):
                raise TypeError(
                    f"load_state_dict: {k} is of {a.dtype}, here of {own[k].dtype}, and would be "
                    "cut down; convert it first; nothing was loaded"
                )
        new = {k: a.astype(own[k].dtype) for k, a in arrays.items()}
        with no_grad():
            for k, a in new.items():
                own[k][...] = a
        return IncompatibleKeys(missing, unexpected)

    # What PyTorch has.

    __dir__ = present
    add_module = Elsewhere("write setattr(self, name, module)")
    cpu = Elsewhere(CPU)
    cuda = Elsewhere(CPU)
    get_buffer = Elsewhere("write dict(self.named_buffers())[path]")
    register_backward_hook = Elsewhere(_OUT_HOOK)
    register_forward_pre_hook = Elsewhere("change the input where the module is called")
    register_full_backward_hook = Elsewhere(_OUT_HOOK)
    register_parameter = Elsewhere("write setattr(self, name, parameter)")
    _modules = Elsewhere("write dict(self.named_children())")
    _parameters = Elsewhere("write dict(self.named_parameters(recurse=False))")

    # Text.

    def extra_repr(self) -> str:
        """Return what ``repr`` shows between the parentheses: the settings of a layer."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {child!r}" for name, child in self.named_children()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        body = "\n".join(filter(None, [self.extra_repr(), *children])).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"


class IncompatibleKeys(NamedTuple):
    """What a state lacked, and what of it had no place: see `Module.load_state_dict`."""

    missing_keys: list[str]
    unexpected_keys: list[str]


_replacing = RLock()
"""Held by the thread whose `functional_call` runs: what it replaces, all threads would see."""


def functional_call(
    module: Module,
    parameters_and_buffers: Tensors | Sequence[Tensors],
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Call a module with other tensors in the place of its own: a network as a function of them.

    So the transforms apply to networks, `autograd.grad` and `autograd.hvp` for example, and weights
    may be computed: by a step of an inner loop, or by another network.

    Parameters
    ----------
    module : Module
        It stays as it is, apart from what it changes itself, such as running means. During the call
        it holds the other tensors; a second thread waits with a call of its own.
    parameters_and_buffers : mapping of str to Tensor or array_like, or several in a tuple or list
        By their paths, as in `Module.named_parameters`. What is left out is the module's own. A
        shared tensor is replaced wherever it stands, whichever of its paths is given; under several
        of them, it is one and the same tensor, or arrays of the same values.
    args : tuple, or anything else for one argument
    kwargs : mapping of str to anything, optional
        What the module is called with.

    Returns
    -------
    Whatever the module returns.

    Raises
    ------
    ValueError
        If a path names no parameter and no buffer, or two different ones are given for one tensor.

    Examples
    --------
    >>> from autograd import grad
    >>> from nn import Linear, functional as F
    >>> layer, x, y = Linear(2, 1, rng=0), np.ones((3, 2), np.float32), np.zeros((3, 1), np.float32)
    >>> def loss(weights):
    ...     return F.mse_loss(functional_call(layer, weights, x), y)
    >>> weights = dict(layer.named_parameters())
    >>> fast = {path: weights[path] - 0.1 * g for path, g in grad(loss)(weights).items()}
    >>> loss(fast).item() < loss(weights).item()
    True
    """
    with _replacing:
        own = {path: t for path, t, _ in module._state()}
        if isinstance(parameters_and_buffers, Mapping):
            parameters_and_buffers = [parameters_and_buffers]
        named = [item for mapping in parameters_and_buffers for item in mapping.items()]
        unknown = [path for path, _ in named if path not in own]
        if unknown:
            raise ValueError(
                f"functional_call: {type(module).__name__} has no {', '.join(map(repr, unknown))}; "
                f"choose from {', '.join(map(repr, own))}"
            )
        first: dict[Tensor, tuple[str, Any]] = {}
        for path, new in named:
            before, other = first.setdefault(own[path], (path, new))
            if not _is_same(new, other):
                raise ValueError(
                    f"functional_call: {before!r} and {path!r} are one tensor in "
                    f"{type(module).__name__}, and two were given; give one of them, or both "
                    "the same"
                )
        given = {t: as_tensor(new) for t, (_, new) in first.items()}
        places = [
            (m, name, t, trained)
            for m in module.modules()
            for name, t, trained in m._state(recurse=False)
            if t in given
        ]
        replaced = {m: m._replaced for m, _, _, _ in places}
        try:
            for m, name, t, trained in places:
                vars(m)[name] = given[t]
                if trained:
                    vars(m)["_replaced"] = m._replaced | {name}
            return module(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))
        finally:
            for m, name, t, _ in places:
                vars(m)[name] = t
            for m, names in replaced.items():
                vars(m)["_replaced"] = names


def _is_same(x: Any, y: Any) -> bool:
    """Whether two are one tensor, or arrays of the same values, as a state_dict has them."""
    arrays = not isinstance(x, Tensor) and not isinstance(y, Tensor)
    return x is y or (arrays and np.array_equal(x, y))


def zero_grad(parameters: Any, set_to_none: bool = True) -> None:
    """Forget the gradients of tensors, or fill them with zeros."""
    for p in parameters:
        if set_to_none or p.grad is None:
            p.grad = None
        else:
            p.grad = as_tensor(np.zeros_like(p.grad.data))


def _hidden(value: Any) -> Any:
    """Return a module or parameter in nested containers, or None."""
    if isinstance(value, Module | Parameter):
        return value
    if not isinstance(value, _CONTAINERS):
        return None
    items = value.values() if isinstance(value, dict) else value
    return next((x for x in map(_hidden, items) if x is not None), None)


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.data if isinstance(value, Tensor) else value)


def _once(named: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Leave out what was yielded before under another name."""
    seen = set()
    for name, value in named:
        if value not in seen:
            seen.add(value)
            yield name, value
