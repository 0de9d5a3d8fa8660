"""Settings of evaluation. Apart from the measures, so that planning a workflow does not import numba or torch."""

from pydantic import Field

from privatune.core.settings import Settings


class EvaluationSettings(Settings):
    """Seeded samples of stated size, the same for every model."""

    chunk_tokens: int = Field(300, ge=2, description="Words of consecutive text in a sampled chunk.")
    general_tokens: int = Field(30_000, ge=2, description="Words of general test text, in chunks.")
    user_tokens: int = Field(30_000, ge=2, description="Words of held-out persons' text, in chunks.")
    later_tokens: int = Field(9_000, ge=2, description="Words of the training persons' newer text, in chunks.")
