# Functions of rules/popov.smk: which files and settings its jobs take.


def popov_seeds(scenario):
    return E.popov.seeds if scenario != INITIAL else E.seeds[:1]


def described(scenario):
    """Return what the table `comparison` says about a scenario in addition to its measures."""
    about = {
        "name": scenario,
        "clients_per_round": 0,
        "persons_per_device": 0,
        "user_share": None,
        "paper": E.report.paper.get(scenario, {}),
    }
    about |= {"swept": SWEPT.values[scenario]} if scenario in SWEPT.values else {}
    if scenario == INITIAL:
        return about
    client, cohort = E.scenarios[scenario].client, E.scenarios[scenario].cohort
    return about | {
        "clients_per_round": cohort.size,
        "persons_per_device": cohort.persons_per_device,
        "user_share": client.effective_share,
    }
