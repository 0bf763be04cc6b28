"""A wrong engine does not pass: each fault below turns the claim that teaches it red.

A fault is a piece of one function's source, or one rule of an op, replaced while the experiment of
the claim runs. `tests.mutation` breaks everything and asks the checks of the ops; this breaks what
the course is about, and asks the course.
"""

import ast
import contextlib
import inspect
import textwrap
import warnings
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import engine, transforms
from autograd.ops import activation, attention, fused, loss, normalization, recurrent
from lab import experiments
from lab.experiments.transformers import last_gradients
from lab.ledger import LEDGER
from nn import functional, init, optim
from nn import loss as nn_loss
from nn import module as nn_module
from nn.optim.lr_scheduler import LRScheduler
from tests.mutation import compiled, exchanged, swapped

pytestmark = [pytest.mark.slow, pytest.mark.claims]


@contextlib.contextmanager
def text(function, old, new):
    """A function with a piece of its source replaced."""
    function = inspect.unwrap(function)
    source = textwrap.dedent(inspect.getsource(function))
    assert old in source, f"{function.__qualname__} has no {old!r} any more"
    node = ast.parse(source.replace(old, new)).body[0]
    code = compiled(node, function.__code__.co_freevars, function.__name__)
    with swapped([function], code):
        yield


def rule(op, new, i=0):
    """An op with another rule for its i-th input."""
    return exchanged(op, {"vjp": (*op.vjp[:i], new, *op.vjp[i + 1 :])})


CONV2D_DW = ag.conv2d.vjp[1]

