"""The holdout: customers who go through a plan and are sent nothing, so that its effect can be measured."""

from __future__ import annotations

import hashlib

_BUCKETS = 10_000


def held_out(shop: str, plan: str, customer: str, percent: int) -> bool:
    """Tell whether a customer is in the plan's holdout: by hash, so the same customer always is or never is."""
    return bucket(shop, plan, customer) < percent * _BUCKETS // 100


def rolled_out(shop: str, plan: str, customer: str, percent: int) -> bool:
    """Tell whether a plan has been rolled out to a customer: by another hash, so that it does not follow the holdout.

    Whoever has the plan keeps it when the share grows.
    """
    return bucket(shop, plan, customer, "roll-out") < percent * _BUCKETS // 100


def bucket(*names: str) -> int:
    """Give a number from 0 to 9999 that is the same for the same names, and says nothing of others."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return int.from_bytes(digest[:8]) % _BUCKETS
