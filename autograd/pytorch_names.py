"""What a user looks for under its name in PyTorch's modules, and how it is written here.

For modules alone: a ``__getattr__`` of `Tensor` would slow every attribute of every tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CPU = "leave it out: all is on the CPU"

INSTEAD = {
    "addmm": "write b + x @ y",
    "baddbmm": "write b + x @ y",
    "bmm": "write x @ y",
    "bool": "dtypes are NumPy's: bool",
    "cat": "it is concatenate here",
    "clamp": "it is clip here",
    "clamp_": "write x[...] = x.clip(low, high)",
    "concat": "it is concatenate here",
    "cpu": _CPU,
    "cuda": _CPU,
    "detach_": "write x = x.detach()",
    "device": _CPU,
    "double": "dtypes are NumPy's: np.float64",
    "equal": "write np.array_equal(x.data, y.data)",
    "fill_": "write x[...] = v",
    "float": "dtypes are NumPy's: np.float32",
    "float16": "dtypes are NumPy's: np.float16",
    "float32": "dtypes are NumPy's: np.float32",
    "float64": "dtypes are NumPy's: np.float64",
    "get_default_dtype": "a dtype is that of the data, as in NumPy; pass dtype=",
    "half": "dtypes are NumPy's: np.float16",
    "inference_mode": "it is no_grad here",
    "int": "dtypes are NumPy's: np.int32",
    "int32": "dtypes are NumPy's: np.int32",
    "int64": "dtypes are NumPy's: np.int64",
    "is_floating_point": "write x.dtype.kind == 'f'",
    "is_grad_enabled": "it is autograd.recording.is_recording here",
    "is_tensor": "write isinstance(x, Tensor)",
    "load": "it is nn.load here",
    "long": "dtypes are NumPy's: np.int64",
    "mm": "write x @ y",
    "movedim": "it is moveaxis here",
    "multinomial": "write generator.choice(n, p=p.data), of a NumPy Generator",
    "mv": "write x @ y",
    "narrow": "write x[start : start + length], on the axis that you want",
    "numel": "it is size here, an attribute",
    "repeat_interleave": "it is repeat here, as in NumPy, and PyTorch's repeat is tile",
    "save": "it is nn.save here",
    "set_default_dtype": "a dtype is that of the data, as in NumPy; pass dtype=",
    "set_grad_enabled": "write no_grad() or enable_grad()",
    "t": "it is T here, an attribute",
    "true_divide": "write x / y",
    "unbind": "it is unstack here",
    "unique": "write np.unique(x.data)",
    "vmap": "there is none: write ops over the whole batch",
    "zero_": "write x[...] = 0",
}


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
