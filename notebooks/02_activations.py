# %% [markdown]
# # Activations: formula, slope, range, failure
#
# You will see six activations with their slopes, measure how each of them fails, and find out
# which ones bring a dead unit back. At the end, gates: what they cost, and what is said of them.

# %%
import nn
from lab import check, claim, show
from lab.experiments import activations

# %%
show(
    activations.plot_slopes(),
    "sigmoid, tanh, relu, leaky relu, gelu and silu on [-6, 6], each with its slope.",
)

# %% [markdown]
# ## The old ones
#
# The sigmoid's slope is $\sigma (1 - \sigma)$: largest in the middle, and small wherever the output
# has made up its mind. **Predict** the slope at 0, and at 5.

# %%
guess = ...
claim("S2.8", activations.sigmoid_saturates(), guess=guess)

# %%
claim("S2.1", activations.sigmoid())

# %%
claim("S2.2", activations.tanh())

# %% [markdown]
# Stack twenty of them. On its way down a gradient meets, in each layer, the slope *and* the
# weights: $\operatorname{diag}(\sigma'(z))\, W^T$. With ordinary weights the factor is about a
# quarter a layer, $10^{-12}$ in all. It is not the slope alone: with weights 16 times as large the
# same sigmoids make the gradient explode.

# %%
claim("S2.9", activations.stacked_sigmoids())

# %% [markdown]
# ## All positive
#
# The outputs of a sigmoid are all positive, and so are relu's. The gradient of a weight is error
# times input, so for **one example** all weights of a unit move in the same direction. **Predict**:
# for which share of units is that so with 32 examples?

# %%
guess = ...
claim("S2.10", activations.signs_of_updates(), guess=guess)

# %% [markdown]
# ## relu
#
# A comparison, and no fading: where it is active, the slope is exactly 1.

# %%
claim("S2.3", activations.relu())

# %%
claim("S2.12", activations.relu_passes_gradients())

# %%
claim("S2.11", activations.cheap())

# %% [markdown]
# Half of what comes out is zero, *at first*. **Predict** the share of active outputs in the first
# layer after training on digits.

# %%
guess = ...
claim("S2.13", activations.half_is_zero(), guess=guess)

# %% [markdown]
# Whether these zeros also regularise is an argument, not a measurement; `S2.14` in the ledger says
# so.
#
# ## Dead, and back
#
# A unit whose pre-activation is negative for every example has no gradient. "For ever", it is often
# said. In the first layer, where the data stand still, that is so under plain gradient descent.
# Further up, the layers below the unit go on learning, and move its inputs. **Predict**: of 20
# networks with a dead unit in the second layer, in how many is it active again within 300 steps,
# though its own parameters have not moved by a bit?

# %%
guess = ...
claim("S2.15", activations.dead_units(), guess=guess)

# %% [markdown]
# What helps is a slope on the left. How far left? Here all biases of a hidden layer start far below
# zero, and the network is trained on digits. Which of `relu`, `gelu`, `silu`, `leaky_relu` learn
# from -20? Write their names in this order, with spaces between.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = "leaky_relu"
# ```
#
# Its slope is a hundredth however far left; those of gelu and silu fade.
# </details>

# %%
check("ex2.1", answer)

# %%
claim("S2.16", activations.revival())

# %%
show(
    activations.plot_revival(),
    "Test accuracy over the starting bias: all four learn from 0, leaky relu alone from -20.",
)

# %% [markdown]
# ## The smooth ones
#
# GELU multiplies x by the probability that a standard normal lies below it: the mean of a gate that
# is open with that probability.

# %%
claim("S2.17", activations.gelu_is_x_phi())

# %%
claim("S2.18", activations.stochastic_gate())

# %% [markdown]
# "They do not saturate, their gradient is 1 where they are active" is said of GELU and SiLU. Their
# slopes go above 1 and below 0, and on the left they fade. **Predict** the steepest slope of GELU.

# %%
guess = ...
claim("S2.5", activations.gelu(), guess=guess)

# %%
claim("S2.6", activations.silu())

# %% [markdown]
# What is SiLU's slope at 0?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 0.5
# ```
#
# $\sigma(0) (1 + 0) = 1/2$.
# </details>

# %%
check("ex2.3", answer)

# %% [markdown]
# ## Gates
#
# A gated layer has three matrices. How that compares depends on how wide it is made.

# %%
claim("S2.19", activations.swiglu_formula())

# %%
claim("S2.7", activations.gating())

# %% [markdown]
# How wide is the SwiGLU layer that has as many weights as the plain layer of width 4 d, for
# d = 768?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2 * 4 * 768 / 3
# ```
# </details>

# %%
check("ex2.2", answer)

# %% [markdown]
# Everything on one page, from the table that `nn` itself reads:

# %%
nn.activation_table("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu")

# %% [markdown]
# ## What to read next
#
# `06_initialization` pairs each of them with its weights.
