"""What counts as a word. It is separate from the tokeniser so that planning a workflow imports no native library."""

from pydantic import Field

from privatune.core.settings import Settings

UNK, EOS = 0, 1
MARKS = ("<unk>", "<eos>")
"""The marks for a word outside the vocabulary and for the end of a line. Their index is their id."""


class TextSettings(Settings):
    """The words of both general and private text."""

    lowercase: bool = Field(True, description="Whether text is lower-cased before it is split into words.")
    vocabulary: int = Field(
        20000,
        ge=3,
        le=1_000_000,
        description="Number of words that the models know: `<unk>` (any other word), `<eos>` (end of a line) and the "
        "most frequent words of the general training text.",
    )
