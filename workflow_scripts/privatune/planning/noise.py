"""Tell what Snakemake says that is of no use to the user. Every call of Snakemake imports this, so it is light."""

import logging

# beginnings of what Snakemake says that no user can act on, or that this screen says in its own words
NOISE = (
    "Assuming unrestricted",
    "host: ",
    "Building DAG of jobs",
    "Using shell: ",
    "Provided ",
    "Rules claiming more threads",
    "Conda environments: ignored",
    "Singularity containers: ignored",
    "Group jobs: inactive",
    "Select jobs to execute",
    "Execute ",
    "Complete log(s): ",
    "Elapsed time: ",
    "Shutting down",
    "Terminating processes",
    "Exiting because a job execution failed",
    "Removing output files of failed job",
    "Removing temporary output",
    "WorkflowError:\nAt least one job did not complete",
)
EVENTS = {"workflow_started", "run_info", "resources_info"}  # the same, by the name of the event


def noise(record: logging.LogRecord) -> bool:
    """Whether a message of Snakemake is of no use to the user."""
    event = str(getattr(record, "event", None) or "")
    return event in EVENTS or str(record.msg or "").startswith(NOISE)
