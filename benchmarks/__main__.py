"""The command: ``python -m benchmarks``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.problems import ROWS
from benchmarks.race import CONTESTANTS, Settings, race

QUICK = Settings(rounds=5, block=0.02)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the rows asked for, print the tables and write the record."""
    args = parse(argv)
    rounds = args.rounds or (QUICK if args.quick else Settings).rounds
    block = (QUICK if args.quick else Settings).block
    settings = Settings(rounds=rounds, block=block, threads=args.threads, gc=not args.no_gc)
    contestants = [c for c in CONTESTANTS if c.name in args.contestants]
    facts = report.machine()

    results = []
    for row in args.rows:
        results.append(race(row, contestants, settings))
        print(report.table(results[-1]), end="\n\n", flush=True)
    print(report.conditions(results, facts))

    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report.record(results, settings, facts), indent=2) + "\n")
    print(f"Written to {args.out}", file=sys.stderr)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line `argv`."""
    names = [c.name for c in CONTESTANTS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time this project and its peers side by side, in interleaved rounds.",
    )
    option = parser.add_argument
    option(
        "--rows",
        nargs="+",
        choices=ROWS,
        default=list(ROWS),
        metavar="ROW",
        help=f"which work to time: {', '.join(ROWS)} (default: all)",
    )
    option(
        "--contestants",
        nargs="+",
        choices=names,
        default=names,
        metavar="NAME",
        help=f"who takes part: {', '.join(names)} (default: all)",
    )
    option(
        "--rounds",
        type=int,
        metavar="N",
        help=f"timed blocks of each contestant (default: {Settings.rounds})",
    )
    option(
        "--quick",
        action="store_true",
        help=f"{QUICK.rounds} rounds of shorter blocks: to see that it works",
    )
    option(
        "--threads",
        type=int,
        metavar="N",
        help="threads of each contestant's BLAS (default: the libraries' defaults)",
    )
    option(
        "--no-gc",
        action="store_true",
        help="switch the garbage collector off during the timed blocks (default: on, as for users)",
    )
    option(
        "--out",
        type=Path,
        default=Path("out/bench.json"),
        metavar="FILE",
        help="where to write the record (default: %(default)s)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
