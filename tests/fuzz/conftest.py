"""How much is tried: a little in every run, and as much as HYPOTHESIS_PROFILE=fuzz says.

HYPOTHESIS_PROFILE=fuzz FUZZ_EXAMPLES=20000 pytest tests/fuzz
"""

import os

from hypothesis import HealthCheck, settings

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("quick", max_examples=250, derandomize=True, **QUIET)
settings.register_profile(
    "fuzz", max_examples=int(os.environ.get("FUZZ_EXAMPLES", "10000")), database=None, **QUIET
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "quick")
