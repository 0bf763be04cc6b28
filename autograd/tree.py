"""Trees: nested lists, tuples, namedtuples and dicts whose leaves are tensors, arrays or numbers.

`flatten` parts a tree into the list of its leaves and its skeleton, which is the tree itself with
`LEAF` where a leaf was; `unflatten` puts leaves back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

Tree: TypeAlias = Any
"""A leaf, or a list, tuple, namedtuple or dict of trees; None is a tree without leaves."""


class _Leaf:
    def __repr__(self) -> str:
        return "*"


LEAF = _Leaf()
"""What stands for a leaf in a skeleton."""


def flatten(tree: Tree) -> tuple[list[Any], Tree]:
    """Return the leaves of a tree, in order, and its skeleton.

    Parameters
    ----------
    tree : nested lists, tuples, namedtuples and dicts
        A dict is read in the order of its keys; None has no leaves; all else is a leaf.

    Returns
    -------
    leaves : list
    skeleton : the tree with `LEAF` in place of each leaf

    Examples
    --------
    >>> flatten({"w": [1.0, 2.0], "b": 3.0})
    ([1.0, 2.0, 3.0], {'w': [*, *], 'b': *})
    """
    leaves: list[Any] = []

    def take(leaf: Any) -> _Leaf:
        leaves.append(leaf)
        return LEAF

    skeleton = tree_map(take, tree)
    return leaves, skeleton


def unflatten(skeleton: Tree, leaves: Iterable[Any]) -> Tree:
    """Return the tree of this skeleton with these leaves.

    Parameters
    ----------
    skeleton : as `flatten` returns it
    leaves : iterable, one for each `LEAF`

    Examples
    --------
    >>> unflatten(flatten({"w": [1.0, 2.0], "b": 3.0})[1], "xyz")
    {'w': ['x', 'y'], 'b': 'z'}
    """
    rest = iter(leaves)
    return tree_map(lambda _: next(rest), skeleton)


def flatten_like(skeleton: Tree, tree: Tree, what: str) -> list[Any]:
    """Return the leaves of a tree that must have this skeleton, in the skeleton's order.

    Parameters
    ----------
    skeleton : as `flatten` returns it
    tree : nested lists, tuples, namedtuples and dicts
    what : str
        What the tree is, for the message.

    Returns
    -------
    list

    Raises
    ------
    ValueError
        If the tree is built otherwise.

    Examples
    --------
    >>> flatten_like(flatten({"w": 1.0, "b": 2.0})[1], {"b": 20.0, "w": 10.0}, "tangents")
    [10.0, 20.0]
    """
    found = flatten(tree)[1]
    if found != skeleton:
        raise ValueError(
            f"{what}: built as {found}, but it must be built as {skeleton}, where * is a leaf"
        )
    return list(_walk(skeleton, tree))


def tree_map(f: Callable[[Any], Any], tree: Tree) -> Tree:
    """Return the tree with f(leaf) in place of each leaf.

    Parameters
    ----------
    f : callable of a leaf
    tree : nested lists, tuples, namedtuples and dicts

    Returns
    -------
    The same containers around the new leaves

    Examples
    --------
    >>> tree_map(abs, {"w": [-1.0, None], "b": (2.0, -3.0)})
    {'w': [1.0, None], 'b': (2.0, 3.0)}
    """
    if tree is None:
        return None
    if isinstance(tree, dict):
        new = tree.copy()  # keeps what kind of dict it is
        new.update((key, tree_map(f, part)) for key, part in tree.items())
        return new
    if isinstance(tree, list):
        return [tree_map(f, part) for part in tree]
    if isinstance(tree, tuple):
        parts = [tree_map(f, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    return f(tree)


def _walk(skeleton: Tree, tree: Tree) -> Iterator[Any]:
    """Yield the leaves of a tree in the order of a skeleton that it is known to fit."""
    if skeleton is LEAF:
        yield tree
    elif skeleton is not None:
        keys = skeleton if isinstance(skeleton, dict) else range(len(skeleton))
        for key in keys:
            yield from _walk(skeleton[key], tree[key])
