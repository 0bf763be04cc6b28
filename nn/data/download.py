"""Fetch a file once, and keep it only if it is the right one.

A download goes to a temporary folder beside its place and moves there, in one step, after its
SHA-256 was checked: whatever goes wrong on the way, no half or false file is ever found later.
"""

import hashlib
import http.client
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

_CHUNK = 1 << 16
_TIMEOUT = 30.0  # seconds without a byte, not for the whole file


def download(path: Path, mirrors: Sequence[str], sha256: str) -> None:
    """Download the file named ``path.name`` to `path`, from the first mirror that serves it right.

    Shows its progress on standard error.

    Parameters
    ----------
    path : Path
        Where the file will be; its folder is made if need be.
    mirrors : sequence of str
        Addresses of folders, each ending in a slash, in the order in which to try them.
    sha256 : str
        The checksum that the file must have, in hexadecimal.

    Raises
    ------
    OSError
        If no mirror serves the file whole and with this checksum. Nothing is kept then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for mirror in mirrors:
        try:
            return _download(mirror + path.name, path, sha256)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # the server's answer, which it holds open
            failures.append(f"  {mirror}{path.name}: {error}")
    raise OSError(
        f"download: no mirror serves {path.name} as it should be, and nothing was kept:\n"
        + "\n".join(failures)
        + "\ntry again later, or put the data set's files into a folder and name that folder "
        "in the environment variable GRADWALK_DATA"
    )


def cache_folder() -> Path:
    """Return the folder for files that gradwalk can fetch again, as the platform has it.

    Returns
    -------
    Path
        Which need not exist yet: ``gradwalk`` in ``$XDG_CACHE_HOME`` or ``~/.cache``, on macOS in
        ``~/Library/Caches``, on Windows in ``%LOCALAPPDATA%``.

    References
    ----------
    XDG Base Directory Specification, version 0.8.
    """
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "gradwalk"


def _download(url: str, path: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder) / path.name
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, part.open("wb") as file:
            total = response.length
            with tqdm(desc=path.name, total=total, unit="B", unit_scale=True) as bar:
                while chunk := response.read(_CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    bar.update(len(chunk))
            size = file.tell()
        if digest.hexdigest() != sha256:
            raise OSError(
                f"cut short or wrong: {size} bytes came of {total} announced, "
                f"with SHA-256 {digest.hexdigest()} instead of {sha256}"
            )
        os.replace(part, path)
