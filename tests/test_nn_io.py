"""save and load: round trips, exchange with PyTorch, files that are not what they seem."""

import json
import os
import pickle
import struct

import numpy as np
import pytest
from safetensors import numpy as safetensors

from autograd import Tensor
from nn import (
    GPT,
    LSTM,
    MLP,
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    Embedding,
    Flatten,
    Linear,
    MaxPool2d,
    Module,
    Sequential,
    Tanh,
    load,
    save,
)
from nn.optim import SGD


@pytest.fixture
def model():
    return MLP([4, 6, 3], rng=0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_a_model_comes_back_bit_for_bit(model, path):
    save(model, path)
    other = MLP([4, 6, 3], rng=1)
    other.load_state_dict(load(path))
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(p.numpy(), dict(other.named_parameters())[name].numpy())


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i8", "u1", "?"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_arrays_keep_dtype_and_shape(dtype, shape, path):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    save({"a": array}, path)
    loaded = load(path)["a"]
    assert loaded.dtype == array.dtype and loaded.shape == shape
    np.testing.assert_array_equal(loaded, array)


def test_views_and_tensors_are_saved_as_they_read(path):
    array = np.arange(12.0).reshape(3, 4)
    state = {"t": array.T, "s": array[::2, ::-1], "tensor": Tensor(array.T, requires_grad=True)}
    save(state, path)
    loaded = load(str(path))
    np.testing.assert_array_equal(loaded["t"], array.T)
    np.testing.assert_array_equal(loaded["s"], array[::2, ::-1])
    np.testing.assert_array_equal(loaded["tensor"], array.T)


# Exchange


def mlp():
    return MLP([4, 6, 3], rng=0)


def pytorch_mlp(torch):
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))


def cnn():
    return Sequential(
        Conv2d(2, 4, 3, padding=1, rng=0),
        BatchNorm2d(4),
        Tanh(),
        MaxPool2d(2),
        Conv2d(4, 6, 3, stride=2, groups=2, padding=1, padding_mode="circular", rng=1),
        AdaptiveAvgPool2d(2),
        Flatten(),
        Linear(24, 3, rng=2),
    )


def pytorch_cnn(torch):
    t = torch.nn
    return t.Sequential(
        t.Conv2d(2, 4, 3, padding=1),
        t.BatchNorm2d(4),
        t.Tanh(),
        t.MaxPool2d(2),
        t.Conv2d(4, 6, 3, stride=2, groups=2, padding=1, padding_mode="circular"),
        t.AdaptiveAvgPool2d(2),
        t.Flatten(),
        t.Linear(24, 3),
    )


class Reader(Module):
    """An LSTM that reads in both directions."""

    def __init__(self):
        self.embedding = Embedding(9, 5, rng=0)
        self.lstm = LSTM(5, 4, num_layers=2, bidirectional=True, batch_first=True, rng=1)
        self.head = Linear(8, 3, rng=2)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0][:, -1])


def pytorch_reader(torch):
    class Twin(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(9, 5)
            self.lstm = torch.nn.LSTM(5, 4, 2, bidirectional=True, batch_first=True)
            self.head = torch.nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.lstm(self.embedding(x))[0][:, -1])

    return Twin()


def gpt():
    return GPT(9, 6, 16, 4, 2, rng=0)


