"""save and load: round trips, exchange with PyTorch, files that are not what they seem."""

import json
import os
import pickle
import struct

import numpy as np
import pytest
from safetensors import numpy as safetensors

from autograd import Tensor
from nn import MLP, Linear, Sequential, Tanh, load, save


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


def pytorch_twin(torch):
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))


def test_pytorch_loads_what_is_saved_here(model, path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    save(model, path)
    twin = pytorch_twin(torch)
    twin.load_state_dict(load_file(path))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = twin(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(model(Tensor(x)).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_what_pytorch_saves_loads_here(model, path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    twin = pytorch_twin(torch)
    save_file(twin.state_dict(), path)
    model.load_state_dict(load(path))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    expected = twin(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(model(Tensor(x)).numpy(), expected, rtol=1e-5, atol=1e-6)


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


def test_a_dtype_without_numpy_equivalent_is_named(path):
    path.write_bytes(header("BF16", 2))
    with pytest.raises(ValueError, match="'BF16', which NumPy has not"):
        load(path)


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


def test_the_file_is_plain_safetensors(model, path):
    save(model, path)
    assert safetensors.load_file(path).keys() == model.state_dict().keys()
