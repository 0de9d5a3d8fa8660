"""Settings of the privacy mechanism. Apart from the code, so that planning imports nothing heavy."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from privatune.core.settings import CohortSettings, Settings

LEAST_MULTIPLIER = 1e-6  # next to no noise: an epsilon of 10^12 and more

Populations = Annotated[
    list[Annotated[int, Field(ge=2)]],
    Field(
        min_length=1,
        description="Population sizes N, in persons; each is accounted for separately. Delta is N^-1.1 in the rows "
        "that account as the paper does, and 1 / (10 N) in ours.",
    ),
]


class AdaptiveClipSettings(Settings):
    """Clipping that follows a quantile of the updates' norms (Andrew et al. 2021), at a share of the noise's budget."""

    quantile: float = Field(
        0.5, gt=0, lt=1, description="Target quantile: the share of the updates whose norms should lie within the clip."
    )
    rate: float = Field(
        0.2,
        gt=0,
        le=10,
        description="Learning rate of the clip: each round multiplies the clip by exp(-rate * (share - "
        "quantile)), where share is that of the updates within it.",
    )
    budget_share: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Share of the budget, measured in 1 / noise_multiplier^2, that is spent on the noised count "
        "of updates within the clip. The noise on the sum grows by 1 / sqrt(1 - share), so that both "
        "together cost what `noise_multiplier` says.",
    )


class PrivacySettings(Settings):
    """User-level differential privacy of what the server releases: DP-FedAvg (Ramaswamy et al. 2020)."""

    clip: float = Field(
        0.8,
        gt=0,
        le=1e6,
        description="Clip S (max_grad_norm): the largest L2 norm of a person's whole update, with all tensors as "
        "one vector.",
    )
    noise_multiplier: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="Noise multiplier z: standard deviation of the noise on the sum of clipped updates, divided "
        "by the clip: 0, or at least 1e-6. 0: updates are clipped, and no epsilon is stated. null: "
        "`target_epsilon` decides.",
    )
    target_epsilon: float | None = Field(
        None,
        gt=0,
        le=1e4,
        description="Target epsilon after all rounds, from which z follows; null: `noise_multiplier` decides.",
    )
    delta: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Delta: the probability with which epsilon may be exceeded. For N persons "
        "it is at most 1 / (10 N); null: 1 / (10 N).",
    )
    allow_large_delta: bool = Field(
        False,
        description="Whether, for N persons, a `delta` above 1 / (10 N) is accepted; one of 1 / N or more never is. "
        "At 1 / (10 N) a mechanism may publish one person's whole text in one run of ten, and "
        "with a larger delta more often.",
    )
    sampling: Literal["poisson", "fixed"] = Field(
        "poisson",
        description="How each round draws its cohort, which decides what epsilon is about. poisson: each person "
        "independently (one person's text against none, where the number of persons is public); "
        "fixed: the same number each round, without replacement (one person's text against "
        "another's, which moves the clipped sum twice as far).",
    )
    accountant: Literal["rdp", "pld"] | None = Field(
        None,
        description="Accountant. pld: privacy loss distributions, which are tighter and only for Poisson "
        "sampling; rdp: Renyi differential privacy; null: pld under Poisson sampling, rdp under "
        "fixed. Tables also state the epsilon of rdp.",
    )
    adaptive: AdaptiveClipSettings | None = Field(
        None,
        description="Adaptive clipping: how the clip, which starts at `clip`, follows the norms of the updates. "
        "null: the clip is constant.",
    )
    secure: bool = Field(
        False,
        description="Whether the seeds of noise and cohorts come from the operating system, once, into files "
        "that only the owner can read. false: they follow from `seeds`, which are public, so that a "
        "run can be repeated but protects nobody.",
    )

    @model_validator(mode="after")
    def _noise_and_accountant_fit(self) -> Self:
        if self.noise_multiplier is not None and 0 < self.noise_multiplier < LEAST_MULTIPLIER:
            raise ValueError(
                f"noise_multiplier: {self.noise_multiplier:g} is next to no noise; take 0, for which no epsilon is "
                f"stated, or at least {LEAST_MULTIPLIER:g}"
            )
        if (self.noise_multiplier is None) == (self.target_epsilon is None):
            raise ValueError("noise_multiplier, target_epsilon: set exactly one of the two; the other follows from it")
        if self.accountant == "pld" and self.sampling != "poisson":
            raise ValueError("accountant: pld does not support cohorts of fixed size; take rdp, or sampling: poisson")
        return self


class ScaleCohortSettings(CohortSettings):
    """Cohorts as in Ramaswamy et al. (2020)."""

    size: int = Field(20_000, ge=1, description="Cohort size M: persons per round, at most as many as any population.")
    rounds: int = Field(2000, ge=1, le=100_000, description="Number of rounds T.")


class ScaleSettings(Settings):
    """DP-FedAvg at a scale that is accounted for and not run; the defaults are the paper's (clip: recalled)."""

    populations: Populations = [2_000_000, 3_000_000, 4_000_000, 5_000_000, 10_000_000]
    cohort: ScaleCohortSettings = Field(
        default_factory=ScaleCohortSettings,
        description="How many persons take part per round, and how many rounds there are.",
    )
    noise_multiplier: float = Field(
        0.8,
        ge=0.01,
        le=1000,
        description="Noise multiplier z: standard deviation of the noise on the sum of clipped updates, divided by "
        "the clip.",
    )
    clip: float = Field(
        0.8, gt=0, le=1e6, description="Clip S: the largest L2 norm of an update; no epsilon depends on it."
    )

    @model_validator(mode="after")
    def _cohorts_are_drawn_from_the_populations(self) -> Self:
        if self.cohort.size > (least := min(self.populations)):
            raise ValueError(
                f"cohort.size: {self.cohort.size} persons per round are more than a population of {least}; lower it"
            )
        return self


class PrivacyOfExamples(Settings):
    """What the epsilons of all methods have in common: they protect one example, that is one labelled sentence."""

    delta: float | None = Field(
        None, gt=0, lt=1, description="Delta, at most 1 / (10 n) for n training examples; null: 1 / (10 n)."
    )
    adjacency: Literal["zero out one", "replace one"] = Field(
        "zero out one",
        description="Which sets of examples are compared. `zero out one`: one example against an empty one, and noise "
        "of deviation z C on the sum. `replace one`: one example against another, and noise of 2 z C.",
    )
    secure: bool = Field(
        False,
        description="Whether the seeds of noise and minibatches come from the operating system, once, into files that "
        "only the owner can read. false: they follow from public seeds, so that a run can be repeated but protects "
        "nobody.",
    )
