import gzip
import hashlib
import http.server
import os
import socket
import struct
import threading
import time
import urllib.error
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from autograd import Tensor
from nn import random
from nn.data import (
    DataLoader,
    Dataset,
    TensorDataset,
    datasets,
    digits,
    fashion_mnist,
    mnist,
    read_idx,
)
from nn.data.download import cache_folder, download

NAMES = tuple(datasets.MNIST.sha256)


# --- TensorDataset ---


@pytest.fixture
def pairs():
    """Ten examples; the label of a row is a tenth of its first pixel."""
    return TensorDataset(np.arange(100, dtype=np.float32).reshape(10, 10), np.arange(10))


def test_a_dataset_is_as_long_as_its_arrays(pairs):
    assert len(pairs) == 10


@pytest.mark.parametrize(
    "index",
    [3, -1, slice(2, 5), np.array([7, 0, 7]), np.arange(10) % 3 == 0],
    ids=["int", "negative", "slice", "array", "mask"],
)
def test_an_index_reaches_every_array(pairs, index):
    x, y = pairs[index]
    np.testing.assert_array_equal(x, pairs.arrays[0][index])
    np.testing.assert_array_equal(y, np.arange(10)[index])


def test_a_dataset_keeps_the_arrays_it_was_given():
    x = np.zeros((3, 2))
    assert TensorDataset(x).arrays[0] is x


def test_a_dataset_can_be_walked_example_by_example(pairs):
    assert [int(y) for _, y in pairs] == list(range(10))


@pytest.mark.parametrize(
    ("arrays", "shapes"),
    [
        ((np.zeros((3, 2)), np.zeros(4)), r"\[\(3, 2\), \(4,\)\]"),
        ((np.float32(1),), r"\[\(\)\]"),
        ((), r"\[\]"),
    ],
    ids=["lengths", "no axis", "nothing"],
)
def test_arrays_that_do_not_pair_up_are_refused(arrays, shapes):
    with pytest.raises(ValueError, match=f"TensorDataset: arrays of shapes {shapes} do not pair"):
        TensorDataset(*arrays)


# --- DataLoader ---


def labels(loader):
    return [y.numpy().tolist() for _, y in loader]


@pytest.mark.parametrize(
    ("batch_size", "drop_last", "sizes"),
    [
        (1, False, [1] * 10),
        (5, False, [5, 5]),
        (4, False, [4, 4, 2]),
        (4, True, [4, 4]),
        (5, True, [5, 5]),
        (99, False, [10]),
    ],
)
def test_batches_have_the_right_sizes(pairs, batch_size, drop_last, sizes):
    loader = DataLoader(pairs, batch_size, drop_last=drop_last)
    assert [len(y) for y in labels(loader)] == sizes
    assert len(loader) == len(sizes)


def test_the_default_is_one_example_at_a_time_in_order(pairs):
    assert labels(DataLoader(pairs)) == [[i] for i in range(10)]


