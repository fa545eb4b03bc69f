"""How many random cases are tried.

Only modules that hold tests may import this: pytest imports a conftest before it knows the profile.
"""

from hypothesis import HealthCheck, settings


def try_few(number: int, nightly: int | None = None) -> settings:
    """Tries some cases, always the same, unless somebody has the night.

    Args:
        number: how many.
        nightly: how many at night; as many as the profile says where that is not said.
    """
    if settings.get_current_profile_name() == "nightly":
        return settings() if nightly is None else settings(max_examples=nightly)
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# A world takes seconds.
examples = try_few(3)
