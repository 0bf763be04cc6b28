"""One module for each contestant; each offers the rows it can do.

``scalar(problem)`` and ``mlp(problem)`` return a `benchmarks.problems.Work`; `DISTRIBUTIONS` names
the installed packages whose versions belong in the report.
"""
