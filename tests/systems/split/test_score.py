import numpy as np
import pytest

from privatune.core.files import read_json
from privatune.core.tensors import save_tensors
from privatune.systems.split import score


def sentences(path, ids, part, labels=(0, 1)):
    lengths = [len(row) for row in ids]
    arrays = {
        "ids": np.concatenate(ids).astype(np.uint32), "offsets": np.cumsum([0, *lengths], dtype=np.int64),
        "labels": np.array(labels, np.int64), "part": np.array(part, np.uint8),
        "phrase_ids": np.empty(0, np.uint32), "phrase_offsets": np.zeros(1, np.int64),
    }  # fmt: skip
    save_tensors(path, arrays, {"classes": ["0", "1"], "n": {}})
    return path


def test_scores_of_a_case_worked_out_by_hand(tmp_path, monkeypatch):
    """A test sentence of four tokens of text, 5 6 5 7, and a validation sentence of one; marks are 0 and 1."""
    monkeypatch.setattr(score, "FREQUENT", 1)
    tokens = sentences(tmp_path / "tokens", [[0, 5, 6, 5, 7, 1], [0, 8, 1]], [2, 1])
    public = sentences(tmp_path / "public", [[0, 5, 5, 5, 1], [0, 6, 9, 1]], [0, 0])
    messages = sentences(tmp_path / "messages", [[0, 5, 1], [0, 6, 1]], [2, 2])
    first = [0, 5, 9, 5, 9, 1, 0, 9, 1]  # of the best guesses, both fives are right
    guesses = np.full((9, 5), 3, np.uint32)
    guesses[:, 0], guesses[2, 4], guesses[5, 0] = first, 6, 3
    arrays = {"3-sentences": np.array([0, 1]), "3-nearest": guesses, "3-attribute": np.array([0, 0])}
    about = {"cut": 2, "noise": "none", "importance": "none", "seeds": [3], "attacks": ["nearest"]}
    save_tensors(tmp_path / "guesses", arrays, about)
    score.score_attacks([tmp_path / "guesses"], tokens, messages, public, tmp_path / "scores.json")
    (record,) = read_json(tmp_path / "scores.json")
    assert {key: record[key] for key in ("seed", "cut", "tokens", "messages")} == {
        "seed": 3, "cut": 2, "tokens": 4, "messages": 2
    }  # fmt: skip
    assert record["ep_nearest"] == 0.5 and record["validation_ep_nearest"] == 1
    assert record["top5_nearest"] == 0.75, "6 is the last of five guesses"
    assert (record["function_nearest"], record["content_nearest"]) == (1, 0), "5 is the most frequent public token"
    assert record["chance"] == 0.5, "always guessing 5"
    assert (record["ep_attribute"], record["chance_attribute"]) == (0.5, pytest.approx(0.5))
