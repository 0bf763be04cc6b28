"""Where chance comes from: every random function takes `rng=` and resolves it here.

`rng` is a NumPy Generator, a seed for a new one, or None for the library's one default
Generator, which `manual_seed` resets.
"""

from typing import Any

import numpy as np


class DefaultGenerator(np.random.Generator):
    """The library's one default Generator: a copy of a model that holds it draws from it, too."""

    def __reduce__(self) -> Any:  # what copy, deepcopy and pickle ask; of a spawned one, its state
        return (generator, ()) if self is _default else super().__reduce__()


_default = DefaultGenerator(np.random.default_rng().bit_generator)


def manual_seed(seed: int) -> None:
    """Reset the library's default Generator, so that what follows can be repeated bit for bit.

    Whoever holds the default Generator already (a `DataLoader`, say) sees the reset too, and a
    reset Generator draws what ``np.random.default_rng(seed)`` draws.

    Parameters
    ----------
    seed : int, not negative

    Raises
    ------
    ValueError
        If `seed` is negative.

    Examples
    --------
    >>> manual_seed(0)
    >>> first = generator().random(3)
    >>> manual_seed(0)
    >>> bool((generator().random(3) == first).all())
    True
    """
    if seed < 0:
        raise ValueError(f"manual_seed: seed {seed} is negative; pass 0 or more")
    # In place, not a new Generator: those who hold the old one would never hear of it.
    _default.bit_generator.state = np.random.default_rng(seed).bit_generator.state


def generator(rng: np.random.Generator | int | None = None) -> np.random.Generator:
    """Return the Generator that `rng` stands for.

    Parameters
    ----------
    rng : numpy.random.Generator, int or None, default=None
        A Generator is returned as it is, an int seeds a new one, and None is the library's
        default, the same object at every call.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    TypeError, ValueError
        From `numpy.random.default_rng`, if `rng` is no seed.

    Examples
    --------
    >>> generator(7).integers(100) == generator(7).integers(100)
    np.True_
    >>> generator() is generator()
    True
    """
    return _default if rng is None else np.random.default_rng(rng)
