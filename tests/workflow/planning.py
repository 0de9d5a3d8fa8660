"""Plans of the workflow by Snakemake itself, in this process: the jobs of a configuration, and which would run."""

import copy
import gc
import logging
import multiprocessing
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from snakemake.api import SnakemakeApi, Workflow
from snakemake.common import configfile
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

from privatune.core.merging import merged

ROOT = Path(__file__).parents[2]
DEFAULT, _tiny = (yaml.safe_load((ROOT / "config" / name).read_text()) for name in ("config.yaml", "tiny.yaml"))
TINY = merged(DEFAULT, _tiny)


# What Snakemake has read of rule files and configuration files, by path, time and size: reading them again takes a
# quarter of a plan. A process that `alone` starts has what was known before it, and hands on what it reads itself.
_READ = {}
_SNAKEMAKE = sys.modules[Workflow.__module__]


def _remembered(path, more, read):
    """A copy of what was read of a file that has not changed."""
    found = Path(path).stat()
    key = (str(path), found.st_mtime_ns, found.st_size, more)
    if key not in _READ:
        _READ[key] = read()
    return copy.deepcopy(_READ[key])


def _parse(snakefile, workflow, linemap, overwrite_shellcmd=None, rulecount=0, parse=_SNAKEMAKE.parse):
    def read():
        lines = {}
        return *parse(snakefile, workflow, lines, overwrite_shellcmd, rulecount), lines

    code, count, lines = _remembered(snakefile.get_path_or_uri(secret_free=True), rulecount, read)
    linemap |= lines
    return code, count


def _configuration(path, load=configfile.load_configfile):
    return _remembered(path, None, lambda: load(path))


_SNAKEMAKE.parse, configfile.load_configfile = _parse, _configuration


@dataclass(frozen=True)
class Job:
    """A job of a plan; `before` names the jobs whose files it reads, `missing` those of which such a file is gone;
    `there` says whether its own files are."""

    rule: str
    script: str
    wildcards: dict
    products: frozenset
    inputs: frozenset
    settings: str
    before: frozenset
    missing: frozenset
    there: bool


@dataclass(frozen=True)
class Plan:
    """Jobs by name, names of those that would run, and for each job the names of those that read its files."""

    jobs: dict
    runs: frozenset
    after: dict


def plan(folder, config, targets, root=ROOT, finish=False, forced=()):
    """What `snakemake -n` of the workflow in `root` would run in `folder`, where only plans may have left a workflow.

    Snakemake keeps what it planned for as long as the process lives; `alone` keeps that short.

    Args:
        folder: working directory.
        config: the whole configuration.
        targets: rules or files.
        root: where the Snakefile is.
        finish: leave the folder as if all had run: empty files where some are missing, and Snakemake's own records.
        forced: rules of --forcerun.
    """
    logging.disable(logging.CRITICAL)
    gc.disable()  # twice as fast
    quiet = OutputSettings(dryrun=True, quiet={Quietness.RULES, Quietness.PROGRESS}, enable_file_logging=False)
    with SnakemakeApi(quiet) as api:
        workflow_api = api.workflow(
            ResourceSettings(cores=2), whole(config), snakefile=root / "Snakefile", workdir=folder
        )
        settings = DAGSettings(targets=list(map(str, targets)), forcerun=list(forced))
        workflow_api.dag(settings).execute_workflow(executor="dryrun")
        workflow = workflow_api._workflow
        planned = _read(workflow.dag)
        if finish:
            _finish(workflow)
    return planned


def whole(config):
    """Settings for Snakemake in which this is the whole configuration, without the defaults below it."""
    return ConfigSettings(config=config, replace_workflow_config=True)


def rules(folder, config):
    """Of all rules that write files: the names of the resources that they ask for, by their names."""
    return {rule.name: set(rule.resources) for rule in _rules(folder, config) if rule.output}


def captions(folder, config):
    """The files that explain the tables and figures of all targets in the report, by the names of their rules."""
    found = {}
    for rule in _rules(folder, config):
        for file in rule.output:
            if "report" in file.flags:
                caption = Path(file.flags["report"].caption.get_path_or_uri(secret_free=True)).resolve()
                found.setdefault(rule.name, set()).add(str(caption.relative_to(ROOT)))
    return found


def _rules(folder, config):
    """The rules of the workflow, of which nothing is planned."""
    logging.disable(logging.CRITICAL)
    with SnakemakeApi(OutputSettings(dryrun=True, enable_file_logging=False)) as api:
        workflow_api = api.workflow(
            ResourceSettings(cores=2), whole(config), snakefile=ROOT / "Snakefile", workdir=folder
        )
        return list(workflow_api._workflow.rules)


def following(plan, names):
    """These jobs, all that read what they write, and all that must write temporary files anew for those."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [*plan.after[name], *plan.jobs[name].missing]
    return found


def alone(function, *arguments):
    """What a function gives in a process of its own that begins as a copy of this one."""
    here, there = multiprocessing.Pipe(duplex=False)

    def answer():
        known, found = len(_READ), function(*arguments)
        there.send((found, _READ if len(_READ) > known else {}))

    process = multiprocessing.get_context("fork").Process(target=answer)
    process.start()
    there.close()
    found, read = here.recv()
    process.join()
    _READ.update(read)
    return found


def _name(job):
    return f"{job.rule.name} {job.output[0] if job.output else ''}".strip()


def _read(dag):
    jobs, after = {}, {}
    for job in dag.jobs:
        before = {_name(other): files for other, files in dag.dependencies[job].items()}
        jobs[_name(job)] = Job(
            job.rule.name,
            Path(job.rule.script).name if job.rule.script else "",
            dict(job.wildcards_dict),
            frozenset(map(str, job.products(include_logfiles=False))),
            frozenset(map(str, job.input)),
            repr(job.params.get("settings")),
            frozenset(before),
            frozenset(name for name, files in before.items() if not all(map(os.path.exists, files))),
            all(map(os.path.exists, job.output)),
        )
        after[_name(job)] = frozenset(map(_name, dag.depending[job]))
    return Plan(jobs, frozenset(map(_name, dag.needrun_jobs())), after)


def _finish(workflow):
    workflow.iocache.deactivate()
    waiting, temporary = set(workflow.dag.needrun_jobs()), []
    for level in workflow.dag.toposorted():
        for job in waiting.intersection(level):
            for path in map(Path, job.products(include_logfiles=False)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch() if path.suffix else path.mkdir(exist_ok=True)
                os.utime(path)
            workflow.async_run(workflow.persistence.finished(job))
            temporary += job.temp_output
    for path in map(Path, temporary):
        path.rmdir() if path.is_dir() else path.unlink()
