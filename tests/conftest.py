"""What every test shares."""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as every job does, before torch loads

# the same examples in every run, however slow or busy the machine
settings.register_profile("privatune", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("privatune")
