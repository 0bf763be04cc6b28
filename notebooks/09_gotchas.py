# %% [markdown]
# # Seven questions, seven bets
#
# You will bet on seven answers that are given everywhere, see each one measured, and write down a
# counter-example to each slogan. At the end stands the score.
#
# A bet is one of `"holds"`, `"holds if"` (true under a condition that the slogan does not
# name) and `"wrong as commonly said"`.

# %%
import viz
from autograd import Tensor
from lab import check, claim, show
from lab.experiments import gotchas

bets = {}

# %% [markdown]
# ## 1. Is deeper always better?
#
# *"No: without skip connections, depth hurts past about ten layers."* Plain networks of ReLU layers
# with He's initialisation, of four depths and three of each, learn 1,500 digits for 300 steps.
# **Bet**, and predict at which depth the loss *in training* goes up.

# %%
bets["S9.1"] = ...
claim("S9.1", gotchas.depth_sweep(), guess=bets["S9.1"])

# %%
show(
    gotchas.plot_depth(),
    "Training loss over depth: plain networks rise, steeply from 10 layers on, residual ones stay.",
)

# %% [markdown]
# No cliff at ten: a slope, which gets steep between ten and twenty here and lies elsewhere for
# another width, rate or budget. It is the *training* loss, so this is not overfitting.
#
# Nor is it a lack of means. A deep network can copy a shallow one and pass the result on: with
# hidden units $\operatorname{relu}(x)$ and $\operatorname{relu}(-x)$, which two output weights
# make a layer the identity?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = (1, -1)
# ```
#
# relu(x) - relu(-x) = x. So fifty layers can do whatever five can; training does not find it.
# </details>

# %%
check("ex9.1", answer)

# %% [markdown]
# ## 2. Why ReLU, and not sigmoid?
#
# *"Because it does not saturate; not because it is fast."* The gradient travels back through 20
# fresh layers, each activation with its usual initialisation. **Bet.**

# %%
bets["S9.2"] = ...
claim("S9.2", gotchas.activations_by_depth(), guess=bets["S9.2"])

# %%
show(
    gotchas.plot_gradients(),
    "The gradient's norm over the layers: sigmoid loses twelve decades, the others hardly any.",
)

# %% [markdown]
# Sigmoid's slope is at most 1/4, and $0.235^{19} \approx 10^{-12}$ is what you see. But tanh
# holds up too, and ReLU only with the right weights. (It *is* fast, which never hurt it.) The
# counter-example to "ReLU does not vanish": weights of variance $1/n$, as Xavier's are in a
# square layer. By which factor do 19 such layers shrink the norm of the gradient, in theory?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2 ** (-19 / 2)
# ```
#
# Each layer keeps half of the squared norm, for half of the slopes are 0: 0.0014.
# </details>

# %%
check("ex9.2", answer)

# %% [markdown]
# ## 3. What does `backward()` do?
#
# *"It walks the graph and adds up gradients."* **Bet.**

# %%
bets["S9.3"] = ...
claim("S9.3", gotchas.backward_in_short(), guess=bets["S9.3"])

# %% [markdown]
# A counter-example to "`.grad` is the gradient of the loss": at $x = 3$, somebody calls
# `(2 * x).backward()`, and then you call `(x * x).backward()`. What is `x.grad`?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2 + 2 * 3
# ```
# </details>

# %%
check("ex9.3", answer)

# %% [markdown]
# ## 4. Why normalise?
#
# *"It stabilises magnitudes, so larger learning rates work."* Ten layers, 200 steps, plain and
# with LayerNorm. **Bet**, and predict the accuracies at a rate of 0.1.

# %%
bets["S9.4"] = ...
claim("S9.4", gotchas.normalisation(), guess=bets["S9.4"])

# %%
show(
    gotchas.plot_rates(),
    "Test accuracy over the learning rate: at 0.1 the plain network is at chance, the other not.",
)

# %% [markdown]
# The effect is there. The reason is the subtle part: for batch norm, Santurkar et al. (2018) made
# the "covariate shift" worse on purpose, by noise behind the norm, and training stayed as good;
# what they found changed is how smooth the loss is.
#
# Nor does it come free. LayerNorm forgets mean and size: $(1, 2, 3)$ and another input that is
# twice as large and shifted by 5 become the same. What is LayerNorm of $(7, 9, 11)$, with
# $\epsilon = 0$?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = [-(1.5**0.5), 0, 1.5**0.5]
# ```
#
# The mean is 9, the biased variance 8/3; and 2 / sqrt(8/3) = sqrt(3/2).
# </details>

