# %% [markdown]
# # The compute graph: what is recorded, and what for
#
# You will take a recorded graph apart: count its nodes, follow the order of the walk back, see why
# gradients add up, and find out what is kept for the way back.

# %%
import viz
from autograd import cost
from lab import check, claim
from lab.experiments import graph

# %% [markdown]
# ## A layer, step by step
#
# $z = Wx + b$, $\hat y = \sigma(z)$, $L = \ell(\hat y, y)$ is a program, and running it records a
# graph: a node for each operation, with the tensor it made, and an edge to each tensor it was made
# from. **Predict**: how many operations has the loss of one layer, with the mean square at the end?

# %%
guess = ...
claim("S4.1", graph.single_layer(), guess=guess)

# %%
loss, W = graph.neuron_loss()
viz.draw(loss)

# %% [markdown]
# Values stand in the boxes, gradients under them; the picture computed them on a walk of its own,
# so `W.grad` is still empty:

# %%
print(W.grad)

# %% [markdown]
# Whether the nodes are the tensors or the operations is a matter of drawing. PyTorch's own graph
# has functions for nodes and tensors for edges; this one keeps the two together. What does not
# depend on the drawing: an input is older than what was made of it, so there are no circles, and
# sorting by age puts every node behind its inputs.

# %%
claim("S4.2", graph.violations_in_random_programs())

# %% [markdown]
# ## A network
#
# $L$ layers repeat the two steps, and the last has no activation.

# %%
claim("S4.4", graph.layers_by_the_formula())

# %%
viz.draw(graph.mlp_loss(2))

# %% [markdown]
# In this engine the affine map is one operation, `linear`, with three inputs: the data, the weight
# and the bias. Two layers make 2 `linear`, 1 `relu` and 1 `cross_entropy`:

# %%
for depth in (1, 2, 3):
    print(depth, "layers:", graph.counts(depth))

# %% [markdown]
# **Predict** the number of operations for five layers.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 5 + 4 + 1
# ```
#
# $L$ linear maps, $L - 1$ activations and the loss: $2L$.
# </details>

# %%
check("ex4.1", answer)

# %% [markdown]
# ## Recorded as it runs
#
# The loop below doubles a number until it passes 100. How often depends on the number; the graph
# has exactly the doublings that ran, and the gradient is $2^k$. A tracer such as JAX's sees the
# function once, with symbols for numbers, and makes a program of its own from it; there the loop
# has to be written with its `while_loop`.

# %%
claim("S4.3", graph.data_dependent_loop())

# %% [markdown]
# ## The diamond
#
# Here `x` reaches `y` on two ways. The walk back has to bring both parts to `x` **before** it goes
# on from there, and add them up:
#
# $$\frac{dy}{dx} = \underbrace{(x - 1)}_{\text{through left}}
# + \underbrace{(x + 1)}_{\text{through right}} = 2x.$$

# %%
x, y = graph.diamond()
viz.draw(y)

# %% [markdown]
# In what order does the walk visit `y`, `left`, `right` and `x`? The rule: newest first. Answer as
# a text such as `"y x left right"`.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = "y right left x"
# ```
# </details>

# %%
check("ex4.2", answer)

# %%
for step in viz.backward_steps(y):
    for part in step.parts:
        if part.tensor.requires_grad:
            print(f"{step.tensor.name} -> {part.tensor.name}: total so far {part.total:g}")

# %% [markdown]
# What would make this false? A walk that goes depth first and forgets to wait: it would come to `x`
# with what went through `left` alone, 2 of the 6, and go on from there with that.
#
# ## What is kept
#
# Each rule reads some of the values: a product its factors, `tanh` its own result, a sum nothing at
# all. What no rule reads need not be kept. The count for a sum of three `tanh`:

# %%
print(cost(lambda z: z.tanh().sum(), [1.0, 2.0, 3.0]))

# %% [markdown]
# `tanh` keeps three numbers of 8 bytes for its slope, $1 - \tanh^2$; `sum` keeps none.
#
# ## What to read next
#
# `05_backprop` derives what flows along these edges. `autograd/engine.py` is the walk itself.
