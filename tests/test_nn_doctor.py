"""The bug museum: programs with one planted fault, which `doctor` names, and programs with none.

Each program runs in ``with watch(model, optimizer):`` and returns the model. The line that the
finding has to name ends in ``# here``.
"""

import copy
import inspect
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest

import nn
from autograd import (
    Tensor,
    checkpoint,
    detect_anomaly,
    grad,
    no_grad,
    op_table,
    strict_broadcast,
)
from autograd.recording import recording
from nn import functional as F
from nn import init, loss, optim, utils
from nn.activation import ACTIVATIONS
from nn.data import DataLoader, TensorDataset, digits
from nn.diagnosis import CURES, OPS
from nn.optim import SGD, Adam, lr_scheduler
from nn.sizes import RESHAPED, STEPS
from nn.utils import clip_grad_norm_, clip_grad_value_

BUGS, HEALTHY = [], []

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 8)).astype("float32")
Y = (X[:, :3] + 0.3 * rng.normal(size=(64, 3))).argmax(axis=1)  # classes
T = (X @ rng.normal(size=8) / 3).astype("float32")  # numbers
B = (T > 0).astype("float32")
SHUFFLED = [rng.permutation(64)[:32] for _ in range(6)]
BATCHES = [(X[i], Y[i]) for i in SHUFFLED]
NUMBERS = [(X[i], T[i]) for i in SHUFFLED]
SIGNS = [(X[i], B[i, None]) for i in SHUFFLED]
TOKENS = rng.integers(0, 11, size=(6, 4, 9))
IMAGES = rng.normal(size=(6, 8, 1, 8, 8)).astype("float32")


def bug(name):
    def register(program):
        BUGS.append((name, program))
        return program

    return register


def healthy(program):
    HEALTHY.append(program)
    return program


def mlp(*more, sizes=(8, 32, 3), seed=0):
    return nn.Sequential(*nn.MLP(sizes, "relu", rng=seed), *more)


class Two(nn.Module):
    """Two layers, between which `pass_on` does something."""

    def __init__(self, pass_on, outputs=3):
        self.first, self.second = nn.Linear(8, 32, rng=0), nn.Linear(32, outputs, rng=1)
        self.pass_on = pass_on

    def forward(self, x):
        return self.second(self.pass_on(self.first(x)))


def read_tokens(model, optimizer):
    for tokens in TOKENS:
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, 11), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# The order of the loop.