def pytorch_gpt(torch):
    class Twin(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(9, 16)
            self.positions = torch.nn.Embedding(6, 16)
            self.blocks = torch.nn.ModuleList(
                torch.nn.TransformerEncoderLayer(
                    16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(2)
            )
            self.norm = torch.nn.LayerNorm(16)
            self.head = torch.nn.Linear(16, 9, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, x):
            t = x.shape[1]
            h = self.embedding(x) + self.positions(torch.arange(t))
            mask = torch.nn.Transformer.generate_square_subsequent_mask(t)
            for block in self.blocks:
                h = block(h, src_mask=mask, is_causal=True)
            return self.head(self.norm(h))

    return Twin()


RNG = np.random.default_rng(0)
WORDS = RNG.integers(0, 9, (5, 6))
KINDS = {
    "mlp": (mlp, pytorch_mlp, RNG.normal(size=(5, 4)).astype(np.float32)),
    "cnn": (cnn, pytorch_cnn, RNG.normal(size=(5, 2, 8, 9)).astype(np.float32)),
    "lstm": (Reader, pytorch_reader, WORDS),
    "gpt": (gpt, pytorch_gpt, WORDS),
}


def trained(model, x):
    """Train a little, so that weights and running statistics are not what they start as."""
    optimizer = SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (model(Tensor(x)) ** 2).mean().backward()
        optimizer.step()
    return model.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_pytorch_loads_what_is_saved_here(kind, path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    make, make_twin, x = KINDS[kind]
    model = trained(make(), x)
    save(model, path)
    twin = make_twin(torch)
    twin.load_state_dict(load_file(path))
    expected = twin.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(model(Tensor(x)).numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_pytorch_saves_loads_here(kind, path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    make, make_twin, x = KINDS[kind]
    torch.manual_seed(0)
    twin = make_twin(torch)
    twin(torch.tensor(x))  # in training, so that running statistics move
    save_file({k: v.clone() for k, v in twin.state_dict().items()}, path)
    model = make().eval()
    assert model.load_state_dict(load(path)) == ([], [])
    expected = twin.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(model(Tensor(x)).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_tied_weights_that_pytorch_saves_once_load_here(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_model

    twin = torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.Linear(4, 9, bias=False))
    twin[1].weight = twin[0].weight
    save_model(twin, path)
    assert len(load(path)) == 1
    model = Sequential(Embedding(9, 4), Linear(4, 9, bias=False))
    model[1].weight = model[0].weight
    assert model.load_state_dict(load(path)) == ([], [])
    np.testing.assert_array_equal(model[1].weight.numpy(), twin[0].weight.detach().numpy())
    with pytest.raises(ValueError, match=r"missing: (0|1)\.weight"):  # here it is not tied
        Sequential(Embedding(9, 4), Linear(4, 9, bias=False)).load_state_dict(load(path))


# Files


def test_a_file_is_replaced_whole_or_not_at_all(model, path, monkeypatch):
    save(model, path)
    before = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save({"a": np.ones(3)}, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # nothing is left behind
    monkeypatch.undo()
    save({"a": np.ones(3)}, path)
    assert list(load(path)) == ["a"]


def test_what_a_killed_process_left_behind_is_removed(model, path):
    stale, fresh, other = (
        path.with_name(name)
        for name in (f".{path.name}.1.part", f".{path.name}.2.part", ".other.1.part")
    )
    for part in (stale, fresh, other):
        part.write_bytes(b"half")
    for part in (stale, other):
        os.utime(part, (0, 0))
    save(model, path)
    assert set(path.parent.iterdir()) == {path, fresh, other}


def test_what_cannot_be_written_leaves_no_file(path):
    with pytest.raises(Exception, match="complex128"):
        save({"a": np.array([1j])}, path)
    assert not list(path.parent.iterdir())


def header(dtype, size):
    text = json.dumps({"a": {"dtype": dtype, "shape": [1], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:7],
        lambda whole: whole[:50],
        lambda whole: whole[:-1],
        lambda whole: whole + b"x",
        lambda whole: b"\xff" * 8 + whole[8:],
        lambda whole: b"not a model at all, but text",
        lambda whole: pickle.dumps({"a": np.ones(3)}),
        lambda whole: header("NOPE", 1),
    ],
    ids=["empty", "7 bytes", "header", "cut", "longer", "huge", "text", "pickle", "dtype"],
)
def test_a_damaged_file_is_refused(damage, model, path):
    save(model, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"load: .*model\.safetensors is not a whole safetensors"):
        load(path)


def test_damage_anywhere_in_the_header_is_refused_or_harmless(model, path):
    save(model, path)
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    chance = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(chance.integers(1, 4)):
            at, byte = int(chance.integers(header)), int(chance.integers(256))
            kind = chance.integers(3)
            damaged[at : at + (kind > 0)] = bytes([byte]) if kind < 2 else b""
        path.write_bytes(bytes(damaged))
        try:
            load(path)
        except ValueError:
            refused += 1
    assert refused > 400


def test_a_dtype_without_numpy_equivalent_is_named(path):
    path.write_bytes(header("BF16", 2))
    with pytest.raises(ValueError, match="'BF16', which NumPy has not"):
        load(path)


WIDE = np.ones(2, np.longdouble)  # as wide as float64 on some machines


@pytest.mark.parametrize(
    "value", [None, "text", np.ones(2, complex), *([WIDE] if WIDE.itemsize > 8 else [])]
)
def test_what_is_no_array_of_real_numbers_is_named_and_not_written(value, path):
    with pytest.raises(TypeError, match=r"save: 'w' is of .*; pass arrays of real numbers"):
        save({"v": np.ones(2), "w": value}, path)
    assert not path.exists()


def test_the_state_of_an_optimiser_is_refused_with_what_saves_it(path):
    optimizer = SGD(Linear(2, 2).parameters())
    with pytest.raises(
        TypeError, match=r"'state' is of object; .*checkpoint.save_checkpoint saves"
    ):
        save(optimizer.state_dict(), path)


def test_the_key_of_the_notes_is_refused(path):
    with pytest.raises(ValueError, match="save: the key '__metadata__' is the format's own"):
        save({"__metadata__": np.ones(2)}, path)
    assert not path.exists()


def test_nothing_in_a_file_is_executed(path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(path.parent / "boom"),))

    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="pickle"):
        load(path)
    assert not (path.parent / "boom").exists()


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere.safetensors")


def test_a_file_of_another_model_changes_nothing(model, path):
    save(MLP([4, 5, 3], rng=1), path)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"0.weight is \(5, 4\), here \(6, 4\)"):
        model.load_state_dict(load(path))
    save(Sequential(Linear(4, 6), Tanh(), Linear(6, 6), Tanh(), Linear(6, 3)), path)
    with pytest.raises(ValueError, match=r"unexpected: 4.bias, 4.weight"):
        model.load_state_dict(load(path))
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_fits_in_part_changes_nothing(kind, path):
    model = KINDS[kind][0]()
    state = model.state_dict()
    before = {key: value.copy() for key, value in state.items()}
    *_, (last, _) = model.named_parameters()
    for wrong in (
        {key: value + 1 for key, value in state.items() if key != last},
        {**{key: value + 1 for key, value in state.items()}, last: np.zeros((7, 7, 7))},
        {**{key: value + 1 for key, value in state.items()}, "more": np.zeros(3)},
    ):
        save(wrong, path)
        with pytest.raises(ValueError, match=f"{last}|more"):
            model.load_state_dict(load(path))
        for key, value in model.state_dict().items():
            np.testing.assert_array_equal(value, before[key])


def test_the_file_is_plain_safetensors(model, path):
    save(model, path)
    assert safetensors.load_file(path).keys() == model.state_dict().keys()
