"""What is reported: a table to read, a record to keep, and the machine that both are about."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.race import CONTESTANTS, Result, Settings

LABELS = {c.name: c.label for c in CONTESTANTS}


def machine() -> dict[str, Any]:
    """Return what the times depend on besides the code."""
    return {
        "processor": processor(),
        "cpu_count": os.cpu_count(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Return the median and the quartiles."""
    low, median, high = np.quantile(samples, [0.25, 0.5, 0.75])
    return {"median": float(median), "lower_quartile": float(low), "upper_quartile": float(high)}


def ratios(result: Result, name: str) -> dict[str, dict[str, float]]:
    """Return, for each reference of the row that ran, the spread of time / its time in a round."""
    return {
        reference: spread(np.divide(result.seconds[name], result.seconds[reference]).tolist())
        for reference, _ in result.problem.targets
        if reference in result.seconds
    }


def record(results: Sequence[Result], settings: Settings, facts: dict[str, Any]) -> dict[str, Any]:
    """Return everything measured, ready for JSON."""
    return {
        "machine": facts,
        "settings": asdict(settings),
        "rows": [
            {
                "row": result.row,
                "description": result.problem.description,
                "targets": dict(result.problem.targets),
                "contestants": [
                    {
                        "name": name,
                        "seconds": spread(seconds),
                        "samples": seconds,
                        "repeats": result.repeats[name],
                        "ratios": ratios(result, name),
                        **result.facts[name],
                    }
                    for name, seconds in result.seconds.items()
                ],
                "missing": result.missing,
            }
            for result in results
        ],
    }


def table(result: Result) -> str:
    """Return a row's results as text, fastest first, then who is missing."""
    references = [name for name, _ in result.problem.targets if name in result.seconds]
    head = ["", "median", "quartiles", *(f"x {LABELS[name]} (quartiles)" for name in references)]
    lines = [head]
    for name in sorted(result.seconds, key=lambda n: spread(result.seconds[n])["median"]):
        time = spread(result.seconds[name])
        against = ratios(result, name)
        lines.append(
            [
                LABELS[name],
                f"{time['median'] * 1e3:.3f} ms",
                f"{time['lower_quartile'] * 1e3:.3f} .. {time['upper_quartile'] * 1e3:.3f}",
                *(
                    "{median:.2f} ({lower_quartile:.2f} .. {upper_quartile:.2f})".format(
                        **against[reference]
                    )
                    for reference in references
                ),
            ]
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [f"{result.row}: {result.problem.description}"]
    for first, *cells in lines:
        padded = [cell.rjust(w) for cell, w in zip(cells, widths[1:], strict=True)]
        text.append("  " + "   ".join([first.ljust(widths[0]), *padded]).rstrip())
    text += [f"  {LABELS[name].ljust(widths[0])}   {why}" for name, why in result.missing.items()]
    for reference, target in result.problem.targets:
        if "ours" in result.seconds and reference in references:
            ratio = ratios(result, "ours")[reference]["median"]
            text.append(f"  {LABELS['ours']} / {LABELS[reference]}: {ratio:.2f}, target {target}")
    return "\n".join(text)


def conditions(results: Sequence[Result], facts: dict[str, Any]) -> str:
    """Return the machine, and each contestant's versions and threads, as text."""
    lines = [
        "{processor}, {cpu_count} cores, {system}; Python {python}, NumPy {numpy}".format(**facts)
    ]
    load = facts["load_average"]
    if load is not None and load > 0.5:
        lines.append(f"The machine was busy (load average {load:.1f}): trust ratios, if anything.")
    seen = {name: found for result in results for name, found in result.facts.items()}
    for name, found in seen.items():
        versions = ", ".join(f"{k} {v}" for k, v in found["versions"].items())
        pools = found["thread_pools"]
        threads = (
            pools
            if isinstance(pools, str)
            else "; ".join(
                f"{p['internal_api']} {p.get('architecture', '')} {p['num_threads']} threads"
                for p in pools
            )
            or "none"
        )
        lines.append(f"  {LABELS[name]}: {versions}; thread pools: {threads}")
    return "\n".join(lines)
