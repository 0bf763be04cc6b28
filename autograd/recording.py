"""What this thread records: the switch, the scopes, and the observers that watch ops run.

All of it is in context variables, so that each thread has its own.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar
from copy import copy
from functools import wraps
from inspect import iscoroutinefunction, isgeneratorfunction
from itertools import count
from typing import Any, Self

from .op import Op


class Scope:
    """One use of a named part of a model: each call of a module is a scope of its own."""

    __slots__ = ("name", "parent")

    def __init__(self, name: str, parent: Scope | None) -> None:
        self.name = name
        self.parent = parent

    @property
    def path(self) -> str:
        """The names from the outermost scope to this one, joined by dots."""
        return self.name if self.parent is None else f"{self.parent.path}.{self.name}"

    def __repr__(self) -> str:
        return f"<Scope {self.path}>"


recording: ContextVar[bool | Observer] = ContextVar("recording", default=True)
"""Whether this thread records what is computed; an observer, if one watches."""

current_scope: ContextVar[Scope | None] = ContextVar("current_scope", default=None)
"""The part of a model this thread computes."""

level: ContextVar[int] = ContextVar("level", default=0)
"""How many forward-mode derivatives this thread is taking, one inside the other."""

rerunning: ContextVar[Collection[Any]] = ContextVar("rerunning", default=())
"""From which tensors this thread computes again what a checkpoint let go, if it does.

What counts its runs shall not count this one.
"""

next_serial = count(1).__next__


class _Decorator(ContextDecorator):
    """A context manager that decorates functions, coroutines, and generators as they run on."""

    def __call__(self, f: Any) -> Any:
        if iscoroutinefunction(f):

            @wraps(f)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self._recreate_cm():  # type: ignore[attr-defined]
                    return await f(*args, **kwargs)

            return coroutine
        if not isgeneratorfunction(f):
            return super().__call__(f)

        @wraps(f)
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inner = f(*args, **kwargs)
            step, given = inner.send, None
            while True:
                try:
                    with self._recreate_cm():  # type: ignore[attr-defined]
                        out = step(given)
                except StopIteration as end:
                    return end.value
                try:
                    step, given = inner.send, (yield out)
                except GeneratorExit:
                    with self._recreate_cm():  # type: ignore[attr-defined]
                        inner.close()
                    raise
                except BaseException as error:
                    step, given = inner.throw, error

        return generator


class _Recording(_Decorator):
    on: bool

    def __new__(cls, f: Any = None) -> Any:
        """Return the decorated function where there are no brackets: @no_grad."""
        return object.__new__(cls) if f is None else cls()(f)

    def __init__(self) -> None:
        self.before: list[bool | Observer] = []  # one block may stand inside another

    def __enter__(self) -> None:
        mode = recording.get()
        on = mode.switched(self.on) if isinstance(mode, Observer) else self.on
        self.before.append(mode)
        recording.set(on)

    def __exit__(self, *exc: object) -> None:
        # By value: a token is of no use where a generator is closed in another context.
        recording.set(self.before.pop())

    def _recreate_cm(self) -> _Recording:
        return type(self)()


class no_grad(_Recording):
    """Switch recording off in this thread: a context manager and a decorator.

    Examples
    --------
    >>> from autograd import Tensor
    >>> x = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """

    on = False


class enable_grad(_Recording):
    """Switch recording on again inside `no_grad`: a context manager and a decorator.

    Examples
    --------
    >>> from autograd import Tensor
    >>> x = Tensor(3.0, requires_grad=True)
    >>> with no_grad(), enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """

    on = True


class Observer(_Decorator):
    """Watches every op that this thread runs in a ``with`` block, forward and backward.

    A subclass overrides `run`, `made`, `pull` and `share`, and calls them on `super()`: that has
    the work done, and lets an observer outside of this one watch too. Inside the block, no_grad()
    works on a copy: what is gathered is kept in lists and dicts, which the two share.
    """

    on = True  # whether the ops are recorded, too
    outer: bool | Observer = True
    watching = False

    def __enter__(self) -> Self:
        if self.watching:
            raise RuntimeError(f"{type(self).__name__}: already watching; make another one")
        self.outer, self.on = recording.get(), is_recording()
        recording.set(self)
        self.watching = True
        return self

    def __exit__(self, *exc: object) -> None:
        recording.set(self.outer)
        self.watching = False

    def switched(self, on: bool) -> Observer:
        """Return this observer, with recording on or off."""
        other = copy(self)
        other.on = on
        return other

    def run(self, op: Op, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """Run the forward of `op` on the arrays of the tensors `inputs`."""
        if isinstance(self.outer, Observer):
            return self.outer.run(op, inputs, params)
        return op.forward(*[x.data for x in inputs], **params)

    def made(self, out: Any) -> None:
        """See the tensor that was just recorded."""
        if isinstance(self.outer, Observer):
            self.outer.made(out)

    def pull(self, node: Any, i: int, arguments: tuple[Any, ...]) -> Any:
        """Run the vjp rule of `node` for its input `i` on ``(g, out, *inputs)``."""
        if isinstance(self.outer, Observer):
            return self.outer.pull(node, i, arguments)
        return node.op.vjp[i](*arguments, **node.params)

    def share(self, node: Any, arguments: tuple[Any, ...]) -> Any:
        """Run what the rules of a fused op have in common on ``(g, out, saved, *inputs)``."""
        if isinstance(self.outer, Observer):
            return self.outer.share(node, arguments)
        return node.op.shared(*arguments, **node.params)

    def line(self, node: Any) -> str:
        """Return the line of source that made a tensor, where an observer has noted it."""
        return self.outer.line(node) if isinstance(self.outer, Observer) else ""


def is_recording() -> bool:
    """Return whether this thread records what is computed."""
    mode = recording.get()
    return mode.on if isinstance(mode, Observer) else mode


class scope:
    """Name the part of a model in which ops are recorded: a context manager.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> from autograd import Tensor
    >>> x = Tensor(3.0, requires_grad=True)
    >>> with scope("model"), scope("square"):
    ...     y = x * x
    >>> y.scope.path
    'model.square'
    """

    __slots__ = ("before", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.before: list[Scope | None] = []

    def __enter__(self) -> Scope:
        outer = current_scope.get()
        here = Scope(self.name, outer)
        self.before.append(outer)
        current_scope.set(here)
        return here

    def __exit__(self, *exc: object) -> None:
        current_scope.set(self.before.pop())
