"""What users of PyTorch look for under its names, and how it is written here.

A module of Python answers by a ``__getattr__``; a class by attributes that are `Elsewhere`, which
cost nothing where others are asked for, as a ``__getattr__`` would.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getattr_static
from typing import Any, NoReturn

CPU = "leave it out: all is on the CPU"
_ARC = {
    f"a{name}": f"it is arc{name} here" for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh")
}

INSTEAD = {
    **_ARC,
    "FloatTensor": "write Tensor(values, dtype=np.float32), or empty(shape, dtype=np.float32)",
    "Function": "an op of your own is made by op: see docs/extending.md",
    "Generator": "write np.random.default_rng(seed)",
    "LongTensor": "write Tensor(values, dtype=np.int64)",
    "Variable": "it is Tensor here",
    "absolute": "it is abs here",
    "addmm": "write b + x @ y",
    "atan2": "it is arctan2 here",
    "autograd": "write loss.backward(), or grad(f)(x) of a function f; a Function is an op here",
    "backends": CPU,
    "baddbmm": "write b + x @ y",
    "bincount": "write np.bincount(x.data)",
    "bmm": "write x @ y",
    "bool": "dtypes are NumPy's: bool",
    "cat": "it is concatenate here",
    "cdist": "write vector_norm(x[:, None] - y, axis=-1)",
    "clamp": "it is clip here",
    "clamp_": "write x[...] = x.clip(low, high)",
    "compile": "leave it out: there is no compiler",
    "concat": "it is concatenate here",
    "cpu": CPU,
    "cuda": CPU,
    "detach_": "write x = x.detach()",
    "device": CPU,
    "diag_embed": "write x[..., None] * eye(n, dtype=x.dtype)",
    "distributions": "there are none: write out log_prob, log_softmax(logits)[action] for classes, "
    "and draw from a NumPy Generator",
    "divide": "it is div here",
    "double": "dtypes are NumPy's: np.float64",
    "equal": "write np.array_equal(x.data, y.data)",
    "fill_": "write x[...] = v",
    "float": "dtypes are NumPy's: np.float32",
    "float16": "dtypes are NumPy's: np.float16",
    "float32": "dtypes are NumPy's: np.float32",
    "float64": "dtypes are NumPy's: np.float64",
    "func": "its transforms are in autograd: grad, vjp, jacrev; and nn has functional_call",
    "functional_call": "it is nn.functional_call here",
    "get_default_dtype": "a dtype is that of the data, as in NumPy; pass dtype=",
    "half": "dtypes are NumPy's: np.float16",
    "inf": "write np.inf",
    "inference_mode": "it is no_grad here",
    "int": "dtypes are NumPy's: np.int32",
    "int32": "dtypes are NumPy's: np.int32",
    "int64": "dtypes are NumPy's: np.int64",
    "inverse": "it is inv here",
    "is_floating_point": "write x.dtype.kind == 'f'",
    "is_grad_enabled": "it is autograd.recording.is_recording here",
    "is_tensor": "write isinstance(x, Tensor)",
    "jit": "leave it out: there is no compiler",
    "load": "it is nn.load here",
    "logdet": "write slogdet(x)[1]",
    "long": "dtypes are NumPy's: np.int64",
    "mm": "write x @ y",
    "movedim": "it is moveaxis here",
    "multinomial": "write generator.choice(n, p=p.data), of a NumPy Generator",
    "multiply": "it is mul here",
    "mv": "write x @ y",
    "nan": "write np.nan",
    "narrow": "write x[start : start + length], on the axis that you want",
    "negative": "it is neg here",
    "nn": "write import nn",
    "normal": "write mean + std * randn(*shape)",
    "numel": "it is size here, an attribute",
    "onnx": "it is nn.to_onnx here",
    "optim": "write from nn import optim",
    "pi": "write np.pi",
    "pinverse": "it is pinv here",
    "repeat_interleave": "it is repeat here, as in NumPy, and PyTorch's repeat is tile",
    "save": "it is nn.save here",
    "set_default_dtype": "a dtype is that of the data, as in NumPy; pass dtype=",
    "set_grad_enabled": "write no_grad() or enable_grad()",
    "set_printoptions": "write np.set_printoptions(...)",
    "sparse_coo_tensor": "there are no sparse tensors: write x @ y of dense ones",
    "spmm": "there are no sparse tensors: write x @ y of dense ones",
    "std_mean": "write x.std(ddof=1), x.mean()",
    "subtract": "it is sub here",
    "swapdims": "it is swapaxes here",
    "t": "it is T here, an attribute",
    "tril_indices": "write np.tril_indices(n, offset)",
    "triu_indices": "write np.triu_indices(n, offset)",
    "true_divide": "write x / y",
    "uint8": "dtypes are NumPy's: np.uint8",
    "unbind": "it is unstack here",
    "unique": "write np.unique(x.data)",
    "utils": "its data sets and loaders are in nn.data, what clips gradients is in nn.utils",
    "var_mean": "write x.var(ddof=1), x.mean()",
    "vmap": "there is none: write ops over the whole batch",
    "zero_": "write x[...] = 0",
}
"""Of the module autograd."""

_BOTH = """
    absolute addmm atan2 baddbmm bincount bmm clamp clamp_ cpu cuda detach_ device diag_embed divide
    equal fill_ is_floating_point logdet mm movedim multinomial multiply mv narrow negative numel
    repeat_interleave subtract swapdims t true_divide unique zero_
