import re
from pathlib import Path

import pytest
import yaml

from privatune.core.errors import PrivatuneError
from privatune.core.merging import merged
from privatune.core.written import LOADER
from privatune.experiment import experiment
from privatune.systems.split.settings import SplitSettings

ROOT = Path(__file__).parents[3]
RULES = (ROOT / "rules/split.smk").read_text()


def configured(**split):
    config = yaml.load((ROOT / "config/config.yaml").read_text(), LOADER)
    return experiment(merged(config, {"split": split}))


def test_every_way_of_sending_is_listed_once_and_without_noise_importance_makes_no_difference():
    settings = SplitSettings(set="own", public="other", cuts=[0, 2], kappas=[0.5], etas=[30], importances=["cti"])
    assert settings.sendings() == [
        (cut, *how) for cut in (0, 2) for how in (("none", "none"), ("kappa-0.5", "cti"), ("eta-30", "cti"))
    ]


def test_what_is_not_defined_or_listed_twice_is_refused():
    assert configured().split.seeds == [0, 1, 2]
    for wrong, words in (
        ({"set": "nowhere"}, "split.set: nowhere is not defined"),
        ({"public": "reviews"}, "attackers do not have the customer's own text"),
        ({"kappas": [0.1, 0.1]}, "kappas`: 0.1 is listed twice; list each value once"),
        ({"attribute": {"source": "trec"}}, "a source of labelled text, not of private text"),
    ):
        with pytest.raises(PrivatuneError, match=words):
            configured(**wrong)


def block(rule, section):
    """The lines of a section of a rule."""
    body = re.search(rf"^rule {rule}:\n(.*?)^(?=\S)", RULES + "end", re.S | re.M)[1]
    return re.search(rf"^    {section}:\n((?:        .*\n)+)", body, re.M)[1]


def test_the_attacker_reads_what_is_sent_public_text_and_the_encoder_and_nothing_else():
    read = {line.split("=")[0].strip() for line in block("guess_sent", "input").splitlines()}
    assert read == {
        "sent", "messages", "public", "public_states", "known", "known_states", "distance", "tokenizer", "encoder",
        "code",
    }  # fmt: skip
    text = block("guess_sent", "input")
    assert "SPLIT_TOKENS" not in text and "private.safetensors" not in text
    assert "messages=SENT_MESSAGES" in text and "split/messages" not in text, "noised messages, not their tokens"
    assert "public=SPLIT_PUBLIC" in text and "cut-{cut}/public" in text and "cut-{cut}/known" in text


def test_the_vendor_reads_what_is_sent_and_the_encoder():
    text = block("fine_tune_tops", "input")
    assert {line.split("=")[0].strip() for line in text.splitlines()} == {"sent", "encoder", "code"}
