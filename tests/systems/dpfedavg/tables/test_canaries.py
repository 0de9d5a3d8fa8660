"""The tables of canaries and their figure, from made-up models whose exposures are known."""

import math

import pytest

from privatune.core.files import write_json
from privatune.report.frames import write_table
from privatune.systems.dpfedavg.figures import canaries as canary_figure
from privatune.systems.dpfedavg.tables import canaries, canaries_by_cell

VARIANTS = {"fedavg": (True, 9.0), "alone": (False, 2.0), "private": (True, 3.0)}  # carried, bits


def model(variant, seed):
    """Two canaries a cell; in seed 1 nobody who carries the second was drawn, and it is neither known nor found."""
    carried, bits = VARIANTS[variant]
    rows = []
    for users in (1, 4):
        for number in (0, 1):
            drawn = carried and not (seed == 1 and number == 1)
            row = {"n_users": users, "n_copies": 9, "canary": number, "visits": 5 * users if drawn else 0}
            row |= {"rank": 1, "references": 1024, "low": 0.0, "high": 12.0}
            row["exposure"] = bits + 0.5 * seed * (variant == "fedavg") if drawn or not carried else 1.0
            rows.append(row | {"beam_found": variant == "fedavg" and drawn})
    return {"variant": variant, "seed": seed, "carriers": carried, "canaries": rows}


@pytest.fixture
def made(tmp_path):
    """made(seeds) is the table of canaries under these seeds, and the path that it was written to."""

    def make(seeds=(0, 1), variants=VARIANTS):
        paths = []
        for variant in variants:
            for seed in seeds:
                paths.append(tmp_path / f"{variant}-{seed}.json")
                write_json(paths[-1], model(variant, seed))
        table = canaries.table(paths)
        write_table(table, tmp_path / "canaries.csv")
        return table, tmp_path / "canaries.csv"

    return make


def test_a_canary_has_a_row_with_its_chance_level_and_the_difference_to_a_model_that_never_saw_it(made):
    table, _ = made()
    assert len(table.frame) == 3 * 2 * 4
    assert "above 10.0" in table.note and "1.44 bits by chance" in table.note and "variant alone" in table.note
    assert set(table.shown["exposure by chance, bits"]) == {"1.44"}
    rows = table.frame.set_index(["scenario", "seed", "n_users", "canary"])
    assert rows.loc[("fedavg", 1, 4, 0), ["unseen", "beyond"]].tolist() == [2.0, 7.5]
    assert rows.loc["alone", ["unseen", "beyond"]].isna().all(axis=None), "a model is not compared with itself"
    assert rows["visits"].xs("alone").eq(0).all()


def test_without_a_variant_that_never_saw_them_there_is_no_difference(made):
    table, path = made(variants=["fedavg"])
    assert table.frame["beyond"].isna().all()
    assert canaries_by_cell.table(path).frame["beyond"].isna().all()


def test_cells_count_canaries_that_were_drawn(made):
    cells = canaries_by_cell.table(made()[1]).frame.set_index(["scenario", "n_users"])
    assert cells.index.tolist() == [(name, users) for name in ("fedavg", "private") for users in (1, 4)]
    cell = cells.loc[("fedavg", 1)]
    assert cell[["canaries", "drawn", "visits", "found"]].tolist() == [4, 3, 5.0, 3], "not the one that no round saw"
    assert cell[["extracted", "extracted_low", "extracted_high"]].tolist() == [100, pytest.approx(29.24, abs=0.01), 100]
    # 7, 7 and 7.5 bits more than where nobody carried them; Student's t of two degrees of freedom is 4.303
    half = 4.3027 * math.sqrt(1 / 12) / math.sqrt(3)
    assert cell[["beyond", "low", "high"]].tolist() == pytest.approx([7.1667, 7.1667 - half, 7.1667 + half], abs=1e-3)
    assert cells.loc[("private", 4), "found"] == 0
    assert cells["chance"].unique() == pytest.approx([1.4427], abs=1e-4)


def test_one_seed_gives_no_interval(made):
    cells = canaries_by_cell.table(made(seeds=(0,))[1]).frame
    assert cells[["extracted_low", "extracted_high", "low", "high"]].isna().all(axis=None)
    assert cells[["extracted", "beyond"]].notna().all(axis=None)


@pytest.mark.parametrize("seeds", [(0, 1), (0,)])
def test_the_figure_draws_bits_beyond_chance_and_counts_what_was_found(made, tmp_path, seeds):
    write_table(canaries_by_cell.table(made(seeds)[1]), tmp_path / "cells.csv")
    first, second = canary_figure.figure(tmp_path / "cells.csv").axes
    n = 3 if seeds == (0, 1) else 2
    assert [text.get_text() for text in first.texts] == [f"{n}/{n}"] * 2
    assert [text.get_text() for text in second.texts] == [f"0/{n}"] * 2
    (bars,) = second.containers
    assert bars.lines[0].get_ydata().tolist() == [1.0, 1.0]
    assert [label.get_text() for label in first.get_xticklabels()] == ["1x9", "4x9"]
