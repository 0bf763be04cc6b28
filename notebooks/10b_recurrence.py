# %% [markdown]
# # Recurrence: the same weights at every step
#
# You will see that backpropagation through time is plain backpropagation on a long graph, measure
# how fast a gradient dies on its way back through fifty steps, and find that what saves it is not
# the LSTM as such but a number in one of its biases.

# %%
import viz
from lab import check, claim, show
from lab.experiments import recurrence

# %% [markdown]
# ## Unrolled, it is a deep network
#
# A recurrent network carries a state along a sequence:
#
# $$h_t = \tanh(W_{ih} x_t + W_{hh} h_{t-1} + b).$$
#
# The weights are the same at every step. Unroll three steps of the smallest one there is,
# $h_t = \tanh(w h_{t-1} + x_t)$, with a copy of $w$ for each step:

# %%
h, ws = recurrence.scalar_rnn()
viz.draw(h, names={f"w{t}": w for t, w in enumerate(ws, start=1)}, show=("name", "op", "value"))

# %% [markdown]
# If all copies are the same tensor, the gradients that arrive at it add up, as at any node that is
# used more than once. No rule of its own is needed, only the sum:
#
# $$\frac{\partial L}{\partial W} = \sum_t \frac{\partial L}{\partial W_t}.$$

# %%
claim("S10.4", recurrence.tied_and_untied())

# %% [markdown]
# **By hand.** In the drawing $w = 0.8$, $h_0 = 0$ and $x = (1, 0.5, -0.5)$. What does each of the
# three uses of $w$ add to $\partial h_3 / \partial w$? Three numbers, in the order of the steps,
# three digits.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import numpy as np
#
# w, x, h = 0.8, [1.0, 0.5, -0.5], [0.0]
# for x_t in x:
#     h.append(np.tanh(w * h[-1] + x_t))
# slope = 1 - np.array(h) ** 2
# back3 = slope[3]
# back2 = back3 * w * slope[2]
# back1 = back2 * w * slope[1]
# answer = [back1 * h[0], back2 * h[1], back3 * h[2]]
# ```
#
# The first is 0, since $h_0$ is; the second has come back one step further than the third, and has
# paid $w \tanh'$ for it.
# </details>

# %%
check("ex10b.1", answer)

# %% [markdown]
# ## Fifty steps back
#
# Each step back multiplies by the same kind of matrix:
#
# $$\frac{\partial h_T}{\partial h_t} = \prod_{s=t+1}^{T}
# \operatorname{diag}(\tanh'(z_s))\, W_{hh}.$$
#
# It is tempting to look at the slope alone and say "at most 1, so it vanishes". The weight is the
# other half of the factor. Here $W_{hh}$ is an orthogonal matrix times a *radius*, which is then
# its spectral radius. Without input the state stays at 0 where the slope is 1, and a step
# multiplies by the radius exactly. With input the slopes pull it down.
#
# **Predict**: with inputs of size 0.1 and a radius of 0.9, which share of the gradient is left 49
# steps back? And does it explode at 1.5?

# %%
guess = ...
claim("S10.5", recurrence.vanishing(), guess=guess)

# %% [markdown]
# The last line is the formula at work: with inputs as large as 1 the factor is predicted by the
# radius times the root mean square of the slopes, to a percent or two.
#
# An explosion at least is easy to handle. A ReLU does not flatten out as tanh does: at a radius of
# 1.8 plain gradient descent is at NaN within three steps. Cut the norm of the gradient to 1, and it
# stays finite. That is all that clipping promises: the loss need not be good.

# %%
wild, clipped = recurrence.explosion(None), recurrence.explosion(1.0)
print(f"unclipped: the loss is {wild[-1]} at step {len(wild)}")
print(f"clipped:   the loss is {clipped[-1]:.1f} at step {len(clipped)}")

# %% [markdown]
# ## A way that stays open
#
# An LSTM has a second state that is not squeezed through anything:
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh(c_t).$$
#
# Differentiate the first term, and the direct way from $c_T$ to $c_0$ is a product of forget gates,
# element by element. Where they are near 1 a gradient lasts. But a gate is a sigmoid, and a sigmoid
# with a bias of 0 starts at one half.
#
# **Predict** what is left 49 steps back for forget biases of 0, 1 and 3. Then two tasks. *Recall*:
# name the first of 50 symbols, where the other 49 are of the same eight kinds. *Adding*: the sum of
# two marked numbers out of 50. Which networks learn which?

# %%
guess = ...
claim("S10.6", recurrence.gating(), guess=guess)

# %%
show(
    recurrence.plot_ways(),
    "Gradient over steps back: straight lines on a log scale, by radius and by forget bias.",
)

# %%
show(
    recurrence.plot_recall(),
    "Loss of recall: an LSTM of bias 1 stays at a guess, an RNN nearly, and bias 5 goes to zero.",
)

# %% [markdown]
# With a forget bias of 0 an LSTM lets a gradient fade *faster* than a plain network of radius 0.9.
# "LSTMs solve vanishing gradients" is a statement about their bias. The layers here start it at 1,
# as has become usual; for fifty steps it takes more. (Above 1 in the first figure: other ways, from
# $c$ through $h$ and the gates, add to the direct one.)
#
# What would make this false? Make the 49 other symbols silence. Then the plain network with its
# orthogonal matrix recalls the first one too, as the line "silence" says: its state is small, the
# slopes stay near 1, and nothing overwrites it. (Of twelve such networks,
# `recurrence.recall("RNN", seed, silent=True)`, one or two get stuck; so each line on recall is the
# median of five.) Gates earn their keep where there is something to ignore.
#
# **Choose.** With which forget bias does a cell state keep half of itself over 50 steps, if nothing
# but the bias speaks? Three digits.

# %% tags=["exercise"]
answer = ...

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import numpy as np
#
# gate = 0.5 ** (1 / 50)
# answer = np.log(gate / (1 - gate))
# ```
#
# The gate is 0.986, its logit 4.27.
# </details>

# %%
check("ex10b.2", answer)

# %% [markdown]
# ## What to read next
#
# `10c_transformer_blocks` gives up on carrying anything along: every position looks at every other
# one directly, at one step's distance.
