"""How long the property tests run: quick by default, as long as asked for in a campaign.

`OMG_HYPOTHESIS_PROFILE=campaign pytest tests/property` runs two hundred times as many examples.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("property", deadline=None, print_blob=True, max_examples=60)
settings.register_profile(
    "campaign",
    parent=settings.get_profile("property"),
    max_examples=12_000,
    suppress_health_check=[HealthCheck.too_slow],
)
PROFILE = os.environ.get("OMG_HYPOTHESIS_PROFILE", "")
if PROFILE:
    settings.load_profile(PROFILE)
