"""Train a convolutional network to read handwritten digits.

    $ python examples/train_cnn.py
    digits: 3823 examples; 24058 weights; 10 epochs
    epoch 1/10: 100%|####| [..., loss=0.537, accuracy=0.874, test_loss=0.183, test_accuracy=0.951]
    ...
    epoch 10/10: 100%|####| [..., loss=0.00708, accuracy=1, test_loss=0.0652, test_accuracy=0.982]
    accuracy on the 1797 test images: 0.9816
    out has model.safetensors and training.svg

    $ python examples/train_cnn.py --data mnist
    mnist: 60000 examples; 29178 weights; 2 epochs
    epoch 1/2: 100%|####| [..., loss=0.117, accuracy=0.965, test_loss=0.0319, test_accuracy=0.989]
    epoch 2/2: 100%|####| [..., loss=0.0285, accuracy=0.991, test_loss=0.024, test_accuracy=0.992]
    accuracy on the 10000 test images: 0.9922

The same seed gives the same figures, bit for bit. To try something else, change `network`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import nn
import viz
from nn import data, optim

DATA = {"digits": data.digits, "mnist": data.mnist, "fashion-mnist": data.fashion_mnist}
EPOCHS = {"digits": 10, "mnist": 2, "fashion-mnist": 5}


def network(channels: Sequence[int], size: int, classes: int = 10) -> nn.Sequential:
    """Return convolutions that halve the image each, and a linear layer on what is left.

    Parameters
    ----------
    channels : sequence of int
        The filters of each convolution.
    size : int
        Height and width of the images, which have one channel.
    classes : int, default=10
    """
    layers: list[nn.Module] = []
    for before, after in zip([1, *channels], channels, strict=False):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),  # the norm would take a bias away
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        size //= 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * size**2, classes))


def main(argv: Sequence[str] | None = None) -> float:
    """Train, judge, save and draw, as the arguments say; return the accuracy on the test set."""
    args = parse(argv)
    nn.manual_seed(args.seed)
    train, test = DATA[args.data](flat=False)
    epochs = EPOCHS[args.data] if args.epochs is None else args.epochs
    loader = data.DataLoader(train, args.batch_size, shuffle=True)

    model = network(args.channels, size=train.arrays[0].shape[-1])
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
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
    viz.save_figure(viz.plot_training(history), args.out / "training.svg")
    print(f"{args.out} has model.safetensors and training.svg")
    return accuracy


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train a convolutional network to read digits.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option("--data", choices=DATA, default="digits")
    option(
        "--channels", type=int, nargs="+", default=[16, 32, 64], help="filters of each convolution"
    )
    option("--epochs", type=int, help=f"as fits the data if left out: {EPOCHS}")
    option("--batch-size", type=int, default=64)
    option("--lr", type=float, default=3e-3, help="learning rate of Adam, which falls to 0")
    option("--seed", type=int, default=0)
    option("--out", type=Path, default=Path("out"), metavar="DIR", help="folder to write to")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
