# %% [markdown]
# # Backpropagation: derive it, cost it, check it
#
# You will derive the gradients of a network layer by layer and see that the engine's agree to the
# last digits, count what the way back costs, and find the step size at which finite differences
# tell the truth.

# %%
import viz
from autograd import Tensor
from lab import check, claim, show
from lab.experiments import backprop
from nn import functional as F

# %% [markdown]
# ## The error signal
#
# A layer computes $z^l = W^l a^{l-1} + b^l$ and $a^l = \sigma(z^l)$. Give the gradient of the loss
# with respect to $z^l$ a name, $\delta^l$, and the chain rule says the rest. The weight enters
# $z^l$ by a product with $a^{l-1}$, so
#
# $$\frac{\partial L}{\partial W^l} = \delta^l (a^{l-1})^T, \qquad
# \frac{\partial L}{\partial b^l} = \delta^l,$$
#
# summed over the batch; and $z^l$ acts on the loss only through $a^l$ and the next layer, so
#
# $$\delta^l = (W^{l+1})^T \delta^{l+1} \odot \sigma'(z^l).$$
#
# The function `by_hand` does this in NumPy for a tanh network; hooks catch what the engine sends
# through each $z^l$. **Predict**: how far apart are the two, in the last digits of float64?

# %%
guess = ...
claim("S5.1", backprop.gradients_by_hand(), guess=guess)

# %%
claim("S5.2", backprop.error_signals())

# %%
claim("S5.3", backprop.recursion())

# %% [markdown]
# The same derivation, from the recorded graph, for the weight of the first layer of a small
# network:

# %%
model, x, y = backprop.network((2, 2, 2), batch=1)
loss = F.cross_entropy(model(Tensor(x)), y)
viz.explain(loss, model[0].weight)

# %% [markdown]
# ## Where it starts
#
# At the output the error is prediction minus target, and the three usual pairs have it in common.
# Two things are left out when this is said in a hurry: a mean divides by the number of terms, and
# the square gives $\hat y - y$ only if it is halved.

# %%
claim("S5.4", backprop.output_errors())

# %% [markdown]
# **By hand.** A 2-2-1 network without biases: `x = [1, 2]`, `W1 = [[0.5, -0.25], [0.1, 0.3]]`,
# tanh, `W2 = [[1, -2]]`, target `y = 1`, loss $L = (\hat y - y)^2 / 2$. Work out the six
# gradients: `dW1` row by row, then `dW2`. Three digits will do.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import numpy as np
#
# x, y = np.array([1.0, 2.0]), 1.0
# W1, W2 = np.array([[0.5, -0.25], [0.1, 0.3]]), np.array([[1.0, -2.0]])
# a = np.tanh(W1 @ x)
# delta2 = W2 @ a - y
# delta1 = W2.T @ delta2 * (1 - a**2)
# answer = [*np.outer(delta1, x).ravel(), *np.outer(delta2, a).ravel()]
# ```
#
# `z1 = [0, 0.7]`, so `a = [0, 0.604]`, `y_hat = -1.209`, `delta2 = -2.209`.
# </details>

# %%
check("ex5.1", answer)

# %% [markdown]
# Put together, the four steps train: forward, the error of the output, the recursion, the step.
# Twenty steps by hand and twenty with the engine end at the same weights.

# %%
claim("S5.5", backprop.algorithm())

# %% [markdown]
# ## What it costs
#
# It is often said that each layer's gradient is one matrix product, at the cost of the forward
# pass. Count them: $dW$ is a product, and so is the gradient that goes on to the layer below. Only
# the first layer spares the second, since nobody asks for the gradient of the data.
#
# **Predict** the ratio of multiplications, backward to forward, for ten layers of equal size.

# %%
guess = ...
claim("S5.6", backprop.product_ratios(), guess=guess)

# %%
show(
    backprop.plot_products(),
    "For each of three layers, the products forward, and backward for the weight and the input.",
)

# %% [markdown]
# In a network that narrows, as classifiers do, most of the work sits in the first layer, and the
# backward pass costs little more than the forward pass: 1.145 for 784-256-128-10. What would make
# this false? Ask for the gradient of the data, as adversarial examples do: the ratio is 2.
#
# **Count.** How many multiplications does the backward pass of 100-50-10 take in matrix products,
# with 32 examples?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 32 * (100 * 50 + 50 * 10) + 32 * 50 * 10
# ```
#
# Both layers for their weights, the second for its input too.
# </details>

# %%
check("ex5.2", answer)

# %% [markdown]
# ## What it keeps
#
# The rules need the activations, so memory grows with depth. A chain of 64 layers can be cut into
# 8 pieces: keep what goes into each piece, and compute its inside again on the way back, at the
# price of one more forward pass.

# %%
claim("S5.7", backprop.memory_growth())

# %% [markdown]
# ## Two directions
#
# Forward mode carries a direction along: one pass gives $J v$. Reverse mode carries a weight of the
# outputs back: one walk gives $u^T J$. A Jacobian of 4 outputs and 6 inputs takes six passes or
# four walks.

# %%
claim("S5.8", backprop.jacobian_by_columns())

# %%
claim("S5.9", backprop.jacobian_by_rows())

# %% [markdown]
# A loss is a single row, so one walk is enough. **Predict**: for 128 inputs, how many times as
# much does forward mode take for the whole gradient?

# %%
guess = ...
claim("S5.10", backprop.crossover(), guess=guess)

# %% [markdown]
# ## Is it right?
#
# A gradient can be checked without knowing how it was made, by moving a weight and looking at the
# loss. Central differences err by $h^2$ on one side and by rounding, $10^{-16}/h$, on the other.
# **Predict** the best step.

# %%
guess = ...
errors = backprop.difference_errors()
best = backprop.STEPS[errors.argmin()]
print(f"the best step is {best:.0e}, its error {errors.min():.1e}")
show(
    backprop.plot_differences(errors),
    "The error of central differences over the step: a V with its tip near 1e-5.",
)

# %% [markdown]
# So check gradients in float64 with a step near $10^{-5}$, never with $10^{-9}$ "to be exact". The
# engine's own `autograd.gradcheck` uses the complex step where it can, which has no rounding side.
#
# ## What to read next
#
# `06_initialization` asks how large the numbers in these recursions are;
# `07_gradient_pathologies` what happens when the product of many of them shrinks or grows. The
# drill of `12_drill` has you derive a two-layer network against the clock.
