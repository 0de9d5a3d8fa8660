"""Show what `preflight` found, on one screen of 100 columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from rich.table import Table
from rich.text import Text

from privatune.planning.concerns import Concern
from privatune.planning.shown import duration, size

WIDTH = 100  # columns


def overview(found: Mapping[str, Any], concerns: Sequence[Concern]) -> Iterator[Table | Text]:
    """Yield what `preflight` and `concerns` returned as tables and lines for the terminal, with WIDTH columns."""
    yield _grid(["text", "part", "of", "words", "outside vocabulary"], map(_stream, found["streams"]))
    yield Text()
    yield from map(_wrapped, _left_out(found))
    yield Text()
    columns = ["sample", "words", "of", "standard error of perplexity"]
    yield _grid(columns, map(_sample, found["samples"]))
    columns = ["sentences", "train", "validation", "test", "labels", "largest", "standard error of accuracy"]
    yield _grid(columns, map(_labels, found["sentences"]))
    yield _grid(["guarantee", "epsilon", "at delta", "adjacency", "seeds"], map(_guarantee, found["guarantees"]))
    yield Text()
    cores = list(found["targets"][0]["hours"])
    columns = ["target", "jobs", "to do", *(f"on {n} core{'s' * (n != '1')}" for n in cores), "largest job", "disk"]
    yield _grid(columns, map(_target, found["targets"]))
    for fails, heading, style in ((True, "Will fail", "bold red"), (False, "Will mean little", "bold yellow")):
        if chosen := [concern for concern in concerns if concern.fails == fails]:
            yield Text(f"\n{heading}", style)
            yield from (_wrapped(f"{concern.key}: {concern.text}") for concern in chosen)
    if not concerns:
        yield Text("\nNothing will surely fail or mean little, as far as this shows.", "bold green")


def _wrapped(line: str) -> Text:
    return Text("\n".join(wrap(line, WIDTH, subsequent_indent="    ", break_on_hyphens=False)))


def _sample(row: Mapping[str, Any]) -> Sequence[str]:
    units = "documents" if row["name"] == "general" else "persons"
    error = "unknown" if row["error"] is None else f"{row['error']:.1f} %"
    return row["name"], f"{row['drawn']:,}", f"{row['units']:,} {units}", error


def _guarantee(row: Mapping[str, Any]) -> Sequence[str]:
    seeds = "secret" if row["secure"] else "public: protects nobody"
    return row["variant"], f"{row['epsilon']:,.3g}", f"{row['delta']:.2g}", row["adjacency"], seeds


def _target(row: Mapping[str, Any]) -> Sequence[str]:
    times = [duration(3600 * hours) for hours in row["hours"].values()]
    sizes = size(1e6 * row["memory_mb"]) if row["to_do"] else "–", size(row["disk_bytes"])
    return row["target"], f"{row['jobs']:,}", f"{row['to_do']:,}", *times, *sizes


def _stream(row: Mapping[str, Any]) -> Sequence[str]:
    units = "persons" if row["corpus"] == "private" else "documents"
    words = row["tokens"] - row["lines"]
    unknown = f"{100 * row['unknown'] / words:.1f} %" if words else "–"
    return row["corpus"], row["part"], f"{row['units']:,} {units}", f"{words:,}", unknown


def _labels(row: Mapping[str, Any]) -> Sequence[str]:
    of_parts = [f"{sum(row['n'][part]):,}" for part in ("train", "validation", "test")]
    of_labels = [sum(of_label) for of_label in zip(*row["n"].values(), strict=True)]
    return row["name"], *of_parts, str(len(of_labels)), f"{max(of_labels) / sum(of_labels):.0%}", f"{row['error']:.1f}"


def _left_out(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line per source, and one about persons, of what was left out."""
    for name, manifest in found["sources"].items():
        dropped = [f"{count:,} by {rule}" for rule, count in sorted(manifest["dropped"].items()) if count]
        line = f"{name}: {manifest['rows']:,} of {manifest['rows_read']:,} rows are kept"
        yield f"{line}; dropped: {', '.join(dropped)}" if dropped else line
    persons, out = found["persons"]["persons"], found["persons"]["left_out"]
    yield (
        f"private: {persons['train'] + persons['heldout']:,} persons are kept; left out: "
        f"{out['persons_below_min_words']:,} below min_words, {out['persons_over_max_persons']:,} over max_persons"
    )


def _grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        grid.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    return grid
