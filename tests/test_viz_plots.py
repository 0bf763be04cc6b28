"""Training curves."""

import io
import sys

import numpy as np
import pytest

import autograd
import nn
import viz
from autograd import Tensor, scope

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure
from matplotlib.image import imread

HISTORY = [
    {"epoch": 1, "loss": 0.9, "accuracy": 0.7, "test_loss": 0.8, "test_accuracy": 0.75},
    {"epoch": 2, "loss": 0.5, "accuracy": 0.8, "test_loss": 0.6, "test_accuracy": 0.8},
    {"epoch": 3, "loss": 0.3, "accuracy": 0.9},
]


def curves(ax):
    return {line.get_label(): line.get_xydata().tolist() for line in ax.lines}


def test_the_loss_has_a_curve_for_training_and_one_for_test():
    assert curves(viz.plot_loss(HISTORY)) == {
        "training": [[1, 0.9], [2, 0.5], [3, 0.3]],
        "test": [[1, 0.8], [2, 0.6]],
    }


def test_the_axes_given_are_used_and_returned():
    ax = Figure().subplots()
    assert viz.plot_loss(HISTORY, ax, metric="accuracy") is ax
    assert ax.get_title() == "accuracy"
    assert set(curves(ax)) == {"training", "test"}


def test_epochs_are_counted_where_they_have_no_number():
    assert curves(viz.plot_loss([{"loss": 2.0}, {"loss": 1.0}])) == {"training": [[1, 2], [2, 1]]}


def test_a_history_without_the_metric_is_an_error():
    with pytest.raises(ValueError, match="no epoch of the history has a 'loss'"):
        viz.plot_loss([])


def test_the_training_picture_has_an_accuracy_where_there_is_one():
    assert [ax.get_title() for ax in viz.plot_training(HISTORY).axes] == ["loss", "accuracy"]
    assert [ax.get_title() for ax in viz.plot_training([{"loss": 1.0}]).axes] == ["loss"]


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_saved_figure_is_the_same_each_time(suffix, tmp_path):
    first, second = (
        viz.save_figure(viz.plot_training(HISTORY), tmp_path / f"{i}.{suffix}").read_bytes()
        for i in range(2)
    )
    assert first == second


class Net:
    """Two layers with scopes and parameters; viz needs no more of a model than that."""

    def __init__(self, width=6, seed=0):
        rng = np.random.default_rng(seed)
        self.w1 = Tensor(rng.standard_normal((2, width)), requires_grad=True)
        self.b1 = Tensor(np.zeros(width), requires_grad=True)
        self.w2 = Tensor(rng.standard_normal((width, 1)), requires_grad=True)

    def named_parameters(self):
        return [("hidden.weight", self.w1), ("hidden.bias", self.b1), ("head.weight", self.w2)]

    def __call__(self, x):
        with scope("net"):
            with scope("hidden"):
                h = x @ self.w1 + self.b1
            with scope("relu"):
                h = h.relu()
            with scope("head"):
                return h @ self.w2


X = np.random.default_rng(1).standard_normal((20, 2))
Y = (X[:, 0] > 0).astype(int)


def train(net, steps=3, lr=0.1):
    losses = []
    with viz.Recorder(net) as recorder:
        for _ in range(steps):
            for _, p in net.named_parameters():
                p.grad = None
            loss = ((net(Tensor(X))[:, 0] - Y) ** 2).mean()
            loss.backward()
            for _, p in net.named_parameters():
                p.data -= lr * p.grad.numpy()
            recorder.step()
            losses.append(loss.item())
    return recorder.history, losses


def test_the_recorder_sees_what_each_layer_returned_and_got_back():
    net = Net()
    w1, b1, w2 = net.w1.numpy().copy(), net.b1.numpy().copy(), net.w2.numpy().copy()
    (first, *_), _ = train(net)
    z = X @ w1 + b1
    h = np.maximum(z, 0)
    out = h @ w2
    assert list(first.layers) == ["net.hidden", "net.relu", "net.head"]
    for name, values in {"net.hidden": z, "net.relu": h, "net.head": out}.items():
        assert first.layers[name].mean == pytest.approx(values.mean())
        assert first.layers[name].std == pytest.approx(values.std())
    delta = 2 * (out[:, 0] - Y)[:, None] / len(X)
    assert first.gradients["net.head"] == pytest.approx(np.linalg.norm(delta))
    assert first.gradients["net.relu"] == pytest.approx(np.linalg.norm(delta @ w2.T))
    dw2 = h.T @ delta
    weights = first.weights["head.weight"]
    assert weights.gradient == pytest.approx(np.linalg.norm(dw2))
    assert weights.update == pytest.approx(0.1 * np.linalg.norm(dw2))
    assert weights.ratio == pytest.approx(0.1 * np.linalg.norm(dw2) / np.linalg.norm(w2))


