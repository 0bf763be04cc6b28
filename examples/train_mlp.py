"""Train a multilayer perceptron to read handwritten digits, and draw its compute graph.

    $ python examples/train_mlp.py
    digits: 3823 examples; 58442 weights; 15 epochs
    epoch 1/15: 100%|####| [..., loss=0.644, accuracy=0.846, test_loss=0.223, test_accuracy=0.932]
    ...
    epoch 15/15: 100%|####| [..., loss=0.00722, accuracy=1, test_loss=0.0942, test_accuracy=0.97]
    accuracy on the 1797 test images: 0.9699
    out has model.safetensors, graph.svg, graph.html and training.svg

    $ python examples/train_mlp.py --data mnist --hidden 256 128 --epochs 3
    ...
    accuracy on the 10000 test images: 0.9822

The same seed gives the same figures, bit for bit. To try something else, change `main`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import nn
import viz
from autograd import Tensor
from nn import data, optim
from nn import functional as F

DATA = {"digits": data.digits, "mnist": data.mnist, "fashion-mnist": data.fashion_mnist}
EPOCHS = {"digits": 15, "mnist": 3, "fashion-mnist": 5}


def main(argv: Sequence[str] | None = None) -> float:
    """Train, judge, save and draw, as the arguments say; return the accuracy on the test set."""
    args = parse(argv)
    nn.manual_seed(args.seed)
    train, test = DATA[args.data]()
    loader = data.DataLoader(train, args.batch_size, shuffle=True)
    epochs = EPOCHS[args.data] if args.epochs is None else args.epochs

    pixels, classes = train.arrays[0].shape[1], 10
    model = nn.MLP([pixels, *args.hidden, classes], args.activation)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    scheduler = None
    if args.schedule == "cosine":
        steps = epochs * len(loader)
        scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, per="batch")

    weights = sum(p.size for p in model.parameters())
    print(f"{args.data}: {len(train)} examples; {weights} weights; {epochs} epochs")
    history = nn.fit(
        model, loader, epochs=epochs, optimizer=optimizer, scheduler=scheduler, test=test
    )
    accuracy = nn.evaluate(model, test)["accuracy"]
    print(f"accuracy on the {len(test)} test images: {accuracy:.4f}")

    args.out.mkdir(parents=True, exist_ok=True)
    nn.save(model, args.out / "model.safetensors")
    graph = viz.draw(small_pass(args.activation))
    graph.save(args.out / "graph.svg")
    graph.save(args.out / "graph.html")
    viz.save_figure(viz.plot_training(history), args.out / "training.svg")
    print(f"{args.out} has model.safetensors, graph.svg, graph.html and training.svg")
    return accuracy


def small_pass(activation: str) -> Tensor:
    """Return the loss of a network that is small enough to draw, after its backward pass."""
    model = nn.MLP([2, 3, 2], activation, rng=0)
    x = Tensor([[1.0, -2.0], [0.5, 3.0]], dtype="float32", name="x")
    y = Tensor([0, 1], name="y")
    loss: Tensor = F.cross_entropy(model(x), y)
    loss.backward()
    return loss


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train a multilayer perceptron to read digits, and draw its compute graph.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option("--data", choices=DATA, default="digits")
    option("--hidden", type=int, nargs="*", default=[256, 128, 64], metavar="WIDTH")
    option("--activation", choices=nn.activation.ACTIVATIONS, default="relu")
    option("--epochs", type=int, help=f"as fits the data if left out: {EPOCHS}")
    option("--batch-size", type=int, default=32)
    option("--lr", type=float, default=1e-3, help="learning rate of Adam")
    option("--schedule", choices=["none", "cosine"], default="cosine")
    option("--seed", type=int, default=0)
    option("--out", type=Path, default=Path("out"), metavar="DIR", help="folder to write to")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
