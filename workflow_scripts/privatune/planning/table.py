"""Gather all stages from the systems in one table: rules by name, and the work of their jobs."""

import re
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from privatune import systems
from privatune.experiment import Experiment
from privatune.export import stages as export
from privatune.planning.jobs import Job
from privatune.stages import shared
from privatune.stages.work import Known, Lm, Payload, Stage, Texts, Work

FAMILIES = ("table", "figure", "page")  # rules that a loop makes, whose jobs cost about the same
BEFORE = re.compile(r"/round-(\d+)(?:/model)?\.")  # the model of a round, kept or temporary


def table(e: Experiment, texts: Texts, payload: Payload) -> dict[str, Stage]:
    """Return the stages of an experiment by rule, beginning with the shared ones.

    Each system is a folder of `privatune.systems`. If it has its own rules, its module `stages` has a function `stages`
    that takes a `Known` and the system's section of the configuration.
    """
    known = Known(
        texts=texts,
        labelled={s.source: float(e.sources[s.source].words()) for s in e.sentences.values()},
        sentences=e.sentences,
        encoders=e.encoders,
        payload=payload,
        main=Lm(e.model, e.text.vocabulary),
        pretrain=e.pretrain,
        scenarios=e.scenarios,
        evaluation=e.evaluation,
        tail=e.tail,
        clients_per_job=e.execution.clients_per_job,
        rounds_per_job=e.execution.rounds_per_job,
        dp_shards=e.execution.dp_shards,
    )
    dp = e.dpfedavg
    found = shared.stages(known)
    lm = Lm(dp.training.model, dp.training.vocabulary)
    found |= export.stages(known, e.export, lm, dp.evaluation, e.dpzero.encoder)
    for system in iter_modules(systems.__path__):
        if find_spec(place := f"privatune.systems.{system.name}.stages"):
            found |= import_module(place).stages(known, getattr(e, system.name, None))
    return found


def stage_of(rule: str) -> str:
    """Return the stage that a rule's jobs belong to.

    >>> stage_of("table_comparison"), stage_of("fine_tune")
    ('table', 'fine_tune')
    """
    family = rule.split("_")[0]
    return family if family in FAMILIES else rule


def work(job: Job, stages: Mapping[str, Stage]) -> Work:
    """Return the work of a job, which is none if it only collects files."""
    stage = stages.get(stage_of(job.rule))
    if stage is None:
        return Work()
    before = [match[1] for path in job.inputs if (match := BEFORE.search(path))]
    return stage.work({**job.wildcards, "before": before[0] if before else "0"})
