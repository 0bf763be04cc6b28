"""Learn to write names, one character after the other, and write some.

    $ python examples/char_rnn.py --file names.txt
    28020 names to learn from, 1474 held out; 27 characters; 139035 weights
    epoch 1/5: 100%|####| [..., loss=2.17, accuracy=0.328, test_loss=2.09, test_accuracy=0.349]
    ...
    epoch 5/5: 100%|####| [..., loss=1.92, accuracy=0.395, test_loss=1.99, test_accuracy=0.375]
    loss on the names held out: 1.992 nats a character
    kailani*, kallano, anelia*, kamylah*, ivell, nayden*, marcia*, caley*, rosale, janim,
    urus, lora*, zanayah*, brysen*, aviann, anaiah*, aryann*, nooleuma, kayvin*, jaymie*
    (* is in the list.) out has char_rnn.safetensors

The file holds names, one a line; this one is Karpathy's, at the address NAMES below. Other lists
will do: of towns, of plants, of words. The same seed writes the same names.
"""

import argparse
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nn
from autograd import Tensor, no_grad
from nn import data, optim
from nn import functional as F

LAYERS: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
NAMES = "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt"
LONGEST = 40  # characters after which a name is broken off


class CharRNN(nn.Module):
    """Reads characters, and says after each which may come next.

    Parameters
    ----------
    characters : int
        The size of the vocabulary, V.
    kind : {'lstm', 'gru', 'rnn'}
    width : int
        The features of a character, and the units of each layer.
    layers : int
    """

    def __init__(self, characters: int, kind: str, width: int, layers: int) -> None:
        self.embedding = nn.Embedding(characters, width)
        self.recurrent = LAYERS[kind](width, width, layers, batch_first=True)
        self.head = nn.Linear(width, characters)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, T, V) for the characters x (N, T)."""
        logits, _ = self.read(x)
        return logits

    def read(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return the logits, and the state to go on from."""
        out, state = self.recurrent(self.embedding(x), state)
        return self.head(out), state


def next_character_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy of the characters, in nats; behind a name's end none count."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


def write(
    model: CharRNN,
    vocabulary: data.Vocabulary,
    count: int,
    temperature: float,
    rng: np.random.Generator,
) -> list[str]:
    """Return names drawn from the model, all at the same time, each until it ends itself.

    A temperature below 1 makes likely characters likelier.
    """
    end = vocabulary.encode("\n").item()
    drawn = np.full((count, 1), end)
    state, ended = None, np.zeros(count, bool)
    with no_grad():
        while drawn.shape[1] <= LONGEST and not ended.all():
            logits, state = model.read(Tensor(drawn[:, -1:]), state)
            # The largest of logits with Gumbel noise is a draw from their softmax.
            noisy = logits.numpy()[:, -1] / temperature + rng.gumbel(size=(count, len(vocabulary)))
            drawn = np.hstack((drawn, noisy.argmax(axis=1, keepdims=True)))
            ended |= drawn[:, -1] == end
    return [vocabulary.decode(row[1:]).partition("\n")[0] for row in drawn]


def main(argv: Sequence[str] | None = None) -> float:
    """Train, judge, save and write, as the arguments say; return the loss on names held out."""
    args = parse(argv)
    nn.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    try:
        names = data.names(args.file)
    except FileNotFoundError as error:
        raise SystemExit(
            f"char_rnn.py: {error}.\nKarpathy's names are at {NAMES}; any list of names or words, "
            "one a line, does as well: --file FILE"
        ) from None
    lines = names.lines()
    order = rng.permutation(len(lines))
    held_out = max(len(lines) // 20, 1)
    test, train = (
        data.TensorDataset(*lines[rows]) for rows in (order[:held_out], order[held_out:])
    )

    model = CharRNN(len(names.vocabulary), args.kind, args.width, args.layers)
    weights = sum(p.size for p in model.parameters())
    print(
        f"{len(train)} names to learn from, {len(test)} held out; {len(names.vocabulary)} "
        f"characters; {weights} weights"
    )
    loader = data.DataLoader(train, args.batch_size, shuffle=True)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    steps = args.epochs * len(loader)
    nn.fit(
        model,
        loader,
        epochs=args.epochs,
        optimizer=optimizer,
        loss_fn=next_character_loss,
        scheduler=optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, per="batch"),
        max_norm=1.0,
        test=test,
    )
    loss = nn.evaluate(model, test, loss_fn=next_character_loss)["loss"]
    print(f"loss on the names held out: {loss:.3f} nats a character")

    args.out.mkdir(parents=True, exist_ok=True)
    nn.save(model, args.out / "char_rnn.safetensors")
    known = set(names.content.split("\n"))
    written = write(model, names.vocabulary, args.count, args.temperature, rng)
    print(textwrap.fill(", ".join(name + "*" * (name in known) for name in written), 88))
    print(f"(* is in the list.) {args.out} has char_rnn.safetensors")
    return loss


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Learn to write names, one character after the other, and write some.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option(
        "--file",
        type=Path,
        help="names, one a line; names/names.txt in the folder GRADWALK_DATA if left out",
    )
    option("--kind", choices=LAYERS, default="lstm", help="of the recurrent layers")
    option("--width", type=int, default=128, help="features of a character, and units of a layer")
    option("--layers", type=int, default=1)
    option("--epochs", type=int, default=5)
    option("--batch-size", type=int, default=64)
    option("--lr", type=float, default=5e-3, help="learning rate of Adam, at the start")
    option("--count", type=int, default=20, help="how many names to write")
    option("--temperature", type=float, default=0.8, help="below 1, likely characters get likelier")
    option("--seed", type=int, default=0)
    option("--out", type=Path, default=Path("out"), metavar="DIR", help="folder to write to")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
