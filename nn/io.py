"""Weights on disk, as safetensors: a header and raw numbers, so that nothing in a file is executed.

The keys are those of `Module.state_dict`, which are PyTorch's: a file written here loads into the
same ``torch.nn`` model, and the other way round.
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from autograd import Tensor
from nn.module import Module

STALE = 3600.0
"""After so many seconds nobody is writing a part of a file any more."""


def save(
    model: Module | Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the parameters and buffers of a model to a safetensors file.

    The file is complete or not there: it is written beside `path` and then moved into its place.

    Parameters
    ----------
    model : Module, or mapping of str to array_like
        A model, or a state such as `Module.state_dict` returns.
    path : str or path-like
        An existing file is replaced.
    metadata : mapping of str to str, optional
        Notes for the header of the file, which `load` passes over.

    Raises
    ------
    TypeError
        If something in the state is no array of real numbers of up to 64 bits. No file is written
        then.
    ValueError
        If a key is '__metadata__', which the format keeps for notes.
    OSError
        If the file cannot be written.

    See Also
    --------
    load
    nn.checkpoint.save_checkpoint : Of a training, with the optimiser, also in a loop of one's own.
    """
    state = model.state_dict() if isinstance(model, Module) else model
    arrays = {key: _array(value) for key, value in state.items()}
    for key, array in arrays.items():
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise TypeError(
                f"save: {key!r} is of {array.dtype}; pass arrays of real numbers of up to 64 bits, "
                "such as model.state_dict(); nn.checkpoint.save_checkpoint saves an optimiser, too"
            )
        if key == "__metadata__":
            raise ValueError(
                "save: the key '__metadata__' is the format's own, for notes; choose another name"
            )
    replace_file(path, safetensors.save(arrays, dict(metadata) if metadata else None))


def load(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read a safetensors file; `Module.load_state_dict` puts it into a model.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict of str to ndarray
        In the order of the keys.

    Raises
    ------
    ValueError
        If the file is cut short, is no safetensors file, or holds a dtype that NumPy has not.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from nn import MLP
    >>> model, other = MLP([4, 3, 2], rng=0), MLP([4, 3, 2], rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/model.safetensors")
    ...     other.load_state_dict(load(f"{folder}/model.safetensors"))
    IncompatibleKeys(missing_keys=[], unexpected_keys=[])
    >>> bool((other[0].weight == model[0].weight).numpy().all())
    True
    """
    return read(path)[0]


def read(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the arrays of a safetensors file and the notes in its header, with `load`'s errors."""
    content = Path(path).read_bytes()
    try:
        arrays = dict(sorted(safetensors.load(content).items()))
    except SafetensorError as error:
        raise ValueError(
            f"load: {path} is not a whole safetensors file ({error}); it may be cut short, or of "
            "another format, such as a pickle of torch.save"
        ) from error
    except KeyError as error:
        raise ValueError(
            f"load: {path} holds numbers of type {error}, which NumPy has not; convert them to "
            "float32 where the file was made"
        ) from error
    size = int.from_bytes(content[:8], "little")  # of the header, which is JSON
    return arrays, json.loads(content[8 : 8 + size]).get("__metadata__", {})


def replace_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all: beside `path`, and then moved into its place.

    What processes that were killed while they wrote it have left behind is removed.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before the name is: power may fail in between
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    for old in path.parent.glob(f".{escape(path.name)}.*.part"):
        with suppress(OSError):  # another process may remove it, too
            if time.time() - old.stat().st_mtime > STALE:
                old.unlink()


def _array(value: Any) -> NDArray[Any]:
    # In C order: the writer copies memory as it lies, and a transposed view would come back wrong.
    return np.asarray(value.data if isinstance(value, Tensor) else value, order="C")
