# Functions that show how far a run is, in place of Snakemake's list of jobs with all their files. They read what Snakemake
# logs, and change neither what runs nor how. `--quiet` and `--verbose` leave the screen to Snakemake.
from privatune.planning.noise import noise

SCREENS = []  # the one of this run, once it has begun
SHOWN = workflow.is_main_process and not (workflow.output_settings.quiet or workflow.output_settings.verbose)


def left_to_snakemake(record):
    """Whether Snakemake's own handler shows a message: in a dry run all, in a run what no screen shows."""
    return workflow.dryrun or not (SCREENS or noise(record))


def begin_screen():
    """Show the run from here on."""
    if not SHOWN or workflow.touch or "DefaultStreamHandler" not in {handler.name for handler in logger.handlers}:
        return
    from privatune.planning.known import expected_seconds
    from privatune.planning.progress import Progress
    from privatune.planning.screen import Screen
    from rich.console import Console

    jobs = {job.jobid: job_of(job) for job in workflow.dag.needrun_jobs()}
    try:
        seconds = expected_seconds(E, list(jobs.values()), COSTS_KNOWN)
    except PrivatuneError:  # without costs there is no time left to show
        seconds = [0.0] * len(jobs)
    console = Console(stderr=not workflow.output_settings.stdout)
    progress = Progress(jobs, dict(zip(jobs, seconds)), workflow.cores or workflow.nodes)
    SCREENS.append(Screen(progress, console, remote=not workflow.local_exec))
    logger.addHandler(SCREENS[0])


def job_of(job):
    """Return a job of Snakemake as the planner knows it."""
    from privatune.planning.jobs import Job

    files = ([str(file) for file in part] for part in (job.input, job.output))
    benchmark = str(job.benchmark) if job.benchmark else None
    return Job(job.rule.name, dict(job.wildcards_dict), job.threads, job.priority, *map(tuple, files), benchmark)


def end_screen(succeeded, log):
    """Say how the run ended."""
    for screen in SCREENS:
        screen.succeed() if succeeded else screen.fail(log[0] if isinstance(log, list) else log)


for handler in logger.handlers:
    if SHOWN and handler.name == "DefaultStreamHandler":
        handler.addFilter(left_to_snakemake)
