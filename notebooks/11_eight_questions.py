# %% [markdown]
# # Eight questions
#
# An oral exam. Each question is folded: say your answer aloud, in ninety seconds, before you open
# it. Then comes the number that proves it, then the follow-up that trips people, then two numbers
# to work out.

# %%
from lab import check, claim, show
from lab.experiments import questions
from lab.oral import ask

# %% [markdown]
# ## 1. Derive backpropagation

# %%
ask(1)

# %%
claim("S11.1", questions.two_layers())

# %% [markdown]
# What is the shape of `dW1` for X (32, 784) and Z1 (32, 128), in the layout `Z1 = X @ W1`?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = [784, 128]
# ```
# </details>

# %%
check("ex11.1a", answer)

# %% [markdown]
# How large can an entry of `dZ2` be in absolute value, with the mean over 32 examples?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 1 / 32
# ```
# </details>

# %%
check("ex11.1b", answer)

# %% [markdown]
# ## 2. The dying relu

# %%
ask(2)

# %%
claim("S11.2", questions.dying_relu())

# %% [markdown]
# What is the gradient of a dead unit's own weights?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 0
# ```
# </details>

# %%
check("ex11.2a", answer)

# %% [markdown]
# What is leaky relu's slope at -5, unless told otherwise?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 0.01
# ```
# </details>

# %%
check("ex11.2b", answer)

# %% [markdown]
# ## 3. 2 / n

# %%
ask(3)

# %%
claim("S11.3", questions.variances())

# %% [markdown]
# What is He's standard deviation for `n_in = 512`?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = (2 / 512) ** 0.5
# ```
# </details>

# %%
check("ex11.3a", answer)

# %% [markdown]
# What is the bound of Xavier's uniform distribution for `n_in = 100`, `n_out = 200`?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = (6 / 300) ** 0.5
# ```
# </details>

# %%
check("ex11.3b", answer)

# %% [markdown]
# ## 4. Skips

# %%
ask(4)

# %%
claim("S11.4", questions.what_skips_solve())

# %%
show(
    questions.plot_cosines(),
    "Two inputs become alike with depth in a plain network, and stay apart with skips.",
)

# %% [markdown]
# By what factor does the variance grow in ten blocks `x + F(x)` where F keeps the variance?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2**10
# ```
# </details>

# %%
check("ex11.4a", answer)

# %% [markdown]
# What is `dy/dx` of `y = x + F(x)` with `F(x) = -x`?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 0
# ```
# </details>

# %%
check("ex11.4b", answer)

# %% [markdown]
# ## 5. Sigmoids

# %%
ask(5)

# %%
claim("S11.5", questions.sigmoids_in_hidden_layers())

# %% [markdown]
# What do the slopes of ten sigmoids bound the gradient by, weights of norm 1?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 0.25**10
# ```
# </details>

# %%
check("ex11.5a", answer)

# %% [markdown]
# What is the sigmoid's slope where its value is 0.9?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 0.9 * (1 - 0.9)
# ```
# </details>

# %%
check("ex11.5b", answer)

# %% [markdown]
# ## 6. Two modes

# %%
ask(6)

# %%
claim("S11.6", questions.modes())

# %% [markdown]
# How many passes of forward mode does a Jacobian of 3 inputs and 1,000 outputs take?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 3
# ```
# </details>

# %%
check("ex11.6a", answer)

# %% [markdown]
# How many walks of reverse mode does the gradient of a loss of a million parameters take?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 1
# ```
# </details>

# %%
check("ex11.6b", answer)

# %% [markdown]
# ## 7. Softmax with cross-entropy

# %%
ask(7)

# %%
claim("S11.7", questions.matching_loss())

# %% [markdown]
# The right class has probability 0.7. What is the gradient of its logit, for one example?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 0.7 - 1
# ```
# </details>

# %%
check("ex11.7a", answer)

# %% [markdown]
# A network is sure of a wrong class. What is the norm of cross-entropy's gradient of the logits?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2**0.5
# ```
# </details>

# %%
check("ex11.7b", answer)

# %% [markdown]
# ## 8. One hidden layer

# %%
ask(8)

# %%
claim("S11.8", questions.the_catch())

# %% [markdown]
# How many relus does one hidden layer need for 1,024 linear pieces, at least?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 1024 - 1
# ```
# </details>

# %%
check("ex11.8a", answer)

# %% [markdown]
# How many relus are in ten layers of two?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2 * 10
# ```
# </details>

# %%
check("ex11.8b", answer)

# %% [markdown]
# ## What to read next
#
# `12_drill`: the same, against the clock. In a terminal: `python -m lab.drill oral` in this folder.
