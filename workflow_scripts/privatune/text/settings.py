"""What counts as a word. Apart from the tokeniser itself, so that planning a workflow imports no native library."""

from pydantic import Field

from privatune.core.settings import Settings

UNK, EOS = 0, 1
MARKS = ("<unk>", "<eos>")
"""The words that are not in any text: a word outside the vocabulary, the end of a line. Their place is their id."""


class TextSettings(Settings):
    """Words of general and private text alike."""

    lowercase: bool = Field(True, description="Whether text is lower-cased before it is split into words.")
    vocabulary: int = Field(
        20000,
        ge=3,
        le=1_000_000,
        description="Words the models know: the most frequent ones of the general training text, `<unk>` (any other "
        "word) and `<eos>` (end of a line) included.",
    )
