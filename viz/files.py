"""Files that are written whole or not at all."""

import os
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file by way of a neighbour, so that no reader and no crash leaves a part of it.

    Raises
    ------
    FileNotFoundError
        If the folder is missing.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"save: there is no folder {str(path.parent)!r} for {path.name!r}; make it first"
        )
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        neighbour.write_bytes(content)
        neighbour.replace(path)
    finally:
        neighbour.unlink(missing_ok=True)
    return path
