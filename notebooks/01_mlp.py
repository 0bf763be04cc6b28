# %% [markdown]
# # What nonlinearity, width and depth buy
#
# You will see a stack of linear layers collapse into one, write down a network that approximates a
# function without training it, and fold an interval a thousand times with twenty units. And you
# will see training fail to find what depth can represent.

# %%

from lab import check, claim, show
from lab.experiments import figures_mlp, mlp

# %% [markdown]
# ## Layers
#
# Textbooks write $z = Wx + b$ for one example as a column. Libraries keep a batch of examples as
# rows, and compute $x W^T + b$. It is the same thing, turned on its side.

# %%
claim("S1.1", mlp.rows_and_columns())

# %%
claim("S1.2", mlp.last_layer())

# %% [markdown]
# ## Without a bend
#
# Put ten affine maps on top of each other, with nothing between. **Predict**: how different can
# the result be from a single affine map?

# %%
guess = ...
claim("S1.3", mlp.linear_collapse(), guess=guess)

# %% [markdown]
# So depth without activations adds no function. It is not true that it changes nothing: three maps
# take another way to the same optimum than one does.

# %%
claim("S1.4", mlp.depth_without_bends())

# %% [markdown]
# ## Width
#
# With relus between, a network of one input is a broken line: each unit adds a bend. Choose where
# the bends are and how the slope changes, and the network passes through any points you like. No
# training is needed; `interpolant(n)` writes the weights down. Between two knots the error of a
# straight line is at most $\max|f''| / (8 n^2)$.

# %%
show(
    figures_mlp.interpolants((8, 32)),
    "A function with bends, and the broken lines of networks of 8 and of 32 relus through it.",
)

# %% [markdown]
# **Predict**: by what factor does the error fall when the width doubles?

# %%
guess = ...
claim("S1.5", mlp.universal_by_construction(), guess=guess)

# %% [markdown]
# $f(x) = \sin 2 \pi x + \frac12 \sin 6 \pi x$ has $|f''| \le 4\pi^2 + 18\pi^2$. From which width
# on does the bound promise an error below $10^{-3}$?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import math
#
# answer = math.ceil(math.sqrt(22 * math.pi**2 / (8 * 1e-3)))
# ```
#
# $n = \sqrt{\max|f''| / (8 \epsilon)}$, rounded up.
# </details>

# %%
check("ex1.2", answer)

# %% [markdown]
# That is the universal approximation theorem at work in one dimension. What it does not say: how
# wide a network must be in many dimensions, whether training finds the weights, or what happens
# between the data. And it needs a bend that is not a polynomial. A sum of squares of affine
# functions is a parabola, however many there are:

# %%
claim("S1.6", mlp.polynomial_is_stuck())

# %% [markdown]
# ## Depth
#
# Two relus make a triangle, $T(x) = 2 \operatorname{relu}(x) - 4 \operatorname{relu}(x - 1/2)$. It
# maps each half of $[0, 1]$ onto the whole: whatever comes behind it happens twice. Apply it to
# itself, and each layer folds the interval once more.

# %%
show(
    figures_mlp.folds((1, 2, 3, 5)),
    "The sawtooth after one, two, three and five folds: the number of teeth doubles each time.",
)

# %% [markdown]
# How many linear pieces does it have after 7 folds?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 2**7
# ```
# </details>

# %%
check("ex1.1", answer)

# %% [markdown]
# A hidden layer of $m$ relus has at most $m + 1$ pieces, so one layer needs as many units as there
# are pieces, less one. With half of them, evenly spread, the best it can do here is a constant.

# %%
claim("S1.8", mlp.depth_separation())

# %% [markdown]
# Sixty-one weights against 3,073. Does that mean that deep networks *learn* such functions? Train
# a network with one layer to spare on the sawtooth of 8 pieces, and on that of 64. A constant has
# an error of 0.289. **Predict** both errors.

# %%
guess = ...
claim("S1.7", mlp.depth_is_tractable(), guess=guess)

# %% [markdown]
# What twelve units represent exactly, gradient descent does not find. Depth is an argument about
# what can be written down; what is found is another question, which `07_gradient_pathologies` takes
# up.
#
# ## Features of features
#
# Images have edges everywhere, and the filters of a first layer come to look for them. Here, eight
# filters of 5 x 5 learn to tell the orientation of noisy bars.

# %%
claim("S1.9", mlp.oriented_filters())

# %%
show(
    figures_mlp.filters(),
    "Eight filters before training, noise, and after it, most of them bars or edges at an angle.",
)

# %% [markdown]
# ## What to read next
#
# `02_activations` asks which bend to choose.
