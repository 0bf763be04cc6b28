# %% [markdown]
# # Gradients that vanish, explode, or say nothing
#
# You will watch a gradient lose twelve digits on its way through twenty layers, take the cures one
# at a time, and train a thousand layers in a few seconds. On the way you will see that the best
# known cure is commonly explained by the wrong illness.

# %%
from lab import check, claim, show
from lab.experiments import pathologies

# %% [markdown]
# ## What a layer does to a gradient
#
# The error signal $\delta^l$ is the gradient at the pre-activation of layer $l$, and the recursion
# of `05_backprop` carries it down:
#
# $$\delta^l = \operatorname{diag}(\sigma'(z^l))\, (W^{l+1})^T \delta^{l+1}, \qquad
# \|\delta^l\| \le \max |\sigma'| \cdot \|W^{l+1}\|_2 \cdot \|\delta^{l+1}\|.$$
#
# Two factors, not one. The slope of sigmoid is at most 1/4, and it is often said that the gradient
# shrinks by $(1/4)^L$ for that reason. The weights have a say in it. **Predict**, for twenty layers
# of 64 units with Xavier's weights: what is left of the gradient with sigmoid, and with tanh? And
# can a sigmoid network explode?

# %%
guess = ...
claim("S7.1", pathologies.product_bound(), guess=guess)

# %% [markdown]
# So it is 0.235 a layer for sigmoid: nearly its largest slope, since with small weights all its
# units sit near 0. Tanh, which is said to vanish as well, keeps 0.3 of it over all twenty. And the
# bound is a loose one: a gradient does not point along the largest singular vector of every $W$.
#
# Here is what a recorder sees in a sigmoid network in one step, from the first layer to the last:

# %%
show(
    pathologies.plot_step(),
    "Norm of the gradient at each layer of ten sigmoid layers: a straight line on a log scale, "
    "from 1e-8 at the first to 1e-1 at the last.",
)

# %% [markdown]
# Under gradient descent a weight moves by its gradient. **Predict**: how far does the first layer
# move, relative to its size, compared with the tenth? And where does the accuracy end?

# %%
guess = ...
claim("S7.2", pathologies.lower_layers(), guess=guess)

# %% [markdown]
# The other way round, with weights three times too large, the same product grows:

# %%
claim("S7.3", pathologies.exploding())

# %% [markdown]
# ## Six networks
#
# Now in one picture: what is left at each layer of the gradient at the last one. Before you look,
# put them in order. All have 20 layers, or blocks of two layers, 64 wide:
#
# 1. sigmoid with Xavier's weights
# 2. tanh with Xavier's
# 3. relu with Xavier's
# 4. residual blocks $h + \mathrm{relu}(hA)B$, $A$ with He's weights, $B$ with LeCun's
# 5. the same, $B$ scaled by $1/\sqrt{20}$
# 6. those of 4 with a LayerNorm before each branch
#
# Write down the numbers from the largest ratio, first layer over last, to the smallest.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = [4, 6, 5, 2, 3, 1]
# ```
#
# 4 grows by $\sqrt 2$ a block, to 800; 5 by $\sqrt e$ in all. In 6 the stream grows and each norm
# divides by its size, so a block adds less and less: about 3.5. Tanh keeps about 0.3, relu with
# Xavier's weights loses $\sqrt 2$ a layer, sigmoid a factor of 4.
# </details>

# %%
check("ex7.1", answer)

# %%
show(
    pathologies.plot_gradients(),
    "Gradient over twenty layers, relative to the last: residual climbs to 800 at the first layer, "
    "pre-norm to 4, scaled residual to 1.7; tanh falls to 0.3, relu with Xavier to 1e-3, sigmoid "
    "to 1e-12.",
)

# %% [markdown]
# ## First cure: an activation that does not saturate
#
# Relu's slope is 1 wherever it is active. Gelu and silu are said to share that. **Predict** the
# largest slope of gelu.

# %%
guess = ...
claim("S7.4", pathologies.saturation(), guess=guess)

# %% [markdown]
# They overshoot 1 on the right and undershoot 0 on the left, and far to the left all three are
# flat. Look at the last number, too: relu with Xavier's weights loses a factor of a thousand, since
# half of the units pass nothing. An activation is half of a cure.
#
# ## Second cure: weights that suit it
#
# On the way back a layer multiplies the mean square of the gradient by
# $n\, \mathrm{Var}(w)\, \mathrm E[\sigma'(z)^2]$. For relu the last factor is 1/2, so He's
# $\mathrm{Var}(w) = 2/n$ makes the product 1.

# %%
claim("S7.5", pathologies.matched())

