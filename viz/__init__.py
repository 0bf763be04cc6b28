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
from .plots import plot_loss, plot_training, save_figure
from .steps import Part, Step, backward_steps
from .view import GraphView, draw, draw_dot, to_dot, to_svg, to_text

__all__ = [
    "Explanation",
    "GraphView",
    "LayoutUnavailable",
    "Part",
    "Step",
    "backends",
    "backward_steps",
    "draw",
    "draw_dot",
    "explain",
    "plot_loss",
    "plot_training",
    "save_figure",
    "to_dot",
    "to_svg",
    "to_text",
]
