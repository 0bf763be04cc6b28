# %% [markdown]
# # The training loop: every line, and its bug
#
# You will see what each line of the loop does, what happens when one is missing or out of place,
# and a network trained from end to end, with its worst mistakes. At the end, five loops are
# broken.
#
#     for epoch in range(epochs):
#         for x, y in loader:
#             optimizer.zero_grad()
#             loss = criterion(model(x), y)
#             loss.backward()
#             clip_grad_norm_(model.parameters(), max_norm=1.0)
#             optimizer.step()
#             scheduler.step()

# %%
import nn
import viz
from lab import check, claim, show
from lab.experiments import training
from nn import data, optim
from nn import functional as F
from nn.utils import clip_grad_norm_

# %% [markdown]
# ## Two loops
#
# An epoch shows each example once. **Predict** the number of steps in two epochs of 1,000 digits,
# in batches of 64; the last batch of an epoch is smaller.

# %%
guess = ...
claim("S8.1", training.epochs_and_batches(), guess=guess)

# %% [markdown]
# `nn.fit` is this loop, written once: not a weight differs, to the last bit.
#
# ## Logits go in
#
# Cross-entropy takes the softmax itself. Take it before as well, and a network that is certain
# hands over the "logits" 1 and nine times 0. Its loss is then
#
# $$-\log \frac{e^1}{e^1 + 9 e^0} = \log(e + 9) - 1 = 1.461,$$
#
# and no training can bring it lower. `nn` warns; not every library does.

# %%
claim("S8.2", training.logits_not_probabilities())

# %% [markdown]
# ## Backward fills, step moves
#
# `backward()` touches no weight. It leaves in each parameter the direction of steepest ascent;
# what becomes of it is for the optimiser to say.

# %%
claim("S8.4", training.backward_only_fills())

# %%
claim("S8.6", training.optimizers())

# %% [markdown]
# How does it get there? Each block $h + \tanh(h)$ doubles the paths from the loss to the input.
# A walk along each path would take $2^k$ walks. **Predict** how many tensors are visited for ten
# blocks, and how many paths there are.

# %%
guess = ...
claim("S8.8", training.walk(), guess=guess)

# %%
x, h = training.residual_chain(blocks=2)
x.name = "x"
viz.draw(h)

# %% [markdown]
# The order is what makes it cheap: a tensor's gradient is passed on when all that was computed
# from it has had its say, once, as a sum.
#
# What is passed on is the gradient times a local slope, and the slope needs values of the forward
# pass: they are the memory of training. In a loop they may go on the way.

# %%
claim("S8.9", training.saved_and_freed())

# %% [markdown]
# ## Gradients add up
#
# Two calls leave the sum of two gradients.

# %%
claim("S8.10", training.accumulation())

# %% [markdown]
# That is no accident. A batch that does not fit into memory can be cut into $k$ micro-batches:
# with $N = kB$,
#
# $$\frac1N \sum_{i=1}^N \ell_i
# = \frac1k \sum_{j=1}^k \Bigl(\frac1B \sum_{i \in B_j} \ell_i\Bigr),$$
#
# so each loss is divided by $k$, and there is one step for all. **Predict** how far off, relative
# to the right gradient, four micro-batches are when nobody divides.

# %%
guess = ...
claim("S8.11", training.micro_batches(), guess=guess)

# %% [markdown]
# Three times the gradient too much, but in the right direction: Adam, which divides by the size
# of the gradient, would hardly show it. The other two are worse, for the *direction* is another
# one: a small last micro-batch counts too much, and batch norm sees 32 examples where it should
# see 128.
#
# ## The line that clears
#
# `zero_grad()` is the price for that. Without it, the gradient of step $t$ is
# $v_t = g_1 + \dots + g_t$. You know this recurrence: it is momentum, with a coefficient of 1. So
# does a loop without `zero_grad()` do better or worse? **Predict** the ratio of the losses
# after 200 steps, at a learning rate of 0.01 and at 0.3.

