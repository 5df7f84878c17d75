"""How long the property tests run: quick by default, as long as asked for in a campaign.

`OMG_HYPOTHESIS_PROFILE=campaign pytest tests/property` runs fifty times as many examples.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "campaign",
    parent=settings.get_profile("quick"),
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow],
)
if profile := os.environ.get("OMG_HYPOTHESIS_PROFILE"):
    settings.load_profile(profile)
