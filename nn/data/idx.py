"""The IDX format of MNIST: a big-endian header that states type and shape, then the values.

========  =====================================================
bytes     hold
========  =====================================================
0, 1      zero
2         the type of the values; 0x08 is uint8
3         the number of axes, D
4 ...     D lengths, each an unsigned 32-bit int
then      the values, in C order
========  =====================================================
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_GZIP_MAGIC = b"\x1f\x8b"
_UINT8_MAGIC = b"\x00\x00\x08"


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read the array in an IDX file of unsigned bytes, gzipped or not.

    Parameters
    ----------
    path : str or path-like
        Gzip is recognised by content, not by name.

    Returns
    -------
    ndarray of uint8
        Of the shape that the header states.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or cut short, holds something else than an IDX array of uint8, or
        holds more or fewer values than its header states.

    References
    ----------
    LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats".
    """
    content = _read(Path(path))
    if len(content) < 4 or content[:3] != _UINT8_MAGIC:
        raise ValueError(
            f"read_idx: {path} starts with bytes {content[:4].hex(' ') or '(none)'}, "
            f"not with {_UINT8_MAGIC.hex(' ')}; pass an IDX file of uint8"
        )
    ndim = content[3]
    offset = 4 + 4 * ndim
    if len(content) < offset:
        raise ValueError(
            f"read_idx: {path} ends inside its header, after {len(content)} of {offset} bytes; "
            "delete it and get it again"
        )
    shape = struct.unpack_from(f">{ndim}I", content, 4)
    if len(content) - offset != math.prod(shape):
        raise ValueError(
            f"read_idx: {path} states shape {shape}, which is {math.prod(shape)} values, "
            f"but holds {len(content) - offset}; delete it and get it again"
        )
    return np.frombuffer(content, np.uint8, offset=offset).reshape(shape).copy()


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"read_idx: there is no file {path}; pass the path of an IDX file"
        ) from error
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"read_idx: {path} is damaged or cut short after {len(content)} bytes ({error}); "
            "delete it and get it again"
        ) from error
