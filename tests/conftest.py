"""What every test shares."""

from hypothesis import HealthCheck, settings

# the same examples in every run, however slow or busy the machine
settings.register_profile("privatune", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("privatune")
