"""Training curves."""

import pytest

import viz

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

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
