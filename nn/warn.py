"""Warnings that point at the user's line, however deep in the library they were noticed."""

import warnings

from autograd.anomaly import caller


def warn(message: str) -> None:
    """Warn at the innermost line outside of the packages."""
    _, depth = caller()
    warnings.warn(message, stacklevel=depth)