# %%
guess = ...
claim("S8.12", training.forgotten_zero_grad(), guess=guess)

# %%
show(
    training.plot_forgotten(),
    "Losses over 200 steps: at 0.01 the loop without zero_grad is ahead, at 0.3 it fails.",
)

# %% [markdown]
# At the small rate the bug *wins*, so a falling loss is no proof of a correct loop. What would
# make the claim false at 0.3? A rate for which momentum 1 is slow: change it in the experiment.
#
# `nn.doctor` does not look at the loss alone. It watches what the loop does, here that a step used
# gradients to which the next `backward()` added.

# %%
model = training.network()
optimizer = optim.SGD(model.parameters(), lr=0.01)
with nn.doctor(model, optimizer) as report:
    for x, y in data.DataLoader(training.digits(640), 64):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
print(report)

# %% [markdown]
# To clear is to set to None. Zeros would do as well, as long as each parameter is used in each
# batch. One that rests (an expert that was not chosen, a head of another task) keeps still
# with None; with zeros its momentum carries it on.

# %%
claim("S8.3", training.two_ways_to_zero())

# %% [markdown]
# ## Clipping
#
# A gradient that is too long is shortened, between `backward()` and `step()`. **Predict** what it
# does after `step()`.

# %%
guess = ...
claim("S8.5", training.clipping(), guess=guess)

# %% [markdown]
# ## The schedule
#
# Every schedule counts something. A cosine over 600 *batches* that is stepped once an *epoch* has
# hardly begun after ten epochs; a schedule of epochs that is stepped after each batch is over
# before the first epoch is. Neither raises an error. Here a schedule says which it is,
# `per="batch"` or `per="epoch"`, and `nn.fit` does as it says.

# %%
claim("S8.7", training.schedule_steps())

# %%
show(
    training.plot_rates(),
    "The learning rate over 600 batches: half a cosine, and a line that stays at 1.",
)

# %% [markdown]
# ## A bug outside the loop
#
# Start all weights of a layer at the same value, and its units compute the same, get the same
# gradient, and stay the same: 32 units that are one. **Predict** the rank of the first layer's
# weight after training from equal and from random weights.

# %%
guess = ...
ranks = training.equal_weights()
print(f"rank {ranks['equal']:.0f} from equal weights, {ranks['random']:.0f} from random ones")

# %% [markdown]
# ## From end to end
#
# With all lines in place: Adam, a cosine, MNIST where the environment variable `GRADWALK_DATA`
# names a folder with its files, else the 8 by 8 digits that ship with the package, whose test
# images are by other writers than those of the training set. On MNIST, expect a test accuracy of
# about 0.97 after three epochs.

# %%
run = training.trained()
print(f"{run.name}: test accuracy {run.history[-1]['test_accuracy']:.3f}")
show(
    viz.plot_training(run.history),
    "Loss and accuracy over the epochs, on training and test images.",
)

# %%
show(training.plot_confusion(run), "Which digits were read as which: a table of the mistakes.")

# %%
show(training.plot_worst(run), "The ten test images whose right class seemed least likely.")

# %% [markdown]
# Look at the mistakes before you change the network: some you would not read either.
#
# ## Five broken loops
#
# In each, one line is missing, too much or out of place. Repair the loop and run the cell;
# `answer` is the loss on digits that were not trained on, and `check` names a check that fails.
# Repaired, all five give the same number. The network has dropout; `training.judge` switches it
# off.


# %% tags=["exercise"]
def loop(model, loader, optimizer, scheduler):
    for _ in range(3):
        model.train()
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm=0.5)
            optimizer.step()
            scheduler.step()


answer = training.result(loop)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def loop(model, loader, optimizer, scheduler):
#     for _ in range(3):
#         model.train()
#         for x, y in loader:
#             optimizer.zero_grad()
#             loss = F.cross_entropy(model(x), y)
#             loss.backward()
#             clip_grad_norm_(model.parameters(), max_norm=0.5)
#             optimizer.step()
#             scheduler.step()
#
#
# answer = training.result(loop)
# ```
#
# And yet the broken loop may end lower: its loss does not tell.
# </details>

