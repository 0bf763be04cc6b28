# %% [markdown]
# # Initialisation: bookkeeping of variance
#
# You will follow the size of a signal through fifty layers, derive the three classic recipes from
# one line of algebra, see where each stops being right, and find out how much of it still matters
# in a transformer.

# %%
from autograd import Tensor, detect_anomaly
from autograd.anomaly import AnomalyError
from lab import check, claim, show
from lab.experiments import initialization
from nn import init

# %% [markdown]
# ## Too small, too large
#
# A layer multiplies the size of what it gets by some factor, and so does the next, by about the
# same one. After fifty layers there is hardly a middle way. Here are four ways to draw the weights
# of 50 layers, 256 wide; the input has a standard deviation of 1.

# %%
show(
    initialization.plot_stds(),
    "Std over 50 layers. tanh: N(0, 1) and He level off near 1 and 0.56, LeCun sinks to 0.1, "
    "0.02 drops out. relu: only He stays level, the others go from 1e-33 to 1e52.",
)

# %% [markdown]
# (In the left picture, what leaves at the bottom goes on down to 1e-25.)
#
# Take relu with LeCun's weights, variance $1/n$. **Predict** the factor on the mean square of each
# layer, and on that of the gradient on its way back.

# %%
guess = ...
claim("S6.1", initialization.shrinking(), guess=guess)

# %% [markdown]
# The other way takes more layers to show, but ends worse. With three times He's weights the signal
# triples with each layer. **Predict**: at which layer does float32, whose largest number is
# $3.4 \cdot 10^{38}$, give up?

# %%
guess = ...
claim("S6.2", initialization.growing(), guess=guess)

# %% [markdown]
# The loss is NaN, which says nothing of where it came from. `detect_anomaly` does:

# %%
model = initialization.stack("relu", 3 * 2**0.5, depth=100, dtype="float32")
batch = Tensor(initialization.normal(0, 64).astype("float32"))
try:
    with detect_anomaly():
        model(batch)
except AnomalyError as error:
    print(str(error).splitlines()[0])

# %% [markdown]
# ## One line of algebra
#
# A pre-activation is a sum over the inputs, $z = \sum_j w_j x_j$. Weights are independent of each
# other and of $x$, and have mean 0. Then all mixed terms vanish, and
#
# $$\mathrm{Var}(z) = \sum_j \mathrm E[w_j^2]\, \mathrm E[x_j^2]
#   = n_\mathrm{in}\, \mathrm{Var}(w)\, \mathrm E[x^2].$$
#
# Note which moment of $x$ it is. Behind a relu the inputs have a mean of 0.4, so that the second
# moment is 0.5 but the variance 0.34. **Predict** how far off the formula with $\mathrm{Var}(x)$
# is.

# %%
guess = ...
claim("S6.4", initialization.fan_in(), guess=guess)

# %% [markdown]
# So the principle is to keep the *second moment* from layer to layer. On the way back the same sum
# runs over $n_\mathrm{out}$, so for square layers one choice serves both.

# %%
claim("S6.3", initialization.principle())

# %% [markdown]
# `init.report` is how to look at your own model: one batch forward and back, and what is wrong.

# %%
init.report(initialization.stack("sigmoid", 1.0, depth=5), initialization.normal(0))

# %% [markdown]
# ## Three recipes
#
# **LeCun**: without activation, $\mathrm{Var}(w) = 1/n_\mathrm{in}$ keeps the variance. For tanh
# that is the answer for *small* signals, where $\tanh z \approx z$. What happens to others follows
# from one more term: $\tanh z \approx z - z^3/3$, so with $v = \mathrm E[z^2]$ and
# $\mathrm E[z^4] = 3 v^2$,
#
# $$\mathrm E[\tanh(z)^2] \approx v - \tfrac23 \mathrm E[z^4] = v - 2 v^2
#   \quad\Rightarrow\quad v_l \approx \frac{1}{2 l}.$$
#
# The std falls like $1/\sqrt{2 l}$, which is 0.1 at layer 50: slow, no catastrophe. Sigmoid is one,
# since its slope is 1/4 at most. **Predict** the size of the gradient that reaches the input of 50
# sigmoid layers, relative to that at the output.

# %%
guess = ...
claim("S6.5", initialization.lecun(), guess=guess)

