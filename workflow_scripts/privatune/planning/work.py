"""What each job has to do, from the configuration's sizes alone: the one place that says it, stage by stage."""

import re
from collections.abc import Callable
from typing import NamedTuple

from privatune.experiment import Experiment
from privatune.federation.settings import DistillSettings, ScenarioSettings
from privatune.models.settings import ModelSettings
from privatune.models.sizes import parameters, products
from privatune.planning.jobs import Job
from privatune.planning.payloads import payload_bytes
from privatune.planning.sizes import (
    BILLION,
    FORWARD,
    HELD,
    STORED,
    WEIGHT,
    WORD,
    Texts,
    Work,
    id_bytes,
    model_bytes,
    reading,
    training,
    visit_words,
)
from privatune.systems.compression.methods import Choice

WORDS_A_SENTENCE = 19  # of a carrier's text, canaries among public sentences


class Setting(NamedTuple):
    """A job's surroundings."""

    e: Experiment
    texts: Texts


def work(job: Job, setting: Setting) -> Work:
    """What a job has to do; of rules that are not named here every job is taken to cost the same."""
    stage = STAGES.get(job.rule)
    return stage(job, setting) if stage else Work()


def _visits(clients: float, s: ScenarioSettings, setting: Setting) -> Work:
    """Of so many devices of a scenario."""
    e, vocabulary = setting.e, setting.e.text.vocabulary
    words, sent = visit_words(s.client, s.cohort.persons_per_device * setting.texts.person)
    weights = model_bytes(e.model, vocabulary)
    up = clients * payload_bytes(s.codec, e.model, vocabulary, s.cohort.size)
    return Work(
        clients * training(words, e.model, vocabulary, s.client.facts.teaches),
        weights / 1e6,
        passing=up,
        up=up,
        down=clients * (weights + sent * id_bytes(vocabulary)),
    )


def _server(s: ScenarioSettings, setting: Setting) -> Work:
    """Of joining one round's payloads."""
    model, vocabulary = setting.e.model, setting.e.text.vocabulary
    operations = s.cohort.size * parameters(model, vocabulary) * WEIGHT / BILLION
    weights, held = model_bytes(model, vocabulary), 1
    if isinstance(s.server, DistillSettings):
        read = s.server.tokens * s.server.epochs
        written = s.server.tokens * s.server.cycles if s.server.text == "generated" else 0
        forward = (s.cohort.size * read + written) * FORWARD * products(model, vocabulary) / BILLION
        operations += training(read, model, vocabulary) + forward
        held += 2  # one that teaches, and gradients
    return Work(operations, held * weights / 1e6, passing=weights)


def _fine_tune(job: Job, setting: Setting) -> Work:
    s, at_once = setting.e.scenarios[job.wildcards["scenario"]], setting.e.execution.clients_per_job
    return _visits(min(at_once, s.cohort.size - int(job.wildcards["batch"]) * at_once), s, setting)


def _aggregate(job: Job, setting: Setting) -> Work:
    return _server(setting.e.scenarios[job.wildcards["scenario"]], setting)


def _run_rounds(job: Job, setting: Setting) -> Work:
    s = setting.e.scenarios[job.wildcards["scenario"]]
    before = [match for path in job.inputs if (match := re.search(r"/round-(\d+)(?:/model)?\.", path))]
    rounds = int(job.wildcards["round"]) - (int(before[0][1]) if before else 0)
    clients, server = _visits(rounds * s.cohort.size, s, setting), _server(s, setting)
    return clients._replace(operations=clients.operations + rounds * server.operations, passing=server.passing)


def _client_cost(job: Job, setting: Setting) -> Work:
    s = setting.e.scenarios[job.wildcards["scenario"]]
    return _visits(1, s, setting)._replace(passing=0.0, up=0.0, down=0.0)


def _neighbour(job: Job, setting: Setting) -> Work:
    s = setting.e.scenarios[setting.e.tail.scenario]
    return _visits(2, s, setting)._replace(
        passing=model_bytes(setting.e.model, setting.e.text.vocabulary), up=0, down=0
    )


def _keep_model(job: Job, setting: Setting) -> Work:
    return Work(kept=model_bytes(setting.e.model, setting.e.text.vocabulary))


