"""Describe the work of the jobs of fine-tuning in rounds: clients, servers, evaluation, and the test of the tail."""

from privatune.federation.settings import DistillSettings, ScenarioSettings
from privatune.stages.work import (
    BILLION,
    LIBRARIES,
    MEGA,
    NUMBA,
    TORCH,
    Known,
    Names,
    Stage,
    Work,
    evaluation,
    visits,
)
from privatune.systems.popov.settings import PopovSettings

SIMULATED = 1000  # operations per text in the tail of a simulated sample


def stages(known: Known, popov: PopovSettings) -> dict[str, Stage]:
    """Return the stages by rule."""
    lm, tail = known.main, known.tail
    measured = evaluation(lm, known.evaluation, known.texts)

    def of(names: Names) -> ScenarioSettings:
        return known.scenarios[names["scenario"]]

    def fine_tune(names: Names) -> Work:
        s, at_once = of(names), known.clients_per_job
        return _clients(min(at_once, s.cohort.size - int(names["shard"]) * at_once), s, known)

    def aggregate(names: Names) -> Work:
        return _server(of(names), known)

    def run_rounds(names: Names) -> Work:
        s = of(names)  # assume the most rounds unless the previous round is known
        rounds = int(names["round"]) - int(names["before"]) if "before" in names else known.rounds_per_job
        trained, joined = _clients(rounds * s.cohort.size, s, known), aggregate(names)
        payloads = _payload(s, known) * s.cohort.size / MEGA  # all payloads of a round are held at once
        return trained._replace(
            operations=trained.operations + rounds * joined.operations,
            held=trained.held + joined.held + payloads,
            passing=joined.passing,
        )

    def client_cost(names: Names) -> Work:
        return _clients(1, of(names), known)._replace(passing=0.0, up=0.0, down=0.0)

    def replicate_devices(names: Names) -> Work:
        s, devices = of(names), len(popov.device_seeds)
        trained, joined = _clients(devices * s.cohort.size, s, known), aggregate(names)
        return trained._replace(
            operations=trained.operations + devices * (joined.operations + measured.operations),
            held=max(trained.held + joined.held, measured.held) + 4 * lm.memory,
            passing=0.0,
        )

    def neighbour(names: Names) -> Work:
        trained = visits(2, lm, known.scenarios[tail.scenario].client, known.texts)
        return trained._replace(held=trained.held + 4 * lm.memory, passing=lm.bytes, down=0.0)

    def write_texts(names: Names) -> Work:
        words = tail.texts * tail.words
        # both models, each with a padded output; tiles of 512 beginnings, 16,000 texts at once (attacks/likelihoods.py)
        held = 8 * lm.memory + 8 * lm.scores(512) + 160 + 50 * words / MEGA
        return Work(lm.forward(2 * words), held, TORCH, kept=4.0 * tail.texts)  # one model writes and the other reads

    def fit_tails(names: Names) -> Work:
        beyond = tail.texts * (1 - tail.threshold_quantile if tail.threshold is None else 1)
        simulated = 2 * tail.pairs * tail.simulations * beyond
        return Work(simulated * SIMULATED / BILLION, 200 * tail.texts * tail.pairs / MEGA, LIBRARIES)

    return {
        "fine_tune": Stage(fine_tune, accelerated=True),
        "aggregate": Stage(aggregate, accelerated=True),
        "run_rounds": Stage(run_rounds, accelerated=True, kin="fine_tune"),
        "keep_model": Stage(lambda _: Work(kept=lm.bytes)),
        "client_cost": Stage(client_cost, accelerated=True),
        "evaluate": Stage(lambda _: measured),
        "replicate_devices": Stage(replicate_devices, accelerated=True, kin="fine_tune"),
        "neighbour": Stage(neighbour, accelerated=True),
        "write_texts": Stage(write_texts),
        "fit_tails": Stage(fit_tails),
    }


def _payload(s: ScenarioSettings, known: Known) -> float:
    return known.payload(s.codec, *known.main, s.cohort.size)


def _clients(clients: float, s: ScenarioSettings, known: Known) -> Work:
    """Return the work of a scenario's clients, which send what they learned."""
    sent = clients * _payload(s, known)
    own = s.cohort.persons_per_device * known.texts.person
    return visits(clients, known.main, s.client, known.texts, own)._replace(passing=sent, up=sent)


def _server(s: ScenarioSettings, known: Known) -> Work:
    """Return the work of joining the payloads of one round."""
    lm, clients, d = known.main, s.cohort.size, s.server
    if not isinstance(d, DistillSettings):
        return Work(lm.joining(clients), 6 * lm.memory, NUMBA, passing=lm.bytes)
    read, written = d.tokens * d.epochs, d.tokens * d.cycles if d.text == "generated" else 0
    operations = lm.joining(clients) + lm.training(read) + lm.forward(clients * read + written)
    held = (2 * clients + 10) * lm.memory + 8 * lm.scores(d.minibatch * d.bptt)  # every client's model teaches
    return Work(operations, held, TORCH, passing=lm.bytes)
