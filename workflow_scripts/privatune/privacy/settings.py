"""Settings of the privacy mechanism and of measures. Apart from the code, so that planning imports nothing heavy."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from privatune.core.settings import Settings


class AdaptiveClipSettings(Settings):
    """Clipping that follows a quantile of the updates' norms (Andrew et al. 2021), at a share of the noise's budget."""

    quantile: float = Field(0.5, gt=0, lt=1, description="Share of the updates that should lie within the clip.")
    rate: float = Field(
        0.2,
        gt=0,
        le=10,
        description="Of the geometric step: the clip is multiplied by exp(-rate * (share - quantile)).",
    )
    budget_share: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Share of the budget, in units of 1 / noise_multiplier^2, that the noised count of updates within "
        "the clip takes; the noise on the sum grows by 1 / sqrt(1 - share), so that both together cost what "
        "`noise_multiplier` says.",
    )


class PrivacySettings(Settings):
    """User-level differential privacy of what the server releases: DP-FedAvg (Ramaswamy et al. 2020)."""

    clip: float = Field(
        0.8, gt=0, le=1e6, description="S: largest L2 norm of a person's whole update, all tensors as one vector."
    )
    noise_multiplier: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="z: standard deviation of the noise on the sum of the clipped updates, over the clip. 0: clipping "
        "alone, of which no epsilon is stated. null: as `target_epsilon` asks.",
    )
    target_epsilon: float | None = Field(
        None, gt=0, le=1e4, description="Epsilon after all rounds, which gives z; null: as `noise_multiplier` says."
    )
    delta: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Probability beyond epsilon, at most 1 / (10 persons); null: 1 / (10 persons).",
    )
    allow_large_delta: bool = Field(
        False,
        description="Accept a `delta` above 1 / (10 persons), though never one of 1 / persons or more. At "
        "1 / (10 persons) a mechanism may publish one person's whole text in one run of ten, above it more often.",
    )
    sampling: Literal["poisson", "fixed"] = Field(
        "poisson",
        description="How each round draws its cohort, and what epsilon is about. poisson: each person on their own "
        "(one person's text against none, where the number of persons is public); fixed: as many each round, without "
        "replacement (one person's text against another's, which moves the clipped sum twice as far).",
    )
    accountant: Literal["rdp", "pld"] | None = Field(
        None,
        description="pld: privacy loss distributions, tighter, Poisson only; rdp: Renyi differential privacy; null: "
        "pld under Poisson sampling, rdp under fixed. Tables state the epsilon of rdp beside the other.",
    )
    adaptive: AdaptiveClipSettings | None = Field(
        None, description="How the clip follows the updates from `clip` on; null: it stays."
    )
    secure: bool = Field(
        False,
        description="Whether seeds of noise and cohorts come from the operating system, once, into files that only the "
        "owner reads. false: from `seeds`, which are public, so that a run can be repeated but protects nobody.",
    )

    @model_validator(mode="after")
    def _noise_and_accountant_fit(self) -> Self:
        if (self.noise_multiplier is None) == (self.target_epsilon is None):
            raise ValueError("noise_multiplier, target_epsilon: give one of the two, the other follows")
        if self.accountant == "pld" and self.sampling != "poisson":
            raise ValueError("accountant: pld knows no cohorts of fixed size; take rdp, or sampling: poisson")
        return self


class AccountingSettings(Settings):
    """Training whose epsilon table `accounting` states by population; the defaults are the paper's (clip: recalled)."""

    populations: list[Annotated[int, Field(ge=2)]] = Field(
        [2_000_000, 3_000_000, 4_000_000, 5_000_000, 10_000_000],
        min_length=1,
        description="N: persons who may be drawn. Delta is N^-1.1 in the rows that account as the paper does, and "
        "1 / (10 N) in ours.",
    )
    cohort: int = Field(20_000, ge=1, description="M: persons of a round, at most as many as any population has.")
    rounds: int = Field(2000, ge=1, description="T.")
    noise_multiplier: float = Field(
        0.8,
        gt=0,
        le=1000,
        description="z: standard deviation of the noise on the sum of clipped updates, over the clip.",
    )
    clip: float = Field(0.8, gt=0, le=1e6, description="S: largest L2 norm of an update; no epsilon depends on it.")

    @model_validator(mode="after")
    def _cohorts_are_drawn_from_the_population(self) -> Self:
        if self.cohort > min(self.populations):
            raise ValueError(
                f"cohort: {self.cohort} persons a round are more than a population of {min(self.populations)}; lower it"
            )
        return self


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


class TailSettings(TailTestSettings):
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
