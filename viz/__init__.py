"""Pictures of what was computed: compute graphs with values and gradients, and training curves.

    import viz
    viz.draw(loss)                        # in a notebook the picture, in a terminal a tree
    viz.draw(loss).save("graph.svg")
    viz.draw(loss).show(interactive=True)     # the backward pass, one step at a time

A walk through the code: `steps` takes the backward pass apart, `explain` writes it as a
derivation, `graph` reads tensors into plain
data, `collapse` makes big graphs small, `figure` says what is written where, `scale` what a colour
tells, `dot` and `layout` have Graphviz place it, `svg`, `text` and `page` write it down, and `view`
joins them.
"""

from .explain import Explanation, explain
from .layout import LayoutUnavailable, backends
from .plots import (
    dashboard,
    plot_activations,
    plot_dead_units,
    plot_decision_boundary,
    plot_grad_flow,
    plot_loss,
    plot_loss_landscape,
    plot_neurons,
    plot_training,
    plot_update_ratio,
    save_figure,
)
from .recorder import Recorder, Snapshot
from .steps import Part, Step, backward_steps
from .view import GraphView, draw, draw_dot, to_dot, to_svg, to_text

__all__ = [
    "Explanation",
    "GraphView",
    "LayoutUnavailable",
    "Part",
    "Recorder",
    "Snapshot",
    "Step",
    "backends",
    "backward_steps",
    "dashboard",
    "draw",
    "draw_dot",
    "explain",
    "plot_activations",
    "plot_dead_units",
    "plot_decision_boundary",
    "plot_grad_flow",
    "plot_loss",
    "plot_loss_landscape",
    "plot_neurons",
    "plot_training",
    "plot_update_ratio",
    "save_figure",
    "to_dot",
    "to_svg",
    "to_text",
]