# %%
check("ex8.1", answer)


# %% tags=["exercise"]
def loop(model, loader, optimizer, scheduler):
    for _ in range(3):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            clip_grad_norm_(model.parameters(), max_norm=0.5)
            scheduler.step()


answer = training.result(loop)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def loop(model, loader, optimizer, scheduler):
#     for _ in range(3):
#         model.train()
#         for x, y in loader:
#             optimizer.zero_grad()
#             loss = F.cross_entropy(model(x), y)
#             loss.backward()
#             clip_grad_norm_(model.parameters(), max_norm=0.5)
#             optimizer.step()
#             scheduler.step()
#
#
# answer = training.result(loop)
# ```
#
# After the step, the clipped gradients are only thrown away.
# </details>

# %%
check("ex8.2", answer)


# %% tags=["exercise"]
def loop(model, loader, optimizer, scheduler):
    for _ in range(3):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm=0.5)
            optimizer.step()
        scheduler.step()  # a cosine over 30 batches


answer = training.result(loop)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def loop(model, loader, optimizer, scheduler):
#     for _ in range(3):
#         model.train()
#         for x, y in loader:
#             optimizer.zero_grad()
#             loss = F.cross_entropy(model(x), y)
#             loss.backward()
#             clip_grad_norm_(model.parameters(), max_norm=0.5)
#             optimizer.step()
#             scheduler.step()  # a cosine over 30 batches
#
#
# answer = training.result(loop)
# ```
# </details>

# %%
check("ex8.3", answer)


# %% tags=["exercise"]
def loop(model, loader, optimizer, scheduler):
    model.train()
    for _ in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm=0.5)
            optimizer.step()
            scheduler.step()
        training.judge(model)


answer = training.result(loop)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def loop(model, loader, optimizer, scheduler):
#     for _ in range(3):
#         model.train()
#         for x, y in loader:
#             optimizer.zero_grad()
#             loss = F.cross_entropy(model(x), y)
#             loss.backward()
#             clip_grad_norm_(model.parameters(), max_norm=0.5)
#             optimizer.step()
#             scheduler.step()
#         training.judge(model)
#
#
# answer = training.result(loop)
# ```
#
# What judges a model switches it to use; the next epoch has to switch it back.
# </details>

# %%
check("ex8.4", answer)


# %% tags=["exercise"]
def loop(model, loader, optimizer, scheduler):
    for _ in range(3):
        model.train()
        for i, (x, y) in enumerate(loader):  # micro-batches: four make a step
            if i % 4 == 0:
                optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            if i % 4 == 3:
                clip_grad_norm_(model.parameters(), max_norm=0.5)
                optimizer.step()
                scheduler.step()


answer = training.result(loop, batch_size=16)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def loop(model, loader, optimizer, scheduler):
#     for _ in range(3):
#         model.train()
#         for i, (x, y) in enumerate(loader):  # micro-batches: four make a step
#             if i % 4 == 0:
#                 optimizer.zero_grad()
#             loss = F.cross_entropy(model(x), y) / 4
#             loss.backward()
#             if i % 4 == 3:
#                 clip_grad_norm_(model.parameters(), max_norm=0.5)
#                 optimizer.step()
#                 scheduler.step()
#
#
# answer = training.result(loop, batch_size=16)
# ```
#
# Micro-batches of 16 end where batches of 64 do. Clipping hid most of the bug: where both
# gradients are cut to the same length, a factor of 4 is gone.
# </details>

# %%
check("ex8.5", answer)

# %% [markdown]
# Put `with nn.doctor(model, optimizer) as report:` around the broken loops, and `print(report)`
# after: it names four of the five faults. The fifth it cannot know, since a sum over micro-batches
# may be what somebody wants.
#
# ## What to read next
#
# `09_gotchas` asks seven questions whose usual answers are half right. To train a network of your
# own, `nn.fit` is the loop, and `examples/train_mlp.py` a script to start from.
