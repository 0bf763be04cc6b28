"""What all optimisers share: parameter groups with settings, and a state for each parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.pytorch_names import Elsewhere, present
from nn.module import zero_grad


class Optimizer:
    """The base of optimisers: a subclass passes its settings on and defines `update`.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to train. A dict is a group with settings of its own:
        ``[{"params": head}, {"params": body, "lr": 1e-4}]``.
    defaults : dict
        The settings of a group that does not say otherwise: numbers of 0 or more, or flags.

    Attributes
    ----------
    param_groups : list of dict
        Each has the key 'params' and the settings; schedulers change 'lr' here.
    state : dict of Tensor to dict
        What is remembered of each parameter, such as its momentum.
    steps : int
        How many steps this object has made; a schedule that steps before it warns.

    Raises
    ------
    ValueError
        If there are no parameters, one is no leaf or appears twice, or a setting is negative.
    TypeError
        If a parameter is not a Tensor, a group lacks 'params' or names an unknown setting, or a
        setting is no number.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        where = type(self).__name__
        if isinstance(params, Tensor):
            raise TypeError(f"{where}: params is one tensor; pass a list, [tensor]")
        if not isinstance(params, Iterable):
            raise TypeError(
                f"{where}: params is a {type(params).__name__}; pass what to train, such as "
                "model.parameters()"
            )
        items = list(params)
        groups = items if items and isinstance(items[0], dict) else [{"params": items}]
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.steps = 0
        for group in groups:
            if not isinstance(group, dict) or "params" not in group:
                raise TypeError(
                    f"{where}: a group is {group!r}; pass a dict with the key 'params' for each, "
                    "or tensors alone"
                )
            unknown = group.keys() - {"params", *defaults}
            if unknown:
                raise TypeError(f"{where}: a group sets {unknown}; settings are {list(defaults)}")
            settings = {key: _plain(group.get(key, defaults[key])) for key in defaults}
            self.check(settings)
            params = group["params"]
            params = [params] if isinstance(params, Tensor) else list(params)
            self.param_groups.append({"params": params, **settings})
        _check(where, self._parameters())

    def check(self, settings: dict[str, Any]) -> None:
        """Refuse settings that no group can have; a subclass adds to it.

        Raises
        ------
        ValueError
            If a number is negative or NaN.
        TypeError
            If it is no number.
        """
        for key, value in settings.items():
            if np.asarray(value).dtype.kind not in "biuf":
                raise TypeError(f"{type(self).__name__}: {key} is {value!r}; pass a number")
            if not np.min(value) >= 0:
                raise ValueError(f"{type(self).__name__}: {key} is {value}; pass 0 or more")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, which otherwise add up over calls of ``backward``.

        Parameters
        ----------
        set_to_none : bool, default=True
            If False, fill them with zeros.
        """
        for group in self.param_groups:
            zero_grad(group["params"], set_to_none)

    def step(self) -> None:
        """Update, in place, all parameters that have a gradient."""
        for group in self.param_groups:
            pairs = [(p, g.data) for p in group["params"] if (g := p.grad) is not None]
            self.update(pairs, group)
            for p, _ in pairs:
                p.mark_changed()
        self.steps += 1

    def update(self, pairs: list[tuple[Tensor, Any]], group: dict[str, Any]) -> None:
        """Update the parameters of a group: what a subclass defines.

        Parameters
        ----------
        pairs : list of (Tensor, ndarray)
            Each parameter, whose `data` is to be written into, and its gradient, which is not.
        group : dict
            The settings.
        """
        raise NotImplementedError

    def new_state(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return what is remembered of a parameter before its first step: nothing, by default.

        `load_state_dict` accepts entries with these names, and arrays of these shapes.
        """
        return {}

    def state_of(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """Return what is remembered of a parameter, made by `new_state` if nothing is yet."""
        state = self.state.get(p)
        if state is None:
            state = self.state[p] = self.new_state(p, group)
        return state

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of settings and state, in PyTorch's form: parameters are numbered.

        Returns
        -------
        dict
            'state': by number of the parameter, its arrays and counts; 'param_groups': the
            settings, with 'params' a list of numbers; 'optimizer': the name of the class.
        """
        number = {p: i for i, p in enumerate(self._parameters())}
        return {
            "state": {number[p]: _copy(entry) for p, entry in self.state.items()},
            "param_groups": [
                {**group, "params": [number[p] for p in group["params"]]}
                for group in self.param_groups
            ],
            "optimizer": type(self).__name__,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over settings and state from `state_dict` of an optimiser of the same parameters.

        PyTorch's state of the same optimiser is understood too, if its tensors are arrays.

        Raises
        ------
        ValueError
            If the state is of another optimiser, the groups are of other sizes, a setting is out
            of range, or an array has not the shape of its parameter. Nothing is changed then.
        """
        where = f"{type(self).__name__}.load_state_dict"
        if not {"state", "param_groups"} <= state.keys():
            raise ValueError(f"{where}: the keys are {list(state)}; pass what state_dict returns")
        sizes = [len(group["params"]) for group in self.param_groups]
        given = [len(group["params"]) for group in state["param_groups"]]
        if sizes != given:
            raise ValueError(
                f"{where}: the state has groups of {given} parameters, this optimiser of {sizes}; "
                "make it with the same parameters in the same order"
            )
        groups, new = [], {}
        entries = {int(i): entry for i, entry in state["state"].items()}
        if entries and not 0 <= min(entries) <= max(entries) < sum(sizes):
            raise ValueError(
                f"{where}: it has entries for the parameters {sorted(entries)}, but there are "
                f"{sum(sizes)}"
            )
        parameters = iter(enumerate(self._parameters()))
        for group, saved in zip(self.param_groups, state["param_groups"], strict=True):
            settings = {key: value for key, value in group.items() if key != "params"}
            missing = settings.keys() - saved.keys()
            if missing or state.get("optimizer", type(self).__name__) != type(self).__name__:
                raise ValueError(
                    f"{where}: the state is of another optimiser, {state.get('optimizer', '?')}, "
                    f"with the settings {sorted(saved.keys() - {'params'})}; make that one"
                )
            settings = {
                # JSON knows no tuples
                key: tuple(saved[key]) if isinstance(value, tuple) else _plain(saved[key])
                for key, value in settings.items()
            }
            self.check(settings)
            groups.append(settings)
            for _ in group["params"]:
                i, p = next(parameters)
                if entries.get(i):
                    new[p] = _fitted(where, i, entries[i], self.new_state(p, settings))
        self.state = new
        for group, settings in zip(self.param_groups, groups, strict=True):
            group.update(settings)

    __dir__ = present
    add_param_group = Elsewhere("make the optimiser with all groups, or another one beside it")

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def __repr__(self) -> str:
        settings = [
            ", ".join(f"{k}={v!r}" for k, v in group.items() if k != "params")
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({'; '.join(settings)})"


def _check(where: str, params: list[Any]) -> None:
    if not params:
        raise ValueError(
            f"{where}: there are no parameters to train; pass model.parameters(), anew if an "
            "iterator of it was used up, and assign modules as attributes or in a ModuleList"
        )
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"{where}: params holds a {type(p).__name__}, not a Tensor; pass tensors, such as "
                "model.parameters()"
            )
        if p.op is not None:
            raise ValueError(
                f"{where}: params holds a tensor made by {p.op.name}, which is computed anew each "
                "time; pass the leaves that it is computed from"
            )
    if len(set(params)) < len(params):
        raise ValueError(f"{where}: a parameter is given twice; it would be updated twice")


def _plain(value: Any) -> Any:
    # a NumPy scalar would promote float32, a number does not
    return value.item() if isinstance(value, np.generic) else value


def _copy(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in entry.items()}


def _fitted(where: str, i: int, entry: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a saved entry, with the shapes and dtypes of `like`, or refuse it."""
    if entry.keys() != like.keys():
        raise ValueError(
            f"{where}: the state of parameter {i} has {sorted(entry)}, this optimiser remembers "
            f"{sorted(like)}; load the state of the same optimiser with the same settings"
        )
    fitted: dict[str, Any] = {}
    for key, value in entry.items():
        array = np.asarray(value)
        if array.shape != np.shape(like[key]):
            raise ValueError(
                f"{where}: {key} of parameter {i} has shape {array.shape}, but the parameter "
                f"{np.shape(like[key])}"
            )
        if isinstance(like[key], int):  # a count, which PyTorch keeps as a float
            if not (array >= 0 and array == int(array)):
                raise ValueError(f"{where}: {key} of parameter {i} is {value}; it is a count")
            fitted[key] = int(array)
        else:
            fitted[key] = array.astype(np.asarray(like[key]).dtype, casting="same_kind")
    return fitted
