"""What a user of PyTorch looks for under its name there, and how it is written here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CPU = "leave it out: all is on the CPU"

INSTEAD = {
    "add_": "write x += v",
    "addmm": "write b + x @ y",
    "baddbmm": "write b + x @ y",
    "bmm": "write x @ y",
    "bool": "write x.astype(bool)",
    "cat": "it is concatenate here",
    "clamp": "it is clip here",
    "clamp_": "write x[...] = x.clip(low, high)",
    "concat": "it is concatenate here",
    "contiguous": "leave it out: every op takes any layout",
    "copy_": "write x[...] = y",
    "cpu": _CPU,
    "cuda": _CPU,
    "detach_": "write x = x.detach()",
    "device": _CPU,
    "dim": "it is ndim here, an attribute",
    "div_": "write x /= v",
    "double": "write x.astype(np.float64)",
    "element_size": "write x.dtype.itemsize",
    "equal": "write np.array_equal(x.data, y.data)",
    "expand_as": "write x.expand(y.shape)",
    "fill_": "write x[...] = v",
    "float": "write x.astype(np.float32)",
    "float16": "dtypes are NumPy's: np.float16",
    "float32": "dtypes are NumPy's: np.float32",
    "float64": "dtypes are NumPy's: np.float64",
    "get_default_dtype": "a dtype is that of the data, as in NumPy; pass dtype=",
    "grad_fn": "it is op here, None of a leaf",
    "half": "write x.astype(np.float16)",
    "inference_mode": "it is no_grad here",
    "int": "write x.astype(np.int32)",
    "int32": "dtypes are NumPy's: np.int32",
    "int64": "dtypes are NumPy's: np.int64",
    "is_floating_point": "write x.dtype.kind == 'f'",
    "is_grad_enabled": "it is autograd.recording.is_recording here",
    "is_tensor": "write isinstance(x, Tensor)",
    "load": "it is nn.load here",
    "long": "write x.astype(np.int64)",
    "masked_fill_": "write x[mask] = v",
    "mm": "write x @ y",
    "movedim": "it is moveaxis here",
    "mul_": "write x *= v",
    "multinomial": "write generator.choice(n, p=p.data), of a NumPy Generator",
    "mv": "write x @ y",
    "narrow": "write x[start : start + length], on the axis that you want",
    "nelement": "it is size here, an attribute",
    "new_ones": "it is ones(shape, dtype=x.dtype) here",
    "new_zeros": "it is zeros(shape, dtype=x.dtype) here",
    "numel": "it is size here, an attribute",
    "repeat_interleave": "it is repeat here, as in NumPy, and PyTorch's repeat is tile",
    "reshape_as": "write x.reshape(y.shape)",
    "save": "it is nn.save here",
    "scatter_": "it is scatter here, which returns the result",
    "set_default_dtype": "a dtype is that of the data, as in NumPy; pass dtype=",
    "set_grad_enabled": "write no_grad() or enable_grad()",
    "sub_": "write x -= v",
    "t": "it is T here, an attribute",
    "to": "write x.astype(dtype); a device there is not, all is on the CPU",
    "true_divide": "write x / y",
    "type": "write x.astype(dtype), or x.dtype",
    "type_as": "write x.astype(y.dtype)",
    "unbind": "it is unstack here",
    "unique": "write np.unique(x.data)",
    "view_as": "write x.reshape(y.shape)",
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