def _pretrain(job: Job, setting: Setting) -> Work:
    e = setting.e
    return _pretraining(e.model, e.text.vocabulary, e.pretrain.epochs, setting)


def _pretrain_small(job: Job, setting: Setting) -> Work:
    c = setting.e.compression
    return _pretraining(c.model, c.vocabulary, c.pretrain.epochs, setting)


def _pretrain_private(job: Job, setting: Setting) -> Work:
    t = setting.e.dpfedavg.training
    return _pretraining(t.model, t.vocabulary, t.pretrain.epochs, setting)


def _pretraining(model: ModelSettings, vocabulary: int, epochs: float, setting: Setting) -> Work:
    weights = model_bytes(model, vocabulary)
    return Work(training(epochs * setting.texts.general, model, vocabulary), weights / 1e6, weights, weights)


def _evaluate(job: Job, setting: Setting) -> Work:
    e = setting.e
    return Work(reading(e.evaluation, e.model, e.text.vocabulary), model_bytes(e.model, e.text.vocabulary) / 1e6)


def _replicate_devices(job: Job, setting: Setting) -> Work:
    s, devices = setting.e.scenarios[job.wildcards["scenario"]], len(setting.e.popov.device_seeds)
    looks = devices * _evaluate(job, setting).operations
    visits = _visits(devices * s.cohort.size, s, setting)
    return visits._replace(operations=visits.operations + devices * _server(s, setting).operations + looks, passing=0)


def _write_texts(job: Job, setting: Setting) -> Work:
    e = setting.e
    words = 2 * e.tail.texts * e.tail.words  # written by one model, read by the other
    operations = words * FORWARD * products(e.model, e.text.vocabulary) / BILLION
    return Work(operations, model_bytes(e.model, e.text.vocabulary) / 1e6, 4.0 * e.tail.texts)


def _method(choice: Choice, setting: Setting) -> Work:
    """Of one training of the compression experiment, without what looks at it."""
    c, size = setting.e.compression, choice.cohort.size
    words, sent = visit_words(choice.client, setting.texts.person)
    visits = size * choice.cohort.rounds
    words, sent = visits * words, visits * sent
    weights, payload = model_bytes(c.model, c.vocabulary), payload_bytes(choice.codec, c.model, c.vocabulary, size)
    arriving = visits * payload_bytes(choice.download, c.model, c.vocabulary, 1)
    if choice.mode == "averaging":
        sends: float = choice.cohort.rounds
        down = 0.0
    else:
        sends = words / (size * choice.client.batch * choice.client.bptt)
        answer = (
            payload if choice.down == "same" else weights if choice.down == "dense" else min(size * payload, weights)
        )
        down = sends * size * answer
    operations = training(words, c.model, c.vocabulary)
    operations += sends * size * parameters(c.model, c.vocabulary) * WEIGHT / BILLION
    return Work(
        operations, weights / 1e6, up=sends * size * payload, down=arriving + down + sent * id_bytes(c.vocabulary)
    )


def _tune_method(job: Job, setting: Setting) -> Work:
    c = setting.e.compression
    trainings = [_method(choice, setting) for choice in c.choices(job.wildcards["method"])]
    looks = len(trainings) * reading(c.evaluation, c.model, c.vocabulary)
    operations, up, down = (sum(getattr(t, part) for t in trainings) for part in ("operations", "up", "down"))
    return Work(operations + looks, trainings[0].megabytes, up=up, down=down)


def _follow_method(job: Job, setting: Setting) -> Work:
    c = setting.e.compression
    once = _method(c.choices(job.wildcards["method"])[0].model_copy(update={"cohort": c.cohort}), setting)
    looks = len(c.shares) * reading(c.evaluation, c.model, c.vocabulary)
    return once._replace(operations=once.operations + looks)


def _train_private(job: Job, setting: Setting) -> Work:
    t, carried = setting.e.dpfedavg.training, setting.e.dpfedavg.variants[job.wildcards["variant"]].carriers
    return _private_visits(t.rounds, carried, setting)._replace(kept=model_bytes(t.model, t.vocabulary))