def test_a_batch_is_tensors_of_the_arrays_dtypes(pairs):
    x, y = next(iter(DataLoader(pairs, 4)))
    assert (x.shape, x.dtype) == ((4, 10), np.float32)
    assert (y.shape, y.dtype) == ((4,), np.int64)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_batch_is_a_copy(pairs, shuffle, prefetch):
    before = [a.copy() for a in pairs.arrays]
    for x, y in DataLoader(pairs, 4, shuffle=shuffle, prefetch=prefetch):
        x -= 7
        y[...] = 0
    for a, b in zip(pairs.arrays, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_batch_of_one_array_of_booleans_is_a_copy():
    class Flags(Dataset):
        flags = np.ones(4, bool)

        def __len__(self):
            return 4

        def batch(self, index):
            return self.flags[index]

    for x in DataLoader(Flags(), 4):
        x[...] = False
    assert Flags.flags.all()


def test_shuffling_deals_every_example_once_and_keeps_pairs_together(pairs):
    batches = list(DataLoader(pairs, 3, shuffle=True, rng=0))
    y = np.concatenate([y.numpy() for _, y in batches])
    x = np.concatenate([x.numpy() for x, _ in batches])
    assert sorted(y) == list(range(10))
    assert list(y) != list(range(10))
    np.testing.assert_array_equal(x, pairs.arrays[0][y])


def test_each_epoch_has_a_new_order(pairs):
    loader = DataLoader(pairs, 10, shuffle=True, rng=0)
    assert labels(loader) != labels(loader)


@pytest.mark.parametrize("make", [int, np.random.default_rng], ids=["int", "generator"])
def test_the_same_seed_gives_the_same_epochs(pairs, make):
    one, two = (DataLoader(pairs, 3, shuffle=True, rng=make(7)) for _ in range(2))
    assert [labels(one), labels(one)] == [labels(two), labels(two)]


def test_different_seeds_give_different_orders(pairs):
    one, two = (DataLoader(pairs, 10, shuffle=True, rng=seed) for seed in (7, 8))
    assert labels(one) != labels(two)


def test_manual_seed_resets_a_loader_that_exists_already(pairs):
    loader = DataLoader(pairs, 10, shuffle=True)
    random.manual_seed(0)
    first = labels(loader)
    random.manual_seed(0)
    assert labels(loader) == first


def test_a_loader_in_order_draws_nothing(pairs):
    rng = np.random.default_rng(0)
    labels(DataLoader(pairs, 3, rng=rng))
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("batch_size", [0, -4])
def test_a_batch_size_below_one_is_refused(pairs, batch_size):
    with pytest.raises(ValueError, match=f"DataLoader: batch_size is {batch_size}; pass 1 or more"):
        DataLoader(pairs, batch_size)


@pytest.mark.parametrize(("n", "drop_last"), [(0, False), (3, True)])
def test_a_loader_without_a_batch_is_refused(n, drop_last):
    with pytest.raises(
        ValueError, match=f"DataLoader: {n} examples give no batch with batch_size=4"
    ):
        DataLoader(TensorDataset(np.zeros((n, 2))), 4, drop_last=drop_last)


# --- Dataset ---


class Squares(Dataset):
    """Seven examples, made one at a time; notes which, and in which thread."""

    def __init__(self, fail_at=None):
        self.fail_at = fail_at
        self.made = []

    def __len__(self):
        return 7

    def __getitem__(self, index):
        self.made.append((index, threading.current_thread()))
        if index == self.fail_at:
            raise OSError(f"no file for example {index}")
        return np.full((2,), index, np.float32), index**2


def test_examples_are_stacked():
    x, y = list(DataLoader(Squares(), 3))[1]
    assert x.dtype == np.float32 and x.tolist() == [[3, 3], [4, 4], [5, 5]]
    assert y.tolist() == [9, 16, 25]


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize(
    "example", [lambda i: np.full(2, i), lambda i: Tensor([i, i]), float, lambda i: np.int8(i)]
)
def test_examples_that_are_one_array_or_number_are_one_array(example, prefetch):
    class One(Squares):
        def __getitem__(self, index):
            return example(index)

    batches = list(DataLoader(One(), 4, prefetch=prefetch))
    assert [x.shape[0] for x in batches] == [4, 3]
    expected = np.stack([np.asarray(example(i)) for i in range(7)])
    assert all(isinstance(x, Tensor) and x.dtype == expected.dtype for x in batches)
    np.testing.assert_array_equal(np.concatenate([x.numpy() for x in batches]), expected)


def test_examples_of_another_kind_are_refused():
    class Named(Squares):
        def __getitem__(self, index):
            return {"x": index}

    class Mixed(Squares):
        def __getitem__(self, index):
            return (index, index) if index < 2 else np.ones(2)

    with pytest.raises(TypeError, match="Named: example 0 is a dict; return an array or number"):
        next(iter(DataLoader(Named(), 3)))
    with pytest.raises(TypeError, match="Mixed: example 2 is a ndarray, example 0 a tuple; return"):
        next(iter(DataLoader(Mixed(), 3)))


@pytest.mark.parametrize("field", [(np.ones(3), np.ones(3)), [1, 2], "three", None, {}])
def test_examples_that_hold_something_else_are_refused(field):
    class Pairs(Squares):
        def __getitem__(self, index):
            return field, index % 2

    kind = type(field).__name__
    message = rf"Pairs: example 0 is a tuple that holds a {kind}; return .* override batch"
    with pytest.raises(TypeError, match=message):
        next(iter(DataLoader(Pairs(), 2)))


def test_a_dataset_of_ones_own_is_shuffled_and_dropped_as_any(pairs):
    loader = DataLoader(Squares(), 3, shuffle=True, drop_last=True, rng=0)
    seen = [i for _, y in loader for i in y.tolist()]
    assert seen == [i**2 for i in np.random.default_rng(0).permutation(7)[:6]]


def test_examples_that_do_not_stack_are_refused():
    class Ragged(Squares):
        def __getitem__(self, index):
            return (np.ones(index),)

    class Uneven(Squares):
        def __getitem__(self, index):
            return (1,) * index

    for dataset in (Ragged(), Uneven()):
        with pytest.raises(ValueError, match=r"the examples \[0, 1, 2\] do not stack"):
            next(iter(DataLoader(dataset, 3)))


def test_a_dataset_says_what_a_subclass_defines():
    with pytest.raises(NotImplementedError, match="Dataset: __len__ is missing"):
        DataLoader(Dataset())
    with pytest.raises(NotImplementedError, match="Dataset: __getitem__ is missing"):
        Dataset()[0]


class Dry(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        raise StopIteration


@pytest.mark.parametrize("prefetch", [0, 1])
def test_a_dataset_that_raises_stop_iteration_does_not_end_an_epoch(prefetch):
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        list(DataLoader(Dry(), 1, prefetch=prefetch))


# --- prefetch ---


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("prefetch")]


@pytest.mark.parametrize("prefetch", [1, 2, 100])
@pytest.mark.parametrize("shuffle", [False, True])
def test_prefetched_batches_are_the_same_in_the_same_order(prefetch, shuffle):
    def deal(prefetch):
        dataset = Squares()
        loader = DataLoader(dataset, 2, shuffle=shuffle, rng=3, prefetch=prefetch)
        return [[t.tolist() for t in batch] for _ in range(2) for batch in loader], dataset

    expected, _ = deal(0)
    got, dataset = deal(prefetch)
    assert got == expected
    workers = {thread for _, thread in dataset.made}
    assert threading.current_thread() not in workers and len(workers) == 2  # one for each epoch
    assert not threads()


def test_batches_are_made_ahead_but_no_more_than_asked():
    dataset = Squares()
    batches = iter(DataLoader(dataset, 1, prefetch=2))
    next(batches)
    deadline = time.monotonic() + 10
    while len(dataset.made) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.05)
    assert len(dataset.made) == 3  # the one that was dealt, and two
    del batches
    assert not threads()


