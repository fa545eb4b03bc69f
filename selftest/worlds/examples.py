"""How many random cases are tried.

Only modules that hold tests may import this: pytest imports a conftest before it knows the profile.
"""

from hypothesis import HealthCheck, settings


def try_few(number: int) -> settings:
    """Tries some cases, always the same, unless somebody has the night."""
    if settings.get_current_profile_name() == "nightly":
        return settings()
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# A world takes seconds.
examples = try_few(3)
