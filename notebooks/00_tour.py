# %% [markdown]
# # A tour in a minute
#
# You will see a compute graph with its gradients, train a small network, and find out what two
# calls of `backward()` do. Everything here runs offline, in seconds, on NumPy.
#
# The rhythm of all notebooks: a **claim**, your **prediction**, the **experiment**, the
# **verdict**. Where a cell says `...`, replace the dots and run it; `check` says whether it is
# right, and which mistake it is if it is a usual one. Solutions are folded.

# %%
import viz
from autograd import Tensor
from lab import check, show
from lab.experiments import tour

# %% [markdown]
# ## One graph
#
# An expression of four numbers. Each op that runs becomes a node of a graph; `backward()` walks
# it back and leaves in each leaf how much the result moves when the leaf moves.

# %%
a = Tensor(2.0, requires_grad=True, name="a")
b = Tensor(-3.0, requires_grad=True, name="b")
c = Tensor(10.0, requires_grad=True, name="c")
f = Tensor(-2.0, requires_grad=True, name="f")
L = (a * b + c) * f
L.name = "L"
viz.draw(L)

# %% [markdown]
# **Read it off.** What are the gradients of `a`, `b`, `c` and `f`, in this order?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# L.backward()
# answer = [t.grad.item() for t in (a, b, c, f)]
# ```
#
# The gradient of `a` is what arrives at the product, `f` = -2, times the other factor, `b` = -3:
# 6.
# </details>

# %%
check("ex0.1", answer)

# %% [markdown]
# The same, one line at a time: first the values forward, then the gradients back, and at the end
# the path from `L` to `a` as a product of local derivatives.

# %%
viz.explain(L, a)

# %% [markdown]
# To step through the backward pass with the arrow keys: `viz.draw(L).show(interactive=True)`.
#
# ## Two calls
#
# Gradients **add up** over calls. With `b = a * a` and `c = b + b`, one call leaves `dc/da = 4 a
# = 12` at `a = 3`. What do two calls leave? Say it before you run the cell.

# %%
guess = ...
found = tour.two_calls_of_backward(a=3.0)
print(f"found {found}")

# %% [markdown]
# 24: the second call adds 12. An engine that kept the gradients of the nodes between the calls,
# and never cleared them, would answer 36.

# %% tags=["exercise"]
answer = ...  # and after three calls?

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 3 * 12
# ```
# </details>

# %%
check("ex0.2", answer)

# %% [markdown]
# ## One training
#
# Two moons, which no straight line parts: 100 points, a network of 2-16-16-1, 100 steps of Adam,
# all points in each.

# %%
run = tour.moons(steps=100)
print(
    f"loss {run.losses[0]:.3f} at first, {run.losses[-1]:.4f} at last; accuracy {run.accuracy:.2f}"
)

# %%
show(
    viz.plot_decision_boundary(run.model, run.x, run.y),
    "The plane, coloured by the class the network chooses; the boundary winds between the moons.",
)

# %% [markdown]
# ## Deep graphs
#
# A chain of 10,000 ops: neither forward nor backward recurses, so no limit of Python's stack is
# near.

# %%
print("d(x + 1 + 1 + ...)/dx =", tour.chain(10_000))

# %% [markdown]
# ## What to read next
#
# `01_mlp` asks what nonlinearity, width and depth buy; `04_compute_graph` takes the graph apart;
# `12_drill` is the exam. The engine itself is short: `autograd/engine.py`.