def _private_slot(job: Job, setting: Setting) -> Work:
    carried = setting.e.dpfedavg.variants[job.wildcards["variant"]].carriers
    return _private_visits(1 / max(1, setting.e.execution.private_slots), carried, setting)


def _private_round(job: Job, setting: Setting) -> Work:
    e, t = setting.e, setting.e.dpfedavg.training
    weights = model_bytes(t.model, t.vocabulary)
    operations = max(1, e.execution.private_slots) * parameters(t.model, t.vocabulary) * WEIGHT / BILLION
    return Work(operations, weights / 1e6, passing=2 * weights)


def _private_visits(rounds: float, carried: bool, setting: Setting) -> Work:
    """Of the persons, and of the carriers of canaries, of so many rounds of private training."""
    t, whole = setting.e.dpfedavg.training, Work()
    weights = model_bytes(t.model, t.vocabulary)
    carriers = t.canaries.expected if carried else 0.0
    for each, own in ((t.cohort, setting.texts.person), (carriers, WORDS_A_SENTENCE * t.canaries.sentences)):
        visits, (words, sent) = rounds * each, visit_words(t.client, own)
        operations = training(words, t.model, t.vocabulary, t.client.facts.teaches)
        operations += parameters(t.model, t.vocabulary) * WEIGHT / BILLION
        whole = whole._replace(
            operations=whole.operations + visits * operations,
            up=whole.up + visits * weights,
            down=whole.down + visits * (weights + sent * id_bytes(t.vocabulary)),
        )
    return whole._replace(megabytes=weights / 1e6)


def _audit(job: Job, setting: Setting) -> Work:
    e, t = setting.e.dpfedavg.audit, setting.e.dpfedavg.training
    weights = model_bytes(t.model, t.vocabulary)
    return Work(e.canaries * t.rounds * parameters(t.model, t.vocabulary) * FORWARD / BILLION, weights / 1e6)


def _measure_private(job: Job, setting: Setting) -> Work:
    t = setting.e.dpfedavg.training
    canaries = len(t.canaries.users) * len(t.canaries.copies) * t.canaries.per_cell
    continued = canaries * t.canaries.references * 2  # of three words the first are shared
    operations = continued * FORWARD * products(t.model, t.vocabulary) / BILLION
    return Work(
        operations + reading(setting.e.dpfedavg.evaluation, t.model, t.vocabulary),
        model_bytes(t.model, t.vocabulary) / 1e6 + t.canaries.references * 4 * 100 / 1e6,
    )


def _general_text(job: Job, setting: Setting) -> Work:
    return _text(setting.texts.general)


def _private_text(job: Job, setting: Setting) -> Work:
    return _text(setting.texts.private)


def _collected_text(job: Job, setting: Setting) -> Work:
    return _text(setting.texts.collected)


def _text(words: float) -> Work:
    return Work(words * WORD / BILLION, words * HELD / 1e6, STORED * words)


def _measure_ngram(job: Job, setting: Setting) -> Work:
    texts = setting.texts
    return _text(texts.general if "general" in job.wildcards["baseline"] else texts.private)._replace(kept=0)


def _read_corpus(job: Job, setting: Setting) -> Work:
    return _text(setting.texts.sources.get(job.wildcards["source"], setting.texts.collected))


STAGES: dict[str, Callable[[Job, Setting], Work]] = {
    "read_corpus": _read_corpus,
    "split_persons": _collected_text,
    "vocabulary": _general_text,
    "encode_general": _general_text,
    "encode_private": _private_text,
    "pretrain": _pretrain,
    "pretrain_small": _pretrain_small,
    "pretrain_private": _pretrain_private,
    "fine_tune": _fine_tune,
    "aggregate": _aggregate,
    "run_rounds": _run_rounds,
    "keep_model": _keep_model,
    "client_cost": _client_cost,
    "neighbour": _neighbour,
    "evaluate": _evaluate,
    "replicate_devices": _replicate_devices,
    "write_texts": _write_texts,
    "tune_method": _tune_method,
    "follow_method": _follow_method,
    "train_private": _train_private,
    "private_slot": _private_slot,
    "private_round": _private_round,
    "audit": _audit,
    "measure_private": _measure_private,
    "measure_ngram": _measure_ngram,
}
