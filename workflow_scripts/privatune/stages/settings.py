"""Settings of how work is cut into jobs, and of what the target `plan` looks ahead to."""

from pydantic import Field

from privatune.core.settings import Settings
from privatune.privacy.settings import Populations, ScaleSettings


class ExecutionSettings(Settings):
    """How work is cut into jobs. No result depends on it, except for the last bits on the numbers of threads."""

    clients_per_job: int = Field(5, ge=1, description="Number of clients that one job fine-tunes, one after the other.")
    rounds_per_job: int = Field(
        1,
        ge=1,
        description="Rounds per job. 1: a round fans out into jobs of some clients each; more: one job runs that many "
        "whole rounds.",
    )
    dp_shards: int = Field(
        0,
        ge=0,
        description="Jobs into which a round of `dpfedavg` fans out, each with a part of the cohort. 0: one job runs "
        "all rounds of a variant, and no sum without noise is ever written.",
    )
    pretrain_threads: int = Field(
        2,
        ge=1,
        le=256,
        description="Largest number of threads of pretraining; one is used while that is faster, because another "
        "program keeps a core busy. On a processor where the number changes the last bits of the general model, it is "
        "not varied.",
    )
    encoder_threads: int = Field(
        1,
        ge=1,
        le=256,
        description="Number of threads with which an encoder reads sentences for the first time. It decides the order "
        "of sums, and so the last bits of sentence vectors and states.",
    )


class PlanSettings(ScaleSettings):
    """What the target `plan` looks ahead to: this experiment, and DP-FedAvg at a scale that is not run here."""

    populations: Populations = [10_000_000]
    targets: list[str] = Field(["all"], min_length=1, description="Targets whose jobs are planned together.")
    costs: str | None = Field(
        None,
        description="Measured costs for stages that this experiment has not run yet: the `costs.json` of another "
        "output folder. null: those of the default experiment, config/costs.json.",
    )
    words: int | None = Field(
        None, ge=1, description="Number of words that a device trains on per round; null: as many as a person here has."
    )
    device_speed: float = Field(
        1.0, gt=0, le=1000, description="Speed of a device, relative to a core of the measured machine."
    )
