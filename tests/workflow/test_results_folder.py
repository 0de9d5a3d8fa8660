"""results/README.md names every folder that a run writes there, and no other."""

import re
from pathlib import Path

from planning import DEFAULT, ROOT, alone, plan

BESIDES = {".records", "checkpoints", "logs", "export"}  # what is no product of `all`


def test_the_page_of_results_names_what_all_systems_write(tmp_path):
    named = set(re.findall(r"`([\w.]+)/`", (ROOT / "results/README.md").read_text())) - {"exported"}
    jobs = alone(plan, tmp_path, DEFAULT, ["all"]).jobs.values()
    made = {Path(path).parts[1:] for job in jobs for path in job.products if path.startswith("results/")}
    assert {parts[0] for parts in made if len(parts) > 1} == named - BESIDES
    assert {parts[0] for parts in made if len(parts) == 1} == {"index.html"}