def test_dead_and_saturated_units_are_marked():
    net = Net(width=4)
    net.b1.data[:] = [-100.0, 0.0, 0.0, -100.0]
    (first, *_), _ = train(net, steps=1)
    assert first.layers["net.relu"].dead == 0.5
    assert first.layers["net.relu"].saturated == 0
    assert first.layers["net.head"].dead is None
    with viz.Recorder(net) as recorder, scope("squash"):
        Tensor([[0.0, 9.0], [1.0, -9.0]], requires_grad=True).tanh()
        squash = recorder.step().layers["squash"]
    assert (squash.dead, squash.saturated) == (0, 0.5)


def test_slopes_decide_not_outputs_as_the_legend_says():
    x = Tensor([[0.0, -4.0], [1.0, -5.0]], requires_grad=True)
    with viz.Recorder(Net()) as recorder, scope("gelu"):
        out = autograd.gelu(x)
        snapshot = recorder.step()
    assert (out.numpy()[:, 1] < 0).all()  # not 0, and at no bound
    assert (snapshot.layers["gelu"].dead, snapshot.layers["gelu"].saturated) == (0, 0.5)
    legend = viz.plot_dead_units(snapshot).get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["dead: slope 0", "saturated: slope below 5%"]


def test_a_fused_activation_has_a_slope_and_softmax_none():
    x = Tensor([[-1.0, 1.0], [2.0, 3.0]], requires_grad=True)
    with viz.Recorder(Net()) as recorder:
        with scope("gelu"):
            autograd.gelu(x)
        with scope("softmax"):
            x.softmax()
        layers = recorder.step().layers
    assert layers["gelu"].dead == 0
    assert layers["softmax"].dead is None


def test_dead_channels_of_a_sequence_are_seen_through_norms_branches_and_activations():
    conv, norm = nn.Conv1d(2, 4, 3, padding=1, rng=0), nn.BatchNorm1d(4)
    for bias in (conv.bias, norm.bias):
        bias.data[1:] -= 100
    x = Tensor(np.random.default_rng(0).standard_normal((5, 2, 8)).astype(np.float32))
    data = Tensor(np.zeros((5, 4, 8), np.float32), requires_grad=True)
    with viz.Recorder(nn.Sequential(conv, norm)) as recorder:
        for name, h in {
            "conv": conv(x),
            "norm": norm(conv(x)),
            "branch": data + conv(x),
            "after gelu": autograd.gelu(5 * conv(x)),
        }.items():
            with scope(name):
                h.relu()
        layers = recorder.step().layers
    dead = [layers[name].dead for name in ("conv", "norm", "branch", "after gelu")]
    assert dead == [0.75] * 4


def test_what_is_computed_from_a_freed_graph_is_recorded():
    conv = nn.Conv1d(2, 4, 3, padding=1, rng=0)
    conv.bias.data[1:] -= 100
    x = Tensor(np.random.default_rng(0).standard_normal((5, 2, 8)).astype(np.float32))
    features = conv(x).relu()
    features.sum().backward(retain_graph=False)
    with viz.Recorder(conv) as recorder, scope("strong"):
        (features - 0.1).relu()
    assert recorder.step().layers["strong"].dead == 0.75


def test_units_of_a_sequence_are_along_its_last_axis():
    linear = nn.Linear(2, 4, rng=0)
    linear.bias.data[1:] -= 100
    x = Tensor(np.random.default_rng(0).standard_normal((5, 8, 2)).astype(np.float32))
    with viz.Recorder(linear) as recorder, scope("relu"):
        linear(x).relu()
    assert recorder.step().layers["relu"].dead == 0.75


def test_what_a_checkpoint_runs_again_keeps_its_place_in_the_model():
    class Model(nn.Module):
        def __init__(self, call):
            super().__init__()
            self.block = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh())
            self.head = nn.Linear(4, 1, rng=0)
            self.call = call

        def forward(self, x):
            for _ in range(2):  # the last call is what the layer returned
                h = self.call(self.block, x)
                x = x + 1
            return self.head(h)

    def snapshot(call):
        model = Model(call)
        with viz.Recorder(model) as recorder:
            model(Tensor(np.ones((2, 3), np.float32))).sum().backward()
            return recorder.step()

    plain, again = (snapshot(call) for call in (lambda f, x: f(x), autograd.checkpoint))
    for name, layer in plain.layers.items():
        assert again.layers[name].mean == layer.mean
        assert again.gradients.get(name) == plain.gradients.get(name)
    shared = [name for name in again.layers if name in plain.layers]
    assert shared == list(plain.layers)
    assert "Model.block.0: Linear" in shared
    assert again.layers.keys() - plain.layers.keys() <= {"Model"}  # the checkpoint itself
    assert again.gradients.keys() <= again.layers.keys()


