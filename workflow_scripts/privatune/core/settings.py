"""The base of every settings model: frozen, complete, closed to unknown keys."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Immutable values of one stage, as `config/config.yaml` states them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