# %% [markdown]
# ## Third cure: norms
#
# A norm sets the size anew at each layer, whatever the weights did. Its backward pass, for a row
# with $\hat x = (x - \mu)/\sigma$, takes from the gradient its mean and its part along $\hat x$:
#
# $$\frac{\partial L}{\partial x} = \frac{1}{\sigma}
#   \left(g - \overline{g} - \hat x\, \overline{g \odot \hat x}\right).$$
#
# It also stretches the range of learning rates that work. A plain network of ten layers trains best
# at 0.01. **Predict** what both do at 0.1.

# %%
guess = ...
claim("S7.6", pathologies.norms(), guess=guess)

# %% [markdown]
# ## Fourth cure: a path around
#
# A residual block computes $y = x + F(x)$, so its Jacobian is $I + J_F$. It is tempting to
# conclude that the gradient cannot vanish. **Predict**: is there an $F$ for which nothing comes
# through?

# %%
guess = ...
claim("S7.7", pathologies.identity_path(), guess=guess)

# %% [markdown]
# The identity is a path, not a theorem. Three ways to spoil it: a branch that undoes the identity;
# branches that are left at full size, so that the gradient explodes by $\sqrt 2$ a block; a norm
# *on* the path, as in the first transformers, which vanishes after all if there are enough of them.
#
# Scaled blocks are the clean case. With variance $1/N$ from each branch, $N$ blocks multiply the
# variance of the signal by $(1 + 1/N)^N$. What is the std behind 400 such blocks, for an input of
# std 1?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = (1 + 1 / 400) ** 200
# ```
#
# Nearly $\sqrt e = 1.649$, and nearly the same for four thousand.
# </details>

# %%
check("ex7.2", answer)

# %% [markdown]
# ## Fifth cure: clipping
#
# Where a gradient explodes now and then, as in recurrent networks, it can be scaled back before the
# step. By the norm of all gradients together: then the direction stays. **Predict** how many steps
# a relu RNN lives whose recurrent weights are 1.8 times as large as they should be.

# %%
guess = ...
claim("S7.8", pathologies.clipping(), guess=guess)

# %%
for clip in (False, True):
    losses = pathologies.recurrent(clip)
    print(
        f"clipped: {clip!s:5}  steps {len(losses):2}  first {losses[0]:.1e}  last {losses[-1]:.1e}"
    )

# %% [markdown]
# Clipped, it survives, with losses in the hundreds. Clipping prevents NaN; a good start it does not
# replace.
#
# ## What depth does when gradients are fine
#
# Relu with He's weights keeps the gradient: its ratio over 20 layers is 0.8. So plain networks of
# any depth should train. **Predict** the training loss of 10, 20 and 50 layers after 300 steps,
# where guessing gives 2.3.

# %%
guess = ...
claim("S7.9", pathologies.degradation(), guess=guess)

# %%
show(
    pathologies.plot_depth(),
    "Left: training loss over depth; plain networks are worse with 20 layers than with 6, and fail "
    "with 50, residual ones get better. Right: the cosine of two random inputs; near 1 after ten "
    "plain layers, below 0.25 after 50 residual blocks.",
)

# %% [markdown]
# This is the degradation that residual networks were made for. It shows on the *training* data, so
# it is not overfitting; and gradients keep their size, so it is not vanishing. The right picture
# shows what goes wrong instead: relu's outputs are all positive, each layer adds to what they have
# in common, and any two inputs end up pointing the same way. The last layer gets nearly the same
# vector for each digit.
#
# The gradient loses something as well, though not its size. Draw $dy/dx$ of a random network with
# one input, over that input:

# %%
show(
    pathologies.plot_traces(),
    "dy/dx over x: a staircase for one layer, torn with 24 layers, close to noise with 50, and "
    "mostly a staircase again for 50 layers in residual blocks.",
)

# %%
for kind, depth in (("plain", 1), ("plain", 24), ("plain", 50), ("residual", 50)):
    alike = pathologies.gradient_likeness(kind, depth)
    print(f"{depth:2} layers, {kind:8}: autocorrelation of dy/dx at lag 4 {alike:.2f}")

# %% [markdown]
# Where $dy/dx$ changes from one input to the next like noise, a step that helps one example says
# nothing about its neighbour: *shattered* gradients. Residual blocks keep them together.
#
# What would make the claim false? Other first weights. With orthogonal ones that are tuned to the
# edge of chaos, plain networks of ten thousand layers have been trained. The third cure alone does
# not: `pathologies.trained("norm", 50).loss` stays at 2.3.
#
# ## What to read next
#
# `08_training_loop` takes the loop apart; `10c_transformer_blocks` asks where in a transformer the
# norms should stand.