def test_an_error_in_the_thread_reaches_the_caller_where_its_batch_was_due():
    seen = []
    with pytest.raises(OSError, match="no file for example 4"):
        for x, _ in DataLoader(Squares(fail_at=4), 1, prefetch=3):
            seen.append(x[0, 0].item())
    assert seen == [0, 1, 2, 3]
    assert not threads()


def test_the_thread_ends_with_a_loop_that_is_left_early():
    class Slow(Squares):
        def __getitem__(self, index):
            time.sleep(0.05)
            return super().__getitem__(index)

    dataset = Slow()
    for _ in DataLoader(dataset, 1, prefetch=6):
        break
    assert not threads() and len(dataset.made) < 7  # what was not begun is not made


def test_an_epoch_can_be_entered_in_the_middle():
    for prefetch in (0, 2):
        whole = list(DataLoader(Squares(), 2, shuffle=True, rng=5))
        dataset = Squares()
        rest = DataLoader(dataset, 2, shuffle=True, rng=5, prefetch=prefetch).batches(2)
        assert [b[1].tolist() for b in rest] == [b[1].tolist() for b in whole[2:]]
        assert len(dataset.made) == 3  # four examples were not made


def test_a_negative_prefetch_is_refused(pairs):
    with pytest.raises(ValueError, match="prefetch is -1"):
        DataLoader(pairs, prefetch=-1)


