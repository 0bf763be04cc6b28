"""fit and evaluate: what a loop by hand would do, bit for bit; modes, progress, interruption."""

import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import autograd
from autograd import Tensor
from nn import (
    MLP,
    Callback,
    EarlyStopping,
    Identity,
    Linear,
    Module,
    Parameter,
    SaveBest,
    evaluate,
    fit,
    load,
)
from nn import functional as F
from nn.checkpoint import Run
from nn.data import DataLoader, Dataset, TensorDataset, digits
from nn.optim import SGD, Adam
from nn.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau


@pytest.fixture(scope="module")
def few():
    train, test = digits()
    return TensorDataset(*train[:500]), TensorDataset(*test[:300])


def weights(model):
    return np.concatenate([p.numpy().ravel() for p in model.parameters()])


class Spy(Module):
    """Outputs its parameter, and notes what it was called with."""

    def __init__(self):
        self.w = Parameter([0.0])
        self.calls = []

    def forward(self, *inputs):
        self.calls.append((self.training, autograd.Tensor(1.0, requires_grad=True) * 1))
        return inputs[0] * self.w


# fit


@pytest.mark.parametrize("make", [SGD, Adam])
@pytest.mark.parametrize("per", ["epoch", "batch"])
def test_fit_is_the_loop_by_hand_bit_for_bit(few, make, per):
    train, test = few
    a, b = MLP([64, 16, 10], rng=0), MLP([64, 16, 10], rng=0)
    optimizer = make(a.parameters(), lr=0.01)
    scheduler = CosineAnnealingLR(optimizer, 3 if per == "epoch" else 48, per=per)
    history = fit(
        a,
        train,
        epochs=3,
        optimizer=optimizer,
        scheduler=scheduler,
        rng=7,
        test=test,
        progress=False,
    )
    optimizer = make(b.parameters(), lr=0.01)
    scheduler = CosineAnnealingLR(optimizer, 3 if per == "epoch" else 48, per=per)
    loader = DataLoader(train, 32, shuffle=True, rng=7)
    for _ in range(3):
        losses, hits = 0.0, 0
        for x, y in loader:
            logits = b(x)
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if per == "batch":
                scheduler.step()
            losses += len(y) * loss.item()
            hits += (logits.numpy().argmax(1) == y.numpy()).sum()
        if per == "epoch":
            scheduler.step()
    np.testing.assert_array_equal(weights(a), weights(b))
    assert history[-1]["loss"] == losses / 500
    assert history[-1]["accuracy"] == hits / 500
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_each_step_of_a_sequence_counts_but_padding_does_not():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((7, 5, 3))
    y = rng.integers(0, 3, (7, 5))
    y[rng.random(y.shape) < 0.4] = -100

    def loss_fn(out, target):
        return F.cross_entropy(out.reshape(-1, 3), target.reshape(-1))

    class Nothing(Module):
        def forward(self, x):
            return x

    judged = evaluate(Nothing(), TensorDataset(x, y), loss_fn=loss_fn, batch_size=2)
    kept = y >= 0
    assert judged["accuracy"] == (x.argmax(-1) == y)[kept].mean()
    assert judged["loss"] == pytest.approx(F.cross_entropy(Tensor(x[kept]), y[kept]).item())


def test_a_network_learns_digits_and_the_history_tells(few):
    train, test = few
    model = MLP([64, 32, 10], rng=0)
    history = fit(
        model,
        train,
        epochs=8,
        optimizer=Adam(model.parameters(), lr=0.01),
        test=test,
        rng=0,
        progress=False,
    )
    assert [row["epoch"] for row in history] == list(range(1, 9))
    assert history[-1]["loss"] < history[0]["loss"] / 5
    assert history[-1]["accuracy"] > 0.95
    assert history[-1]["test_accuracy"] > 0.85
    assert all(row["seconds"] > 0 for row in history)
    judged = evaluate(model, test)
    assert judged == {"loss": history[-1]["test_loss"], "accuracy": history[-1]["test_accuracy"]}


