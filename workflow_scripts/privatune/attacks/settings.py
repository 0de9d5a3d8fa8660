"""Settings of the attacks that measure privacy. Apart from the code, so that planning imports nothing heavy."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from privatune.core.settings import Section, Settings, known_names


class AuditSettings(Settings):
    """An attack on the mechanism whose success bounds epsilon from below (Steinke, Nasr and Jagielski 2023)."""

    canaries: int = Field(
        2000, ge=20, description="Synthetic persons, each sending an update of a random direction of its own."
    )
    guesses: int = Field(
        100,
        ge=1,
        description="Canaries about which a guess is made: those of which the attack is surest. More allow a larger "
        "bound, but include less sure ones. Choose before looking: the best of several tries is no bound.",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the lower bound.")

    @model_validator(mode="after")
    def _guesses_are_about_canaries(self) -> Self:
        if self.guesses > self.canaries:
            raise ValueError(f"guesses: {self.guesses} are more than {self.canaries} canaries; lower it")
        return self


class TailTestSettings(Settings):
    """How the tail of c is fitted and tested."""

    threshold_quantile: float = Field(
        0.9, gt=0, lt=1, description="The tail begins at this quantile of log c; the paper's region is some 0.99."
    )
    threshold: float | None = Field(
        None,
        ge=-1000,
        le=1000,
        description="The tail begins at this log c, in nats, as at 0.35 in the paper; null: at `threshold_quantile`.",
    )
    minimum_exceedances: int = Field(
        1000,
        ge=2,
        description="Texts beyond the threshold below which the verdict is `undecided`, as the test lets other tails "
        "pass: beyond the quantile 0.9 it rejects a log-normal in 47 % of cases with 300 texts and in 96 % with 1,000, "
        "beyond 0.99 in 53 % with 1,000 and in 96 % with 3,000. It sees heavier tails less well: log c of Student's t "
        "with 6 degrees of freedom in 16 % of cases with 1,000 texts beyond 0.9; docs/measured-privacy.md has more.",
    )
    simulations: int = Field(10_000, ge=100, description="Samples that give the test's critical value.")
    deltas: list[Annotated[float, Field(ge=1e-30, lt=1)]] = Field(
        [1e-4, 1e-5, 1e-6], min_length=1, description="Probabilities beyond epsilon for which epsilon is estimated."
    )

    @model_validator(mode="after")
    def _deltas_lie_in_the_tail(self) -> Self:
        share = 1 - self.threshold_quantile
        if self.threshold is None and max(self.deltas) >= share:
            raise ValueError(
                f"deltas: {max(self.deltas):g} is not in the tail, the {share:g} of the texts beyond "
                "`threshold_quantile`; lower either"
            )
        return self


class TailSettings(TailTestSettings, Section):
    """Privacy measured on pairs of models that differ in one person (Popov et al. 2018); an estimate, not a proof."""

    scenario: str = Field(
        "averaging-rehearsal", description="Scenario whose first round makes the models; its server must average."
    )
    pairs: int = Field(
        2,
        ge=1,
        description="Pairs of adjacent models. Pair n: the cohort that replicate n draws for its first round, and the "
        "same with one member replaced by the next person in line.",
    )
    texts: int = Field(11_000, ge=1, description="Texts that each model of a pair writes.")
    words: int = Field(10, ge=1, le=1000, description="Words of a text.")

    def check(self, whole: Any) -> None:
        """As of Section: its scenario averages updates of single persons, so that two models can differ in one."""
        known_names("tail.scenario", [self.scenario], set(whole.scenarios))
        if not whole.scenarios[self.scenario].averages_single_persons:
            wrong = "does not average single updates of one person each"
            raise ValueError(f"tail.scenario: the server of {self.scenario} {wrong}; name another")