# What is wrong, the claim that says so, and how to do it.
MUTANTS = [
    ("linear forgets the bias", "S1.3", text(fused.linear.forward, "out += bias", "out += 0")),
    (
        "an MLP ends in an activation",
        "S1.2",
        text(nn.MLP.__init__, "2 * len(sizes) - 3", "2 * len(sizes)"),
    ),
    ("sigmoid' is s", "S2.1", rule(ag.sigmoid, lambda g, out, x: g * out)),
    ("tanh' is 1 - tanh", "S2.2", rule(ag.tanh, lambda g, out, x: g * (1 - out))),
    ("relu passes every gradient", "S2.3", rule(ag.relu, lambda g, out, x: g * 1)),
    ("relu has slope 1 at 0", "S2.3", rule(ag.relu, lambda g, out, x: g * (out >= 0))),
    (
        "leaky relu sends nothing back on the left",
        "S2.4",
        rule(ag.leaky_relu, lambda g, out, x, *, negative_slope: g * (x > 0)),
    ),
    ("gelu' is 1", "S2.17", text(activation._gelu_shared, "out *= g", "np.copyto(out, g)")),
    ("gelu' is Phi alone", "S2.17", text(activation._gelu_shared, "out *= x", "out *= 0")),
    ("silu' is its gate alone", "S2.6", text(activation._silu_shared, "out *= x", "out *= 0")),
    (
        "SwiGLU is as wide as a plain layer",
        "S2.7",
        text(nn.SwiGLU.__init__, "8 * d_model // 3", "4 * d_model"),
    ),
    (
        "SwiGLU gates with one matrix",
        "S2.19",
        text(nn.SwiGLU.forward, "self.w3(x)", "self.w1(x)"),
    ),
    (
        "a dead relu in the first layer is revived by its own gradient",
        "S2.15",
        rule(ag.relu, lambda g, out, x: g * np.where(out > 0, 1, 0.01)),
    ),
    (
        "the mean square is halved",
        "S3.1",
        text(nn_loss.mse_loss, "ag.square(input - target)", "ag.square(input - target) / 2"),
    ),
    (
        "binary cross-entropy is taken from probabilities",
        "S3.2",
        text(
            nn_loss.binary_cross_entropy_with_logits,
            "ag.bce_with_logits(z, y)",
            "ag.bce(ag.sigmoid(z), y)",
        ),
    ),
    (
        "softmax does not subtract the largest logit",
        "S3.3",
        text(loss.cross_entropy.forward, "np.maximum.reduce(p, axis=1, keepdims=True)", "0"),
    ),
    (
        "logistic regression's gradient is p",
        "S3.5",
        rule(ag.bce_with_logits, lambda g, out, z, y: g * ag.sigmoid(z)),
    ),
    (
        "cross-entropy's gradient lacks 1 / n",
        "S3.6",
        text(loss._cross_entropy_shared, "g * (1 / max(len(p), 1))", "g"),
    ),
    (
        "cross-entropy's gradient is p without - y",
        "S5.4",
        text(loss._cross_entropy_shared, 'delta.ravel(order="K")[at] -= g', "pass"),
    ),
    ("nodes are not sorted", "S4.2", text(engine.toposort, "found.sort(key", "sorted(found, key")),
    (
        "a bias gets the mean of the batch",
        "S5.1",
        rule(ag.linear, lambda g, out, x, weight, bias: g.mean(axis=0), 2),
    ),
    (
        "a weight gets the mean of the batch",
        "S5.1",
        text(fused._linear_dweight, "rows(x))", "rows(x)) / len(x)"),
    ),
    (
        "the error goes back through W in place of its transpose",
        "S5.3",
        text(fused._linear_dx, "return product(g, weight) if", "return product(g, weight.T) if"),
    ),
    ("zero_grad does nothing", "S5.5", text(nn_module.zero_grad, "p.grad = None", "pass")),
    (
        "a checkpoint keeps everything",
        "S5.7",
        text(transforms.checkpoint, "if not inputs:", "if inputs:"),
    ),
    (
        "forward mode passes tangents through tanh as they are",
        "S5.8",
        text(engine.pushforward, "vjp[i](tangents[i], out, *inputs, **params)", "tangents[i]"),
    ),
    (
        "cross-entropy applies softmax to its logits first",
        "S8.2",
        text(loss.cross_entropy.forward, "widened(x)", "np.exp(log_softmax(x))"),
    ),
    (
        "clipping takes each parameter by itself",
        "S8.5",
        text(
            nn.utils.clip_grad_norm_,
            "g.data *= scale",
            "g.data *= max_norm / np.linalg.norm(g.data)",
        ),
    ),
    ("Adam does not correct its moments", "S8.6", text(optim.Adam.update, "1 - beta1**t", "1")),
    (
        "AdamW's decay is divided by the gradient's size",
        "S8.6",
        text(optim.AdamW.update, "*= 1 - group", "*= 1 - 0 * group"),
    ),
    (
        "a schedule starts one step late",
        "S8.7",
        text(LRScheduler._count, "+= 1", "+= self.optimizer.steps > 1"),
    ),
    (
        "a node is walked as often as there are paths",
        "S8.8",
        text(engine.toposort, "x not in seen", "True"),
    ),
    (
        "a graph that was to be freed is kept",
        "S8.9",
        text(engine.backprop, "_free(node, traces)", "pass"),
    ),
    (
        "a second backward() overwrites",
        "S8.10",
        text(ag.Tensor._collect, "else t._grad + g", "else g"),
    ),
    (
        "a convolution mirrors its weights",
        "S10.1",
        text(ag.conv2d.forward, "widened(weight)", "widened(weight)[..., ::-1, ::-1]"),
    ),
    (
        "a filter's gradient is mirrored",
        "S10.2",
        rule(ag.conv2d, lambda g, *rest, **how: CONV2D_DW(g, *rest, **how)[..., ::-1, ::-1], 1),
    ),
    ("He's gain is 1", "S6.7", text(init.calculate_gain, "math.sqrt(2 / ", "math.sqrt(1 / ")),
    (
        "Xavier looks at the fan in alone",
        "S6.6",
        text(init._xavier, "sum(_fans(where, tensor)) / 2", "_fans(where, tensor)[0]"),
    ),
    (
        "rows and columns of a weight are taken for each other",
        "S6.6",
        text(
            init._fans, "shape[1] * kernel, tensor.shape[0]", "shape[0] * kernel, tensor.shape[1]"
        ),
    ),
    (
        "uniform weights reach as far as their deviation",
        "S6.6",
        text(init._symmetric, "math.sqrt(3) * std", "std"),
    ),
    (
        "GPT-2's weights depend on the width",
        "S6.9",
        text(init.gpt2_, "std / math", "tensor.shape[1] ** -0.5 / math"),
    ),
    (
        "a norm does not divide by the deviation",
        "S6.10",
        text(normalization._standardize, "rows *= scale", "pass"),
    ),
    ("residual branches are not scaled", "S6.11", text(init.gpt2_, "max(residual_layers, 1)", "1")),
    (
        "where paths meet, the last gradient wins",
        "S7.7",
        text(engine.backprop, "else before + gx", "else gx"),
    ),
    (
        "a residual block has no path beside its branch",
        "S7.7",
        text(nn.Residual.forward, "return x + (", "return ("),
    ),
    (
        "dropout does not divide by what is kept",
        "S9.6",
        text(functional.dropout, "1 / (1 - p)", "1"),
    ),
    (
        "dropout drops in use, too",
        "S9.6",
        text(functional.dropout, "not training or p == 0", "p == 0"),
    ),
    (
        "backpropagation through time stops after one step",
        "S10.4",
        text(recurrent._rnn_back, "dh = d[t] @ weight", "dh = 0 * dh"),
    ),
    (
        "attention does not divide by the root of the width",
        "S10.9",
        text(attention._scale, "1 / math.sqrt(max(size, 1))", "1.0"),
    ),
    (
        "the causal mask is forgotten",
        "S10.9",
        text(nn.MultiheadAttention.forward, "mask, dropout, is_causal", "mask, dropout, False"),
    ),
    (
        "a gate is not multiplied with",
        "S10.8",
        text(nn.SwiGLU.forward, "* self.w3(x)", "+ self.w3(x)"),
    ),
    (
        "tanh's gain is the rule of thumb, 5 / 3",
        "S12.3",
        text(init.calculate_gain, "math.sqrt((1 if backward else std**2) / kept)", "5 / 3"),
    ),
    (
        "LeCun's variance is 2 / n",
        "S12.4",
        text(init.lecun_normal_, "0, 1 / math", "0, 2**0.5 / math"),
    ),
    (
        "gelu's tanh form lacks its cubic term",
        "S13.5",
        text(activation._gelu_tanh_blockwise, "out *= -_SLOPE * _CUBE", "out *= 0"),
    ),
]