def test_the_same_seed_gives_the_same_history(few):
    def run(seed):
        model = MLP([64, 16, 10], rng=seed)
        optimizer = SGD(model.parameters(), lr=0.1)
        rows = fit(model, few[0], epochs=2, optimizer=optimizer, rng=seed, progress=False)
        return [(row["loss"], row["accuracy"]) for row in rows]

    assert run(0) == run(0) != run(1)


def test_a_loader_decides_on_batches_and_order():
    xs = np.arange(6, dtype=np.float32).reshape(6, 1)
    seen = []
    model = Spy()

    def loss_fn(output, target):
        seen.append(target.tolist())
        return F.mse_loss(output, target)

    loader = DataLoader(TensorDataset(xs, xs), 4)
    optimizer = SGD(model.parameters(), lr=0.0)
    (row,) = fit(
        model, loader, epochs=1, optimizer=optimizer, loss_fn=loss_fn, batch_size=1, progress=False
    )
    assert seen == [[[0], [1], [2], [3]], [[4], [5]]]
    assert row["loss"] == pytest.approx((xs**2).mean())  # weighted by the size of the batch
    assert "accuracy" not in row  # the targets are no class indices


def test_several_inputs_go_into_the_model():
    class Add(Module):
        def __init__(self):
            self.layer = Linear(1, 1, dtype=np.float64, rng=0)

        def forward(self, x, y):
            return self.layer(x + y)

    model = Add()
    x = np.random.default_rng(0).normal(size=(64, 1))
    dataset = TensorDataset(x, 2 * x, 6 * x + 1)
    optimizer = SGD(model.parameters(), lr=0.05)
    fit(model, dataset, epochs=30, optimizer=optimizer, loss_fn=F.mse_loss, progress=False)
    assert evaluate(model, dataset, loss_fn=F.mse_loss)["loss"] < 1e-4
    assert model.layer.weight.item() == pytest.approx(2, abs=0.01)


def test_no_epochs_is_no_training(few):
    model = MLP([64, 10], rng=0)
    before = weights(model)
    assert fit(model, few[0], epochs=0, optimizer=SGD(model.parameters()), progress=False) == []
    np.testing.assert_array_equal(weights(model), before)


# Progress and interruption


