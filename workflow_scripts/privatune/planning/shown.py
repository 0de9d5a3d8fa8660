"""Show the plan to a reader."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]


def size(count: float) -> str:
    """Format a number of bytes, in powers of a thousand.

    >>> size(24_763_280), size(999)
    ('24.8 MB', '999 B')
    """
    place = 0
    while count >= 999.5 and place < len(UNITS) - 1:
        count, place = count / 1000, place + 1
    return f"{count:.0f} {UNITS[place]}" if place == 0 else f"{count:.3g} {UNITS[place]}"


def duration(seconds: float | None) -> str:
    """Format a duration in seconds, minutes or hours; None means that it was never measured.

    >>> duration(7.2), duration(620), duration(3.6e7), duration(None)
    ('7.2 s', '10 min', '10,000 h', 'unknown')
    """
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.0f} h"


def tables(plan: Mapping[str, Any], targets: Sequence[str]) -> Iterator[Table | str]:
    """Yield a plan as tables and lines for the terminal."""
    yield (
        f"Plan of {', '.join(targets)}\n"
        "(beyond: the work of the longest job divided by the largest that was measured; such rows are guesses)"
    )
    yield _grid(
        ["stage", "jobs", "to do", "longest job", "core time", "MB", "beyond"],
        [
            (
                r["stage"],
                r["jobs"],
                r["to_do"],
                duration(r["seconds"]),
                duration(3600 * r["core_hours"]),
                r["memory_mb"],
                r["beyond"] or "",
            )
            for r in plan["stages"]
        ],
    )
    t = plan["totals"]
    yield "Total, from the start"
    yield _grid(
        ["quantity", "amount"],
        [
            ("jobs", f"{t['jobs']:,}"),
            ("memory of the largest job", size(1e6 * t["memory_mb"])),
            ("core time", duration(3600 * t["core_hours"])),
            (f"wall time on {plan['cores']} cores", duration(3600 * t["wall_hours"])),
            ("disk, at most", size(t["disk_bytes"])),
            ("downloads", size(t["bytes_downloaded"])),
            ("devices would send", size(t["bytes_up"])),
            ("devices would receive", size(t["bytes_down"])),
        ],
    )
    if plan["unknown"]:
        yield f"These stages were never measured, so the totals leave them out: {', '.join(plan['unknown'])}."
    if plan["fit"]:
        yield (
            "Costs, fitted to the finished jobs: time of all jobs and memory of the largest, measured and predicted\n"
            "(left out: mean error of a job's seconds when the line is fitted to the other jobs)"
        )
        yield _grid(
            ["stage", "jobs", "measured", "predicted", "left out", "MB", "predicted MB"],
            [
                (
                    r["stage"],
                    r["jobs"],
                    duration(r["seconds"]),
                    duration(r["predicted_seconds"]),
                    "–" if r["error"] is None else f"{r['error']:.0%}",
                    r["memory_mb"] or "–",
                    r["predicted_memory_mb"],
                )
                for r in plan["fit"]
            ],
        )
    yield f"The costs of all other stages were measured on {plan['known']}."
    yield from _scale(plan["scale"])


def _scale(scale: Mapping[str, Any]) -> Iterator[Table | str]:
    yield (
        f"DP-FedAvg of {scale['parameters']:,} weights: M = {scale['cohort']:,} persons per round, "
        f"T = {scale['rounds']:,} rounds, z = {scale['noise_multiplier']:g}"
    )
    yield _grid(
        ["quantity", "amount"],
        [
            ("one visit of a device", duration(scale["device_seconds"])),
            ("all visits of all devices", duration(scale["device_hours"] and 3600 * scale["device_hours"])),
            ("server, on one core", duration(scale["server_hours"] and 3600 * scale["server_hours"])),
            ("devices send", size(scale["bytes_up"])),
            ("devices receive", size(scale["bytes_down"])),
        ],
    )
    yield "Its user-level epsilon, each at its delta: N^-1.1 where accounted for as in the paper, 1 / (10 N) in ours"
    yield _grid(
        ["N", "source", "adjacency", "sampling", "accountant", "delta", "epsilon"],
        [
            (
                f"{r['population']:,}",
                r["source"].replace("_", " "),
                r["adjacency"],
                r["sampling"],
                r["accountant"],
                f"{r['delta']:.3g}",
                f"{r['epsilon']:.2f}",
            )
            for r in scale["epsilons"]
        ],
    )


def _grid(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    grid = Table(box=SIMPLE_HEAD)
    for number, column in enumerate(columns):
        grid.add_column(column, justify="right" if number else "left")
    for row in rows:
        grid.add_row(*(f"{cell:,.0f}" if isinstance(cell, float) else str(cell) for cell in row))
    return grid
