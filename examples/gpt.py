"""Train a small GPT on the characters of a text, and let it write.

    $ GRADWALK_DATA=data python examples/gpt.py
    tinyshakespeare/input.txt: 1003855 characters to learn from, 111539 to judge by, 65 different
    ones; 801664 weights
    train: 100%|####| 1500/1500 [..., loss=1.579]
    validation loss: 1.745 nats a character, after ... minutes

    The marrafford of the consent, our brothers
    To for that she a deads and house in with up o'
    That stay with earting master join ends
    ...
    First Canin:
    Uposs, so is of help, her of the have his winds
    ...

These are 3.8 minutes of one core; with ``--steps 2500`` it ends at 1.66. The text is Karpathy's
tiny Shakespeare, at ``tinyshakespeare/input.txt`` in the folder that GRADWALK_DATA names; any
other in UTF-8 does as well (``--text``). Nothing is downloaded: SHAKESPEARE below is its address.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import trange

import nn
from autograd import Tensor
from nn import data, optim
from nn import functional as F

SHAKESPEARE = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)


def main(argv: Sequence[str] | None = None) -> float:
    """Train, judge, save and write, as the arguments say; return the validation loss."""
    args = parse(argv)
    nn.manual_seed(args.seed)
    try:
        train, validation = data.text(args.text).split(0.9)
    except FileNotFoundError as error:
        raise SystemExit(
            f"gpt.py: {error}.\nTiny Shakespeare is at {SHAKESPEARE}; any other text in UTF-8 does "
            "as well: --text FILE"
        ) from None
    vocabulary = train.vocabulary
    model = nn.GPT(
        len(vocabulary),
        args.context,
        args.width,
        args.heads,
        args.layers,
        args.dropout,
        args.positions,
    )
    weights = sum(p.size for p in model.parameters())
    print(
        f"{args.text}: {len(train)} characters to learn from, {len(validation)} to judge by, "
        f"{len(vocabulary)} different ones; {weights} weights"
    )

    start = time.perf_counter()
    learn(model, train.windows(args.context), args)
    minutes = (time.perf_counter() - start) / 60
    model.eval()
    judged = validation.windows(args.context, step=args.context)
    loss = nn.evaluate(model, judged, loss_fn=next_character_loss, batch_size=64)["loss"]
    print(f"validation loss: {loss:.3f} nats a character, after {minutes:.1f} minutes")

    args.out.mkdir(parents=True, exist_ok=True)
    nn.save(model, args.out / "gpt.safetensors")
    prompt = vocabulary.encode(args.prompt)
    written = model.generate(prompt, args.write, args.temperature, args.top_k)
    print(vocabulary.decode(written))
    return loss


def learn(model: nn.GPT, windows: data.TensorDataset, args: argparse.Namespace) -> None:
    """Take `args.steps` steps of AdamW on windows drawn at random."""
    decayed = [p for p in model.parameters() if p.ndim > 1]  # biases and norms need no decay
    others = [p for p in model.parameters() if p.ndim == 1]
    optimizer = optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
        lr=args.lr,
        betas=(0.9, 0.99),
        weight_decay=0.1,
    )
    scheduler = optim.lr_scheduler.WarmupCosineLR(
        optimizer, warmup=args.steps // 20, T_max=args.steps, eta_min=args.lr / 10, per="batch"
    )
    rng = np.random.default_rng(args.seed)
    average = np.log(len(model.embedding.weight))  # of a guess
    with trange(args.steps, desc="train", unit="step") as steps:
        for _ in steps:
            x, y = windows[np.sort(rng.integers(0, len(windows), args.batch_size))]
            optimizer.zero_grad()
            loss = next_character_loss(model(Tensor(x)), Tensor(y))
            loss.backward(retain_graph=False)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            average += 0.02 * (loss.item() - average)
            steps.set_postfix(loss=f"{average:.3f}", refresh=False)


def next_character_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy over all positions of all windows, in nats."""
    loss: Tensor = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))
    return loss


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Train a small GPT on the characters of a text, and let it write.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option(
        "--text",
        default="tinyshakespeare/input.txt",
        metavar="FILE",
        help="a text file; also looked for in the folder that GRADWALK_DATA names",
    )
    option("--context", type=int, default=64, help="characters that the model sees")
    option("--width", type=int, default=128, help="features of a character")
    option("--layers", type=int, default=4)
    option("--heads", type=int, default=4)
    option("--positions", choices=["learned", "sinusoidal", "rope"], default="rope")
    option("--dropout", type=float, default=0.0)
    option("--steps", type=int, default=1500)
    option("--batch-size", type=int, default=16)
    option("--lr", type=float, default=2e-3, help="the highest learning rate of AdamW")
    option("--seed", type=int, default=0)
    option("--prompt", default="\n", help="how the text to write begins")
    option("--write", type=int, default=500, metavar="N", help="characters to write")
    option("--temperature", type=float, default=0.8)
    option("--top-k", type=int, help="draw from the likeliest K only", metavar="K")
    option("--out", type=Path, default=Path("out"), metavar="DIR", help="folder to write to")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
