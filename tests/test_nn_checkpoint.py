"""Checkpoints: a run that is killed and resumed ends as an unbroken one does, bit for bit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nn import MLP, Callback, EarlyStopping, Linear, Module, fit, load, optim, save
from nn.checkpoint import KEY, Run, load_checkpoint
from nn.data import DataLoader, Dataset, TensorDataset, digits
from nn.io import read
from nn.optim.lr_scheduler import ReduceLROnPlateau, StepLR, WarmupCosineLR
from nn.random import generator, manual_seed

ROOT = Path(__file__).parents[1]


class Noisy(Module):
    """A network that draws random numbers in training, from two Generators."""

    def __init__(self, sizes, rng):
        self.body = MLP(sizes, rng=rng)
        self.rng = np.random.default_rng(rng)

    def forward(self, x):
        if self.training:
            own = self.rng.random(x.shape, dtype=np.float32)
            x = x * (own < 0.9) + 0.01 * generator().random(x.shape, dtype=np.float32)
        return self.body(x)


class Jitter(Dataset):
    """Examples that are different each time, from a Generator of the data set's own."""

    def __init__(self, dataset):
        self.dataset = dataset
        self.chance = np.random.Generator(np.random.MT19937(5))  # its state is an array

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        x, y = self.dataset[index]
        return x + 0.01 * self.chance.random(x.shape, dtype=np.float32), y


class Killed(Exception):
    pass


class Kill(Callback):
    """Leave the run for good after so many steps, counted over resumed runs."""

    def __init__(self, after):
        self.after = after

    def after_step(self, run):
        self.after -= 1
        if self.after < 0:
            raise Killed


class Setting:
    """All that a script would make anew in each process."""

    def __init__(self, make="Adam", schedule=None, loader=None, sizes=(64, 12, 10)):
        manual_seed(1)
        train, test = digits()
        self.train, self.test = TensorDataset(*train[:200]), TensorDataset(*test[:50])
        self.model = Noisy(sizes, rng=0)
        params = [p for p in self.model.parameters() if make != "Muon" or p.ndim == 2]
        settings = {"momentum": 0.9} if make == "SGD" else {}
        self.optimizer = getattr(optim, make)(params, lr=0.01, **settings)
        self.scheduler = schedule(self.optimizer) if schedule else None
        self.loader = loader(self.train) if loader else self.train

    def fit(self, **options):
        return fit(
            self.model,
            self.loader,
            test=self.test,
            optimizer=self.optimizer,
            scheduler=self.scheduler,
            batch_size=16,  # 13 batches
            rng=2,
            progress=False,
            **{"epochs": 4, **options},
        )

    @property
    def state(self):
        entries = self.optimizer.state_dict()["state"]
        return {
            **self.model.state_dict(),
            **{f"{i}.{k}": v for i, entry in entries.items() for k, v in entry.items()},
            "draw": generator().random(),
            "lr": self.optimizer.param_groups[0]["lr"],
        }