def test_every_training_picture_draws_on_the_axes_it_is_given():
    net = Net()
    history, losses = train(net)
    last = history[-1]

    def loss():
        return ((net(Tensor(X))[:, 0] - Y) ** 2).mean()

    pictures = [
        lambda ax: viz.plot_grad_flow(last, ax),
        lambda ax: viz.plot_update_ratio(history, ax),
        lambda ax: viz.plot_activations(last, ax),
        lambda ax: viz.plot_dead_units(last, ax),
        lambda ax: viz.plot_decision_boundary(net, X, Y, ax, resolution=20),
        lambda ax: viz.plot_loss_landscape(loss, [net.w1, net.w2], ax, resolution=5),
    ]
    for picture in pictures:
        ax = Figure().subplots()
        assert picture(ax) is ax
        assert ax.get_title()
        assert picture(None).figure is not None
    assert len(viz.dashboard(history, losses).axes) >= 5
    assert len(viz.plot_neurons(net.w1.numpy().T.repeat(2, 1), (2, 2)).axes) == 6


def test_a_notebook_shows_what_ends_a_cell():
    formatters = pytest.importorskip("IPython.core.formatters")
    net = Net()
    history, _ = train(net)
    pictures = [
        (viz.plot_loss(HISTORY), (460, 326)),
        (viz.plot_loss(HISTORY, viz.plot_loss(HISTORY)), (460, 326)),
        (viz.plot_training(HISTORY), (883, 326)),
        (viz.plot_grad_flow(history[-1]), (460, 326)),
        (viz.plot_update_ratio(history), (537, 326)),
        (viz.plot_decision_boundary(net, X, Y, resolution=20), (422, 364)),
    ]
    for shown, (width, height) in pictures:
        data, about = formatters.DisplayFormatter().format(shown)
        assert data["text/plain"] == repr(shown)
        assert about["image/png"] == {"width": width, "height": height}
        pixels = imread(io.BytesIO(data["image/png"]))
        assert pixels.shape == pytest.approx((2 * height, 2 * width, 4), abs=2)
        assert (pixels[:, 0] == 1).all()  # white paper, also in a notebook that is dark
        assert pixels[..., :3].std() > 0.02


def test_the_gradients_and_layers_of_the_picture_are_those_recorded():
    history, _ = train(Net())
    ax = viz.plot_grad_flow(history[-1])
    gradients = history[-1].gradients
    expected = [gradients[name] for name in ("net.hidden", "net.relu", "net.head")]
    assert ax.lines[0].get_ydata().tolist() == pytest.approx(expected)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["hidden", "relu", "head"]
    labels = [line.get_label() for line in viz.plot_update_ratio(history).lines]
    assert labels[:2] == ["hidden.weight", "head.weight"]


def test_a_gradient_of_exactly_0_is_marked_below_and_one_that_is_not_finite_above():
    layers = {f"net.{name}": None for name in "abcd"}
    for norms, scale, marks in [
        ([0.0, 0.0, 1e-3, 1.0], "log", {"exactly 0": [[0, 0], [1, 0]]}),
        (
            [0.0, 2.0, np.inf, np.nan],
            "log",
            {"exactly 0": [[0, 0]], "not finite": [[2, 1], [3, 1]]},
        ),
        ([0.0] * 4, "linear", {"exactly 0": [[i, 0] for i in range(4)]}),
        ([1.0, 2.0, 3.0, 4.0], "log", {}),
    ]:
        ax = viz.plot_grad_flow(viz.Snapshot(layers, dict(zip(layers, norms, strict=True))))
        ax.figure.canvas.draw()
        curve, *marked = ax.lines
        assert ax.get_yscale() == scale
        assert ax.get_ylim()[0] >= 0
        assert {line.get_label(): line.get_xydata().tolist() for line in marked} == marks
        for line in marked:  # on the edge of the picture, whatever the scale
            across, up = line.get_transform().transform(line.get_xydata()).T
            assert up == pytest.approx(
                ax.bbox.y1 if line.get_label() != "exactly 0" else ax.bbox.y0
            )
            assert (ax.bbox.x0 < across).all()
            assert (across < ax.bbox.x1).all()
        legend = ax.get_legend()
        assert (legend is not None) == bool(marks)
        drawn = [y for y in curve.get_ydata() if y == y]
        assert drawn == [y for y in norms if 0 < y < np.inf]


