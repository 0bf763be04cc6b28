# %% [markdown]
# # Seven papers, a small replication of each
#
# You will repeat, in seconds, one thing that each paper of the reading list shows, and compare your
# number with it.

# %%
from lab import check, claim, show
from lab.experiments import papers

# %% [markdown]
# ## Rumelhart, Hinton and Williams 1986
#
# The paper made back-propagation known; reverse mode itself is older. Its example is a network of
# two hidden units that says whether a string of six bits is the same from both ends. How many of
# the 64 strings are?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2**3
# ```
# </details>

# %%
check("ex13.1", answer)

# %% [markdown]
# A unit that has opposite weights for mirrored bits is silent for every symmetric string. To be
# silent for no other, the three weights must be different, and no sum of some equal to that of
# others: 1 : 2 : 4 will do. **Predict**: does training find that ratio?

# %%
guess = ...
claim("S13.1", papers.symmetry(), guess=guess)

# %%
show(
    papers.plot_symmetry(),
    "The six weights of both hidden units: mirrored bits have opposite weights, in ratios 1:2:4.",
)

# %% [markdown]
# ## Glorot and Bengio 2010
#
# Weights were drawn from $U(-1/\sqrt n, 1/\sqrt n)$ then, of variance $1/(3n)$. **Predict** what
# is left of the deviation after ten layers of tanh.

# %%
guess = ...
claim("S13.2", papers.glorot(), guess=guess)

# %%
show(
    papers.plot_glorot(),
    "Deviation by layer: activations fall upwards and gradients downwards, less so with Xavier.",
)

# %% [markdown]
# ## He, Zhang, Ren and Sun 2015, rectifiers
#
# relu halves the second moment, so with Xavier's weights on square layers the squared norm of a
# gradient halves in each. What is left of the **norm** through 19 layers?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2 ** (-19 / 2)
# ```
#
# 1.4e-3.
# </details>

# %%
check("ex13.2", answer)

# %%
claim("S13.3", papers.he())

# %% [markdown]
# ## He, Zhang, Ren and Sun 2015 and 2016, residual networks
#
# Forty plain layers reach a *training* loss far above that of five: that is no overfitting. The
# authors say that vanishing gradients are unlikely to be the cause, since theirs were healthy.

# %%
claim("S13.4", papers.resnet())

# %% [markdown]
# ## Hendrycks and Gimpel 2016
#
# $x \Phi(x)$ needs the error function; the paper gives two forms without it. **Predict** the
# largest error of $x \sigma(1.702 x)$.

# %%
guess = ...
claim("S13.5", papers.gelu(), guess=guess)

# %% [markdown]
# ## Shazeer 2020
#
# "Gating doubles the parameters" is not what the paper compares: its gated layers are two thirds as
# wide.

# %%
claim("S13.6", papers.gated_widths())

# %% [markdown]
# ## Goodfellow, Bengio and Courville 2016
#
# Chapters 6, 8 and 11 are the reading. Section 6.1 begins with exclusive or. With $s = x_1 + x_2$
# the network is $\operatorname{relu}(s) - 2 \operatorname{relu}(s - 1)$. What does it say at
# $s = 0, 1, 2$?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = [0, 1, 0]
# ```
# </details>

# %%
check("ex13.3", answer)

# %%
claim("S13.7", papers.exclusive_or())

# %% [markdown]
# ## Where to go from here
#
# The ledger, `docs/claims.md`, has all 120 items with their sources.
