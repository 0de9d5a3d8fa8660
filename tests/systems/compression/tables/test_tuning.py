from privatune.core.files import write_json
from privatune.systems.compression.tables import tuning


def test_of_equal_points_the_first_is_chosen(tmp_path):
    def point(rate, perplexity):
        choice = {"mode": "gradient", "codec": {"name": "topk", "share": 0.01}, "learning_rate": rate}
        return {"choice": choice, "ppl_average": perplexity, "steps": 7}

    path = tmp_path / "gradient-topk" / "tuning.json"
    path.parent.mkdir()
    write_json(path, [point(1.0, 90.0), point(2.0, 80.0), point(3.0, 80.0)])
    made = tuning.table([path], {"gradient-topk": ["share"]}, 5, 0)
    assert made.frame["chosen"].tolist() == [False, True, False]
    assert made.frame["setting"].tolist() == ["share 0.01"] * 3
    assert "5 rounds" in made.note
    assert made.shown["method"].tolist() == ["gradient-topk"] * 3, "a strict method has the same codec"