# --- digits ---


def test_digits_have_the_published_counts():
    train, test = digits()
    counts = [np.bincount(split.arrays[1]).tolist() for split in (train, test)]
    assert counts == [
        [376, 389, 380, 389, 387, 376, 377, 387, 380, 382],
        [178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
    ]


def test_digits_have_the_promised_form():
    for split in digits():
        x, y = split.arrays
        assert (x.shape, x.dtype) == ((len(split), 64), np.float32)
        assert (y.shape, y.dtype) == ((len(split),), np.int64)
        assert (x.min(), x.max()) == (0, 1)
        np.testing.assert_array_equal(x * 16, np.round(x * 16))


def test_digits_as_images_are_the_same_pixels():
    for rows, images in zip(digits(), digits(flat=False), strict=True):
        assert images.arrays[0].shape == (len(rows), 1, 8, 8)
        np.testing.assert_array_equal(images.arrays[0].reshape(-1, 64), rows.arrays[0])


def test_no_digit_of_the_test_set_is_in_the_train_set():
    train, test = ({row.tobytes() for row in split.arrays[0]} for split in digits())
    assert len(train) == 3823
    assert len(test) == 1797
    assert not train & test


def test_the_first_digit_is_a_zero_and_upright():
    x, y = digits(flat=False)[0][0]
    assert y == 0
    assert (x[0, 0] * 16).tolist() == [0, 1, 6, 15, 12, 1, 0, 0]
    assert (x[0, :, 1] * 16).tolist() == [1, 7, 8, 5, 7, 4, 0, 0]


# --- read_idx ---


def idx(values):
    """The bytes of an IDX file."""
    values = np.asarray(values, np.uint8)
    return (
        b"\0\0\x08" + struct.pack(f">B{values.ndim}I", values.ndim, *values.shape) + bytes(values)
    )


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 3)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_an_idx_file_reads_back(tmp_path, shape, pack):
    values = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    path = tmp_path / "values"
    path.write_bytes(pack(idx(values)))
    result = read_idx(path)
    assert result.dtype == np.uint8
    assert result.flags.writeable
    np.testing.assert_array_equal(result, values)


GOOD = idx(np.arange(12).reshape(3, 4))
PACKED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"starts with bytes \(none\), not with 00 00 08"),
        (b"\0\0\x0d\1" + GOOD[4:], "starts with bytes 00 00 0d 01"),
        (b"<!DOCTYPE html>", "starts with bytes 3c 21 44 4f"),
        (GOOD[:7], "ends inside its header, after 7 of 12 bytes"),
        (GOOD[:-1], r"states shape \(3, 4\), which is 12 values, but holds 11"),
        (GOOD + b"\0", r"states shape \(3, 4\), which is 12 values, but holds 13"),
        (gzip.compress(GOOD[:-1], mtime=0), "is 12 values, but holds 11"),
        (PACKED[:-9], f"damaged or cut short after {len(PACKED) - 9} bytes"),
        (PACKED[:4], "damaged or cut short after 4 bytes"),
        (PACKED[:-8] + bytes(8), "damaged or cut short"),  # a wrong checksum
        (PACKED[:10] + b"\xff" * 9, "damaged or cut short"),  # no deflate stream
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_idx_file_is_refused_with_its_path_and_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "bad-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_a_missing_idx_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere\.gz"):
        read_idx(tmp_path / "nowhere.gz")


# --- mnist and fashion_mnist, from a folder ---


