"""How many random worlds are tried.

Only modules that hold tests may import this: pytest imports a conftest before it knows the profile.
"""

from hypothesis import HealthCheck, settings

# A world takes seconds: a few, always the same, unless somebody has the night.
examples = settings()
if settings.get_current_profile_name() != "nightly":
    examples = settings(
        max_examples=3, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
