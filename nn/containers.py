"""Modules made of modules: in a row, named 0, 1, 2 and so on as in PyTorch, or under names."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self, TypeAlias, overload

from autograd import Tensor
from nn.module import Module

Named: TypeAlias = "Mapping[str, Module] | ModuleDict | Iterable[tuple[str, Module]]"


class ModuleList(Module):
    """A list of modules that are registered; a plain Python list would hide them.

    Parameters
    ----------
    modules : iterable of Module, optional

    Raises
    ------
    TypeError
        If an item is not a Module.

    Examples
    --------
    >>> from nn import Linear, ModuleList
    >>> layers = ModuleList(Linear(2, 2) for _ in range(3))
    >>> len(layers), [name for name, _ in layers.named_parameters()][:2]
    (3, ['0.weight', '0.bias'])
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> Self:
        """Add a module at the end; return the list."""
        numbers = [int(name) for name, _ in self.named_children() if name.isdigit()]
        place = max([len(self), *(n + 1 for n in numbers)])  # one may have been taken out
        setattr(self, str(place), self._checked(len(self), module))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; return the list."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at `index`; all are numbered anew, as in PyTorch."""
        modules = list(self)
        modules.insert(index, self._checked(index, module))
        self._refill(modules)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> ModuleList: ...
    def __getitem__(self, index: int | slice) -> Module:
        """Return the module at `index`, or those of a slice, shared with this list."""
        picked = list(self.children())[index]
        return picked if isinstance(picked, Module) else self._like(picked)

    def __setitem__(self, index: int, module: Module) -> None:
        """Put a module in the place of the one at `index`, such as a new last layer."""
        name = [name for name, _ in self.named_children()][index]
        setattr(self, name, self._checked(index % len(self), module))

    def __delitem__(self, index: int | slice) -> None:
        """Take out the module at `index`, or those of a slice; the others are numbered anew."""
        modules = list(self)
        del modules[index]
        self._refill(modules)

    def _checked(self, index: int, module: Any) -> Module:
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: item {index} is {_no_module(module)}")
        return module

    def _refill(self, modules: list[Module]) -> None:
        for name, _ in list(self.named_children()):
            delattr(self, name)
        self.extend(modules)

    def _like(self, modules: list[Module]) -> ModuleList:
        return ModuleList(modules)


class Sequential(ModuleList):
    """Modules one after the other: the output of each is the input of the next.

    Parameters
    ----------
    *modules : Module

    Raises
    ------
    TypeError
        If an argument is not a Module.

    Examples
    --------
    >>> from nn import Linear, ReLU, Sequential
    >>> Sequential(Linear(784, 128), ReLU(), Linear(128, 10))
    Sequential(
      (0): Linear(in_features=784, out_features=128, bias=True)
      (1): ReLU()
      (2): Linear(in_features=128, out_features=10, bias=True)
    )
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, x: Tensor) -> Any:
        """Return ``last(... second(first(x)))``."""
        for module in self:
            x = module(x)
        return x

    def _like(self, modules: list[Module]) -> Sequential:
        return Sequential(*modules)


class ModuleDict(Module):
    """Modules under names, which are attributes too: ``heads["left"]`` is ``heads.left``.

    Parameters
    ----------
    modules : mapping of str to Module, or pairs of them, optional

    Raises
    ------
    TypeError
        If an item is not a Module, or a name no str; if there are no names.
    ValueError
        If a name is empty, has a dot, which parts the names in a path, or is taken, as that of a
        method.

    Examples
    --------
    >>> from nn import Linear, ModuleDict
    >>> heads = ModuleDict({"left": Linear(4, 2), "right": Linear(4, 3)})
    >>> [name for name, _ in heads.named_parameters()]
    ['left.weight', 'left.bias', 'right.weight', 'right.bias']
    >>> heads["right"].out_features, "up" in heads, list(heads)
    (3, False, ['left', 'right'])
    """

    def __init__(self, modules: Named | None = None) -> None:
        self.update({} if modules is None else modules)

    def __getitem__(self, name: str) -> Module:
        """Return the module of that name."""
        if name not in self:
            raise KeyError(name)
        module: Module = vars(self)[name]
        return module

    def __setitem__(self, name: str, module: Module) -> None:
        """Put a module under a name, in the place of one that is there."""
        if not isinstance(name, str):
            raise TypeError(f"ModuleDict: the name {name!r} is no str; pass a str, such as 'a'")
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: item {name!r} is {_no_module(module)}")
        if not name or "." in name or (name not in self and hasattr(self, name)):
            why = "has a dot" if "." in name else "is taken" if name else "is empty"
            raise ValueError(f"ModuleDict: the name {name!r} {why}; choose another")
        setattr(self, name, module)

    def __delitem__(self, name: str) -> None:
        """Take out the module of that name."""
        self.pop(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and isinstance(vars(self).get(name), Module)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def keys(self) -> KeysView[str]:
        """Return the names, in the order in which they came."""
        return dict(self.named_children()).keys()

    def values(self) -> ValuesView[Module]:
        """Return the modules."""
        return dict(self.named_children()).values()

    def items(self) -> ItemsView[str, Module]:
        """Return the pairs of names and modules."""
        return dict(self.named_children()).items()

    def update(self, modules: Named) -> None:
        """Put modules under names, in the place of those that are there."""
        try:
            named = dict(modules)
        except (TypeError, ValueError):
            raise TypeError(
                f"ModuleDict: a {type(modules).__name__} without names; pass a dict, or pairs of a "
                "name and a module; a ModuleList needs no names"
            ) from None
        for name, module in named.items():
            self[name] = module

    def pop(self, name: str) -> Module:
        """Take out the module of that name; return it."""
        module = self[name]
        delattr(self, name)
        return module

    def clear(self) -> None:
        """Take out all modules."""
        for name in self:
            delattr(self, name)


def _no_module(item: Any) -> str:
    """Say what an item is instead of a module, and what to pass."""
    if isinstance(item, type) and issubclass(item, Module):
        name = item.__name__
        return f"the class {name}, not a Module; make one, with parentheses: {name}()"
    kind = type(item).__name__
    said = f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}, not a Module"
    if isinstance(item, Mapping):
        return f"{said}; names are not taken; pass its modules alone: *d.values()"
    if isinstance(item, Iterable) and not isinstance(item, Tensor):
        return f"{said}; unpack it: *layers"
    return f"{said}; a function such as F.relu has its module, nn.ReLU()"
