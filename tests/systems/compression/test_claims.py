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
    assert up["gradient-dense"][0].middle == pytest.approx(100)
    assert up["gradient-dense"][1] == HOLDS
    assert up["gradient-dgc"][0].middle == pytest.approx(0.3)
    assert up["gradient-dgc"][1] == FAILS
    total = next(value for text, value in found.items() if "up and down than gradient-topk" in text)
    assert total[0].middle == pytest.approx(1.5)


def test_an_interval_around_one_decides_nothing():
    found = judged(tables(jitter=20.0))
    assert next(v for text, v in found.items() if "up and down than gradient-topk" in text)[1] == UNDECIDED


@pytest.mark.parametrize(("end", "expected"), [(100.5, UNDECIDED), (90.0, HOLDS), (110.0, FAILS)])
def test_dgc_beside_dense(end, expected):
    made = tables()
    dgc = made["compression"]["method"] == "gradient-dgc"
    last = dgc & (made["compression"]["steps"] == 2)
    made["compression"].loc[last, "ppl_average"] = [end, end * 1.01, end * 0.99]
    assert judged(made)["DGC is as good as dense gradients at its ratio: average PPL at the end"][1] == expected


def test_the_note_names_the_compressor_that_comes_next():
    text = compression.note(tables())
    assert "gradient-dgc comes next: 0.3 times" in text
    assert "DGC sent 333 times fewer bits up" in text


def test_a_method_that_never_improves_is_undecided():
    made = tables()
    topk = made["compression"]["method"] == "gradient-topk"
    made["compression"].loc[topk, "ppl_average"] = 500.0
    claim = next(c for c in compression.claims(made) if "bits up than gradient-topk" in c.text)
    assert math.isnan(claim.ours(made).middle)
    assert verdict(claim.rule, claim.ours(made), math.nan) == UNDECIDED


def test_nothing_is_decided_without_evidence(without_evidence):
    without_evidence(compression, tables(jitter=1.1))