def test_the_dotted_line_says_what_it_is():
    ax = viz.plot_update_ratio(train(Net())[0])
    dotted, (text,) = ax.lines[-1], ax.texts
    assert text.get_text() == "rule of thumb"
    assert text.get_position()[1] == dotted.get_ydata()[0] == 1e-3


def test_an_update_of_exactly_0_is_marked_below_and_one_that_is_not_finite_above():
    def plot(**ratios):
        weights = viz.recorder.Weights
        steps = [
            viz.Snapshot(weights={n: weights(1.0, 1.0, r[i], 2) for n, r in ratios.items()})
            for i in range(len(ratios["a"]))
        ]
        ax = viz.plot_update_ratio(steps)
        ax.figure.canvas.draw()
        return ax, [text.get_text() for text in ax.get_legend().get_texts()]

    ax, labels = plot(a=[0.0, 0.2, 0.1], b=[0.1, np.inf, np.nan], c=[np.nan, 0.0, 0.2])
    marks = [line for line in ax.lines if line.get_marker() in ("X", "^")]
    assert [(m.get_marker(), m.get_xydata().tolist()) for m in marks] == [
        ("X", [[1, 0]]),
        ("^", [[2, 1], [3, 1]]),
        ("X", [[2, 0]]),
        ("^", [[1, 1]]),
    ]
    for line in marks:  # on the edge of the picture
        _, up = line.get_transform().transform(line.get_xydata()).T
        assert up == pytest.approx(ax.bbox.y1 if line.get_marker() == "^" else ax.bbox.y0)
    curves = [line for line in ax.lines if line.get_label() in labels]
    owners = (curves[0], curves[1], curves[2], curves[2])
    assert [m.get_color() for m in marks] == [curve.get_color() for curve in owners]
    assert labels == [
        "a, exactly 0 in 1 of 3 steps",
        "b, not finite in 2 of 3 steps",
        "c, exactly 0 in 1 and not finite in 1 of 3 steps",
    ]
    assert plot(a=[0.3], b=[0.1])[1] == ["a", "b"]
    assert plot(a=[np.nan, np.inf])[1] == ["a, not finite in 2 of 2 steps"]


def test_the_layers_before_a_dead_one_are_marked():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 1, rng=0))
    model[0].bias.data = model[0].bias.data - 100
    with viz.Recorder(model) as recorder:
        model(Tensor(np.ones((2, 3), np.float32))).sum().backward()
        snapshot = recorder.step()
    _, dead = viz.plot_grad_flow(snapshot).lines
    assert dead.get_xydata().tolist() == [[0, 0]]


def test_the_dashboard_of_a_deep_model_has_short_labels_whole_steps_and_a_note():
    model = nn.GPT(5, 4, d_model=4, nhead=1, num_layers=2, rng=0)
    with viz.Recorder(model) as recorder:
        for _ in range(2):
            model(np.zeros((1, 4), int)).sum().backward()
            recorder.step()
    updates, flow, *_ = viz.dashboard(recorder.history).axes
    labels = [t.get_text() for t in flow.get_xticklabels()]
    assert "0.norm1" in labels
    assert "1: TransformerBlock" in labels
    assert max(map(len, labels)) <= 20
    assert all(step.is_integer() for step in updates.get_xticks())
    assert updates.get_legend() is None
    assert updates.get_xlabel().startswith("step; a curve for each of ")


def test_the_plane_between_integer_points_is_asked_about_too():
    seen = []

    def model(x):
        seen.append(x.numpy())
        return x[:, 0] - 0.5

    points = [[0, 0], [0, 1], [1, 0], [1, 1]]
    ax = viz.plot_decision_boundary(model, points, [0, 1, 1, 0], resolution=9)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("first feature", "second feature")
    (grid,) = seen
    assert grid.dtype == np.float64 and len(np.unique(grid[:, 0])) == 9


def test_the_plane_is_asked_in_evaluation_mode_and_every_mode_is_put_back():
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    model[1].eval()  # frozen
    modes = [module.training for module in model.modules()]
    pictures = [viz.plot_decision_boundary(model, X, Y, resolution=9) for _ in range(2)]
    assert len({ax.images[0].get_array().tobytes() for ax in pictures}) == 1
    assert [module.training for module in model.modules()] == modes

    model[1].train()
    viz.plot_decision_boundary(model, X, Y, resolution=9)
    assert model[1].running_mean.numpy().tolist() == [0.0] * 4

    unfit = nn.Linear(3, 2)
    with pytest.raises(ValueError, match="linear"):
        viz.plot_decision_boundary(unfit, X, Y, resolution=9)
    assert unfit.training


