# %% [markdown]
# # Convolution: the same weights everywhere
#
# You will see a convolution as a dense layer with a very strict diet, its backward pass as two more
# convolutions, and what it is worth when the digits of the test set stand four pixels further
# right: everything, as long as four is a multiple of the stride.

# %%
from lab import check, claim, show
from lab.experiments import convolution

# %% [markdown]
# ## A dense layer on a diet
#
# A filter of 3x3 weights slides over an image. At each position it multiplies what lies under it
# and adds up:
#
# $$y_{f,i,j} = \sum_{c,a,b} w_{f,c,a,b}\, x_{c,i+a,j+b}.$$
#
# That is linear in $x$, so there is a matrix that does it. Write the image as one long vector, and
# each output gets a row. **Predict**: `Conv2d(2, 4, 3)` without bias takes 2x8x8 numbers to 4x6x6.
# How many weights does it have, and how many would a dense layer need?

# %%
guess = ...
claim("S10.1", convolution.as_a_matrix(), guess=guess)

# %%
show(
    convolution.plot_matrix(),
    "The Toeplitz matrix of a 3x3 filter: nine numbers in diagonal bands, blank elsewhere.",
)

# %% [markdown]
# Two restrictions, then: **locality**, which is the blank part, and **sharing**, which is why the
# bands have one colour each. A dense layer could learn this matrix; it would have to find it out
# from data, at every position anew.
#
# **Count.** How many parameters has `Conv2d(3, 16, 5)`, bias included, on 32x32 images?

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = 16 * (3 * 5 * 5 + 1)
# ```
#
# 16 filters of 75 weights and a bias. The size of the image does not enter.
# </details>

# %%
check("ex10a.1", answer)

# %% [markdown]
# ## The way back
#
# Nothing new has to be learned for the gradient. With $\delta = \partial L / \partial y$, a weight
# meets the pixel $x_{c,i+a,j+b}$ at each position $(i, j)$, and shared weights add up what each use
# of them gets:
#
# $$\frac{\partial L}{\partial w_{f,c,a,b}} = \sum_{i,j} \delta_{f,i,j}\, x_{c,i+a,j+b},$$
#
# the input *correlated* with the error. And a pixel is seen by the outputs up and left of it, so
#
# $$\frac{\partial L}{\partial x_{c,p,q}} = \sum_{f,a,b} \delta_{f,p-a,q-b}\, w_{f,c,a,b},$$
#
# where the minus signs make it a *convolution* in the mathematician's sense, with the filter turned
# round, over all positions where the two overlap at all. SciPy has both under those names.

# %%
claim("S10.2", convolution.backward_is_convolution())

# %% [markdown]
# ## It moves along
#
# Shift the image, and the output shifts: the filter does not know where it is. Let $T_s$ move an
# image by $s$ pixels, what leaves on the right coming in on the left. Then
# $\mathrm{conv}(T_s x) = T_s\, \mathrm{conv}(x)$. The word for it is *equivariance*, and it is
# usually said without the small print:
#
# - the border must wrap round as well; zeros there are a landmark,
# - a stride of 2 evaluates every other position only, and a shift by 1 lands between them,
# - a max pool is a stride too.
#
# **Predict** for a 16x16 image moved by one pixel: which share of the outputs does *not* move along
# where the border is zeros? Where the stride is 2?
#
# Then the worth of it. Two networks learn 1,500 digits in the middle of a blank 16x16 canvas
# (the 8x8 digits that come with the package; with larger images it looks the same). One is dense.
# The other has two convolutions, a pool of 2, and the maximum of each channel over the whole image.
# The test digits stand further and further right. **Predict** both accuracies at 4 pixels.

# %%
guess = ...
claim("S10.3", convolution.inductive_bias(), guess=guess)

# %%
show(
    convolution.plot_shifts(),
    "Accuracy over shift: the MLP falls to chance at 2 pixels, the CNN only dips at odd shifts.",
)

# %% [markdown]
# The dense network sees pixels that were always blank in training, and guesses. The convolutional
# one, with a sixth of the parameters, does not lose a single digit at 2 and 4 pixels: the filters
# move along, and the maximum over all positions forgets where. At 1 and 3 it falls, and now you
# know why: the pool of 2 looks at other pairs of pixels. "CNNs are translation invariant" is a
# statement about multiples of the stride.
#
# What would make this false? Take the maximum over the whole image away, and flatten: the last
# layer is dense then, and each position has weights of its own again.
#
# **Which shifts** from 1 to 8 do two convolutions of stride 2, one after the other, move along
# with exactly? The border wraps round. Answer with a list.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = [4, 8]
# ```
#
# Strides multiply: the two together look at every fourth position. After five of them, as in many
# an image network, it is every 32nd.
# </details>

# %%
check("ex10a.2", answer)

# %% [markdown]
# ## What to read next
#
# `10b_recurrence` shares weights along time instead of space, and pays for it in gradients.
