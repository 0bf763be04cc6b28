# %% [markdown]
# # Transformer blocks: look, think, add
#
# You will take a transformer apart: what attention computes and cannot see, why the other half is
# an MLP that you know already, and why it matters on which side of the addition the norm stands.
# The text to learn is made up, so that the best possible loss is known to the last digit.

# %%
import viz
from autograd import Tensor
from lab import check, claim, show
from lab.experiments import transformers

# %% [markdown]
# ## Attention is a soft look-up
#
# Each position makes three vectors out of its own: a query, a key and a value, by linear maps that
# are the same everywhere. A query is compared with all keys by a scalar product; a softmax makes
# weights of the scores, and the output is the mean of the values with these weights:
#
# $$\operatorname{softmax}\!\left( \frac{Q K^T}{\sqrt{d_k}} \right) V.$$
#
# The root is there because a scalar product of $d_k$ independent terms of variance 1 has variance
# $d_k$: undivided, wide heads would begin with a softmax that is nearly one-hot and has hardly any
# gradient.
#
# **By hand.** The query is $(2, 0, 0, 0)$, the keys are $(1, 0, 0, 0)$ and $(0, 1, 0, 0)$, their
# values 1 and 3. What comes out? Three digits.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import math
#
# first = math.exp(2 / math.sqrt(4))
# second = math.exp(0)
# answer = (1 * first + 3 * second) / (first + second)
# ```
#
# The weights are 0.731 and 0.269, the output 1.538.
# </details>

# %%
check("ex10c.1", answer)

# %% [markdown]
# Nothing in the formula says where a position *is*. **Predict**: shuffle the positions of the
# input. What happens to the output? And with a causal mask, where position $t$ sees only what came
# before: how small is the gradient of its output with respect to later inputs?

# %%
guess = ...
claim("S10.9", transformers.attention(), guess=guess)

# %% [markdown]
# The output is shuffled along, and that is all. Order has to be put in by hand, as an encoding of
# the position that is added to the input. The gradient of the future is exactly 0, not small: the
# mask sets scores to minus infinity, and softmax makes zeros of them.
#
# ## The other half
#
# After the look-up each position is worked on by itself. "The feed-forward part is a two-layer
# MLP" is right to the last bit, and the same one at every position. It stops being right when the
# layer is gated: SwiGLU multiplies two linear maps of its input, so that doubling a large input
# quadruples the output, which no sum of bent straight lines does.

# %%
claim("S10.8", transformers.feed_forward())

# %% [markdown]
# ## What it takes to learn an echo
#
# The text has lines like `bcha=bcha`: four letters, drawn from eight, and the same again. Who has
# not seen the text before cannot know the first word. The second can be known, by looking back.
#
# **Work it out.** A model says each character from those before it in the line. What is the lowest
# mean loss, in nats per character, that it can reach? The end of a line is a character too.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import math
#
# answer = 4 * math.log(8) / 10
# ```
#
# Ten characters: four cost $\log 8$, the `=`, the second word and the end nothing. Without looking
# back the second word costs as much as the first.
# </details>

# %%
check("ex10c.2", answer)

# %% [markdown]
# Two blocks learn it in 300 steps. The same model with its attention taken out, embedding,
# positions, MLPs, residuals and norms all there, cannot: a position that does not see the others
# has nothing to copy. **Predict** how far above the floor each of the two ends.

# %%
guess = ...
claim("S10.7", transformers.character_model(), guess=guess)

# %%
show(
    transformers.plot_attention(),
    "Attention weights on a line: from '=' on, each row looks at the letter to be said next.",
)

# %% [markdown]
# One head has found the rule. Read the lower half: having read up to `=` it looks at the first
# letter, then at the second, and so on, always at the one to say next. Nobody told it where to
# look; it is the gradient through the softmax that did.
#
# What would make the claim false? A text whose next character depends on the current one and its
# position only: there attention has nothing to add.
#
# ## On which side of the addition
#
# The first transformers normalised the sum, later ones normalise what goes into the branch:
#
# $$\text{post-LN: } y = \mathrm{LN}(x + F(x)), \qquad
# \text{pre-LN: } y = x + F(\mathrm{LN}(x)).$$
#
# Their Jacobians are $J_{\mathrm{LN}} (I + J_F)$ and $I + J_F J_{\mathrm{LN}}$. Only the second has
# a term that no norm touches. Here is a pre-LN block as it was recorded; follow the two arrows that
# pass by the norms:

# %%
block = transformers.small_block("pre")
viz.draw(block(Tensor(transformers.INPUT)), depth=1, show=("name", "op", "shape"))

# %% [markdown]
# **Which rank?** Close both branches of a block: set the last matrix of the attention and of the
# MLP to zero. What is the rank of $\partial y / \partial x$ at one position with $d = 8$ features,
# for pre-LN and for post-LN? Answer with a list of two. (What does a norm forget?)

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# answer = [8, 6]
# ```
#
# Pre-LN leaves the identity. Post-LN leaves two norms in a row; a norm forgets the mean of its
# input and its length, two directions, and the second forgets no more than the first did.
# </details>

# %%
check("ex10c.3", answer)

# %% [markdown]
# That alone does not decide how they train. What does, at the start, is the size of the gradient
# near the *output*. In pre-LN the sum $x$ grows from block to block, its variance about linearly,
# and the norm in front of the logits divides by its root: the gradient of the last block falls
# about like $1 / \sqrt{\text{depth}}$. (Here a block adds about half the variance that the
# embedding begins with, which makes $\sqrt{(1 + 2/2) / (1 + 16/2)} = 0.47$ from 2 blocks to 16.)
# Post-LN starts every block at variance 1, and its last block gets a large gradient at any depth.
# With Adam at full rate from step one, that is too much.
#
# **Predict** which of three learn the echo at a learning rate of 0.005, six blocks, 150 steps:
# pre-LN, post-LN, and post-LN whose rate rises over the first 75 steps. And at 0.001?

# %%
guess = ...
claim("S10.10", transformers.norm_placement(), guess=guess)

# %%
show(
    transformers.plot_norms(),
    "Left: the last gradient falls with depth for pre-LN only. Right: post-LN needs a warm-up.",
)

# %% [markdown]
# So "pre-LN is more stable" is a statement about high rates and deep stacks. At a rate of 0.001 the
# two end close together, and a warm-up cures post-LN at 0.005. It is no statement about which of
# them is better in the end. Nor is it about vanishing gradients: the gradient that tells the two
# apart is that of the last block, and post-LN's is the large one.
#
# What would make this false? Lower the rate, or take fewer blocks: the two become alike.
#
# ## What to read next
#
# `11_eight_questions` asks for all of this aloud; `07_gradient_pathologies` follows gradients
# through stacks of a thousand blocks.
