"""Public holidays of countries and their regions, as the library ``holidays`` knows them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import holidays


def is_holiday(day: date, country: str, region: str | None = None) -> bool:
    """Tell whether a day is a public holiday, in the whole country or in the region.

    Raises:
        NotImplementedError: the library does not know the country or the region.

    """
    return day in _of(country, region, day.year)


@lru_cache(maxsize=1024)
def _of(country: str, region: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=region, years=year))
