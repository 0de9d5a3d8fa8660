"""Settings of the attacks that measure privacy. Apart from the code, so that planning imports nothing heavy."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from privatune.core.settings import Distinct, Section, Settings, known_names


class AuditSettings(Settings):
    """An attack on the mechanism whose success bounds epsilon from below (Steinke, Nasr and Jagielski 2023)."""

    canaries: int = Field(
        2000, ge=20, description="Synthetic persons, each of whom sends an update in a random direction of its own."
    )
    guesses: int = Field(
        100,
        ge=1,
        description="Number of canaries about which a guess is made: those of which the attack is surest. More "
        "guesses allow a larger bound, but include less sure ones. Choose before you look: the best "
        "of several tries is no bound.",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence of the lower bound on epsilon.")

    @model_validator(mode="after")
    def _guesses_are_about_canaries(self) -> Self:
        if self.guesses > self.canaries:
            raise ValueError(f"guesses: {self.guesses} guesses cannot be made about {self.canaries} canaries; lower it")
        return self


class TailTestSettings(Settings):
    """How the tail of c is fitted and tested."""

    threshold_quantile: float = Field(
        0.9, gt=0, lt=1, description="Quantile of log c at which the tail begins; the paper's is about 0.99."
    )
    threshold: float | None = Field(
        None,
        ge=-1000,
        le=1000,
        description="Value of log c, in nats, at which the tail begins; the paper's is 0.35. null: "
        "`threshold_quantile` decides.",
    )
    minimum_exceedances: int = Field(
        1000,
        ge=2,
        description="Number of texts beyond the threshold below which the verdict is `undecided`, since a test "
        "on few texts accepts other tails too. Beyond the quantile 0.9 the test rejects a log-normal "
        "tail in 47 % of cases with 300 texts and in 96 % with 1,000; beyond 0.99 in 53 % with 1,000 "
        "and in 96 % with 3,000. It detects heavier tails less well: Student's t with 6 degrees of "
        "freedom, as the distribution of log c, in 16 % of cases with 1,000 texts beyond 0.9. "
        "docs/measured-privacy.md has more.",
    )
    simulations: int = Field(
        10_000, ge=100, description="Number of simulated samples from which the test's critical value is taken."
    )
    deltas: Annotated[list[Annotated[float, Field(ge=1e-30, lt=1)]], Distinct] = Field(
        [1e-4, 1e-5, 1e-6],
        min_length=1,
        description="Values of delta, the probability with which epsilon may be exceeded, for which epsilon is "
        "estimated.",
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
        description="Number of pairs of adjacent models. Pair n is made from the cohort that replicate n draws "
        "for its first round, and from the same cohort with one member replaced by the next person "
        "in line.",
    )
    texts: int = Field(11_000, ge=1, description="Number of texts that each model of a pair generates.")
    words: int = Field(10, ge=1, le=1000, description="Number of words in each of these texts.")

    def check(self, whole: Any) -> None:
        """Raise ValueError if two models of the scenario cannot differ by one person; see `Section.check`."""
        known_names("tail.scenario", [self.scenario], set(whole.scenarios))
        if not whole.scenarios[self.scenario].averages_single_persons:
            wrong = "does not average updates that come from one person each"
            raise ValueError(f"tail.scenario: the server of {self.scenario} {wrong}; choose another scenario")