def forget():
    """Empty the caches of all experiments: what they hold was measured with another engine."""
    for found in iter_modules(experiments.__path__):
        for value in vars(import_module(f"{experiments.__name__}.{found.name}")).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def faults(id):
    """What is wrong with the claim now; numbers outside their interval, or a refusal."""
    forget()
    entry = LEDGER[id]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a red number is wanted, not an overflow on the way to it
        try:
            return entry.outside(entry.measure())
        except ValueError as error:
            return [f"it raises: {error}"]


@pytest.mark.parametrize(
    "id, fault", [m[1:] for m in MUTANTS], ids=[f"{m[1]} {m[0]}" for m in MUTANTS]
)
def test_the_claim_that_teaches_it_notices(id, fault):
    try:
        with fault:
            found = faults(id)
        assert found, f"{id} stays green: {LEDGER[id].claim}"
        print(*found, sep="\n")
    finally:
        forget()


def test_post_norm_wired_as_pre_norm_leaves_the_interval_of_its_gradients():
    # the gradients alone: the whole of S10.10 trains five networks
    low, high = LEDGER["S10.10"].intervals["post-LN, 16 over 2"]
    forget()
    try:
        with text(nn.TransformerBlock.forward, 'self.norm == "pre"', "True"):
            gradients = last_gradients("post")
        assert not low <= gradients[3] / gradients[0] <= high
    finally:
        forget()
