"""Settings of the target `split`. They are separate from the code so that planning imports no torch."""

from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from privatune.attacks.inversion_settings import ATTACKS, Attack, InversionSettings
from privatune.core.settings import Distinct, Section, Seeds, Settings, known_names
from privatune.corpora.rows import known_sources
from privatune.models.settings import NumericsSettings
from privatune.systems.split.top_settings import SplitTopSettings

NONE: Literal["none"] = "none"  # the folder without noise, and the importance that makes no difference between tokens

Importance = Literal["none", "cti", "public"]
Levels = Annotated[list[Annotated[float, Field(gt=0, le=1e6)]], Distinct]


class Sending(NamedTuple):
    """One way of sending: the folders of its files, below that of the system."""

    cut: int
    noise: str  # none, kappa-0.2 or eta-30
    importance: str


class AttributeSettings(Settings):
    """Attribute inference: who of a few persons wrote a message, of which the customer sends the states."""

    source: str = Field("chitchat", description="Entry of `sources:` whose role is `private`; its persons are guessed.")
    persons: int = Field(20, ge=2, le=1000, description="Number of persons: those who wrote the most messages.")
    messages: int = Field(
        40, ge=4, description="Messages of each person. The attacker knows who wrote one half of them."
    )
    min_words: int = Field(4, ge=1, description="Shorter messages are left out.")
    max_tokens: int = Field(32, ge=8, le=512, description="Longer messages are cut to as many tokens.")


class SplitSettings(Section):
    """Of the target `split`: a vendor fine-tunes on privatised states, and is attacked (Shen et al. 2023)."""

    encoder: str = Field("minilm", description="Entry of `encoders:` that is split; it is of a type that can be cut.")
    set: str = Field(description="Entry of `sentences:` with the customer's sentences.")
    public: str = Field(
        description="Entry of `sentences:` with the text that attackers have. Its labels count for the importance "
        "`public`, and for what the attacker assumes of the importance `cti`."
    )
    cuts: Annotated[list[Annotated[int, Field(ge=0, le=1000)]], Field(min_length=1), Distinct] = Field(
        [0, 2, 4], description="How many blocks stay with the customer; 0 cuts after the embeddings."
    )
    kappas: Levels = Field(
        [0.5, 1.0],
        description="Levels of noise: the deviation of the noise in any one direction, as a multiple of half the "
        "median distance to the nearest other token.",
    )
    etas: Levels = Field([], description="Further levels of noise: the inverse of the scale of its radius.")
    importances: Annotated[list[Importance], Distinct] = Field(
        ["none", "cti"],
        min_length=1,
        description="Which tokens get less noise: `none`: all the same. `cti`: those that tell the classes of the "
        "private sentences apart, which is a release of their counts. `public`: the same, counted on public text.",
    )
    top: SplitTopSettings = Field(default_factory=SplitTopSettings, description="How the vendor fine-tunes.")
    attacked: int = Field(
        25, ge=2, description="Sentences of the test part, and as many of the validation part, that are attacked."
    )
    attacks: list[Attack] = Field(list(ATTACKS), min_length=1, description="Attacks that guess tokens.")
    inversion: InversionSettings = Field(
        default_factory=InversionSettings, description="Choices of the attacks that guess tokens."
    )
    attribute: AttributeSettings = Field(
        default_factory=AttributeSettings, description="The attack that guesses an attribute of a text."
    )
    examples: int = Field(3, ge=1, le=100, description="Public sentences that are attacked to be shown.")
    seeds: Seeds = Field(
        [0, 1, 2],
        min_length=1,
        description="Seeds of the replicates: each draws its noise, initial weights, minibatches and which sentences "
        "are attacked.",
    )

    @model_validator(mode="after")
    def _lists_name_things_once(self) -> Self:
        for key in ("cuts", "kappas", "etas", "importances", "attacks"):
            if len(set(values := getattr(self, key))) < len(values):
                raise ValueError(f"{key}: list each value once")
        return self

    @property
    def noises(self) -> list[str]:
        """The folders of the levels of noise, and of no noise."""
        return [NONE, *(f"kappa-{kappa:g}" for kappa in self.kappas), *(f"eta-{eta:g}" for eta in self.etas)]

    def sendings(self) -> list[Sending]:
        """Return every way of sending, in the order of the rows."""
        return [
            Sending(cut, noise, importance)
            for cut in self.cuts
            for noise in self.noises
            for importance in self.importances_of(noise)
        ]

    def importances_of(self, noise: str) -> list[Importance]:
        """Return the importances at a level of noise; without noise, they make no difference."""
        return self.importances if noise != NONE else [NONE]

    def check(self, whole: Any) -> None:
        """Raise ValueError if an encoder, a set or a source is not defined; see `Section.check`."""
        known_names("split.encoder", [self.encoder], set(whole.encoders))
        known_names("split.set", [self.set], set(whole.sentences))
        known_names("split.public", [self.public], set(whole.sentences))
        if whole.sentences[self.set].source == whole.sentences[self.public].source:
            raise ValueError(
                "split.public: attackers do not have the customer's own text; choose a set of another source"
            )
        known_sources("split.attribute.source", [self.attribute.source], "private", whole.sources)


class SendSettings(Settings):
    """What a job that privatises states uses."""

    cut: int = Field(description="How many blocks stay with the customer.")
    noise: str = Field(description="Level of noise: none, kappa-0.2 or eta-30.")
    importance: Importance = Field(description="Which tokens get less noise.")
    seeds: Seeds = Field(description="Seeds of the replicates.")
    numerics: NumericsSettings = Field(description="How the job computes.")


class VendorSettings(Settings):
    """What a job that fine-tunes tops uses."""

    sendings: list[SendSettings] = Field(min_length=1, description="How the states were sent, one way after another.")
    top: SplitTopSettings = Field(description="How the vendor fine-tunes.")
    seed: int = Field(description="Seed of the resamples of the test part.")
    set: str = Field(description="Name of the set of sentences.")


class AttackerSettings(Settings):
    """What a job that attacks sent states uses."""

    sending: SendSettings = Field(description="How the states were sent.")
    attacked: int = Field(description="Sentences of the test part, and of the validation part, that are attacked.")
    attacks: list[Attack] = Field(description="Attacks that guess tokens.")
    inversion: InversionSettings = Field(description="Choices of the attacks that guess tokens.")
    examples: int = Field(description="Public sentences that are attacked to be shown.")