def rows(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


def trained(**options):
    """Train in what would be a process of its own, and return how it ended."""
    setting = Setting()
    setting.fit(**options)
    return setting.state


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        np.testing.assert_array_equal(value, b[key], err_msg=key)


def broken(path, kills, options, **setting):
    """Train with a kill after each of the numbers of steps; return the last run."""
    for after in kills:
        with pytest.raises(Killed):
            Setting(**setting).fit(checkpoint=path, resume=True, callbacks=[Kill(after)], **options)
    last = Setting(**setting)
    return last, last.fit(checkpoint=path, resume=True, **options)


SETTINGS = {
    "adam, warm-up": {"schedule": lambda o: WarmupCosineLR(o, 10, 52)},
    "sgd, plateau": {"make": "SGD", "schedule": lambda o: ReduceLROnPlateau(o, patience=0)},
    "rmsprop, default rng": {
        "make": "RMSprop",
        "loader": lambda train: DataLoader(train, 16, shuffle=True),
    },
    "lion, jitter": {
        "make": "Lion",
        "loader": lambda train: DataLoader(Jitter(train), 16, shuffle=True, rng=4),
    },
    "muon, prefetch": {
        "make": "Muon",
        "loader": lambda train: DataLoader(train, 16, shuffle=True, rng=4, prefetch=3),
    },
    "adagrad": {"make": "Adagrad", "schedule": lambda o: StepLR(o, 1, 0.5)},
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(
    "options",
    [
        {"checkpoint_every": 1},
        {"checkpoint_every": 5},
        {},
        {"checkpoint_every": 1, "accumulate": 3},
    ],
    ids=["each step", "each fifth", "each epoch", "accumulated"],
)
def test_a_broken_run_ends_as_an_unbroken_one(name, options, tmp_path):
    setting = SETTINGS[name]
    whole = Setting(**setting)
    history = whole.fit(accumulate=options.get("accumulate", 1))
    expected = whole.state
    kills = [0, 3, 7, 1, 4] if options else [15, 14, 20]  # 52 steps in all, or 20
    run, resumed = broken(tmp_path / "run.safetensors", kills, options, **setting)
    assert_same(run.state, expected)
    assert rows(resumed) == rows(history)
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


def test_a_run_that_is_over_stays_over_and_can_be_prolonged(tmp_path):
    path = tmp_path / "run.safetensors"
    first = Setting()
    history = first.fit(checkpoint=path, epochs=2)
    again = Setting()
    assert rows(again.fit(checkpoint=path, resume=True, epochs=2)) == rows(history)
    assert_same(
        trained(checkpoint=path, resume=True, epochs=4),
        trained(epochs=4),
    )


def test_early_stopping_is_remembered_and_said(tmp_path):
    path = tmp_path / "run.safetensors"
    stopping = EarlyStopping(1, "test_loss", min_delta=9)
    history = Setting().fit(checkpoint=path, callbacks=[stopping])
    assert len(history) == 2
    with pytest.warns(UserWarning, match="was stopped by a callback after 2 epochs, and ends"):
        again = Setting().fit(checkpoint=path, resume=True, callbacks=[stopping])
    assert rows(again) == rows(history)


def test_without_resume_a_run_begins_anew(tmp_path):
    path = tmp_path / "run.safetensors"
    Setting().fit(checkpoint=path, epochs=3)
    assert_same(trained(checkpoint=path, epochs=1), trained(epochs=1))


def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(tmp_path):
    path = tmp_path / "run.safetensors"

    class Press(Callback):
        def after_step(self, run):
            if (run.epoch, run.batch) == (2, 5):
                signal.raise_signal(signal.SIGINT)

    with pytest.warns(
        UserWarning, match="interrupted in epoch 2 of 4; .* resume=True goes on from"
    ):
        Setting().fit(checkpoint=path, callbacks=[Press()])
    assert json.loads(read(path)[1][KEY])["batch"] == 5  # though it is written once an epoch
    assert_same(trained(checkpoint=path, resume=True), trained())


SCRIPT = """
import sys
from tests.test_nn_checkpoint import Setting, SETTINGS
from nn import Callback, save

class Tell(Callback):
    def after_step(self, run):
        print("step", flush=True)

setting = Setting(**SETTINGS["adam, warm-up"])
setting.fit(checkpoint=sys.argv[1], checkpoint_every=1, resume=True, epochs=40, callbacks=[Tell()])
save({k: v for k, v in setting.state.items() if hasattr(v, "shape")}, sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are killed otherwise here")
def test_a_process_killed_at_ten_random_moments_ends_as_an_unbroken_one(tmp_path):
    path, end = tmp_path / "run.safetensors", tmp_path / "end.safetensors"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(path), str(end)]
    chance = np.random.default_rng()
    kills = 0
    while not end.exists():
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            if kills < 10:
                for _ in range(chance.integers(1, 30)):  # then somewhere within a step
                    assert process.stdout.readline() == "step\n"
                try:
                    process.wait(chance.uniform(0, 0.01))
                except subprocess.TimeoutExpired:
                    process.kill()
                kills += process.wait() == -signal.SIGKILL
            else:
                process.communicate()
                assert process.returncode == 0
    assert kills == 10
    whole = Setting(**SETTINGS["adam, warm-up"])
    whole.fit(epochs=40)
    expected = {k: v for k, v in whole.state.items() if hasattr(v, "shape")}
    assert_same(load(end), dict(sorted(expected.items())))


# Files that do not fit


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(Killed):
        Setting(schedule=lambda o: StepLR(o, 1)).fit(
            checkpoint=path, checkpoint_every=1, callbacks=[Kill(5)]
        )
    return path


def changed(path, change):
    """Change the notes of a checkpoint."""
    arrays, metadata = read(path)
    notes = json.loads(metadata[KEY])
    change(notes)
    save(arrays, path, metadata={KEY: json.dumps(notes)})


def remove(key):
    return lambda notes: notes.pop(key)


def put(value, *keys):
    def change(notes):
        for key in keys[:-1]:
            notes = notes[key]
        notes[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("epoch"), "'epoch'"),
        (remove("parts"), "'parts'"),
        (put("3", "epoch"), "epoch is '3'"),
        (put(True, "epoch"), "epoch is True"),
        (put(0, "epoch"), "batch 5 of 13 in epoch 0"),
        (put(14, "batch"), "batch 14 of 13"),
        (put(None, "order"), "batch 5 of 13"),
        (put({"bit_generator": "PCG64"}, "order"), "state"),
        (put(-1, "parts", "optimizer", "state", "0", "step"), "step of parameter 0 is -1"),
        (put(10**30, "parts", "generators", 1, "uinteger"), "Overflow"),
        (put({"hits": "many", "more": 1}, "totals"), "totals|more"),
        (put(99, "batches"), "99 batches in an epoch, here are 13"),
        (put({"a": 1}, "parts", "optimizer"), "KeyError|pass what state_dict returns"),
        (put([1.0], "parts", "optimizer", "param_groups", 0, "betas"), "betas is"),
        (put({}, "parts", "scheduler"), "not of this schedule"),
        (put(None, "parts", "scheduler"), "with a schedule, or without"),
        (put([], "parts", "generators"), "with 0 random generators, .*, here are 3; pass rng="),
        (put({"bit_generator": "PCG64"}, "parts", "generators", 2), "state"),
        (put("MT19937", "parts", "generators", 2, "bit_generator"), "PCG64"),
        (put("eval('1')", "parts"), "str"),
    ],
)
def test_notes_that_do_not_fit_are_refused_whole(checkpoint, change, message):
    changed(checkpoint, change)
    run = Setting(schedule=lambda o: StepLR(o, 1))
    with pytest.raises(ValueError, match=f"does not fit this training, nothing .*: .*({message})"):
        run.fit(checkpoint=checkpoint, resume=True)
    assert_same(run.state, Setting(schedule=lambda o: StepLR(o, 1)).state)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"sizes": (64, 11, 10)}, r"\(12, 64\), here \(11, 64\)"),
        ({"sizes": (64, 10)}, "unexpected"),
        ({"make": "Lion"}, "of another optimiser, Adam"),
        ({"make": "AdamW"}, "of another optimiser, Adam"),
        ({"schedule": lambda o: WarmupCosineLR(o, 1, 5)}, "not of this schedule"),
        ({"schedule": None}, "with a schedule, or without"),
        ({"loader": lambda train: DataLoader(train, 100)}, "13 batches in an epoch, here are 2"),
        ({"loader": lambda train: DataLoader(Jitter(train), 16)}, "MT19937"),
        (
            {"loader": lambda train: DataLoader(Jitter(train), 16, rng=0)},
            "with 3 random generators, of loader, data set and modules together, here are 4",
        ),
    ],
)
def test_another_training_refuses_it_whole(checkpoint, setting, message):
    setting = {"schedule": lambda o: StepLR(o, 1), **setting}
    run = Setting(**setting)
    with pytest.raises(ValueError, match=f"nothing was loaded: .*({message})"):
        run.fit(checkpoint=checkpoint, resume=True)
    assert_same(run.state, Setting(**setting).state)


def test_another_number_of_batches_in_a_step_is_refused(checkpoint):
    run = Setting(schedule=lambda o: StepLR(o, 1))
    with pytest.raises(ValueError, match="written with accumulate=1, here it is 2"):
        run.fit(checkpoint=checkpoint, resume=True, accumulate=2)


@pytest.mark.parametrize("cut", [0, 7, 100, 5000, -1])
def test_a_truncated_checkpoint_is_refused(checkpoint, cut):
    checkpoint.write_bytes(checkpoint.read_bytes()[:cut])
    run = Setting(schedule=lambda o: StepLR(o, 1))
    with pytest.raises(ValueError, match="not a whole safetensors"):
        run.fit(checkpoint=checkpoint, resume=True)
    assert_same(run.state, Setting(schedule=lambda o: StepLR(o, 1)).state)


def test_weights_alone_are_no_checkpoint(tmp_path):
    path = tmp_path / "weights.safetensors"
    run = Setting()
    save(run.model, path)
    with pytest.raises(ValueError, match=r"is no checkpoint, but holds arrays alone; put them"):
        run.fit(checkpoint=path, resume=True)


def test_a_checkpoint_is_a_safetensors_file_of_weights_too(checkpoint):
    arrays = load(checkpoint)
    assert arrays["model.body.0.weight"].shape == (12, 64)
    assert arrays["optimizer.0.exp_avg"].shape == (12, 64)


def test_load_checkpoint_puts_a_run_where_it_was(checkpoint):
    setting = Setting(schedule=lambda o: StepLR(o, 1))
    loader = DataLoader(setting.train, 16, shuffle=True, rng=2)
    run = Run(setting.model, loader, setting.optimizer, setting.scheduler)
    load_checkpoint(run, checkpoint)
    assert (run.epoch, run.batch, run.totals.examples) == (1, 5, 80)
    assert len(list(run.batches())) == 8


def test_a_shared_generator_is_kept_once():
    rng = np.random.default_rng(0)

    class Shared(Module):
        def __init__(self):
            self.a, self.b = Linear(2, 2, rng=rng), Linear(2, 2, rng=rng)
            self.rng = self.again = rng

    loader = DataLoader(TensorDataset(np.ones(3)), rng=rng)
    run = Run(Shared(), loader, optim.SGD(Shared().parameters()))
    assert run.generators() == [generator(), rng]
