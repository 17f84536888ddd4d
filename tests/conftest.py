"""What every test stands on: one BLAS thread, no display, this checkout, and a Hypothesis profile.

    HYPOTHESIS_PROFILE=dev      the default: some new random examples at every run
    HYPOTHESIS_PROFILE=ci       more, and the same at every run
    HYPOTHESIS_PROFILE=intense  many examples, for an evening
"""

import os
from pathlib import Path

# Before numpy loads: sums are then made in one order, and tests that run side by side do not fight for cores.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["MPLBACKEND"] = "Agg"

# Subprocesses that a test starts in another folder test this checkout too, not an older installed copy.
checkout = str(Path(__file__).resolve().parents[1])
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [checkout, os.environ.get("PYTHONPATH")]))

from hypothesis import HealthCheck, settings  # noqa: E402

# No deadline and no check on speed: a busy machine must not fail a true statement.
unhurried = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=15, **unhurried)
settings.register_profile("ci", max_examples=50, derandomize=True, print_blob=True, **unhurried)
settings.register_profile("intense", max_examples=1000, print_blob=True, **unhurried)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
