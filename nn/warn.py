"""Warnings that point at the user's line, however deep in the library they were noticed."""

import sys
import warnings


def warn(message: str) -> None:
    """Warn at the innermost line outside of the packages."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in (
        "nn",
        "autograd",
    ):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