@pytest.fixture(scope="module")
def blank():
    """The contents of a set of MNIST's form: black images, labels 0 to 9 in turn."""
    return {
        name: gzip.compress(
            idx(np.zeros((n, 28, 28)) if "images" in name else np.arange(n) % 10), compresslevel=1
        )
        for name in NAMES
        for n in [60_000 if name.startswith("train") else 10_000]
    }


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("inner", [".", "mnist"])
def test_the_files_are_found_in_the_folder_or_its_subfolder(tmp_path, blank, inner, monkeypatch):
    write(tmp_path / inner, blank)
    monkeypatch.setenv("GRADWALK_DATA", str(tmp_path / "elsewhere"))  # the argument wins
    train, test = mnist(tmp_path)
    assert [a.shape for a in (*train.arrays, *test.arrays)] == [
        (60_000, 784),
        (60_000,),
        (10_000, 784),
        (10_000,),
    ]
    assert [a.dtype for a in train.arrays] == [np.float32, np.int64]
    assert train[11][1] == 1


def test_the_environment_names_the_folder(tmp_path, blank, monkeypatch):
    write(tmp_path / "fashion-mnist", blank)
    monkeypatch.setenv("GRADWALK_DATA", str(tmp_path))
    train, _ = fashion_mnist(flat=False)
    assert train.arrays[0].shape == (60_000, 1, 28, 28)


def test_missing_files_are_named_with_the_folder_and_a_cure(tmp_path, blank):
    write(tmp_path, {NAMES[0]: blank[NAMES[0]]})
    with pytest.raises(FileNotFoundError, match="to have them downloaded") as caught:
        mnist(tmp_path)
    message = str(caught.value)
    assert f"{tmp_path} lacks {', '.join(NAMES[1:])};" in message
    assert NAMES[0] not in message


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="lacks") as caught:
        mnist("~")
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values", "shape"),
    [
        (NAMES[0], np.zeros((59_999, 28, 28)), r"\(59999, 28, 28\), not \(60000, 28, 28\)"),
        (NAMES[0], np.zeros(60_000), r"\(60000,\), not \(60000, 28, 28\)"),
        (NAMES[1], np.zeros(59_999), r"\(59999,\), not \(60000,\)"),
        (NAMES[3], np.zeros(60_000), r"\(60000,\), not \(10000,\)"),
    ],
    ids=["too few images", "labels for images", "too few labels", "train for test"],
)
def test_a_file_of_the_wrong_shape_is_refused(tmp_path, blank, name, values, shape):
    write(tmp_path, blank | {name: gzip.compress(idx(values), compresslevel=1)})
    with pytest.raises(ValueError, match=f"mnist: .*{name} holds an array of shape {shape}"):
        mnist(tmp_path)


def test_a_file_cut_short_in_a_folder_is_refused_and_left_there(tmp_path, blank):
    write(tmp_path, blank | {NAMES[2]: blank[NAMES[2]][:-1]})
    with pytest.raises(ValueError, match=f"{NAMES[2]} is damaged or cut short"):
        mnist(tmp_path)
    assert (tmp_path / NAMES[2]).exists()


def test_a_file_of_the_other_set_is_refused(tmp_path, blank, monkeypatch):
    write(tmp_path, blank)
    known = replace(datasets.FASHION_MNIST, sha256=checksums(blank))
    monkeypatch.setattr(datasets, "FASHION_MNIST", known)
    with pytest.raises(ValueError, match=f"mnist: .*{NAMES[0]} is a file of fashion-mnist"):
        mnist(tmp_path)


# --- downloads, from a server on this machine ---


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; one under ``short/`` announces more bytes than it sends."""

    def send_header(self, keyword, value):
        if keyword == "Content-Length" and self.path.startswith("/short/"):
            value = str(int(value) + 100)
        super().send_header(keyword, value)

    def do_GET(self):
        self.server.paths.append(self.path)
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server for ``tmp_path / "www"``; `.url` ends in a slash, `.paths` is what was asked."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    root = tmp_path / "www"
    root.mkdir()
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(root))
    ) as server:
        server.root, server.paths = root, []
        server.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache folder, moved to a temporary place, with no other folder named."""
    monkeypatch.delenv("GRADWALK_DATA", raising=False)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    return cache_folder()


CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DOWN = "http://127.0.0.1:9/"  # the discard port: nothing listens


def checksums(files):
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def assert_nothing_is_kept(path):
    assert not path.exists()
    assert not path.parent.exists() or list(path.parent.iterdir()) == []


def test_a_download_arrives_whole_and_shows_its_progress(tmp_path, server, capsys):
    write(server.root, {"file": CONTENT})
    path = tmp_path / "new" / "folder" / "file"
    download(path, [server.url], SHA256)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    assert "file: 100%" in capsys.readouterr().err


def test_a_download_has_the_permissions_of_a_common_file(tmp_path, server):
    write(server.root, {"file": CONTENT})
    download(tmp_path / "file", [server.url], SHA256)
    (tmp_path / "common").touch()
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "common").stat().st_mode


@pytest.mark.parametrize(
    ("served", "content", "why"),
    [
        ("file", CONTENT[:-5], "cut short or wrong: 255995 bytes came of 255995 announced"),
        ("short/file", CONTENT[:-5], "cut short or wrong: 255995 bytes came of 256095 announced"),
        ("file", b"<html>Sign in</html>", "cut short or wrong: 20 bytes came of 20 announced"),
        ("another", CONTENT, "HTTP Error 404"),
    ],
    ids=["cut short", "connection lost", "wrong content", "not there"],
)
def test_a_bad_download_is_not_kept_and_says_why(tmp_path, server, served, content, why):
    write((server.root / served).parent, {Path(served).name: content})
    path = tmp_path / "cache" / "file"
    mirror = server.url + served.removesuffix("file").removesuffix("another")
    with pytest.raises(OSError, match="no mirror serves file as it should be") as caught:
        download(path, [mirror], SHA256)
    message = str(caught.value)
    assert f"{mirror}file: {why}" in message
    assert "GRADWALK_DATA" in message
    if "cut short" in why:
        assert f"with SHA-256 {hashlib.sha256(content).hexdigest()} instead of {SHA256}" in message
    assert_nothing_is_kept(path)


def test_every_mirror_that_failed_is_named(tmp_path, server, monkeypatch):
    closed, close = [], urllib.error.HTTPError.close
    monkeypatch.setattr(
        urllib.error.HTTPError, "close", lambda self: closed.append(self.code) or close(self)
    )
    with pytest.raises(OSError, match="no mirror serves") as caught:
        download(tmp_path / "cache" / "file", [DOWN, server.url], SHA256)
    assert f"{DOWN}file: <urlopen error" in str(caught.value)
    assert f"{server.url}file: HTTP Error 404" in str(caught.value)
    assert closed == [404]  # left open, it warns from Python 3.14 on
    assert_nothing_is_kept(tmp_path / "cache" / "file")


