"""What the rounds come to: medians with minimum and maximum, and ratios to ours."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.peers.pins import Peer

FIGURES = {
    "starts_per_s": "starts/s",
    "resumes_per_s": "resumes/s",
    "cpu_ms_per_execution": "CPU ms",
    "decision_to_completed_p50_ms": "p50 ms",
    "decision_to_completed_p99_ms": "p99 ms",
}
OURS = "sluicegate"


def percentiles(samples: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, rounded as they are printed."""
    ordered = sorted(samples)
    return round(statistics.median(ordered), 1), round(ordered[int(len(ordered) * 0.99)], 1)


def figures(rounds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the median of each figure, and its minimum and maximum."""
    columns = {name: [one[name] for one in rounds] for name in FIGURES}
    return {
        name: {"median": statistics.median(column), "min": min(column), "max": max(column)}
        for name, column in columns.items()
    }


def summary(
    peers: Sequence[Peer],
    rounds: Mapping[str, Sequence[Mapping[str, float]]],
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    """Return what goes into the results."""
    ours = figures(rounds[OURS])
    return {
        OURS: ours,
        "peers": [
            {
                "name": peer.name,
                "version": peer.version,
                "settings": peer.settings,
                "executions": peer.executions,
                "rounds": len(rounds[peer.name]),
                "figures": (own := figures(rounds[peer.name])),
                "ours_to_theirs": ratios(ours, own),
            }
            for peer in peers
            if peer.name in rounds
        ],
        "left_out": dict(left_out),
    }


def ratios(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, float]:
    """Return our median to theirs: above 1 is better for rates, below 1 for the rest."""
    return {
        name: round(ours[name]["median"] / theirs[name]["median"], 3)
        for name in FIGURES
        if theirs[name]["median"]
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """Return the table: a line of medians for each, and in brackets ours to theirs."""
    head = f"{'':<24}" + "".join(f"{label:>20}" for label in FIGURES.values())
    table = [head, _line(OURS, result[OURS], {})]
    for peer in result["peers"]:
        name = f"{peer['name']} {peer['version']}"
        table.append(_line(name, peer["figures"], peer["ours_to_theirs"]))
    table += [f"left out: {name}: {reason}" for name, reason in result["left_out"].items()]
    return table


def _line(name: str, own: Mapping[str, Any], ratio: Mapping[str, float]) -> str:
    cells = []
    for figure in FIGURES:
        times = f" ({ratio[figure]:.3g}x)" if figure in ratio else ""
        cells.append(f"{own[figure]['median']:g}{times}".rjust(20))
    return f"{name:<24}" + "".join(cells)