# %% [markdown]
# **Xavier** (Glorot) takes the mean of both fans. Where a layer is not square it keeps neither
# direction, but is off by less than LeCun's is in the worse one.

# %%
claim("S6.6", initialization.xavier())

# %% [markdown]
# **He**: relu sets half of a symmetric signal to zero. That half of the *values* are zero is not
# yet the reason. The half that is left carries half of the second moment, and that is what the
# next layer sees. The variance falls further, to 0.341, since relu's output has a mean.

# %%
claim("S6.7", initialization.he())

# %% [markdown]
# The gain of other activations, $g^2 = 1 / \mathrm E[\sigma(z)^2]$, takes an integral. For gelu,
# $\mathrm E[\mathrm{gelu}(z)^2] = 0.4252$ at standard normal $z$. Which gain goes on
# $1/\sqrt{n}$? Three digits.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 0.4252**-0.5
# ```
#
# `init.calculate_gain("gelu")` does the integral: 1.534.
# </details>

# %%
check("ex6.2", answer)

# %% [markdown]
# Is He's $\sqrt 2 = 1.41$ not close enough? In a shallow network, yes. But gelu and silu are not
# made of two straight lines: for small $z$ they are nearly $z/2$, and let less through the smaller
# the signal already is. **Predict** the std of silu after 50 layers with He's weights.

# %%
guess = ...
claim("S6.8", initialization.smooth_gains(), guess=guess)

# %% [markdown]
# What would make this false? Ask for the gain at the scale that there is,
# `init.calculate_gain("silu", std=0.1)`: there the factor is 2, and a stack with that gain explodes
# from any larger input. No constant is right at all depths. Norms are what makes gelu and silu work
# in deep networks.
#
# ## GPT-2: the same for all
#
# GPT-2 draws everything from $N(0, 0.02^2)$, and does not ask for the fan-in.

# %%
claim("S6.9", initialization.gpt2_std())

# %% [markdown]
# At which fan-in is 0.02 LeCun's, and at which He's? Two numbers.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = [1 / 0.02**2, 2 / 0.02**2]
# ```
# </details>

# %%
check("ex6.1", answer)

# %% [markdown]
# In a plain relu network that is 256 wide, each layer would leave $256 \cdot 0.02^2 / 2 = 5\,\%$ of
# the second moment: $10^{-65}$ after fifty. In a transformer a norm stands before each branch, and
# what is small comes out of it as large as ever.

# %%
claim("S6.10", initialization.rescued_by_norm())

# %% [markdown]
# What a norm does not see to is the stream itself, which runs past the norms and takes in what each
# branch adds. If a branch returns as much variance as it gets, each block doubles it. Scale the
# branches by $1/\sqrt N$, and it grows by $(1 + 1/N)^N < e$ in all, whatever the depth. GPT-2 does
# that in the weights: the last layer of each of its $2N$ branches starts with $0.02 / \sqrt{2N}$.

# %%
claim("S6.11", initialization.residual_scaling())

# %%
show(
    initialization.plot_stream(),
    "Variance added to the residual stream for 6, 12 and 24 blocks: linear with std 0.02, flat "
    "where the last layers are scaled.",
)

# %% [markdown]
# ## Does it still matter?
#
# Train from weights of different sizes: a plain MLP of ten layers from a tenth of He's weights to
# four times them, and a small transformer, which reads a digit as eight tokens, from std 0.002 to
# 0.3. **Predict** the worst accuracy of each.

# %%
guess = ...
claim("S6.12", initialization.sensitivity(), guess=guess)

# %%
show(
    initialization.plot_sensitivity(),
    "Test accuracy over the size of the first weights: a peak at He's for the MLP, a slow rise "
    "over a range of 150 for the transformer.",
)

# %% [markdown]
# The transformer learns over a range of 150, and part of what is left of the effect has a reason
# that you can name: with std 0.002 the embeddings have a variance of $10^{-5}$, as small as the
# $\epsilon$ inside LayerNorm, which no longer quite makes up for it. With $\epsilon = 10^{-12}$
# the same run ends at 0.69 in the place of 0.60. What would make the claim false? See what a longer
# run leaves of the difference: `initialization.transformer_accuracy(0.002, steps=1000)`.
#
# ## What to read next
#
# `07_gradient_pathologies` looks at the way back, and finds that the size of gradients is not all
# that goes wrong in deep networks.
