"""How many examples a law is tried on: the same ones whenever the suite runs, more and new ones in a search."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SEARCH = "search"
TIMES = 10
"""So many times as many examples, where new ones are searched."""

_settings = settings(
    deadline=None,
    # A commit passes or it does not: what an example breaks that nobody looked for is found by a search.
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.register_profile("relance", _settings)
settings.register_profile(SEARCH, _settings, derandomize=False, max_examples=TIMES * _settings.max_examples)


def load() -> None:
    """Have hypothesis go by the profile that ``HYPOTHESIS_PROFILE`` names."""
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "relance"))


def examples(usual: int) -> int:
    """Tell on how many examples a law is tried whose examples are dearer, or cheaper, than most."""
    return usual * TIMES if os.environ.get("HYPOTHESIS_PROFILE") == SEARCH else usual
