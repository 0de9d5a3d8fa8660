"""How finished classifiers are exported and measured. Apart from the code, so that planning imports no torch."""

from pydantic import Field

from privatune.core.settings import Settings


class ExportSettings(Settings):
    """What an exported model costs: seconds per sentence, on a CPU, for one sentence at a time."""

    threads: int = Field(1, ge=1, le=256, description="Threads of each product.")
    sentences: int = Field(
        50, ge=1, le=100_000, description="Number of sentences that are timed, drawn from the test part; at most all."
    )
    repeats: int = Field(5, ge=1, le=100, description="How often all these sentences are timed.")


class ExportJobSettings(Settings):
    """What a job that exports and measures a model of one method uses; it always computes on a CPU in float32."""

    set: str = Field(description="Name of the set of sentences.")
    method: str = Field(description="Name of the method.")
    target: float | None = Field(description="Target epsilon of the model; null: it was trained without noise.")
    seed: int = Field(description="Seed of the model, among those of its file.")
    max_tokens: int = Field(description="Maximum number of tokens of a sentence; the exported tokenizer cuts there.")
    export: ExportSettings = Field(description="How the model is measured.")