# %%
check("ex9.4", answer)

# %% [markdown]
# ## 5. What do residual connections solve?
#
# *"Vanishing gradients: the identity term sees to it that they never vanish."* Look at a
# plain network of 50 layers, which hardly trains. **Bet**, and predict its gradient at the first
# layer over that at the last.

# %%
bets["S9.5"] = ...
claim("S9.5", gotchas.residuals(), guess=bets["S9.5"])

# %% [markdown]
# The gradient arrives at about full size. What is lost is *what it is about*: after 50 plain
# layers, two random inputs look the same, with a cosine near 1, and the layers above cannot tell
# them apart. Each plain layer pushes two inputs together a little, and a residual block, which
# adds to what is there, does so far less. He et al. named it degradation, a problem of
# optimisation.
#
# And the identity is no guarantee. Let $F(x) = a x$: for which $a$ does $x + F(x)$ pass
# nothing on?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = -1
# ```
#
# The slope is 1 + a.
# </details>

# %%
check("ex9.5", answer)

# %% [markdown]
# Two paths lead back from `y` to `x`, and what they carry cancels:

# %%
x = Tensor(0.5, requires_grad=True, name="x")
y = x + (-x)
y.name = "y"
y.backward()
viz.draw(y)

# %% [markdown]
# ## 6. Why dropout?
#
# *"It makes units redundant; it averages many networks; it acts like L2."* The last part can be
# computed. In linear regression let $m_{ij}$ be 0 with probability $p$, else $1/(1-p)$: mean 1,
# variance $p/(1-p)$. The mean of a square is the square of the mean plus the variance, so
#
# $$\mathbb E \sum_i \Bigl(y_i - \sum_j m_{ij} x_{ij} w_j\Bigr)^2
# = \sum_i \Bigl(y_i - \sum_j x_{ij} w_j\Bigr)^2 + \frac{p}{1-p} \sum_j w_j^2 \sum_i x_{ij}^2.$$
#
# Is it L2? **Bet.**

# %%
bets["S9.6"] = ...
claim("S9.6", gotchas.dropout_is_scaled_ridge(), guess=bets["S9.6"])

# %%
show(
    gotchas.plot_dropout(),
    "Ten weights: those by dropout equal the scaled ridge's; the plain ridge's lie off the line.",
)

# %% [markdown]
# It is, with a price tag on each weight: the energy of its feature. What would make the
# difference false? Features of equal energy: then the two kinds of ridge are one.
#
# For the counter-example take two examples of two features, $(1, 3)$ and $(1, -3)$, with $p =
# 0.2$ and both weights 1. What does each weight pay?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = [0.25 * (1 + 1), 0.25 * (9 + 9)]
# ```
#
# Equal weights, and one pays nine times as much: 0.5 and 4.5.
# </details>

# %%
check("ex9.6", answer)

# %% [markdown]
# ## 7. Which initialisation for ReLU?
#
# *"He's, normal with variance $2/n_{\text{in}}$."* **Bet**, and predict the spread after 50
# layers, with He's and with Xavier's.

# %%
bets["S9.7"] = ...
claim("S9.7", gotchas.he(), guess=bets["S9.7"])

# %%
show(
    gotchas.plot_spreads(),
    "The spread over 50 layers: level with He's weights, down eight decades with Xavier's.",
)

# %% [markdown]
# $\sqrt{2^{-50}} = 3 \cdot 10^{-8}$: a root of two lost in each layer. What $2/n_{\text{in}}$
# keeps is the size of the *activations*. The counter-example for gradients: a layer from 256 to
# 1024 units. By which factor does the *variance* of the gradient change on its way back through
# its ReLU and its weight?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 1024 * (2 / 256) / 2
# ```
#
# Each input collects from 1024 outputs, half of them silent. Over a whole network the factors
# n_out / n_in multiply to the last width over the first, which is why either choice of n works.
# </details>

# %%
check("ex9.7", answer)

# %% [markdown]
# ## The score

# %%
print(gotchas.score(bets))

# %% [markdown]
# ## What to read next
#
# `11_eight_questions` is the oral exam, `07_gradient_pathologies` the long version of
# questions 1, 4 and 5; `06_initialization` that of 7.
