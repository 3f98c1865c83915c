"""Settings, from the environment. Nothing below this room reads it."""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """``RELANCE_*``. Temporal's own ``TEMPORAL_*`` variables are read by its client."""

    model_config = SettingsConfigDict(env_prefix="RELANCE_")

    database_url: str | None = None
    secret: SecretStr | None = None
    public_url: str = "http://127.0.0.1:8080"
    log_level: Literal["debug", "info", "warning", "error"] | None = None
