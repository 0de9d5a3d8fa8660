"""What the tiny run makes, worked out from its configuration: tests compare with this, not with numbers typed in."""

from math import ceil

from planning import TINY

from privatune.experiment import INITIAL, experiment

E = experiment(TINY)
# the scenarios that `run` lists, each with who takes part in how many rounds; the general model has no rounds
COHORTS = {name: E.scenarios[name].cohort for name in E.run if name != INITIAL}
LAST_ROUNDS = {INITIAL: 0} | {name: cohort.rounds for name, cohort in COHORTS.items()}
ROUNDS = len(E.seeds) * sum(cohort.rounds for cohort in COHORTS.values())
VISITS = len(E.seeds) * sum(cohort.rounds * cohort.size for cohort in COHORTS.values())
# rounds whose models are evaluated: those that `report.rounds` names, and the last of each scenario
EVALUATED = 1 + len(E.seeds) * sum(
    len({round for round in E.report.rounds if round < cohort.rounds} | {cohort.rounds}) for cohort in COHORTS.values()
)


def batches(cohort):
    """Jobs of clients in a round."""
    return ceil(cohort.size / E.execution.clients_per_job)
