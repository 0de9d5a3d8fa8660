"""Describe the work of the jobs that send states, fine-tune on them and attack them."""

from privatune.stages.work import (
    ARROW,
    BILLION,
    FORWARD,
    MEGA,
    PIECES,
    SENTENCE,
    TEXT,
    TORCH,
    TRAINED,
    Known,
    Names,
    Stage,
    Work,
)
from privatune.systems.split.settings import SplitSettings

VOCABULARY = 31_000  # about how many tokens an encoder has
BLOCK = 0.08  # of an encoder's weights, about the share of a block
LENGTH = 25  # tokens of a sentence, on average
LONG = 250  # tokens of a text that is longer than a sentence
NOISE = 60  # operations that take as long as drawing a value of the noise
STEP = 0.1  # billions of operations that take as long as what every step of training does besides products


def stages(known: Known, s: SplitSettings) -> dict[str, Stage]:
    """Return the stages by rule."""
    weights, width = known.encoders[s.encoder].sizes

    def tokens_of(name: str) -> float:
        """Return about the most tokens of a set; of long texts only the beginning is read."""
        read = known.sentences[name]
        return PIECES * known.labelled[read.source] * min(1.0, read.max_tokens / LONG)

    own, public = tokens_of(s.set), tokens_of(s.public)
    a, seeds = s.attribute, len(s.seeds)
    messages = a.persons * a.messages * a.max_tokens / 2  # of the customer, in tokens, and as many of the attacker

    def held(tokens: float) -> float:
        """Return megabytes: the encoder, and copies of the states."""
        return (4 * 1.5 * weights + 10 * tokens * width) / MEGA + 200

    def encode_messages(_: Names) -> Work:
        words = known.texts.collected
        return Work(words * TEXT / BILLION, 2 * SENTENCE * words / MEGA, ARROW, kept=10 * messages)

    def cut_states(tokens: float, names: Names) -> Work:
        products = (0.1 + int(names["cut"])) * BLOCK * weights
        return Work(tokens * FORWARD * products / BILLION, held(tokens), TORCH, kept=2 * width * tokens)

    def send_states(names: Names) -> Work:
        tokens = own + messages
        # at an embedding split each noisy token is looked up in the table
        looked_up = names["cut"] == "0" and names["noise"] != "none"
        products = NOISE * width + looked_up * FORWARD * width * VOCABULARY
        return Work(seeds * tokens * products / BILLION, held(2 * tokens), TORCH, passing=seeds * 2 * width * tokens)

    def fine_tune_tops(names: Names) -> Work:
        t, tops = s.top, seeds * len(s.importances_of(names["noise"]))
        passes = FORWARD * own * 0.6 * weights
        steps = t.steps * (STEP + TRAINED * t.batch * LENGTH * (t.scope.count or 6) * BLOCK * weights / BILLION)
        return Work(tops * (passes / BILLION + steps), held(own) + 500, TORCH, kept=1e4)

    def guess_sent(_: Names) -> Work:
        i = s.inversion
        looked_up = len(s.attacks) * 2 * s.attacked * LENGTH * FORWARD * width * VOCABULARY
        trained = i.epochs * public * TRAINED * (4 * width * i.width + width * i.sampled)
        trained *= "inverter" in s.attacks
        noised = (public + messages) * NOISE * width
        table = 12 * VOCABULARY * width / MEGA
        return Work(seeds * (looked_up + trained + noised) / BILLION, held(2 * public) + table, TORCH, kept=1e6)

    def score_attacks(_: Names) -> Work:
        guessed = len(s.sendings()) * seeds * len(s.attacks) * 2 * s.attacked * LENGTH
        return Work(guessed * TEXT / BILLION, 100, TORCH, kept=1e5)

    return {
        "encode_messages": Stage(encode_messages, kin="encode_private"),
        "cut_customer": Stage(lambda names: cut_states(own + messages, names), accelerated=True, kin="evaluate"),
        "cut_public": Stage(lambda names: cut_states(public + messages, names), accelerated=True, kin="evaluate"),
        "send_states": Stage(send_states, kin="evaluate"),
        "fine_tune_tops": Stage(fine_tune_tops, accelerated=True, kin="evaluate"),
        "guess_sent": Stage(guess_sent, kin="evaluate"),
        "score_attacks": Stage(score_attacks, kin="encode_general"),
    }
