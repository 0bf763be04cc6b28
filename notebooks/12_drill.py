# %% [markdown]
# # The drill
#
# Derive the gradients of a two-layer network by hand until it takes you five minutes. Each answer
# is compared with the right one and with the usual wrong ones, so you learn *what* went wrong. The
# problems vary by kind and seed: they cannot be learnt by heart.
#
# The same in a terminal: `make drill`.

# %%
import viz
from lab import cards, check, claim, drill
from lab.experiments import drills

# %% [markdown]
# ## Start the clock

# %%
d = drill.start("relu", seed=0)
print(d)

# %% [markdown]
# `X, Y, W1, b1, W2, b2` and what the forward pass made of them are in `d.given`. The loss is the
# mean cross-entropy of `softmax(Z2)`, and `Z1 = X @ W1 + b1`: in this layout a column of `W1`
# belongs to a unit.

# %%
g = d.given
X, Y, W1, W2, Z1, A1, P, n = g.X, g.Y, g.W1, g.W2, g.Z1, g.A1, g.P, g.n

# %% [markdown]
# The error of the output:

# %% tags=["exercise"]
dZ2 = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# dZ2 = (P - Y) / n
# ```
# </details>

# %%
d.check("dZ2", dZ2)  # for the score
check("ex12.1", dZ2)

# %% [markdown]
# The second weight:

# %% tags=["exercise"]
dW2 = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# dW2 = A1.T @ dZ2
# ```
# </details>

# %%
d.check("dW2", dW2)  # for the score
check("ex12.2", dW2)

# %% [markdown]
# Its bias:

# %% tags=["exercise"]
db2 = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# db2 = dZ2.sum(axis=0)
# ```
# </details>

# %%
d.check("db2", db2)  # for the score
check("ex12.3", db2)

# %% [markdown]
# Go on with `dA1`, `dZ1`, `dW1`, `db1`: `d.check("dA1", ...)` marks each of them, the last mark
# counts, and `d.finish()` says your time and score.

# %%
d.check("dA1", ...)

# %% [markdown]
# What a diagnosis looks like: here is an answer that forgets the targets, and one without the mask
# of relu. (`drill.mark` is `d.check` outside the score.)

# %%
drill.mark(d.task, "dZ2", P / n)

# %%
drill.mark(d.task, "dW1", X.T @ d.task.asked["dA1"])

# %% [markdown]
# Seven kinds of problem, and every usual mistake is named in each:

# %%
for kind, description in drill.KINDS.items():
    print(f"{kind:10} {description}")

# %%
claim("S12.1", drills.marked())

# %% [markdown]
# ## Three sources
#
# By hand, by the engine, by differences: if two of them disagree, one is wrong. The example
# `numpy_mlp` trains a network without any autodiff, and checks itself this way before it starts.

# %%
claim("S12.2", drills.without_autodiff())

# %% [markdown]
# ## Flash cards
#
# Made from the tables that the library itself reads. In the terminal: `python -m lab.drill cards`,
# where a card that you did not know comes back.

# %%
cards.activations()[0]

# %%
cards.activations()[4]

# %%
cards.inits()[2]

# %%
claim("S12.3", drills.activation_cards())

# %%
claim("S12.4", drills.init_cards())

# %% [markdown]
# ## Paths
#
# A residual block adds what it computes to what it was given, so a gradient may pass through it or
# skip it. Below are two blocks, with arrows as wide as the gradient that goes back over them.

# %%
x, L = drills.residual_network(2)
viz.draw(L, color="grad", form="compact", show=("name", "op", "shape", "grad"))

# %% [markdown]
# On how many paths does the gradient reach the input of **six** blocks?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2**6
# ```
#
# $(I + J_6) \cdots (I + J_1)$, multiplied out, has $2^6$ terms; one of them is the identity.
# </details>

# %%
check("ex12.4", answer)

# %%
claim("S12.5", drills.residual_paths())

# %% [markdown]
# ## What to read next
#
# `11_eight_questions` is the oral exam; `13_papers` goes to the sources.