def test_weights_of_three_axes_are_images_as_they_stand():
    image = viz.plot_neurons(np.arange(32.0).reshape(2, 2, 8)).axes[0].images[0]
    assert image.get_array().tolist() == np.arange(16.0).reshape(2, 8).tolist()


def test_a_landscape_may_have_a_number_among_its_parameters():
    scale, bias = Tensor([[2.0]], requires_grad=True), Tensor(3.0, requires_grad=True)
    viz.plot_loss_landscape(lambda: (scale * bias).sum(), [scale, bias], resolution=3)
    assert (scale.item(), bias.item()) == (2.0, 3.0)


def test_the_landscape_puts_the_weights_back_even_after_an_error():
    net = Net()
    before = net.w1.numpy().copy()
    calls = iter(range(10))

    def loss():
        if next(calls) == 5:
            raise ZeroDivisionError
        return (net.w1**2).sum()

    with pytest.raises(ZeroDivisionError):
        viz.plot_loss_landscape(loss, [net.w1], resolution=5)
    assert (net.w1.numpy() == before).all()


def test_the_middle_of_the_landscape_is_the_loss_itself():
    net = Net()
    ax = viz.plot_loss_landscape(lambda: (net.w1**2).sum(), [net.w1], resolution=3)
    assert ax.lines[0].get_xydata().tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: viz.plot_grad_flow(viz.Snapshot()), "no gradient was recorded"),
        (lambda: viz.plot_update_ratio([]), "the history is empty"),
        (lambda: viz.plot_activations(viz.Snapshot()), "no layer was recorded"),
        (lambda: viz.plot_dead_units(viz.Snapshot()), "no layer"),
        (lambda: viz.dashboard([]), "the history is empty"),
        (lambda: viz.plot_decision_boundary(Net(), X[:, :1], Y), "x has shape"),
        (lambda: viz.plot_neurons(np.ones((2, 5))), "5 inputs make no image"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_that_says_why(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: viz.plot_loss([1.0, 0.5]), 'has a float; pass a list of {"epoch": 1, "loss"'),
        (lambda: viz.plot_loss(0.5), "got a float; pass a list"),
        (lambda: viz.plot_grad_flow(Net()), r"got a Net; pass a Snapshot.*recorder.history\[-1\]"),
        (lambda: viz.plot_activations([viz.Snapshot()]), "got a list; pass a Snapshot"),
        (lambda: viz.plot_dead_units(Net()), "got a Net; pass a Snapshot"),
        (lambda: viz.plot_update_ratio(Net()), "got a Net; pass a list of Snapshots"),
        (lambda: viz.dashboard(viz.Snapshot()), "got a Snapshot; pass a list of Snapshots"),
    ],
)
def test_what_is_of_another_kind_is_refused_with_what_to_pass(call, words):
    with pytest.raises(TypeError, match=words):
        call()


@pytest.mark.parametrize(
    "plot",
    [
        lambda: viz.plot_loss(HISTORY),
        lambda: viz.plot_training(HISTORY),
        lambda: viz.plot_neurons(np.zeros((2, 4))),
        lambda: viz.plot_decision_boundary(lambda x: x, np.zeros((2, 2)), [0, 1]),
    ],
)
def test_without_matplotlib_it_is_said_where_it_comes_from(monkeypatch, plot):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "viz.shown", raising=False)
    with pytest.raises(ImportError, match=r"pip install gradwalk\[plots\]"):
        plot()


@pytest.mark.parametrize("bias", [[17, 16.6], [17, 17], [0, 0], [0, 1e-9]])
def test_a_saturated_layer_is_plotted_however_close_its_values_are(bias):
    model = nn.Sequential(nn.Linear(1, 2), nn.Sigmoid())
    model[0].weight.data[...] = 0
    model[0].bias.data[...] = bias
    with viz.Recorder(model) as recorder:
        model(np.ones((4, 1), "f")).sum().backward()
        snapshot = recorder.step()
    viz.dashboard([snapshot])
    assert viz.plot_activations(snapshot).collections


def test_values_a_rounding_error_apart_are_plotted():
    model = nn.Sequential(nn.ReLU())
    with viz.Recorder(model) as recorder:
        model(Tensor([1e20, np.nextafter(1e20, 2e20)], requires_grad=True)).sum().backward()
        snapshot = recorder.step()
    viz.plot_activations(snapshot)
