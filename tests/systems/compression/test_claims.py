import math

import pandas as pd
import pytest

from privatune.report.verdicts import FAILS, HOLDS, UNDECIDED, verdict
from privatune.systems.compression import claims as compression


def rows(method, mode, seed, bits, perplexity, down=1.0):
    return pd.DataFrame(
        {
            "method": method,
            "mode": mode,
            "codec": method.split("-")[1],
            "download": "qsgd" if method.endswith("down") else "dense",
            "memory": "device" if method in ("gradient-topk", "gradient-dgc") else None,
            "seed": seed,
            "steps": range(len(bits)),
            "ppl_average": perplexity,
            "bits_up": bits,
            "bits_down": [down * b for b in bits],
        }
    )


def tables(dgc=100.0, jitter=1.0):
    parts = []
    for seed, factor in enumerate((1.0, jitter, 1.0 / jitter)):
        parts += [
            rows("averaging-dense", "averaging", seed, [0, 10, 100], [400, 200, 100]),
            rows("averaging-qsgd-down", "averaging", seed, [0, 2 * factor, 20 * factor], [400, 200, 100]),
            rows("gradient-dense", "gradient", seed, [0, 1e3 * factor, 1e4 * factor], [400, 200, 100]),
            rows("gradient-dgc", "gradient", seed, [0, 3 * factor, 30 * factor], [400, 200, dgc]),
            rows("gradient-topk", "gradient", seed, [0, 30 * factor, 300 * factor], [400, 200, 100], down=0.0),
        ]
    return {"compression": pd.concat(parts, ignore_index=True)}


def judged(made):
    return {c.text: (c.ours(made), verdict(c.rule, c.ours(made), c.paper(made))) for c in compression.claims(made)}


def test_times_fewer_bits_and_verdicts():
    found = judged(tables(jitter=1.1))
    up = {text.split(" than ")[1].split(" at ")[0]: value for text, value in found.items() if "bits up than" in text}
    assert list(up) == ["averaging-qsgd-down", "gradient-dense", "gradient-dgc", "gradient-topk"]
    assert up["gradient-dense"][0].middle == pytest.approx(100)
    assert up["gradient-dense"][1] == HOLDS
    assert up["gradient-dgc"][0].middle == pytest.approx(0.3)
    assert up["gradient-dgc"][1] == FAILS
    total = [value for text, value in found.items() if "up and down than gradient-topk" in text]
    assert [value[0].middle for value in total] == pytest.approx([300 / 200, 300 / 40]), "of two ways of averaging"


def test_averaging_with_a_compressed_download_is_compared_with_gradients_on_all_bits():
    bases = [text.split()[0] for text in judged(tables()) if "bits up and down than gradient-dense" in text]
    assert bases == ["averaging-dense", "averaging-qsgd-down"]
    assert not any(text.startswith("averaging-qsgd-down needs fewer bits up than") for text in judged(tables()))


def test_an_interval_around_one_decides_nothing_and_says_how_many_replicates_would():
    made = tables(jitter=20.0)
    claim = next(c for c in compression.claims(made) if "up and down than gradient-topk" in c.text)
    ours = claim.ours(made)
    assert verdict(claim.rule, ours, math.nan) == UNDECIDED
    assert ours.middle == pytest.approx(1.5) and claim.needed(claim.rule, ours, math.nan) > 100
    assert math.isnan(claim.needed(claim.rule, ours._replace(low=0.0), math.nan)), "more replicates mend no bound"


@pytest.mark.parametrize(("end", "expected"), [(100.5, UNDECIDED), (90.0, HOLDS), (110.0, FAILS)])
def test_dgc_beside_dense(end, expected):
    made = tables()
    dgc = made["compression"]["method"] == "gradient-dgc"
    last = dgc & (made["compression"]["steps"] == 2)
    made["compression"].loc[last, "ppl_average"] = [end, end * 1.01, end * 0.99]
    claim = "DGC (gradient-dgc) is as good as dense gradients at its compression ratio: final average PPL"
    assert judged(made)[claim][1] == expected


def test_the_note_says_what_lasts_and_at_what_ratio_dgc_was_judged():
    text = compression.note(tables())
    assert "passes from one person to the next on the same device in gradient-dgc, gradient-topk;" in text
    assert "Dense gradients sent 333 times as many bits up as gradient-dgc" in text
    assert "nan" not in text


@pytest.mark.parametrize("seeds", [[1], [0, 1, 2]])
def test_a_seed_under_which_a_method_never_improves_counts(seeds):
    """It was dropped, and the others decided."""
    made = tables(jitter=1.1)
    topk = (made["compression"]["method"] == "gradient-topk") & made["compression"]["seed"].isin(seeds)
    made["compression"].loc[topk & (made["compression"]["steps"] > 0), "ppl_average"] = 500.0
    claim = next(c for c in compression.claims(made) if "bits up than gradient-topk" in c.text)
    found = claim.ours(made)
    assert (found.n, found.high) == (3, math.inf) and found.middle == pytest.approx(3, rel=0.1)
    assert verdict(claim.rule, found, math.nan) == HOLDS, "more than all of its bits, three times averaging's, are few"
    claim = next(c for c in compression.claims(made) if "bits up and down than gradient-topk" in c.text)
    assert claim.ours(made).low < 1.5
    assert "nan" not in compression.note(made)


def test_a_first_point_that_is_good_enough_decides_only_by_its_bound():
    made = tables(jitter=1.1)
    topk = (made["compression"]["method"] == "gradient-topk") & (made["compression"]["steps"] == 1)
    made["compression"].loc[topk, "ppl_average"] = 90.0
    found = judged(made)
    up, both = (
        next(v for t, v in found.items() if t.startswith("averaging-dense") and f"{which} than gradient-topk" in t)
        for which in ("bits up", "up and down")
    )
    assert up[0].low == 0 and up[0].middle == pytest.approx(0.3) and up[1] == FAILS
    assert both[0].low == 0 and both[0].middle == pytest.approx(0.15) and both[1] == FAILS
    averaging = (made["compression"]["method"] == "averaging-dense") & (made["compression"]["steps"] == 1)
    made["compression"].loc[averaging, "ppl_average"] = 90.0
    assert next(v for t, v in judged(made).items() if "bits up than gradient-topk" in t)[1] == UNDECIDED


def test_nothing_is_decided_without_evidence(without_evidence):
    without_evidence(compression, tables(jitter=1.1))