"""
_CASTS = {"bool": "bool", "double": "np.float64", "float": "np.float32", "half": "np.float16"}
_CASTS |= {"byte": "np.uint8", "int": "np.int32", "long": "np.int64"}
_IN_PLACE = """
    abs ceil exp floor log neg reciprocal relu round rsqrt sigmoid sign sqrt square tanh tril triu
"""
_RETURNED = """
    index_add index_put masked_scatter scatter scatter_add squeeze swapaxes unsqueeze
"""

OF_TENSOR = {
    **_ARC,
    **{name: INSTEAD[name] for name in _BOTH.split()},
    **{name: f"write x.astype({dtype})" for name, dtype in _CASTS.items()},
    **{f"{name}_": f"write x[...] = x.{name}()" for name in _IN_PLACE.split()},
    **{f"{name}_": f"write x = x.{name}(...)" for name in _RETURNED.split()},
    "add_": "write x += y",
    "bernoulli": "write bernoulli(x)",
    "clamp_max": "write x.clip(None, high)",
    "clamp_min": "write x.clip(low, None)",
    "contiguous": "leave it out: a reshape copies where it must",
    "copy_": "write x[...] = y",
    "dim": "it is ndim here, an attribute",
    "div_": "write x /= y",
    "expand_as": "write x.expand(y.shape)",
    "grad_fn": "it is op here, and inputs",
    "is_contiguous": "write x.data.flags.c_contiguous",
    "is_cuda": CPU,
    "masked_fill_": "write x[mask] = v",
    "mul_": "write x *= y",
    "nelement": "it is size here, an attribute",
    "new_full": "write full(shape, v, dtype=x.dtype)",
    "new_ones": "write ones(shape, dtype=x.dtype)",
    "new_zeros": "write zeros(shape, dtype=x.dtype)",
    "normal_": "write nn.init.normal_(x, mean, std)",
    "pin_memory": CPU,
    "random_": "write randint(low, high, shape)",
    "reshape_as": "write x.reshape(y.shape)",
    "select": "write x[i], x[:, i], on the axis that you want",
    "sub_": "write x -= y",
    "to": f"for a device {CPU}; for a dtype write x.astype(dtype)",
    "type": "it is dtype here, an attribute; to cast write x.astype(dtype)",
    "transpose_": "write x = x.swapaxes(...)",
    "type_as": "write x.astype(y.dtype)",
    "uniform_": "write nn.init.uniform_(x, low, high)",
    "view_as": "write x.reshape(y.shape)",
}
"""Of its Tensor."""


def missing(where: str, name: str, obj: Any, instead: Mapping[str, str] = INSTEAD) -> Any:
    """Return the error for an attribute that is not there, and say how PyTorch's is written here.

    Parameters
    ----------
    where : str
        Who lacks it, such as "module 'autograd'".
    name : str
    obj : object
        Itself: Python names a near name of it.
    instead : mapping of str to str
    """
    hint = f"; {instead[name]}" if name in instead else ""
    return AttributeError(f"{where} has no attribute {name!r}{hint}", name=name, obj=obj)


class Elsewhere:
    """An attribute that PyTorch's class has and ours has not: asking for it raises, and says why.

    Parameters
    ----------
    instead : str
        How it is written here.
    name : str, optional
        Its own, where it does not stand in the body of a class.
    """

    def __init__(self, instead: str, name: str = "") -> None:
        self.instead, self.name = instead, name

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: Any, owner: type) -> NoReturn:
        where = f"type object {owner.__name__!r}" if obj is None else f"{owner.__name__!r} object"
        raise missing(where, self.name, owner if obj is None else obj, {self.name: self.instead})


def present(self: Any) -> list[str]:
    """Return what `dir` lists: no attribute that is `Elsewhere`, so that no prompt completes it."""
    names, owner = object.__dir__(self), type(self)
    return [n for n in names if not isinstance(getattr_static(owner, n, None), Elsewhere)]


class Absent:
    """What PyTorch's Tensor has and ours has not: a base of ours, so that it hides nothing."""

    __slots__ = ()
    __dir__ = present


for _name, _instead in OF_TENSOR.items():
    setattr(Absent, _name, Elsewhere(_instead, _name))
