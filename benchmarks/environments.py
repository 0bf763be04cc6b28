"""Environments for the peers, made on the first run and kept: `.venv-peers` and `.venv-hips`.

Each requirement is installed by itself, so that one that cannot be had does not take the others
along, and leaves a stamp, so that the next run does not ask again.
"""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The NumPy of all environments is the one that runs the benchmark.
COMMON = (f"numpy=={metadata.version('numpy')}", "threadpoolctl>=3.5")


class NotInstalled(Exception):
    """A peer cannot be had here; the text says why."""


def python_with(environment: str | None, requirements: tuple[str, ...]) -> Path:
    """Return the interpreter of an environment that has the requirements, installing what lacks.

    Parameters
    ----------
    environment : str or None
        A folder in the checkout; None is the environment that runs the benchmark, as it is.
    requirements : tuple of str
        As pip takes them.

    Raises
    ------
    NotInstalled
        With the last line of what the failing command had to say.
    """
    if environment is None:
        return Path(sys.executable)
    folder = ROOT / environment
    python = folder / "bin" / "python"
    if not python.exists():
        run([sys.executable, "-m", "venv", str(folder)])
    for requirement in (*COMMON, *requirements):
        stamp = folder / f".with-{requirement}"
        if not stamp.exists():
            print(f"{environment}: installing {requirement}", file=sys.stderr)
            run([str(python), "-m", "pip", "install", "--quiet", requirement])
            stamp.touch()
    return python


def run(command: list[str]) -> None:
    """Run a command, its output kept back; raise `NotInstalled` with the last line if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NotInstalled(lines[-1] if lines else f"{command[0]} exited with {done.returncode}")
