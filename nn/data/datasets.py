"""Three sets of small grey images with labels 0..9: one ships with the package, two are fetched.

Each function returns a train and a test set, whose arrays are x, the pixels as float32 between 0
(background) and 1 (full ink), and y, the labels as int64.
"""

import gzip
import hashlib
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nn.data.download import cache_folder, download
from nn.data.idx import read_idx
from nn.data.loader import TensorDataset


def digits(*, flat: bool = True) -> tuple[TensorDataset, TensorDataset]:
    """Load 5,620 handwritten digits of 8x8 pixels, which ship with the package.

    Parameters
    ----------
    flat : bool, default=True
        Pixels as one row, for a network of linear layers; else as an image of one channel.

    Returns
    -------
    train, test : TensorDataset
        3,823 examples by 30 writers, and 1,797 by 13 others. x: float32 in [0, 1], of shape
        (N, 64), or (N, 1, 8, 8) if not `flat`. y: int64 in 0..9, of shape (N,).

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", 1998, UCI Machine
    Learning Repository, data set 80, doi:10.24432/C50P49, CC BY 4.0.

    Examples
    --------
    >>> train, test = digits()
    >>> len(train), len(test)
    (3823, 1797)
    >>> x, y = train[:10]
    >>> x.shape, x.dtype
    ((10, 64), dtype('float32'))
    >>> y
    array([0, 0, 7, 4, 6, 2, 5, 5, 0, 8])
    """
    train, test = (_digits(f"digits_{split}.csv.gz", flat=flat) for split in ("train", "test"))
    return train, test


def mnist(
    folder: str | os.PathLike[str] | None = None, *, flat: bool = True
) -> tuple[TensorDataset, TensorDataset]:
    """Load MNIST: 70,000 handwritten digits of 28x28 pixels.

    Parameters
    ----------
    folder : str, path-like or None, default=None
        Where the four files ``{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz`` are: in its
        subfolder ``mnist`` if it has one, else in `folder` itself. None stands for the folder
        named by the environment variable ``GRADWALK_DATA``; if that is not set either, the files
        are downloaded once (12 MB), checked, and kept in the user's cache folder.
    flat : bool, default=True
        Pixels as one row, for a network of linear layers; else as an image of one channel.

    Returns
    -------
    train, test : TensorDataset
        60,000 and 10,000 examples. x: float32 in [0, 1], of shape (N, 784), or (N, 1, 28, 28) if
        not `flat`. y: int64 in 0..9, of shape (N,).

    Raises
    ------
    FileNotFoundError
        If a folder is named and a file is not in it.
    ValueError
        If a file is damaged, cut short, or not the one that its name says.
    OSError
        If a file cannot be downloaded.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (11), 1998.
    """
    return _load(MNIST, folder, flat=flat)


def fashion_mnist(
    folder: str | os.PathLike[str] | None = None, *, flat: bool = True
) -> tuple[TensorDataset, TensorDataset]:
    """Load Fashion-MNIST: 70,000 pictures of clothes, in MNIST's format and harder to tell apart.

    The labels: 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt,
    7 sneaker, 8 bag, 9 ankle boot.

    Parameters
    ----------
    folder : str, path-like or None, default=None
        As in `mnist`, with a subfolder ``fashion-mnist``; the download is 31 MB.
    flat : bool, default=True
        Pixels as one row, for a network of linear layers; else as an image of one channel.

    Returns
    -------
    train, test : TensorDataset
        60,000 and 10,000 examples. x: float32 in [0, 1], of shape (N, 784), or (N, 1, 28, 28) if
        not `flat`. y: int64 in 0..9, of shape (N,).

    Raises
    ------
    FileNotFoundError, ValueError, OSError
        As in `mnist`.

    References
    ----------
    Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
    Learning Algorithms", 2017, arXiv:1708.07747.
    """
    return _load(FASHION_MNIST, folder, flat=flat)


@dataclass(frozen=True, slots=True)
class Source:
    """A data set in MNIST's format: its folder, where to download it, and its files' SHA-256."""

    name: str
    mirrors: tuple[str, ...]
    sha256: dict[str, str]


MNIST = Source(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
)

FASHION_MNIST = Source(
    "fashion-mnist",
    (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    {
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
)


def _digits(name: str, *, flat: bool) -> TensorDataset:
    packed = resources.files("nn.data").joinpath(name).read_bytes()
    rows = np.loadtxt(gzip.decompress(packed).decode().splitlines(), np.uint8, delimiter=",")
    return _dataset(rows[:, :64].reshape(-1, 8, 8), rows[:, 64], ink=16, flat=flat)


def _load(
    source: Source, folder: str | os.PathLike[str] | None, *, flat: bool
) -> tuple[TensorDataset, TensorDataset]:
    named = folder or os.environ.get("GRADWALK_DATA")
    home = _named(Path(named), source) if named else _cached(source)
    train, test = (
        _dataset(
            _read(home / f"{split}-images-idx3-ubyte.gz", source, (count, 28, 28)),
            _read(home / f"{split}-labels-idx1-ubyte.gz", source, (count,)),
            ink=255,
            flat=flat,
        )
        for split, count in (("train", 60_000), ("t10k", 10_000))
    )
    return train, test


def _named(folder: Path, source: Source) -> Path:
    folder = folder.expanduser()
    if (folder / source.name).is_dir():
        folder /= source.name
    missing = [name for name in source.sha256 if not (folder / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"{source.name}: {folder} lacks {', '.join(missing)}; put the files there, or name no "
            "folder, neither by folder= nor by GRADWALK_DATA, to have them downloaded"
        )
    return folder


def _cached(source: Source) -> Path:
    folder = cache_folder() / source.name
    for name, sha256 in source.sha256.items():
        if not (folder / name).exists():
            download(folder / name, source.mirrors, sha256)
    return folder


def _read(path: Path, source: Source, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    values = read_idx(path)
    if values.shape != shape:
        raise ValueError(
            f"{source.name}: {path} holds an array of shape {values.shape}, not {shape}; "
            f"put the file of {source.name} with that name in its place"
        )
    # The sets have the same file names and shapes, so a file of another is told by its checksum.
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    for other in (MNIST, FASHION_MNIST):
        if other.name != source.name and sha256 in other.sha256.values():
            raise ValueError(
                f"{source.name}: {path} is a file of {other.name}; "
                f"keep each set in a folder of its own, called {source.name} and {other.name}"
            )
    return values


def _dataset(
    pixels: NDArray[np.uint8], labels: NDArray[np.uint8], *, ink: int, flat: bool
) -> TensorDataset:
    n, h, w = pixels.shape
    x = pixels.reshape((n, h * w) if flat else (n, 1, h, w)) / np.float32(ink)
    return TensorDataset(x, labels.astype(np.int64))
