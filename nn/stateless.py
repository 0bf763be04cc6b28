"""A function as a module: for `Sequential`, and for settings that are given once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from autograd import Tensor
from nn.module import Module


class Stateless(Module):
    """A module that calls one function, with the settings that it was made with.

    A subclass names the function, and how many of its arguments are inputs; the others become
    those of the module, with their defaults. An array or list among them, such as the weights of
    classes, is a buffer; a tuple, such as several axes, is not. An array in the first place, where
    the default is a number or a word, is taken for an input.

    Examples
    --------
    >>> def power(x, exponent=2.0):
    ...     return x**exponent
    >>> class Power(Stateless, function=power):
    ...     "x to a fixed power."
    >>> Power(exponent=3.0)
    Power(exponent=3.0)
    >>> Power(exponent=3.0)(Tensor([1.0, 2.0])).numpy()
    array([1., 8.])
    """

    function: ClassVar[Callable[..., Any]]
    inputs: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[tuple[str, ...]] = ()
    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(
        cls, function: Callable[..., Any] | None = None, inputs: int = 1, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if function is None:
            return
        cls.function = staticmethod(function)
        parameters = list(inspect.signature(function).parameters.values())
        cls.inputs = tuple(p.name for p in parameters[:inputs])
        cls.settings = tuple(p.name for p in parameters[inputs:])
        settings = [p.replace(annotation=p.empty) for p in parameters[inputs:]]
        cls.__signature__ = inspect.Signature(settings)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs = {"axis" if k == "dim" else k: v for k, v in kwargs.items()}
        input_first = bool(args) and isinstance(args[0], Tensor | np.ndarray) and args[0].ndim > 0
        try:
            given = self.__signature__.bind(*args, **kwargs)
            if input_first:
                first = next(iter(self.__signature__.parameters.values()))
                if isinstance(first.default, float | int | str):
                    raise TypeError(f"{first.name} is an array of shape {args[0].shape}")
        except TypeError as error:
            name = type(self).__name__
            hint = f"its arguments are {self.__signature__}"
            if "inplace" in kwargs or any(a is True for a in args):
                hint += "; leave inplace out: nothing is computed in place"
            if input_first:
                hint += f"; call the module once it is made: {name}()({', '.join(self.inputs)})"
            raise TypeError(f"{name}: {error}; {hint}") from None
        given.apply_defaults()
        for name, value in given.arguments.items():
            if isinstance(value, Tensor | np.ndarray | list):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, *inputs: Any) -> Any:
        """Return the function of the inputs, of the shape and dtype that it gives."""
        if not self.settings:
            return self.function(*inputs)
        return self.function(*inputs, **{name: getattr(self, name) for name in self.settings})

    def extra_repr(self) -> str:
        """Return the settings."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)
