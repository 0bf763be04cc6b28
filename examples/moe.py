"""Train a mixture of experts: networks side by side, of which a router picks two for each digit.

    $ python examples/moe.py
    digits: 3823 examples; 15338 weights; 2 of 6 experts
    ...
    epoch 10/10: 100%|####| [..., loss=0.0679, accuracy=0.996, test_loss=0.207, test_accuracy=0.959]
    accuracy on the 1797 test images: 0.9594
    percent of the calls   expert 0  expert 1  expert 2  expert 3  expert 4  expert 5
                 digit 0          4         9         1        22        14        50
                 digit 1         41         9        37         5         7         1
    ...
                     all         18        18        17        16        17        14

Each expert gets digits of its own. The balance loss, which is part of the loss that is shown, keeps
the router from those that were good first, are asked more and so learn more. Without it:

    $ python examples/moe.py --balance 0
    ...
                     all         24        25         5        14        25         7
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd
import nn
from autograd import Tensor
from nn import data, optim
from nn import functional as F


class MixtureOfExperts(nn.Module):
    r"""Send each example to the k experts that the router finds the best, and mix what they say.

    .. math:: p = \operatorname{softmax}(x W_r^T), \quad
              y = \sum_{e \in \mathrm{top}_k(p)} \frac{p_e}{\sum_{\mathrm{top}_k} p} E_e(x)

    It has the weights of all experts, and costs the time of k. With k = 1 the gate is p_e itself.

    Parameters
    ----------
    d_model : int
    experts, k : int
        How many there are, and how many each example goes to.
    hidden : int
        The hidden width of an expert.

    Attributes
    ----------
    balance : Tensor of shape ()
        After a call: E times the sum over experts of f_e P_e, with f_e the share of the examples
        that went to e and P_e the mean of its probability. It is 1 where all get the same, and its
        gradient, which is that of P, takes from those who have got more.
    load : ndarray of shape (experts,)
        After a call: f_e.

    References
    ----------
    Shazeer et al., "Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts
    Layer", 2017, arXiv:1701.06538, section 2. The loss: Fedus, Zoph and Shazeer, "Switch
    Transformers", 2021, arXiv:2101.03961, eqs. (4)-(6).
    """

    def __init__(self, d_model: int, experts: int, k: int, hidden: int) -> None:
        self.k = k
        self.router = nn.Linear(d_model, experts, bias=False)
        self.experts = nn.ModuleList(nn.FeedForward(d_model, hidden) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, d_model) to the same shape."""
        # N examples, E experts, k of them for each example
        p = F.softmax(self.router(x))  # (N, E)
        chosen = np.argsort(-p.numpy(), axis=1)[:, : self.k]  # (N, k)
        gates = autograd.take_along_axis(p, chosen, axis=1)  # (N, k)
        if self.k > 1:  # of one alone the gate would be 1, and the router learn nothing
            gates = gates / gates.sum(axis=1, keepdims=True)
        out: Any = np.zeros(x.shape, x.dtype)
        for e, expert in enumerate(self.experts):
            rows, place = np.nonzero(chosen == e)  # who sent for e, as their which choice
            if len(rows):
                said = expert(x[rows]) * gates[rows, place][:, None]
                out = autograd.index_add(out, 0, rows, said)
        self.load = np.bincount(chosen.ravel(), minlength=len(self.experts)) / chosen.size
        self.balance = (p.mean(axis=0) * self.load.astype(p.dtype)).sum() * len(self.experts)
        return out  # type: ignore[no-any-return]


class Classifier(nn.Module):
    """A digit reader with a mixture of experts, as a residual branch, in its middle."""

    def __init__(self, d_model: int, experts: int, k: int, hidden: int) -> None:
        self.embed = nn.Linear(64, d_model)
        self.norm = nn.LayerNorm(d_model)
        self.moe = MixtureOfExperts(d_model, experts, k, hidden)
        self.head = nn.Linear(d_model, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Map pixels (N, 64) to logits (N, 10)."""
        h = F.relu(self.embed(x))
        return self.head(h + self.moe(self.norm(h)))  # type: ignore[no-any-return]


def main(argv: Sequence[str] | None = None) -> tuple[float, np.ndarray[Any, Any]]:
    """Train as the arguments say; return the accuracy and the load of each expert."""
    args = parse(argv)
    nn.manual_seed(args.seed)
    train, test = data.digits()
    model = Classifier(args.width, args.experts, args.k, args.hidden)

    def loss_fn(logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target) + args.balance * model.moe.balance  # type: ignore[no-any-return]

    weights = sum(p.size for p in model.parameters())
    print(f"digits: {len(train)} examples; {weights} weights; {args.k} of {args.experts} experts")
    nn.fit(
        model,
        train,
        epochs=args.epochs,
        optimizer=optim.AdamW(model.parameters(), lr=args.lr),
        loss_fn=loss_fn,
        batch_size=64,
        test=test,
    )
    accuracy = nn.evaluate(model, test)["accuracy"]
    print(f"accuracy on the {len(test)} test images: {accuracy:.4f}")
    x, y = test.arrays
    with autograd.no_grad():
        loads = np.stack([(model(Tensor(x[y == c])), model.moe.load)[1] for c in range(10)])
        model(Tensor(x))
    show(loads, model.moe.load)
    return accuracy, model.moe.load


def show(loads: np.ndarray[Any, Any], total: np.ndarray[Any, Any]) -> None:
    """Print how many percent of each digit's calls each expert gets."""
    print("percent of the calls " + "".join(f"{f'expert {e}':>10}" for e in range(len(total))))
    for name, row in [*((f"digit {c}", row) for c, row in enumerate(loads)), ("all", total)]:
        print(f"{name:>20} " + "".join(f"{100 * share:10.0f}" for share in row))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train a mixture of experts to read digits, and show who reads which.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option("--experts", type=int, default=6)
    option("--k", type=int, default=2, help="experts for each example")
    option("--width", type=int, default=32, help="features between the layers")
    option("--hidden", type=int, default=32, help="hidden width of an expert")
    option("--balance", type=float, default=0.05, help="weight of the balance loss")
    option("--epochs", type=int, default=10)
    option("--lr", type=float, default=3e-3, help="learning rate of AdamW")
    option("--seed", type=int, default=0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