@bug("no zero_grad")
def zero_grad_forgotten(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, y in BATCHES:
            loss = F.cross_entropy(model(x), y)
            loss.backward()  # here
            optimizer.step()
    return model


@bug("no zero_grad")
def zero_grad_of_another_model(watch):
    model, other = mlp(), mlp()
    optimizer = Adam(model.parameters(), lr=0.001)
    with watch(model, optimizer):
        for x, y in BATCHES:
            other.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
    return model


@bug("no zero_grad")
def zero_grad_once_an_epoch(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for _ in range(2):
            optimizer.zero_grad()
            for x, y in BATCHES:
                F.cross_entropy(model(x), y).backward()  # here
                optimizer.step()
    return model


@bug("no zero_grad")
def zero_grad_of_the_head_alone(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, y in BATCHES:
            model[2].zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
    return model


@bug("no zero_grad")
def zero_grad_of_one_of_two_optimisers(watch):
    model = mlp()
    body, head = SGD(model[0].parameters(), lr=0.1), Adam(model[2].parameters(), lr=0.001)
    with watch(model, body, head):
        for x, y in BATCHES:
            body.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            body.step()
            head.step()
    return model


@bug("no zero_grad")
def zero_grad_forgotten_but_clipped(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, y in BATCHES:
            F.cross_entropy(model(x), y).backward()  # here
            clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return model


@bug("step without gradients")
def zero_grad_between_backward_and_step(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            F.cross_entropy(model(x), y).backward()
            optimizer.zero_grad()
            optimizer.step()  # here
    return model


@bug("step without gradients")
def gradients_filled_with_zeros_before_the_step(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            F.cross_entropy(model(x), y).backward()
            optimizer.zero_grad(set_to_none=False)
            optimizer.step()  # here
    return model


@bug("step without gradients")
def step_before_backward(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            optimizer.step()  # here
            loss.backward()
    return model


@bug("step without gradients")
def backward_forgotten(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y)
            optimizer.step()  # here
    return model


@bug("step without gradients")
def two_steps_for_one_backward(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            optimizer.step()  # here
    return model


@bug("backward() astray")
def output_through_numpy(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            out = Tensor(model(x).numpy(), requires_grad=True)
            F.cross_entropy(out, y).backward()  # here
            optimizer.step()
    return model


@bug("backward() astray")
def loss_of_another_model(watch):
    model, other = mlp(), mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(other(x), y).backward()  # here
            optimizer.step()
    return model


@bug("backward() astray")
def another_model_and_its_optimiser(watch):
    model, other = mlp(), mlp()
    optimizer, better = SGD(model.parameters(), lr=0.1), SGD(other.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            better.zero_grad()
            F.cross_entropy(other(x), y).backward()  # here
            better.step()
    return model


@bug("no step")
def step_forgotten(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
    return model


@bug("no step")
def step_outside_of_the_loop(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for _ in range(2):
            for x, y in 3 * BATCHES:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
    return model


@bug("no step")
def parentheses_of_the_step_forgotten(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step  # noqa: B018 - the bug
    return model


@bug("no step")
def step_of_another_optimiser(watch):
    model = mlp()
    optimizer, better = SGD(model.parameters(), lr=0.1), Adam(model.parameters(), lr=0.001)
    with watch(model, optimizer):
        for x, y in BATCHES:
            better.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            better.step()
    return model


@bug("clipping after the step")
def clipped_too_late(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            clip_grad_norm_(model.parameters(), 0.1)  # here
    return model


@bug("clipping after the step")
def values_clipped_after_zero_grad(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
            clip_grad_value_(model.parameters(), 0.1)  # here
    return model


@bug("scheduler before the optimiser")
def scheduler_first(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    with watch(model, optimizer):
        for x, y in BATCHES:
            scheduler.step()  # here
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model


@bug("scheduler stepped too seldom")
def schedule_of_batches_stepped_once_an_epoch(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 12, per="batch")
    with watch(model, optimizer):
        for _ in range(2):
            for x, y in BATCHES:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            scheduler.step()  # here
    return model


# What is trained.


@bug("missing from the optimiser")
def head_replaced_after_the_optimiser_was_made(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    model[2] = nn.Linear(32, 3, rng=5)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()  # here
    return model


@bug("missing from the optimiser")
def biases_left_out(watch):
    model = mlp()
    optimizer = SGD([p for p in model.parameters() if p.ndim > 1], lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            model.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()  # here
    return model


@bug("missing from the optimiser")
def optimiser_of_a_copy(watch):
    model = mlp()
    optimizer = SGD(copy.deepcopy(model).parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()  # here
    return model


@bug("no gradient")
def hidden_layer_detached(watch):
    model = Two(lambda h: h.relu().detach())
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
    return model


@bug("no gradient")
def hidden_layer_through_numpy(watch):
    model = Two(lambda h: Tensor(np.maximum(h.numpy(), 0)))
    optimizer = Adam(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
    return model


@bug("no gradient")
def layer_never_called(watch):
    model = Two(lambda h: h.relu())
    model.third = nn.Linear(3, 3, rng=0)
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
    return model


@bug("no gradient")
def encoder_under_no_grad(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            with no_grad():
                h = model[1](model[0](Tensor(x)))
            F.cross_entropy(model[2](h), y).backward()  # here
            optimizer.step()
    return model


# The loss.


@bug("probabilities as logits")
def softmax_layer_before_cross_entropy(watch):
    model = mlp(nn.Softmax(-1))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)  # here
            loss.backward()
            optimizer.step()
    return model


@bug("probabilities as logits")
def softmax_before_the_module_of_cross_entropy(watch):
    model, criterion = mlp(), nn.CrossEntropyLoss()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            criterion(F.softmax(model(x), axis=-1), y).backward()  # here
            optimizer.step()
    return model


@bug("probabilities as logits")
def sigmoid_before_bce_with_logits(watch):
    model = mlp(nn.Sigmoid(), sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in SIGNS:
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(x), y)  # here
            loss.backward()
            optimizer.step()
    return model


@bug("probabilities as logits")
def softmax_in_a_model_given_to_fit(watch):
    model, digits = mlp(nn.Softmax(-1)), TensorDataset(X, Y)
    settings = {"optimizer": SGD(model.parameters(), lr=0.1), "rng": 0, "progress": False}
    with watch(model, settings["optimizer"]):
        nn.fit(model, digits, epochs=1, **settings)  # here
    return model


@bug("(N, 1) against (N,)")
def squared_error_of_all_pairs(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, t in NUMBERS:
            optimizer.zero_grad()
            errors = model(x) - t  # here
            (errors**2).mean().backward()
            optimizer.step()
    return model


@bug("(N, 1) against (N,)")
def absolute_error_of_all_pairs_with_a_penalty(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, t in NUMBERS:
            optimizer.zero_grad()
            penalty = sum((p * p).sum() for p in model.parameters())
            loss = 0.5 * abs(Tensor(t) - model(x)).sum() / 32**2 + 1e-3 * penalty  # here
            loss.backward()
            optimizer.step()
    return model


# Modes, and what is kept.


@bug("eval() forgotten")
def dropout_in_the_evaluation(watch):
    model = mlp(nn.Dropout(0.5, rng=0), sizes=(8, 32, 3))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        with no_grad():
            model(X).argmax(axis=1)  # here
    return model


@bug("eval() forgotten")
def statistics_of_the_test_set(watch):
    model = nn.Sequential(nn.Linear(8, 32, rng=0), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    init.zeros_(model[3].weight)
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            with no_grad():
                F.cross_entropy(model(X), Y)  # here
    return model


@bug("eval() forgotten")
def samples_drawn_in_training_mode(watch):
    model = nn.GPT(vocab_size=11, context=8, d_model=16, nhead=2, num_layers=2, rng=0, dropout=0.1)
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    with watch(model, optimizer):
        read_tokens(model, optimizer)
        model.generate([1, 2], n=3, rng=0)  # here
    return model


@bug("eval() forgotten")
def dropout_between_recurrent_layers(watch):
    model = nn.LSTM(8, 8, num_layers=2, dropout=0.5, rng=0)
    optimizer = Adam(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, _ in BATCHES:
            optimizer.zero_grad()
            out, _ = model(x.reshape(4, 8, 8))
            (out * out).mean().backward()
            optimizer.step()
        with no_grad():
            model(X.reshape(8, 8, 8))  # here
    return model


def dropping(training):
    """Return a model that calls dropout as a function; given the model, `training` is asked for."""
    model = Two(lambda h: F.dropout(h.relu(), 0.1, training(model), rng=0))
    return model


def evaluated_after_each_step(watch, model):
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            model.train()
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            model.eval()
            with no_grad():
                model(X).argmax(axis=1)
    return model


@bug("dropout in eval mode")
def dropout_that_is_not_told_of_the_mode(watch):
    return evaluated_after_each_step(watch, Two(lambda h: F.dropout(h.relu(), 0.1)))  # here


@bug("dropout in eval mode")
def dropout_made_in_forward(watch):
    return evaluated_after_each_step(watch, Two(lambda h: nn.Dropout(0.1)(h.relu())))  # here


@bug("layer made in forward")
def layers_made_in_forward(watch):
    def pass_on(h):
        return nn.Sequential(nn.Linear(32, 32), nn.ReLU())(h)  # here

    return trained(watch, model := Two(pass_on), SGD(model.parameters(), lr=0.1))


@healthy
def layers_of_another_model_in_forward(watch):
    others = [nn.Linear(32, 32, rng=2 + i) for i in range(STEPS)]
    rows = nn.Linear(8, 32, rng=1)

    def pass_on(h):
        for layer in others:  # frozen in fact: no optimiser has them
            h = layer(h)
        return nn.ReLU()(h) + nn.Dropout(0.0)(rows(np.ones(8, np.float32)))

    model = Two(pass_on)
    return trained(watch, model, SGD([*model.parameters(), *rows.parameters()], lr=0.1))


@bug("eval() forgotten")
def dropout_as_a_function_in_the_evaluation(watch):
    model = dropping(lambda model: model.training)
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        with no_grad():
            model(X)  # here
    return model


@bug("train() forgotten")
def dropout_as_a_function_that_is_off_in_training(watch):
    model = dropping(lambda model: model.training).eval()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            out = model(x)  # here
            F.cross_entropy(out, y).backward()
            optimizer.step()
    return model


@bug("train() forgotten")
def still_in_use_after_an_evaluation(watch):
    model = mlp(nn.Dropout(0.1, rng=0))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
            model.eval()
            with no_grad():
                model(X)
    return model


@bug("train() forgotten")
def batch_norm_in_use_from_the_start(watch):
    model = nn.Sequential(
        nn.Linear(8, 32, rng=0), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3, rng=1)
    ).eval()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            out = model(x)  # here
            F.cross_entropy(out, y).backward()
            optimizer.step()
    return model


@bug("train() forgotten")
def in_use_behind_a_checkpoint(watch):
    model = mlp(nn.Dropout(0.1, rng=0)).eval()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            out = checkpoint(model, Tensor(x))  # here
            F.cross_entropy(out, y).backward()
            optimizer.step()
    return model


@bug("graphs kept alive")
def losses_in_a_list(watch):
    model, history = mlp(), []
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()  # here
            optimizer.step()
            history.append(loss)
    return model


@bug("graphs kept alive")
def losses_added_up(watch):
    model, total = mlp(), 0
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()  # here
            optimizer.step()
            total += loss
    return model


@bug("graphs kept alive")
def losses_added_up_for_each_epoch(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for _ in range(2):
            total = 0
            for x, y in BATCHES:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()  # here
                optimizer.step()
                total += loss
    return model


@bug("graphs kept alive")
def outputs_in_a_list(watch):
    model, outputs = mlp(), []
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            outputs.append(model(x))  # here
            F.cross_entropy(outputs[-1], y).backward()
            optimizer.step()
    return model


class RunningMean(nn.Module):
    """A linear layer of what is left when a mean that moves is subtracted, and of the last ones."""

    def __init__(self, pass_on):
        self.linear, self.pass_on = nn.Linear(8, 3, rng=0), pass_on
        self.scale = nn.Parameter(np.ones(8, np.float32))
        self.register_buffer("mean", np.zeros(8, np.float32))
        self.last = ()

    def forward(self, x):
        x = self.scale * x
        self.mean = self.pass_on(0.9 * self.mean + 0.1 * x.mean(axis=0))
        self.last = (x, x - self.mean)
        return self.linear(x)


@bug("graphs kept alive")
def running_mean_with_its_graph(watch):
    model = RunningMean(lambda mean: mean)
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@healthy
def running_mean_without_a_graph(watch):
    model = RunningMean(lambda mean: mean.detach())
    model.scaled = model.scale * 2  # of one graph, made before the steps
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@healthy
def running_mean_detached_every_few_steps(watch):
    means = []

    def pass_on(mean):
        means[:] = [*means, mean] if len(means) < STEPS + 1 else []
        return mean if means else mean.detach()

    model = RunningMean(pass_on)
    return trained(watch, model, SGD(model.parameters(), lr=0.1), BATCHES + BATCHES)


# Sizes.


def trained(watch, model, optimizer, batches=BATCHES, loss_fn=F.cross_entropy):
    with watch(model, optimizer):
        for x, y in batches:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
    return model


@bug("loss not finite")
def learning_rate_beyond_all_bounds(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=1e6)
    with watch(model, optimizer), np.errstate(all="ignore"):
        for x, t in NUMBERS * 3:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), t[:, None])
            loss.backward()  # here
            optimizer.step()
    return model


@bug("input not finite")
def nan_among_the_data(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for i, (x, y) in enumerate(BATCHES):
            optimizer.zero_grad()
            x = np.where((x == x.max()) & (i == 2), np.nan, x)
            logits = model(x)  # here
            F.cross_entropy(logits, y).backward()
            optimizer.step()
    return model


@bug("input not finite")
def logarithms_of_zero_among_the_data(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer), np.errstate(all="ignore"):
        for x, y in BATCHES:
            optimizer.zero_grad()
            logits = model(np.log(np.maximum(x, 0)))  # here
            F.cross_entropy(logits, y).backward()
            optimizer.step()
    return model


@bug("loss not finite")
def nan_among_the_targets(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, t in NUMBERS:
            optimizer.zero_grad()
            F.mse_loss(model(x), np.where(t < t.max(), t, np.nan)[:, None]).backward()  # here
            optimizer.step()
    return model


@bug("zero gradients")
def loss_times_0(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            (F.cross_entropy(model(x), y) * 0).backward()  # here
            optimizer.step()
    return model


@bug("zero gradients")
def cross_entropy_of_one_column(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = Adam(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, _ in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), np.zeros(32, int)).backward()  # here
            optimizer.step()
    return model


@bug("zero gradients")
def output_rounded(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in SIGNS:
            optimizer.zero_grad()
            F.mse_loss(model(x).round(), y).backward()  # here
            optimizer.step()
    return model


@bug("zero gradients")
def all_weights_0(watch):
    model = nn.Sequential(nn.Linear(8, 32, bias=False), nn.Tanh(), nn.Linear(32, 3, bias=False))
    for p in model.parameters():
        init.zeros_(p)
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
    return model


@bug("diverging loss")
def learning_rate_too_high(watch):
    model = mlp(sizes=(8, 1))
    optimizer = SGD(model.parameters(), lr=2.0)
    with watch(model, optimizer):
        for x, t in NUMBERS:
            optimizer.zero_grad()
            F.mse_loss(model(x), t[:, None]).backward()  # here
            optimizer.step()
    return model


@bug("updates too small")
def learning_rate_with_a_slip(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=1e-9)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()  # here
    return model


@bug("dead ReLU")
def biases_far_below_zero(watch):
    model = mlp()
    init.constant_(model[0].bias, -100)
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()  # here
            optimizer.step()
    return model


@bug("dead ReLU")
def dead_where_relu_is_a_function(watch):
    def pass_on(h):
        return F.relu(h - 50)  # here

    return trained(watch, model := Two(pass_on), SGD(model.parameters(), lr=0.1))


@bug("dead ReLU")
def all_channels_of_a_signal_but_one_are_dead(watch):
    model = nn.Sequential(
        *(nn.Conv1d(1, 16, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 6, 3, rng=1)),
    )
    model[0].bias.data[1:] = -100
    batches = [(x[:, None], y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.1), batches)


@bug("dead ReLU")
def all_channels_but_one_are_dead_after_another_activation(watch):
    class Twice(nn.Module):
        def __init__(self):
            self.conv, self.head = nn.Conv1d(1, 16, 3, rng=0), nn.Linear(16 * 6, 3, rng=1)

        def forward(self, x):
            h = F.gelu(self.conv(x)).relu()  # here
            return self.head(h.reshape(len(x), -1))

    model = Twice()
    model.conv.bias.data[1:] = -100
    batches = [(x[:, None], y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.1), batches)


def one_epoch_of_digits(watch, activation, optimizer, scale=1):
    model = nn.MLP([64, 32, 10], activation, rng=0)
    loader = DataLoader(digits()[0], 64, shuffle=True, rng=0)
    batches = [(scale * x, y) for x, y in loader]
    return trained(watch, model, optimizer(model.parameters()), batches)


@bug("dead ReLU")
def units_that_die_of_a_large_rate(watch):
    return one_epoch_of_digits(watch, "relu", lambda p: Adam(p, lr=1.0))


@bug("dead ReLU")
def most_units_die_of_a_large_rate(watch):
    return one_epoch_of_digits(watch, "relu", lambda p: SGD(p, lr=5.0))


@bug("dead ReLU")
def units_that_die_of_large_inputs(watch):
    return one_epoch_of_digits(watch, "relu", lambda p: SGD(p, lr=0.1), scale=1000)


@bug("saturated activation")
def tanh_driven_to_its_bounds_by_a_large_rate(watch):
    return one_epoch_of_digits(watch, "tanh", lambda p: Adam(p, lr=1.0))


@bug("saturated activation")
def tanh_of_large_weights(watch):
    model = nn.MLP([8, 32, 32, 3], "tanh", rng=0)
    init.normal_(model[0].weight, std=5.0, rng=1)
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@bug("saturated activation")
def sigmoid_of_inputs_in_thousands(watch):
    model = Two(lambda h: h.sigmoid())
    batches = [(1000 * x, y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.01), batches)


@bug("saturated activation")
def softsign_of_inputs_in_thousands(watch):
    model = nn.MLP([8, 32, 3], "softsign", rng=0)
    batches = [(1000 * x, y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.01), batches)


@bug("saturated activation")
def hardsigmoid_of_inputs_in_thousands(watch):
    model = nn.MLP([8, 32, 3], "hardsigmoid", rng=0)
    batches = [(1000 * x, y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.01), batches)


@bug("saturated activation")
def relu6_of_inputs_in_thousands(watch):
    model = nn.MLP([8, 32, 3], "relu6", rng=0)
    batches = [(1000 * x, y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.01), batches)


@bug("saturated activation")
def hardtanh_as_a_function_of_inputs_in_thousands(watch):
    model = Two(lambda h: F.hardtanh(h, -20, 20))
    batches = [(1000 * x, y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.01), batches)


@bug("dead ReLU")
def dead_relu6(watch):
    model = nn.MLP([8, 32, 3], "relu6", rng=0)
    init.constant_(model[0].bias, -100)
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@bug("vanishing or exploding")
def deep_and_sigmoid(watch):
    model = nn.MLP([8, *[32] * 10, 3], "sigmoid", rng=0)
    return trained(watch, model, SGD(model.parameters(), lr=0.01))


@bug("vanishing or exploding")
def weights_of_unit_variance(watch):
    model = nn.MLP([8, *[128] * 5, 3], "relu", rng=0)
    for p in model.parameters():
        init.normal_(p, std=1.0, rng=1)
    return trained(watch, model, SGD(model.parameters(), lr=1e-12))


@bug("vanishing or exploding")
def weights_of_a_thousandth(watch):
    model = nn.MLP([8, *[32] * 4, 3], "relu", rng=0)
    for p in model.parameters():
        if p.ndim > 1:
            init.normal_(p, std=1e-3, rng=1)
    return trained(watch, model, Adam(model.parameters(), lr=1e-5))


# Healthy programs.


@healthy
def perceptron_by_sgd(watch):
    model = mlp()
    return trained(watch, model, SGD(model.parameters(), lr=0.1, momentum=0.9))


@healthy
def perceptron_by_adam_in_float64(watch):
    model = nn.MLP([8, 32, 32, 3], "gelu", dtype=np.float64, rng=0)
    batches = [(x.astype(np.float64), y) for x, y in BATCHES]
    return trained(watch, model, Adam(model.parameters(), lr=0.01), batches)


@healthy
def convolutions_with_batch_norm(watch):
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1, rng=0), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 8, 3, padding=1, rng=1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3, rng=2)),
    )
    batches = [(x, Y[:8]) for x in IMAGES]
    return trained(watch, model, Adam(model.parameters(), lr=0.01), batches)


@healthy
def small_residual_network(watch):
    model = nn.ResNet((1, 1), (8, 16), in_channels=1, num_classes=3, rng=0)
    return trained(watch, model, SGD(model.parameters(), lr=0.05), [(x, Y[:8]) for x in IMAGES])


@healthy
def recurrent_network(watch):
    class Last(nn.Module):
        def __init__(self):
            self.lstm = nn.LSTM(4, 16, num_layers=2, dropout=0.2, batch_first=True, rng=0)
            self.head = nn.Linear(16, 3, rng=1)

        def forward(self, x):
            out, _ = self.lstm(x)
            return self.head(out[:, -1])

    model = Last()
    optimizer = Adam(model.parameters(), lr=0.01)
    batches = [(np.repeat(x.reshape(-1, 2, 4), 5, 1), y) for x, y in BATCHES]
    with watch(model, optimizer):
        for x, y in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward(retain_graph=False)
            clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        model.eval()
        with no_grad():
            model(batches[0][0])
    return model


@healthy
def recurrence_cut_off_between_windows(watch):
    model = nn.GRU(8, 16, rng=0)
    optimizer, h = Adam(model.parameters(), lr=0.01), None
    with watch(model, optimizer):
        for x, _ in BATCHES:
            optimizer.zero_grad()
            out, h = model(x.reshape(4, 8, 8), h)
            h = h.detach()
            (out[1:] * out[1:]).mean().backward()
            optimizer.step()
    return model


@healthy
def frozen_statistics_below_a_head_in_training(watch):
    model = nn.Sequential(
        *(nn.Linear(8, 32, rng=0), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3, rng=1))
    )
    optimizer = SGD(model[3].parameters(), lr=0.1)
    for p in [*model[0].parameters(), *model[1].parameters()]:
        p.requires_grad = False
    model.eval()
    model[3].train()
    return trained(watch, model, optimizer)


@healthy
def critic_that_steps_more_often_than_the_generator(watch):
    generator, critic = nn.Linear(3, 8, rng=0), mlp(sizes=(8, 32, 1))
    model = nn.ModuleList([generator, critic])
    slow, fast = (Adam(m.parameters(), lr=1e-3) for m in (generator, critic))
    with watch(model, slow, fast):
        for x, _ in BATCHES:
            fake = generator(np.ones((32, 3), np.float32)).detach()
            fast.zero_grad()
            (critic(fake) - critic(x)).mean().backward()
            fast.step()
    return model


@healthy
def small_gpt(watch):
    model = nn.GPT(vocab_size=11, context=8, d_model=16, nhead=2, num_layers=2, rng=0, dropout=0.1)
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    with watch(model, optimizer):
        read_tokens(model, optimizer)
        model.eval()
        model.generate([1, 2], n=3, rng=0)
    return model


@healthy
def transformer_block_averaged_over_time(watch):
    model = nn.TransformerBlock(8, 2, rng=0)
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    with watch(model, optimizer):
        for x, _ in BATCHES:
            optimizer.zero_grad()
            ((model(x.reshape(2, 16, 8)).mean(axis=1) - 1) ** 2).mean().backward()
            optimizer.step()
    return model


@healthy
def gradients_of_several_batches_added_up(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for i, (x, y) in enumerate(BATCHES * 2):
            (F.cross_entropy(model(x), y) / 3).backward()
            if i % 3 == 2:
                optimizer.step()
                optimizer.zero_grad()
    return model


@healthy
def two_losses_with_a_backward_each(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            out = model(x)
            F.cross_entropy(out, y).backward()
            (1e-3 * (out * out).mean()).backward()
            optimizer.step()
    return model


@healthy
def two_optimisers(watch):
    model = mlp()
    body, head = SGD(model[0].parameters(), lr=0.1), Adam(model[2].parameters(), lr=0.01)
    with watch(model, body, head):
        for x, y in BATCHES:
            model.zero_grad()
            F.cross_entropy(model(x), y).backward()
            body.step()
            head.step()
    return model


@healthy
def two_optimisers_of_which_one_is_watched(watch):
    model = mlp()
    body, head = SGD(model[0].parameters(), lr=0.1), Adam(model[2].parameters(), lr=0.01)
    with watch(model, body):
        for x, y in BATCHES:
            model.zero_grad()
            F.cross_entropy(model(x), y).backward()
            body.step()
            head.step()
    return model


@healthy
def muon_for_matrices_and_adamw_for_the_rest(watch):
    model = mlp()
    muon = optim.Muon([model[0].weight], lr=0.02)
    rest = optim.AdamW([p for p in model.parameters() if p is not model[0].weight], lr=1e-3)
    with watch(model, muon, rest):
        for x, y in BATCHES:
            muon.zero_grad()
            rest.zero_grad()
            F.cross_entropy(model(x), y).backward()
            muon.step()
            rest.step()
    return model


@healthy
def two_models_trained_in_turn(watch):
    model, other = mlp(), mlp(seed=1)
    optimizer, another = SGD(model.parameters(), lr=0.1), SGD(other.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            for net, opt in ((model, optimizer), (other, another)):
                opt.zero_grad()
                F.cross_entropy(net(x), y).backward()
                clip_grad_norm_(net.parameters(), 1.0)
                opt.step()
    return model


@healthy
def frozen_layers_in_the_optimiser(watch):
    model = mlp()
    model[0].requires_grad_(False)
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@healthy
def frozen_layers_outside_the_optimiser(watch):
    model = mlp()
    model[0].requires_grad_(False)
    return trained(watch, model, SGD(model[2].parameters(), lr=0.1))


@healthy
def frozen_batch_norm(watch):
    model = nn.Sequential(
        nn.Linear(8, 32, rng=0), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3, rng=1)
    )
    model[1].eval().requires_grad_(False)
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@healthy
def all_but_dropout_in_use(watch):
    model = nn.Sequential(
        *(nn.Linear(8, 32, rng=0), nn.BatchNorm1d(32), nn.ReLU()),
        *(nn.Dropout(0.1, rng=0), nn.Linear(32, 3, rng=1)),
    )
    model.eval()[3].train()
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@healthy
def clipped_in_time(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            clip_grad_value_(model.parameters(), 0.5)
            clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            clip_grad_norm_(model.parameters(), float("inf"))  # the norm, to be written down
    return model


@healthy
def schedule_by_batch(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = lr_scheduler.StepLR(optimizer, 2, per="batch")
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            scheduler.step()
    return model


@healthy
def warmup_from_almost_nothing(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=1e-3)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: 1e-9 * (1 + t), per="batch")
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            scheduler.step()
    return model


@healthy
def evaluation_between_the_epochs(watch):
    model = mlp(nn.Dropout(0.1, rng=0))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for _ in range(2):
            model.train()
            for x, y in BATCHES:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            model.eval()
            with no_grad():
                F.cross_entropy(model(X), Y)
    return model


@healthy
def evaluation_that_records(watch):
    model = mlp(nn.Dropout(0.1, rng=0))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            model.eval()
            model(X).argmax(axis=1)
            model.train()
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model


@healthy
def dropout_as_a_function_that_goes_by_the_mode(watch):
    return evaluated_after_each_step(watch, dropping(lambda model: model.training))


@healthy
def dropout_that_is_meant_in_eval_mode(watch):
    return trained(watch, model := dropping(lambda _: True).eval(), SGD(model.parameters(), lr=0.1))


@healthy
def dropout_that_is_meant_by_keyword(watch):
    model = Two(lambda h: F.dropout(h.relu(), 0.1, training=True)).eval()
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@healthy
def dropout_behind_a_checkpoint_in_a_module_in_use(watch):
    class Steepest(nn.Module):
        """The input and the slope of a network at it, which is walked back in forward."""

        def __init__(self):
            self.net = Two(lambda h: F.dropout(h.relu(), 0.1), outputs=1)

        def forward(self, x):
            x = Tensor(x, requires_grad=True)
            checkpoint(self.net, x).sum().backward()
            return self.net(x)

    model = Steepest().eval()
    model.net.train()
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for x, t in NUMBERS:
            out = model(x)[:, 0]
            optimizer.zero_grad()
            F.mse_loss(out, t).backward()
            optimizer.step()
    return model


@healthy
def dropout_of_nothing(watch):
    return evaluated_after_each_step(watch, Two(lambda h: F.dropout(h.relu(), 0.0)))


@healthy
def without_layers_that_have_a_mode(watch):
    model = mlp(nn.Dropout(0.0)).eval()
    model = trained(watch, model, SGD(model.parameters(), lr=0.1))
    with no_grad():
        model.train()(X)
    return model


@healthy
def shared_weights(watch):
    class Tied(nn.Module):
        def __init__(self):
            self.encoder, self.decoder = nn.Linear(8, 32, rng=0), nn.Linear(32, 32, rng=1)
            self.again = self.decoder
            self.again.weight = self.decoder.weight

        def forward(self, x):
            h = self.again(self.decoder(self.encoder(x).relu()).relu())
            return h @ self.encoder.weight

    model = Tied()
    batches = [(x, x) for x, _ in BATCHES]
    return trained(watch, model, Adam(model.parameters(), lr=0.01), batches, F.mse_loss)


@healthy
def checkpoints_in_the_graph(watch):
    model = nn.MLP([8, 32, 32, 3], "relu", rng=0)
    drop = nn.Dropout(0.1, rng=0)
    model.drop = drop
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            h = checkpoint(lambda x: model[2](drop(model[1](model[0](x)))), x, rng=drop.rng)
            F.cross_entropy(model[4](model[3](h)), y).backward()
            optimizer.step()
    return model


@healthy
def adversaries(watch):
    model, critic = nn.MLP([4, 16, 8], rng=0), nn.MLP([8, 16, 1], "leaky_relu", rng=1)
    optimizer, other = Adam(critic.parameters(), lr=1e-3), Adam(model.parameters(), lr=1e-3)
    one, none = np.ones((32, 1), "float32"), np.zeros((32, 1), "float32")
    loss_fn = F.binary_cross_entropy_with_logits
    with watch(critic, optimizer):
        for x, _ in BATCHES:
            optimizer.zero_grad()
            made = model(x[:, :4])
            (loss_fn(critic(x), one) + loss_fn(critic(made.detach()), none)).backward()
            optimizer.step()
            other.zero_grad()
            loss_fn(critic(made), one).backward()  # adds to gradients of the critic, unused
            other.step()
    return critic


@healthy
def teacher_and_student(watch):
    model, teacher = mlp(), mlp(nn.Dropout(0.5, rng=0), seed=1).eval()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, _ in BATCHES:
            optimizer.zero_grad()
            with no_grad():
                target = F.softmax(teacher(x), axis=-1)
            F.cross_entropy(model(x), target).backward()
            optimizer.step()
    return model


@healthy
def average_of_the_weights_in_a_copy(watch):
    model = mlp(nn.BatchNorm1d(3))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        average = copy.deepcopy(model).eval()
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            with no_grad():
                for mean, p in zip(average.parameters(), model.parameters(), strict=True):
                    mean *= 0.9
                    mean += 0.1 * p
                average(x)
    return model


@healthy
def zeros_in_the_place_of_none(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for i, (x, y) in enumerate(BATCHES):
            for p in model.parameters():
                if p.grad is not None and i % 2:
                    p.grad.data[...] = 0
                elif p.grad is not None:
                    p.grad = np.zeros(p.shape, "float32")
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model


@healthy
def gradients_by_a_transform(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, _ in BATCHES:
            weight = model[0].weight
            weight.grad = grad(lambda w, x=x: ((x @ w.T) ** 2).mean())(weight.numpy())
            clip_grad_norm_(weight, 0.1)
            optimizer.step()
    return model


@healthy
def penalty_on_the_gradient(watch):
    model = nn.MLP([8, 32, 1], "tanh", rng=0)
    optimizer = Adam(model.parameters(), lr=1e-3)
    with watch(model, optimizer):
        for x, _ in BATCHES:
            x = Tensor(x, requires_grad=True)
            model(x).sum().backward(create_graph=True)
            slope, x.grad = x.grad, None
            optimizer.zero_grad()
            ((slope * slope).sum(axis=1) - 1).square().mean().backward()
            optimizer.step()
    return model


@healthy
def ranking_of_all_pairs(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, t in NUMBERS:
            optimizer.zero_grad()
            score = model(x)
            F.softplus((score[:, 0] - score) * np.sign(t[:, None] - t)).mean().backward()
            optimizer.step()
    return model


@healthy
def radial_functions_as_many_as_examples(watch):
    class Radial(nn.Module):
        def __init__(self):
            self.centres = nn.Parameter(np.linspace(-2, 2, 32, dtype="float32"))
            self.out = nn.Linear(32, 1, rng=0)

        def forward(self, x):
            return self.out((-((x - self.centres) ** 2)).exp())

    model = Radial()
    batches = [(x[:, :1], t[:, None]) for x, t in NUMBERS]
    return trained(watch, model, Adam(model.parameters(), lr=0.01), batches, F.mse_loss)


@healthy
def shapes_made_equal(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=0.05)
    with watch(model, optimizer), strict_broadcast():
        for x, t in NUMBERS:
            optimizer.zero_grad()
            ((model(x)[:, 0] - t) ** 2).mean().backward()
            optimizer.step()
    return model


@healthy
def probabilities_for_losses_that_take_them(watch):
    model = mlp(nn.Sigmoid(), sizes=(8, 32, 1))
    loss_fn = F.binary_cross_entropy
    return trained(watch, model, SGD(model.parameters(), lr=0.5), SIGNS, loss_fn)


@healthy
def log_probabilities(watch):
    model = mlp(nn.LogSoftmax(-1))
    return trained(watch, model, SGD(model.parameters(), lr=0.1), loss_fn=F.nll_loss)


@healthy
def outputs_at_their_bounds(watch):
    model = nn.MLP([8, 32, 1], "tanh", rng=0)
    model.append(nn.Sigmoid())
    model[2].weight.data[...] *= 100
    loss_fn = F.binary_cross_entropy
    return trained(watch, model, SGD(model.parameters(), lr=1e-4), SIGNS, loss_fn)


@healthy
def outputs_at_their_bounds_without_the_last_axis(watch):
    model = Two(lambda h: h.tanh(), outputs=1)
    model.second.weight.data[...] *= 100
    forward = model.forward
    model.forward = lambda x: forward(x).sigmoid().squeeze(-1)
    batches = [(x, y[:, 0]) for x, y in SIGNS]
    loss_fn = F.binary_cross_entropy
    return trained(watch, model, SGD(model.parameters(), lr=1e-4), batches, loss_fn)


@healthy
def wide_bounds_for_wide_inputs(watch):
    layers = nn.Linear(8, 32, rng=0), nn.Hardtanh(-20, 20), nn.Linear(32, 3, rng=1)
    batches = [(4 * x, y) for x, y in BATCHES]
    model = nn.Sequential(*layers)
    return trained(watch, model, SGD(model.parameters(), lr=0.01), batches)


@healthy
def wide_bounds_of_a_function(watch):
    model = Two(lambda h: F.hardtanh(4 * h, -20, 20))
    return trained(watch, model, SGD(model.parameters(), lr=0.01))


@healthy
def relu6_of_which_a_half_is_0(watch):
    model = nn.MLP([8, 32, 3], "relu6", rng=0)
    init.constant_(model[0].bias, -0.5)
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@healthy
def one_step_for_many_batches(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            (F.cross_entropy(model(x), y) / len(BATCHES)).backward()
        optimizer.step()
    return model


@healthy
def one_gradient_for_each_example(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            total = [0] * 4
            for i in range(len(x)):
                optimizer.zero_grad()
                F.cross_entropy(model(x[i : i + 1]), y[i : i + 1]).backward()
                clip_grad_norm_(model.parameters(), 1.0)
                total = [t + p.grad for t, p in zip(total, model.parameters(), strict=True)]
            for t, p in zip(total, model.parameters(), strict=True):
                p.grad = t / len(x)
            optimizer.step()
    return model


@healthy
def attacks_on_the_input(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            x = Tensor(x, requires_grad=True)
            for _ in range(20):
                model.zero_grad()
                x.grad = None
                F.cross_entropy(model(x), y).backward()
                x.data[...] += 0.01 * np.sign(x.grad.data)
            model.zero_grad()
            F.cross_entropy(model(x.detach()), y).backward()
            optimizer.step()
    return model


@healthy
def some_batches_without_a_gradient(watch):
    model = mlp(sizes=(8, 32, 1))
    optimizer = SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer):
        for i, (x, y) in enumerate(SIGNS):
            optimizer.zero_grad()
            margin = 1 - model(x) * (2 * y - 1) if i == 1 else -1 - 0 * model(x)
            F.relu(margin).mean().backward()
            optimizer.step()
    return model


@healthy
def infinite_input_that_the_model_replaces(watch):
    model = Two(lambda h: h.relu())
    forward = model.forward
    model.forward = lambda x: forward(np.where(np.isfinite(x), x, 0))
    batches = [(np.where(x > 1, np.inf, x), y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.1), batches)


@healthy
def numbers_kept_and_two_losses(watch):
    model, history, before = mlp(), [], None
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            before, older = loss, before
            history += [loss.item(), older is None]
    return model


@healthy
def losses_kept_of_graphs_that_are_freed(watch):
    model, history = mlp(), []
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            history.append(F.cross_entropy(model(x), y))
            history[-1].backward(retain_graph=False)
            optimizer.step()
    return model


@healthy
def features_kept_of_a_graph_that_is_freed(watch):
    class Kept(nn.Module):
        def __init__(self):
            self.conv, self.head = nn.Conv1d(1, 4, 3, rng=0), nn.Linear(4 * 6, 3, rng=1)
            self.features = None

        def forward(self, x):
            if self.features is not None:
                self.strong = F.relu(self.features - 0.1).mean().item()
            self.features = self.conv(x).relu()
            return self.head(self.features.reshape(len(x), -1))

    model = Kept()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x[:, None]), y).backward(retain_graph=False)
            optimizer.step()
    return model


@healthy
def layers_of_somebody_elses_in_turn(watch):
    frozen = [nn.Linear(8, 8, rng=i) for i in range(8)]

    class Alternating(nn.Module):
        def __init__(self):
            self.net, self.calls = mlp(), 0

        def forward(self, x):
            self.calls += 1
            return self.net(frozen[self.calls % 8](Tensor(x)))

    model = Alternating()
    return trained(watch, model, SGD(model.parameters(), lr=0.1))


@healthy
def an_output_of_a_graph_that_is_freed(watch):
    class Remembering(nn.Module):
        def __init__(self):
            self.net, self.last = mlp(), None

        def forward(self, x=None):
            if x is not None:
                self.last = self.net(x).reshape(-1).reshape(len(x), -1)
            return self.last

    model = Remembering()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward(retain_graph=False)
            optimizer.step()
            model().numpy().argmax(axis=1)
    return model


@healthy
def deep_with_residual_connections(watch):
    layers = [nn.PreNorm(nn.LayerNorm(8), nn.MLP([8, 16, 8], rng=i)) for i in range(12)]
    blocks = map(nn.Residual, layers)
    model = nn.Sequential(*blocks, nn.Linear(8, 3, rng=0))
    return trained(watch, model, Adam(model.parameters(), lr=1e-3))


@healthy
def deep_and_drawn_well(watch):
    model = nn.MLP([8, *[32] * 10, 3], "relu", rng=0)
    return trained(watch, model, SGD(model.parameters(), lr=0.01))


@healthy
def last_layer_of_zeros(watch):
    model = mlp()
    init.zeros_(model[2].weight)
    return trained(watch, model, Adam(model.parameters(), lr=1e-3))


@healthy
def large_inputs_to_a_norm(watch):
    model = nn.Sequential(nn.BatchNorm1d(8), *mlp())
    batches = [(1000 * x + 500, y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.1), batches)


def exclusive_or(watch, activation, lr, steps):
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([[0], [1], [1], [0]], "float32")
    model = nn.MLP([2, 16, 1], activation, rng=0)
    optimizer = Adam(model.parameters(), lr=lr)
    return trained(watch, model, optimizer, [(x, y)] * steps, F.binary_cross_entropy_with_logits)


@healthy
def exclusive_or_from_four_examples(watch):
    return exclusive_or(watch, "relu", 0.1, 100)


@healthy
def tanh_at_its_bounds_once_all_is_learnt(watch):
    return exclusive_or(watch, "tanh", 0.5, 1000)


@healthy
def regression_when_nothing_moves_any_more(watch):
    model = nn.Linear(8, 1, rng=0, dtype=np.float64)
    optimizer, batches = SGD(model.parameters(), lr=0.2), [(X, T[:, None])]
    model = trained(lambda *args: nullcontext(), model, optimizer, 300 * batches, F.mse_loss)
    return trained(watch, model, optimizer, 6 * batches, F.mse_loss)


@healthy
def small_rate_for_a_large_loss(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=1e-7)
    return trained(watch, model, optimizer, loss_fn=lambda z, y: 1e6 * F.cross_entropy(z, y))


@healthy
def small_rate_for_a_small_loss(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=1e-5)
    return trained(watch, model, optimizer, loss_fn=lambda z, y: 0.1 * F.cross_entropy(z, y))


@healthy
def hard_examples_last(watch):
    model = mlp(sizes=(8, 32, 1))
    batches = [(x, 10.0 ** (i - 3) * t[:, None]) for i, (x, t) in enumerate(NUMBERS)]
    return trained(watch, model, SGD(model.parameters(), lr=1e-4), batches, F.mse_loss)


@healthy
def embedding_of_which_rows_are_seldom_met(watch):
    model = nn.Sequential(nn.Embedding(1000, 8, rng=0), nn.Flatten(), nn.Linear(64, 3, rng=1))
    batches = [(tokens[:, :8], Y[:4]) for tokens in TOKENS]
    return trained(watch, model, SGD(model.parameters(), lr=0.01), batches)


@healthy
def parameter_in_several_places(watch):
    class Gated(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(np.random.default_rng(0).normal(size=(8, 3)) / 3)

        def forward(self, x):
            w = self.weight
            return x @ (w - w / w + w.tanh())  # the order of the sums shows in the last bit

    model = Gated()
    batches = [(x.astype(np.float64), y) for x, y in BATCHES]
    return trained(watch, model, SGD(model.parameters(), lr=0.1), batches)


@healthy
def gradient_of_the_inputs(watch):
    model = mlp(nn.Dropout(0.1, rng=0))
    model = trained(watch, model, SGD(model.parameters(), lr=0.1)).eval()
    x = Tensor(X, requires_grad=True)
    F.cross_entropy(model(x), Y).backward()
    assert x.grad is not None
    return model


@healthy
def anomalies_looked_for(watch):
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer), detect_anomaly():
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model


@healthy
def all_that_fit_does(watch):
    model = mlp(nn.BatchNorm1d(3))
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 8, per="batch")
    settings = {"accumulate": 2, "max_norm": 1.0, "scheduler": scheduler, "progress": False}
    loader = DataLoader(TensorDataset(X, Y), 8, shuffle=True, rng=0)
    with watch(model, optimizer):
        nn.fit(model, loader, epochs=2, optimizer=optimizer, test=TensorDataset(X, Y), **settings)
    return model


def line_of(program):
    lines, start = inspect.getsourcelines(program)
    found = [start + i for i, line in enumerate(lines) if line.rstrip().endswith("# here")]
    return found[0] if found else None


def run(program, manager=nn.doctor):
    """Run a program watched, or not; return its model and the report."""
    reports = []

    @contextmanager
    def watch(*args):
        with manager(*args) as report:
            reports.append(report)
            yield

    nn.manual_seed(0)
    model = program(watch)
    (report,) = reports
    return model, report


@pytest.mark.parametrize(("name", "program"), BUGS, ids=[f.__name__ for _, f in BUGS])
def test_a_planted_bug_is_named_with_its_line_and_nothing_else_is(name, program):
    _, report = run(program)
    assert [finding.name for finding in report.findings] == [name], str(report)
    (finding,) = report.findings
    line = line_of(program)
    if line is not None:
        assert f"{Path(__file__).name}:{line}, in " in finding.where
    assert finding.do == CURES[name]
    assert str(report).startswith(name)
    assert finding.where in str(report)


@pytest.mark.parametrize("program", HEALTHY, ids=[f.__name__ for f in HEALTHY])
def test_a_healthy_program_is_left_in_peace(program):
    _, report = run(program)
    assert not report.findings, str(report)
    assert str(report).startswith(f"nothing found in {report.steps} step")


PROGRAMS = [*(program for _, program in BUGS), *HEALTHY]


def test_the_museum_is_large_and_every_finding_has_a_place_in_it():
    assert len(BUGS) >= 25
    assert len(HEALTHY) >= 25
    assert {name for name, _ in BUGS} == CURES.keys()
    assert len({program.__name__ for program in PROGRAMS}) == len(PROGRAMS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", PROGRAMS, ids=[f.__name__ for f in PROGRAMS])
def test_watching_changes_no_bit_of_the_result(program):
    watched, _ = run(program)
    alone, _ = run(program, lambda *args: nullcontext())
    for (name, a), b in zip(watched.state_dict().items(), alone.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name, strict=True)
    for a, b in zip(watched.parameters(), alone.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is not None:
            np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy(), strict=True)


def test_activations_that_are_called_as_functions_are_known_by_ops_there_are():
    assert set(OPS) <= op_table().keys() & ACTIVATIONS.keys()
    assert set(RESHAPED) <= op_table().keys()
    functions = {known.function for known in ACTIVATIONS.values() if known.bounds}
    for f in functions - {F.softsign}:  # softsign is no op, and made of none of these
        out = f(Tensor([[0.5]], requires_grad=True))
        assert {out.op.name, *(x.op.name for x in out.inputs if x.op)} & set(OPS)


PLACES = [
    (nn.Module, "__call__"),
    (Tensor, "backward"),
    (optim.Optimizer, "step"),
    (lr_scheduler.LRScheduler, "_count"),
    (loss, "_warn_of_probabilities"),
    (utils, "_gradients"),
    (F, "dropout"),
]


def test_an_exception_passes_and_nothing_stays_behind():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    attributes = [vars(m).copy() for m in model.modules()]
    before = [getattr(owner, name) for owner, name in PLACES]
    with pytest.raises(ZeroDivisionError), nn.doctor(model, optimizer) as report:
        hidden = model[0](Tensor(X))
        hidden.relu().sum().backward()
        hidden = model[0](Tensor(X))
        optimizer.step()
        optimizer.step()
        assert hidden.hooks
        assert all(getattr(*place) is not f for place, f in zip(PLACES, before, strict=True))
        1 / 0  # noqa: B018 - it raises
    assert all(getattr(*place) is f for place, f in zip(PLACES, before, strict=True))
    assert [vars(m) for m in model.modules()] == attributes
    assert not hidden.hooks
    assert recording.get() is True
    assert [finding.name for finding in report.findings] == [
        "step without gradients",
        "no gradient",
    ]


def test_a_layer_that_raises_leaves_the_watch_in_order():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    with nn.doctor(model, optimizer) as report:
        with pytest.raises(ValueError, match="linear"):
            model(X[:, :3])
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert not report.findings


def test_the_report_tells_of_each_finding_once_and_how_often():
    _, report = run(zero_grad_forgotten)
    assert report.steps == len(BATCHES)
    (finding,) = report.findings
    assert finding.times == len(BATCHES) - 1
    lines = repr(report).splitlines()
    assert lines[0].startswith("no zero_grad (5 times): the gradients of 0.weight, 0.bias, ")
    assert lines[1].endswith("in zero_grad_forgotten: `loss.backward()  # here`")
    assert lines[2] == f"  do  {CURES['no zero_grad']}"


def test_a_dropout_counts_once_for_each_call_of_it():
    _, report = run(dropout_in_the_evaluation)
    (finding,) = report.findings
    assert finding.times == 1


def test_graphs_kept_alive_are_counted_once_a_step():
    _, report = run(losses_added_up)
    (finding,) = report.findings
    assert finding.times == len(BATCHES) - STEPS


def test_graphs_that_an_attribute_keeps_are_told_by_its_path():
    _, report = run(running_mean_with_its_graph)
    (finding,) = report.findings
    assert finding.where == "mean: RunningMean"
    within = nn.Sequential(RunningMean(lambda mean: mean))
    with nn.doctor(within, optimizer := SGD(within.parameters(), lr=0.1)) as report:
        trained(lambda *args: nullcontext(), within, optimizer)
    (finding,) = report.findings
    assert finding.where == "0.mean: RunningMean"


def test_single_examples_are_judged_by_as_many_as_are_not_all_alike():
    model = nn.Sequential(nn.Linear(1, 1, rng=0), nn.ReLU(), nn.Linear(1, 2, rng=1))
    init.ones_(model[0].weight)
    x = np.repeat([-1.0, 1.0, -1.0], [100, 100, 50]).astype("float32")  # -1 for the last 50
    batches = [(x[i : i + 1, None], np.array([0])) for i in range(len(x))]
    for last, found in ((batches, []), (batches + 4 * batches[-50:], ["dead ReLU"])):
        with nn.doctor(model, optimizer := SGD(model.parameters(), lr=1e-3)) as report:
            trained(lambda *args: nullcontext(), model, optimizer, last)
        assert [finding.name for finding in report.findings] == found


def test_without_findings_it_says_what_was_checked():
    model, report = run(perceptron_by_sgd)
    assert repr(report) == (
        "nothing found in 6 steps of Sequential and SGD; checked: call order, gradients, modes, "
        "graphs kept alive, sizes of signals and updates"
    )
    with nn.doctor(model, SGD(model.parameters(), lr=0.1)) as report:
        pass
    assert repr(report).endswith("graphs kept alive")
    optimizer = SGD(model.parameters(), lr=0.1)
    with nn.doctor(model, optimizer) as report:
        F.cross_entropy(model(X), Y).backward()
        optimizer.step()
    assert repr(report).startswith("nothing found in 1 step of Sequential and SGD; ")


def test_the_loss_is_told_where_the_input_is_not_finite_and_where_nothing_is_learnt():
    _, report = run(nan_among_the_data)
    assert report.findings[0].seen.startswith("the model was called with NaN or inf, and the loss")
    assert report.findings[0].times == 4
    _, report = run(loss_times_0)
    expected = "every gradient was exactly 0 in each of 6 steps; the last loss was 0"
    assert report.findings[0].seen == expected


def test_a_subclass_with_a_step_of_its_own_is_watched():
    class Loud(SGD):
        def step(self):
            super().step()
            return "stepped"

    model = mlp()
    optimizer = Loud(model.parameters(), lr=0.1)
    with nn.doctor(model, optimizer) as report:
        assert optimizer.step() == "stepped"
    assert report.steps == 1
    assert [finding.name for finding in report.findings] == ["step without gradients"]
    assert "step" in vars(Loud)
    assert "step" not in vars(SGD)


def test_a_step_that_calls_that_of_its_base_counts_once_as_does_one_of_each_optimiser():
    class Loud(SGD):
        def step(self):
            super().step()

    model = mlp()
    body, head = SGD(model[0].parameters(), lr=0.1), Loud(model[2].parameters(), lr=0.1)
    with nn.doctor(model, body, head) as report:
        for x, y in BATCHES[:2]:
            model.zero_grad()
            F.cross_entropy(model(x), y).backward()
            body.step()
            head.step()
            assert report.steps == body.steps == head.steps
    assert not report.findings, str(report)


def test_one_of_two_optimisers_that_hardly_moves_is_named_by_its_line():
    model = mlp()
    body, head = SGD(model[0].parameters(), lr=1e-9), SGD(model[2].parameters(), lr=0.1)
    with nn.doctor(model, body, head) as report:
        for x, y in BATCHES:
            model.zero_grad()
            F.cross_entropy(model(x), y).backward()
            body.step()
            head.step()
    assert [finding.name for finding in report.findings] == ["updates too small"]
    assert report.findings[0].where.endswith("`body.step()`")


@pytest.mark.parametrize("optimizers", [(), (None,), ([],)])
def test_what_is_no_optimiser_is_refused(optimizers):
    watch = nn.doctor(mlp(), *optimizers)
    with pytest.raises(TypeError, match=r"pass doctor\(model, optimizer\)"), watch:
        pass


def test_one_thread_is_watched_at_a_time():
    model = mlp()
    optimizer = SGD(model.parameters(), lr=0.1)
    step = SGD.step

    def steps():
        with nn.doctor(model, optimizer) as report:
            return report.steps

    with ThreadPoolExecutor(1) as other:
        with nn.doctor(model, optimizer):
            assert steps() == 0  # one inside the other
            with pytest.raises(RuntimeError, match="doctor: another thread is being watched"):
                other.submit(steps).result()
        assert other.submit(steps).result() == 0
    assert SGD.step is step
