# %% [markdown]
# # Losses: why the pairs fit
#
# You will see each usual loss as a likelihood, the one short gradient that they share, and what a
# pair that does not fit costs: a network that is confidently wrong and learns nothing.

# %%
from lab import check, claim, show
from lab.experiments import losses

# %% [markdown]
# ## Likelihoods in disguise
#
# Say how the target is distributed around the prediction, take minus the logarithm, and the loss
# falls out. A Gaussian gives the square, a Bernoulli the binary cross-entropy, a categorical
# distribution the cross-entropy.

# %%
claim("S3.1", losses.gaussian_likelihood())

# %% [markdown]
# Probabilities are not what a loss wants to be given. At a logit of 1000 the sigmoid rounds to 1,
# and the logarithm of 1 - p is minus infinity; from the logit itself nothing overflows:
# $\log(1 + e^z) - yz$. **Predict** the loss of logits 1000 and -1000, both on the wrong side.

# %%
guess = ...
claim("S3.2", losses.bernoulli_likelihood(), guess=guess)

# %%
claim("S3.3", losses.softmax_likelihood())

# %% [markdown]
# What is the cross-entropy of a network that knows nothing, with ten classes? It is worth knowing
# by heart: a loss that starts far above it says that the last layer is too large.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import math
#
# answer = math.log(10)
# ```
#
# 2.303 nats.
# </details>

# %%
check("ex3.2", answer)

# %% [markdown]
# A picture may show a dog **and** a ball: then the classes do not compete, and each has a sigmoid
# of its own.

# %%
claim("S3.4", losses.multi_label())

# %% [markdown]
# One sigmoid unit with this loss is logistic regression, to the last digits: gradient descent and
# Newton's method end at the same coefficients. In the language of generalised linear models the
# sigmoid is the *inverse* of the canonical link; the link is the logit.

# %%
claim("S3.5", losses.logistic_regression())

# %% [markdown]
# ## One gradient
#
# With $p = \operatorname{softmax}(z)$ and $L = -\log p_y$,
#
# $$\frac{\partial L}{\partial z_i} = \frac{\partial}{\partial z_i}
# \left( \log \sum_k e^{z_k} - z_y \right) = p_i - y_i.$$
#
# The logarithm undoes the exponential, and what is left is the error itself.

# %%
claim("S3.6", losses.fused_and_composed())

# %% [markdown]
# ## A pair that does not fit
#
# Take the square of softmax against the one-hot target instead. Its gradient passes through the
# Jacobian of softmax, which is nearly zero where the probabilities are near 0 and 1, right or
# wrong. Let a wrong logit lead by $c$, ten classes. **Predict** how many times larger
# cross-entropy's gradient is at $c = 10$.

# %%
guess = ...
claim("S3.7", losses.mismatch(), guess=guess)

# %%
show(
    losses.plot_gradients(),
    "Cross-entropy's gradient stays near 1.4; that of the square falls by 8 decades up to 20.",
)

# %% [markdown]
# From a neutral start the square is only slower. From a bias that makes one class certain, it is
# stuck, while cross-entropy recovers:

# %%
show(
    losses.plot_race(),
    "Test accuracy over steps: both losses learn from a neutral start, one from a wrong bias.",
)

# %% [markdown]
# **Derive it.** $L = \sum_k (p_k - y_k)^2$ at $z = (1, 0, -1)$ with $y = (1, 0, 0)$: what is
# $\partial L / \partial z$? Three numbers, three digits.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import numpy as np
#
# p = np.exp([1.0, 0.0, -1.0])
# p /= p.sum()
# r = p - np.array([1.0, 0.0, 0.0])
# answer = 2 * p * (r - p @ r)
# ```
#
# The Jacobian of softmax is $\operatorname{diag}(p) - p p^T$; times $2r$.
# </details>

# %%
check("ex3.1", answer)

# %% [markdown]
# What would make the claim false? A network that is never confidently wrong: with label smoothing,
# or with logits kept small, the square is slower by a factor, which a larger learning rate makes up
# for in part, and nothing is stuck.
#
# ## What to read next
#
# `05_backprop` follows $p - y$ down through the layers; the drill asks for it from memory.