@pytest.mark.parametrize("first", ["down", "wrong", "lost"])
def test_the_next_mirror_is_tried_when_the_first_fails(tmp_path, server, first):
    write(server.root, {"file": CONTENT})
    write(server.root / "wrong", {"file": b"other"})
    write(server.root / "short", {"file": CONTENT[:-5]})
    mirrors = {"down": DOWN, "wrong": server.url + "wrong/", "lost": server.url + "short/"}
    download(tmp_path / "file", [mirrors[first], server.url], SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_does_not_speak_http_is_a_failed_mirror(tmp_path):
    with answering(b"SSH-2.0-none\r\n\r\n") as url, pytest.raises(OSError, match="SSH-2"):
        download(tmp_path / "cache" / "file", [url], SHA256)
    assert_nothing_is_kept(tmp_path / "cache" / "file")


@contextmanager
def answering(answer):
    """A server that sends `answer` to its first caller."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def test_an_interrupted_download_leaves_nothing(tmp_path, server, monkeypatch):
    write(server.root, {"file": CONTENT})

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("nn.data.download.os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download(tmp_path / "cache" / "file", [server.url], SHA256)
    assert_nothing_is_kept(tmp_path / "cache" / "file")


def test_a_set_is_downloaded_once(server, cache, blank, monkeypatch):
    write(server.root, blank)
    source = replace(datasets.MNIST, mirrors=(DOWN, server.url), sha256=checksums(blank))
    monkeypatch.setattr(datasets, "MNIST", source)
    train, test = mnist()
    assert (len(train), len(test)) == (60_000, 10_000)
    assert sorted(os.listdir(cache / "mnist")) == sorted(NAMES)
    mnist()
    assert sorted(server.paths) == sorted(f"/{name}" for name in NAMES)


def test_only_what_is_missing_is_downloaded_again(server, cache, blank, monkeypatch):
    write(server.root, blank)
    write(cache / "fashion-mnist", {name: blank[name] for name in NAMES[1:]})
    source = replace(datasets.FASHION_MNIST, mirrors=(server.url,), sha256=checksums(blank))
    monkeypatch.setattr(datasets, "FASHION_MNIST", source)
    fashion_mnist()
    assert server.paths == [f"/{NAMES[0]}"]


def test_a_set_that_cannot_be_downloaded_says_how_to_go_on(cache, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(datasets, "MNIST", replace(datasets.MNIST, mirrors=(DOWN,)))
    with pytest.raises(OSError, match=f"no mirror serves {NAMES[0]}(.|\n)*GRADWALK_DATA"):
        mnist()
    assert_nothing_is_kept(cache / "mnist" / NAMES[0])


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/gradwalk"),
        ("linux", {"XDG_CACHE_HOME": ""}, "/home/ada/.cache/gradwalk"),
        ("darwin", {}, "/home/ada/Library/Caches/gradwalk"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/gradwalk"),
    ],
)
def test_the_cache_folder_is_where_the_platform_has_it(monkeypatch, platform, variables, expected):
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


@pytest.mark.parametrize("source", [datasets.MNIST, datasets.FASHION_MNIST], ids=lambda s: s.name)
def test_mirrors_are_folders(source):
    assert all(mirror.endswith("/") for mirror in source.mirrors)


# --- the real files ---


@pytest.fixture(scope="module")
def real():
    folder = os.environ.get("GRADWALK_DATA")
    if not folder:
        pytest.skip("GRADWALK_DATA names no folder with the real files")
    return folder


@pytest.mark.parametrize("source", [datasets.MNIST, datasets.FASHION_MNIST], ids=lambda s: s.name)
def test_the_real_files_have_the_checksums(real, source):
    folder = Path(real) / source.name
    assert checksums({name: (folder / name).read_bytes() for name in NAMES}) == source.sha256


MNIST_COUNTS = (
    [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
)


@pytest.mark.parametrize(
    ("load", "counts", "first", "moments"),
    [
        (
            mnist,
            MNIST_COUNTS,
            ([5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]),
            ((0.1307, 0.3081), (0.1325, 0.3105)),
        ),
        (
            fashion_mnist,
            ([6000] * 10, [1000] * 10),
            ([9, 0, 0, 3, 0, 2, 7, 2, 5, 5], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]),
            ((0.2860, 0.3530), (0.2868, 0.3524)),
        ),
    ],
    ids=["mnist", "fashion-mnist"],
)
def test_the_real_sets_are_as_documented(real, load, counts, first, moments):
    for split, count, start, moment in zip(load(real), counts, first, moments, strict=True):
        x, y = split.arrays
        assert (x.shape, x.dtype) == ((sum(count), 784), np.float32)
        assert (x.min(), x.max()) == (0, 1)
        assert np.bincount(y).tolist() == count
        assert y[:10].tolist() == start
        assert (x.mean(dtype=np.float64), x.std(dtype=np.float64)) == pytest.approx(
            moment, abs=5e-5
        )


def test_the_real_sets_are_told_apart(real):
    with pytest.raises(ValueError, match=r"^mnist: .* is a file of fashion-mnist"):
        mnist(Path(real) / "fashion-mnist")
