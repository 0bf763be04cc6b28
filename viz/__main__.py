"""The command: ``python -m viz FILE.py:NAME -o graph.svg`` draws what a script defines."""

from __future__ import annotations

import argparse
import re
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.tree import flatten

from .layout import LayoutUnavailable
from .view import SHOW, GraphView, Options, checked, draw


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script, draw what it calls NAME, and write the file or print the tree."""
    args = _parser().parse_args(argv)
    path, _, name = args.target.rpartition(":")
    if not path or not name.isidentifier():
        return _failed(f"{args.target!r} is not of the form FILE.py:NAME, such as train.py:loss")
    if not Path(path).is_file():
        return _failed(f"there is no file {path!r}")
    sys.path.insert(0, str(Path(path).resolve().parent))  # as for `python FILE.py`
    try:
        found = runpy.run_path(path)
    finally:
        sys.path.pop(0)
    if name not in found:
        names = [key for key, value in found.items() if _drawable(value)]
        return _failed(f"{path} has no {name!r}; it has {', '.join(names) or 'nothing to draw'}")
    try:
        view = _view(found[name], name, args)
        if args.output is None:
            print(view)
        else:
            print(view.save(args.output))
    except (ValueError, TypeError, OSError, LayoutUnavailable) as error:
        return _failed(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m viz",
        description="Draw a tensor, several, or a module that a script defines. The script is run "
        "as a module, without what stands under `if __name__ == '__main__'`.",
    )
    option = parser.add_argument
    option("target", metavar="FILE.py:NAME", help="the script, and the name of what it defines")
    option(
        "-o",
        "--output",
        help="where to write; the ending says in which format: .svg, .html, .png, .pdf, .json, "
        ".mmd, .dot, .txt (default: print a tree of text)",
    )
    option(
        "--input",
        metavar="SHAPE",
        action="append",
        default=[],
        help="the shape of an input of a module, such as 8,64: normal numbers of a fixed seed; "
        "ints:8,64:50 are integers from 0 to 49; once for each input",
    )
    option("--expand-fused", action="store_true", help="draw fused ops as what they are made of")
    option = parser.add_argument_group(
        "how it is drawn; a GraphView has its own defaults"
    ).add_argument
    option("--depth", help="how many levels of calls are open; all, or auto (the default)")
    option("--max-nodes", type=int, help="boxes at most (default: 400)")
    option("--direction", help="LR, TB, RL or BT (default: LR)")
    option("--color", help="kind, grad, value or memory (default: kind)")
    option("--theme", help="auto, light or dark (default: auto)")
    option("--show", help=f"what is written (default: {','.join(SHOW)})")
    option("--title", help="a line under the picture")
    return parser


def _view(found: Any, name: str, args: argparse.Namespace) -> GraphView:
    params = None
    if args.input and not hasattr(found, "named_parameters"):
        raise ValueError(f"{name} is no module to call on an input; leave --input out")
    look = {key: x for key, x in vars(args).items() if key in Options._fields and x is not None}
    if args.depth is not None:
        look["depth"] = _depth(args.depth)
    if args.show is not None:
        look["show"] = tuple(args.show.split(","))
    if isinstance(found, GraphView):
        if args.expand_fused or "check" in look.get("show", ()):
            raise ValueError(
                f"{name} is drawn already; --expand-fused and --show check belong into its draw()"
            )
        checked(Options(**look))
        return GraphView(found.graph, found.options._replace(**look))
    if hasattr(found, "named_parameters"):  # a module: viz does not import nn
        params = dict(found.named_parameters())
        if not args.input:
            raise ValueError(f"{name} is a module; pass --input SHAPE for what to call it on")
        found = found(*map(_input, args.input))
        if not isinstance(found, Tensor):  # several results, as of an LSTM
            found = [x for x in flatten(found)[0] if isinstance(x, Tensor)]
    return draw(found, params=params, expand_fused=args.expand_fused, **look)


def _depth(text: str) -> Any:
    if text in ("auto", "all"):
        return "auto" if text == "auto" else None
    if not text.isdigit():
        raise ValueError(f"--depth is {text!r}; pass auto, all, or a number of levels")
    return int(text)


def _input(text: str) -> Tensor:
    """A tensor for ``8,64`` or ``ints:8,64:50``."""
    match = re.fullmatch(r"(?:(\d+(?:,\d+)*))|(?:ints:(\d+(?:,\d+)*):(\d+))", text)
    if match is None:
        raise ValueError(f"--input is {text!r}; write a shape such as 8,64, or ints:8,64:50")
    floats, ints, below = match.groups()
    shape = tuple(map(int, (floats or ints).split(",")))
    rng = np.random.default_rng(0)
    if floats:
        return Tensor(rng.standard_normal(shape).astype(np.float32), name="input")
    return Tensor(rng.integers(0, int(below), shape), name="input")


def _drawable(value: Any) -> bool:
    return isinstance(value, Tensor | GraphView) or (
        hasattr(value, "named_parameters") and not isinstance(value, type)
    )


def _failed(message: str) -> int:
    print(f"viz: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
