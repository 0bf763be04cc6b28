"""Speed, side by side with the peers: ``make bench``, or ``python -m benchmarks --help``.

Every contestant runs in a worker process of its own, for two reasons: some cannot share an
environment (HIPS autograd has the same import name as this project's engine), and none shall
inherit another's threads, caches or garbage. The one idea is the *round*: the workers take turns,
one short timed block each, again and again, so that whatever slows the machine slows them all.
Ratios are taken within a round, and the median over the rounds is reported with its quartiles.

Before anything is timed, losses and gradients on the same data are compared: contestants that do
not agree are not doing the same work, and the run stops.

The peers are installed into `.venv-peers` and `.venv-hips` on the first run. pip decides which
build of PyTorch that is: on Linux the default one brings gigabytes of CUDA, so point pip at the CPU
wheels first (``PIP_EXTRA_INDEX_URL``), as PyTorch's installation page says.
"""
