"""Settings, from the environment. Nothing below this room reads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

KEPT_AT_LEAST = 2
"""Months: journeys live for weeks, and their stories are told from the events."""


def _kept(months: int) -> int:
    if months and months < KEPT_AT_LEAST:
        raise ValueError(f"must be {KEPT_AT_LEAST} months or more, or 0 to keep all events")
    return months


class Settings(BaseSettings):
    """``RELANCE_*``. Temporal's own ``TEMPORAL_*`` variables are read by its client."""

    model_config = SettingsConfigDict(env_prefix="RELANCE_")

    database_url: str | None = None
    secret: SecretStr | None = None
    public_url: str = "http://127.0.0.1:8080"
    keep_events_months: Annotated[int, AfterValidator(_kept)] = 13
    log_level: Literal["debug", "info", "warning", "error"] | None = None
