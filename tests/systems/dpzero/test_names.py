import pytest

from privatune.systems.dpzero.names import shown_name

ABOUT = {
    "scope": "head", "head": "linear", "step": "gradient", "optimiser": "adamw", "directions": None,
    "noised": "vector", "batch": 64, "n": 900, "epsilon": 2.0,
}  # fmt: skip
ZEROTH = {"step": "zeroth", "optimiser": None, "directions": 1, "noised": "scalar"}
PLAIN = {"epsilon": None, "noised": None}
NAMES = {
    "MeZO": ZEROTH | PLAIN,
    "DPZero": ZEROTH,
    "DPGD-0th": ZEROTH | {"noised": "vector"},
    "AggZO, K = 16": ZEROTH | PLAIN | {"directions": 16.0},
    "DP-AggZO, K = 64": ZEROTH | {"directions": 64},
    "DPZero, last block": ZEROTH | {"scope": "blocks"},
    "DPZero, whole model": ZEROTH | {"scope": "all"},
    "DPZero, LoRA": ZEROTH | {"scope": "lora"},
    "DPZero, biases": ZEROTH | {"scope": "biases"},
    "DPZero, prompt head": ZEROTH | {"head": "prompt"},
    "DP linear probe": {"optimiser": "sgd", "batch": 900},
    "linear probe": {"optimiser": "sgd", "batch": 900} | PLAIN,
    "DP-SGD, head": {"optimiser": "sgd"},
    "DP-AdamW, head": {},
    "DP-GD, prompt head": {"optimiser": "sgd", "batch": 900, "head": "prompt"},
    "AdamW, last block": {"scope": "blocks"} | PLAIN,
    "DP-AdamW, whole model": {"scope": "all"},
    "LoRA": {"scope": "lora"} | PLAIN,
    "DP-LoRA": {"scope": "lora"},
    "BitFit": {"scope": "biases"} | PLAIN,
    "DP-BiTFiT": {"scope": "biases"},
}


@pytest.mark.parametrize(("name", "about"), NAMES.items())
def test_the_name_follows_from_the_record(name, about):
    assert shown_name(ABOUT | about) == name