def test_progress_goes_to_stderr_and_only_if_asked(few, capsys):
    model = MLP([64, 10], rng=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    fit(model, few[0], epochs=1, optimizer=optimizer, progress=False)
    assert capsys.readouterr() == ("", "")
    fit(model, few[0], epochs=2, optimizer=optimizer, test=few[1])
    out, err = capsys.readouterr()
    assert out == ""
    for text in ("epoch 1/2", "epoch 2/2: 100%", "16/16", "loss=", "accuracy=", "test_accuracy="):
        assert text in err


def test_ctrl_c_keeps_what_was_learnt(few):
    train, _ = few
    model = MLP([64, 10], rng=0)
    before = weights(model)
    batches = iter(range(20))

    def loss_fn(output, target):
        if next(batches) == 19:  # in the second epoch of 16 batches
            raise KeyboardInterrupt
        return F.cross_entropy(output, target)

    optimizer = SGD(model.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match="interrupted in epoch 2 of 5"):
        history = fit(
            model, train, epochs=5, optimizer=optimizer, loss_fn=loss_fn, rng=0, progress=False
        )
    assert [row["epoch"] for row in history] == [1]
    assert (weights(model) != before).any()
    model(Tensor(np.ones((1, 64), np.float32))).sum().backward()  # still records


def test_ctrl_c_waits_for_the_end_of_the_step(few):
    """The interrupt comes in the middle of a step; another, right after it, acts at once."""
    train, _ = few
    for presses, epochs in ((1, [1]), (2, [1])):
        model = MLP([64, 10], rng=0)
        batches = iter(range(99))

        def loss_fn(output, target, batches=batches, presses=presses):
            if next(batches) == 19:
                for _ in range(presses):
                    signal.raise_signal(signal.SIGINT)
            return F.cross_entropy(output, target)

        steps = []

        class Count(Callback):
            def after_step(self, run, steps=steps):
                steps.append((run.epoch, run.batch))

        with pytest.warns(UserWarning, match="interrupted in epoch 2 of 5"):
            history = fit(
                model,
                train,
                epochs=5,
                optimizer=SGD(model.parameters(), lr=0.1),
                loss_fn=loss_fn,
                callbacks=[Count()],
                progress=False,
            )
        assert [row["epoch"] for row in history] == epochs
        assert steps[-1] == (2, 4 if presses == 1 else 3)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("stop", [False, True])
def test_ctrl_c_when_all_is_done_says_that_nothing_is_missing(few, stop):
    class Press(Callback):
        def after_epoch(self, run):
            if run.epoch == 4:  # three are over
                run.stop = stop
                signal.raise_signal(signal.SIGINT)

    model = MLP([64, 10], rng=0)
    optimizer, epochs = SGD(model.parameters(), lr=0.1), 5 if stop else 3
    with pytest.warns(UserWarning, match="interrupted when its 3 epochs were over: none is miss"):
        history = fit(
            model,
            few[1],
            epochs=epochs,
            optimizer=optimizer,
            callbacks=[Press()],
            progress=False,
        )
    assert len(history) == 3


def test_a_checkpoint_without_a_folder_is_refused_before_training(few, tmp_path):
    model = MLP([64, 10], rng=0)
    before, optimizer = weights(model), SGD(model.parameters(), lr=0.1)
    path = tmp_path / "none" / "run.safetensors"
    with pytest.raises(FileNotFoundError, match=r"fit: there is no folder .*none for the checkp"):
        fit(model, few[1], epochs=1, optimizer=optimizer, checkpoint=path, progress=False)
    assert (weights(model) == before).all()


def test_fit_works_in_a_thread_which_gets_no_signals(few):
    model = MLP([64, 10], rng=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(fit, model, few[0], epochs=1, optimizer=optimizer, progress=False)
    assert len(done.result()) == 1


# Accumulation and clipping


@pytest.mark.parametrize("k", [2, 4, 5])
def test_accumulated_batches_are_one_big_batch(few, k):
    x, y = few[0][:320]
    dataset = TensorDataset(x.astype(np.float64), y)
    a, b = (MLP([64, 16, 10], dtype=np.float64, rng=0) for _ in range(2))
    for model, size, accumulate in ((a, 16, k), (b, 16 * k, 1)):
        fit(
            model,
            DataLoader(dataset, size, shuffle=True, rng=3),
            epochs=3,
            optimizer=SGD(model.parameters(), lr=0.5, momentum=0.9),
            accumulate=accumulate,
            progress=False,
        )
    np.testing.assert_allclose(weights(a), weights(b), rtol=0, atol=1e-12)
    assert abs(weights(a) - weights(MLP([64, 16, 10], dtype=np.float64, rng=0))).max() > 0.1


def test_the_rest_of_an_epoch_makes_a_step_of_its_own(few):
    x, y = few[0][:70]
    dataset = TensorDataset(x.astype(np.float64), y)
    a, b = (MLP([64, 10], dtype=np.float64, rng=0) for _ in range(2))
    optimizer = SGD(a.parameters(), lr=0.5)
    # batches of 10: steps of 3, 3 and 1 of them
    scheduler = CosineAnnealingLR(optimizer, 9, per="batch")
    fit(
        a,
        DataLoader(dataset, 10),
        epochs=1,
        optimizer=optimizer,
        accumulate=3,
        scheduler=scheduler,
        progress=False,
    )
    assert scheduler.last_epoch == optimizer.steps == 3
    optimizer = SGD(b.parameters(), lr=0.5)
    scheduler = CosineAnnealingLR(optimizer, 9, per="batch")
    for rows in (slice(0, 30), slice(30, 60), slice(60, 70)):
        optimizer.zero_grad()
        F.cross_entropy(b(Tensor(dataset.arrays[0][rows])), y[rows]).backward()
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(weights(a), weights(b), rtol=0, atol=1e-12)


def test_gradients_are_clipped_before_each_step(few):
    norms = []

    class Norms(Callback):
        def after_step(self, run):
            norms.append(np.sqrt(sum((p.grad.numpy() ** 2).sum() for p in run.model.parameters())))

    model = MLP([64, 10], rng=0)
    before = weights(model)
    optimizer = SGD(model.parameters(), lr=1.0)
    fit(
        model,
        few[0],
        epochs=1,
        optimizer=optimizer,
        max_norm=0.01,
        callbacks=[Norms()],
        progress=False,
    )
    assert max(norms) == pytest.approx(0.01, rel=1e-3)
    assert np.linalg.norm(weights(model) - before) <= 0.01 * len(norms)


# Callbacks


def test_early_stopping_and_the_best_weights(few, tmp_path):
    path = tmp_path / "best.safetensors"
    train, test = few
    model = MLP([64, 32, 10], rng=0)
    history = fit(
        model,
        TensorDataset(*train[:100]),
        test=test,
        epochs=200,
        optimizer=Adam(model.parameters(), lr=0.02),
        callbacks=[EarlyStopping(3), SaveBest(path)],
        rng=0,
        progress=False,
    )
    losses = [row["test_loss"] for row in history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 200
    model.load_state_dict(load(path))
    assert evaluate(model, test)["loss"] == losses[best]


def test_an_accuracy_is_better_when_it_is_more(few):
    class Scripted(Callback):
        def after_epoch(self, run):
            run.history[-1]["accuracy"] = [0.5, 0.6, 0.6, 0.55, 0.9][run.epoch - 2]

    model = MLP([64, 10], rng=0)
    optimizer = SGD(model.parameters())
    callbacks = [Scripted(), EarlyStopping(2, "accuracy")]
    history = fit(model, few[0], epochs=5, optimizer=optimizer, callbacks=callbacks, progress=False)
    assert len(history) == 4
    with pytest.raises(
        ValueError, match=r"SaveBest: monitor is 'f1'; .* has: \['accuracy', 'epoch'"
    ):
        fit(
            model,
            few[0],
            epochs=1,
            optimizer=optimizer,
            callbacks=[EarlyStopping(2, "f1")],
            progress=False,
        )


def test_no_callback_takes_back_the_stop_that_another_asked_for(few):
    class Enough(Callback):
        def after_step(self, run):
            run.stop = True

    model = MLP([64, 10], rng=0)
    settings = {"epochs": 5, "optimizer": SGD(model.parameters()), "progress": False}
    assert len(fit(model, few[0], callbacks=[Enough(), EarlyStopping(3)], **settings)) == 1


@pytest.mark.parametrize(("mode", "key"), [("min", "test_loss"), ("max", "test_accuracy")])
def test_a_plateau_is_shown_what_it_asks_for(few, mode, key):
    model = MLP([64, 10], rng=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = ReduceLROnPlateau(optimizer, mode=mode)
    history = fit(
        model,
        few[0],
        test=few[1],
        epochs=2,
        optimizer=optimizer,
        scheduler=scheduler,
        progress=False,
    )
    assert scheduler.best == (min if mode == "min" else max)(row[key] for row in history)
    scheduler = ReduceLROnPlateau(optimizer, per="batch")
    fit(model, few[0], epochs=1, optimizer=optimizer, scheduler=scheduler, progress=False)
    assert scheduler.last_epoch == 16 and scheduler.best < 2.3


@pytest.mark.parametrize("per", ["epoch", "batch"])
def test_a_plateau_that_waits_for_an_accuracy_is_told_where_there_is_none(per):
    model = MLP([2, 1], rng=0)
    optimizer = SGD(model.parameters())
    scheduler = ReduceLROnPlateau(optimizer, mode="max", per=per)
    settings = {"optimizer": optimizer, "scheduler": scheduler, "loss_fn": F.mse_loss}
    x = np.ones((4, 2), np.float32)
    with pytest.raises(
        ValueError, match=rf"mode 'max' per {per} needs an acc.* is \['loss'\] alone"
    ):
        fit(model, TensorDataset(x, x[:, :1]), epochs=1, progress=False, **settings)


def test_senseless_arguments_are_refused(few):
    model = MLP([64, 10], rng=0)
    settings = {"epochs": 1, "optimizer": SGD(model.parameters()), "progress": False}
    with pytest.raises(ValueError, match="accumulate is 0"):
        fit(model, few[0], accumulate=0, **settings)
    for wrong in (few[0].arrays, "digits"):
        with pytest.raises(TypeError, match=f"dataset is a {type(wrong).__name__}; pass a Dataset"):
            fit(model, wrong, **settings)
        with pytest.raises(TypeError, match=f"dataset is a {type(wrong).__name__}; pass a Dataset"):
            evaluate(model, wrong)
    for wrong in ({"resume": True}, {"checkpoint_every": 5}):
        with pytest.raises(ValueError, match="need a file; pass checkpoint=path"):
            fit(model, few[0], **wrong, **settings)


def test_the_optimiser_of_another_model_is_refused(few):
    model, other = MLP([64, 10], rng=0), MLP([64, 10], rng=0)
    with pytest.raises(ValueError, match=r"no parameter of this MLP .* as Adam\(model.parameters"):
        fit(model, few[0], epochs=1, optimizer=Adam(other.parameters()), progress=False)
    model[0].bias.requires_grad = False  # what is left to train is another's too
    with pytest.raises(ValueError, match="no parameter of this MLP"):
        fit(model, few[0], epochs=1, optimizer=SGD([model[0].bias]), progress=False)
    fit(model, few[0], epochs=1, optimizer=SGD([model[0].weight]), progress=False)  # a part of it


def test_data_without_a_target_are_refused():
    class One(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return np.ones(2, np.float32)

    model = MLP([2, 2], rng=0)
    for data in (One(), TensorDataset(np.ones((4, 2), np.float32))):
        with pytest.raises(ValueError, match="one array and no target"):
            fit(model, data, epochs=1, optimizer=SGD(model.parameters()), progress=False)
        with pytest.raises(ValueError, match="one array and no target"):
            evaluate(model, data)


# evaluate


def test_a_model_that_changes_its_input_leaves_the_data_as_they_are():
    class Centred(Module):
        def __init__(self):
            self.out = Linear(2, 2, rng=0)

        def forward(self, x):
            x -= x.mean(axis=0)
            return self.out(x)

    x, model = np.arange(8, dtype=np.float32).reshape(4, 2), Centred()
    ds = TensorDataset(x, np.array([0, 1, 0, 1]))
    evaluate(model, ds)
    loader = DataLoader(ds, 2)
    fit(model, loader, epochs=1, optimizer=SGD(model.parameters(), lr=0.1), progress=False)
    assert x.ravel().tolist() == list(range(8))


def test_evaluate_is_the_mean_over_all_examples(few):
    _, test = few
    model = MLP([64, 10], rng=0)
    x, y = test.arrays
    logits = model(Tensor(x)).numpy()
    expected = {
        "loss": F.cross_entropy(Tensor(logits.astype(np.float64)), y).item(),
        "accuracy": (logits.argmax(1) == y).mean(),
    }
    for batch_size in (1, 7, 300, 1000):
        assert evaluate(model, test, batch_size=batch_size) == pytest.approx(expected, rel=1e-5)
    assert evaluate(model, DataLoader(test, 64)) == pytest.approx(expected, rel=1e-5)


def test_an_accuracy_counts_each_position_that_is_not_ignored():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6, 5, 3))  # examples, positions, classes
    target = rng.integers(0, 3, (6, 5))
    target[0, 2:] = -100
    expected = (logits.argmax(2) == target).sum() / 27
    last = TensorDataset(logits, target)
    model = Spy()
    model.w = Parameter([1.0])

    def flat(output, target):
        return F.cross_entropy(output.reshape((-1, 3)), target.reshape(-1))

    for batch_size in (2, 6):
        judged = evaluate(model, last, loss_fn=flat, batch_size=batch_size)
        assert judged["accuracy"] == pytest.approx(expected)
    second = TensorDataset(logits.swapaxes(1, 2), target)
    assert evaluate(model, second)["accuracy"] == pytest.approx(expected)


def test_one_number_for_each_example_is_no_choice_of_a_class():
    numbers = TensorDataset(np.zeros((4, 1)), np.array([-10, -10, 1, 1]))
    model = MLP([1, 1], rng=0)
    for p in model.parameters():
        p.data[...] = 0

    def squared(output, target):
        return F.mse_loss(output[:, 0], target.astype(output.dtype))

    for batch_size in (2, 4):
        judged = evaluate(model, numbers, loss_fn=squared, batch_size=batch_size)
        assert judged == {"loss": 50.5}


def test_classes_are_on_axis_1_where_they_are_as_many_as_the_positions():
    logits = np.random.default_rng(0).normal(size=(2, 3, 3))
    judged = evaluate(Identity(), TensorDataset(logits, logits.argmax(1)))
    assert judged["accuracy"] == 1


def test_the_best_epoch_is_found_among_those_that_have_a_number(few, tmp_path):
    model, path = MLP([64, 10], rng=0), tmp_path / "best.safetensors"
    run = Run(model, DataLoader(few[0], 64), SGD(model.parameters()))
    best, stopping = SaveBest(path), EarlyStopping(2)
    for row, saved in [({"loss": np.nan}, False), ({"loss": 1.0}, True), ({"loss": 2.0}, False)]:
        path.unlink(missing_ok=True)
        run.history.append(row)
        best.after_epoch(run)
        assert path.exists() == saved
    run.history.append({"loss": 0.9, "test_loss": 3.0})  # resumed, with test data this time
    best.after_epoch(run)
    stopping.after_epoch(run)
    assert path.exists()
    assert not run.stop


def test_a_batch_in_which_nothing_counts_leaves_the_mean_alone():
    x, y = np.eye(4), np.array([-100, -100, 0, 1])
    model = MLP([4, 3], rng=0)
    with np.errstate(invalid="ignore"):  # the loss of such a batch is 0 / 0
        judged = evaluate(model, TensorDataset(x, y), batch_size=2)
        assert judged == evaluate(model, TensorDataset(x[2:], y[2:]))
        nothing = evaluate(model, TensorDataset(x[:2], y[:2]))
    assert np.isnan(nothing["loss"]) and "accuracy" not in nothing


def test_evaluate_records_nothing_and_restores_each_mode():
    model = MLP([3, 3, 3])
    model[1].eval()  # frozen on purpose
    dataset = TensorDataset(np.ones((4, 3), np.float32), np.ones(4))
    seen = []

    def loss_fn(output, target):
        seen.append(output.requires_grad)
        seen.extend(module.training for module in model.modules())
        return output.mean()

    evaluate(model, dataset, loss_fn=loss_fn)
    assert seen == [False] * 5
    assert [m.training for m in model.modules()] == [True, True, False, True]


def test_evaluate_restores_the_mode_after_an_error():
    model = MLP([3, 3])
    dataset = TensorDataset(np.ones((4, 2), np.float32), np.ones(4, int))
    with pytest.raises(ValueError, match="linear"):
        evaluate(model, dataset)
    assert model.training


def test_fit_trains_in_training_mode(few):
    model = MLP([64, 10], rng=0).eval()
    fit(model, few[0], epochs=1, optimizer=SGD(model.parameters()), progress=False)
    assert all(m.training for m in model.modules())
