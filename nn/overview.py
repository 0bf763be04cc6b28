"""A table of a model's layers: what each puts out, holds and computes."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autograd import Tensor, no_grad
from autograd.cost import count, table
from nn.module import Module
from nn.signals import watching
from nn.train import evaluating


@dataclass
class Layer:
    """One row of a summary.

    Attributes
    ----------
    path : str
        As in `Module.named_modules`; '' for the model itself.
    name : str
        The class.
    output : str
        The shape or shapes of what it returned when it was last called; '' if it was not.
    calls : int
    parameters : int
        Those assigned to the module itself. A shared one counts where it is met first.
    flops : int
        Floating-point operations of its own forward, those of the modules within left out.
    """

    path: str
    name: str
    output: str = ""
    calls: int = 0
    parameters: int = 0
    flops: int = 0


@dataclass(frozen=True, repr=False)
class Summary:
    """What `summary` found: shown by itself it is a table, in a terminal and in a notebook.

    Attributes
    ----------
    layers : list of Layer
        Parents before children. The numbers in a column add up to the total.
    parameters, trainable, bytes : int
        All parameters, those of them that require a gradient, and the memory of all.
    flops : int
        Of one forward pass.
    """

    layers: list[Layer]
    parameters: int
    trainable: int
    bytes: int
    flops: int

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table as text: a heading, the layers, the total."""
        rows = [("layer", "output", "parameters", "FLOPs")]
        for layer in self.layers:
            depth = layer.path.count(".") + 1 if layer.path else 0
            key = layer.path.rpartition(".")[2]
            title = "  " * depth + (f"{key}: {layer.name}" if key else layer.name)
            title += f" (x{layer.calls})" if layer.calls > 1 else ""
            output = layer.output if layer.calls else "not called"
            rows.append((title, output, f"{layer.parameters:,}", f"{layer.flops:,}"))
        return [*rows, ("total", "", f"{self.parameters:,}", f"{self.flops:,}")]

    def notes(self) -> str:
        """Return in words what is below the table."""
        return f"{self.trainable:,} parameters are trained; all take {self.bytes:,} bytes"

    def __str__(self) -> str:
        return f"{table(self.rows())}\n{self.notes()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = self.rows()
        left = 'style="text-align: left; white-space: pre"'
        lines = [f"<tr><th {left}>{head[0]}</th>{''.join(f'<th>{h}</th>' for h in head[1:])}</tr>"]
        for title, *cells in body:
            tail = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
            lines.append(f"<tr><td {left}>{html.escape(title)}</td>{tail}</tr>")
        rows = "\n".join(lines)
        return f"<table>\n{rows}\n</table>\n<p>{html.escape(self.notes())}</p>"


def summary(model: Module, *inputs: Any) -> Summary:
    """Run a model once, without training it, and count what each of its layers is and does.

    Parameters
    ----------
    model : Module
        Switched to evaluation mode meanwhile; it stays as it is.
    *inputs : array_like or Tensor
        What to call it with, such as one batch. The FLOPs are those of this batch.

    Returns
    -------
    Summary

    Examples
    --------
    >>> import numpy as np
    >>> from nn import MLP
    >>> summary(MLP([4, 8, 3], rng=0), np.zeros((2, 4), np.float32))
    layer        output  parameters  FLOPs
    MLP          (2, 3)           0      0
      0: Linear  (2, 8)          40    128
      1: ReLU    (2, 8)           0     16
      2: Linear  (2, 3)          27     96
    total                        67    240
    67 parameters are trained; all take 268 bytes
    """
    layers = {module: Layer(path, type(module).__name__) for path, module in model.named_modules()}
    counted: set[Tensor] = set()
    for module, layer in layers.items():
        own = set(module.parameters(recurse=False)) - counted
        counted |= own
        layer.parameters = sum(p.size for p in own)
    inner = [0]  # FLOPs of the modules called by each module that is running

    def watched(module: Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        layer = layers[module]
        inner.append(0)
        with count() as counter:
            out = forward(*args, **kwargs)
        layer.flops += counter.ledger.total - inner.pop()
        inner[-1] += counter.ledger.total
        layer.calls += 1
        layer.output = _shapes(out)
        return out

    tensors = [Tensor(x) for x in inputs]  # copies, which the model may change
    with watching(layers, watched), evaluating(model), no_grad():
        model(*tensors)
    parameters = list(model.parameters())
    return Summary(
        list(layers.values()),
        sum(p.size for p in parameters),
        sum(p.size for p in parameters if p.requires_grad),
        sum(p.data.nbytes for p in parameters),
        sum(layer.flops for layer in layers.values()),
    )


def _shapes(out: Any) -> str:
    """Return the shape of a tensor, or those of a structure of tensors, as text."""
    if isinstance(out, Tensor):
        return str(out.shape)
    if isinstance(out, list | tuple):
        return f"[{', '.join(_shapes(x) for x in out)}]"
    if isinstance(out, dict):
        return f"{{{', '.join(f'{k}: {_shapes(v)}' for k, v in out.items())}}}"
    return type(out).__name__
