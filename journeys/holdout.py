"""The holdout: customers who go through a plan and are sent nothing, so that its effect can be measured."""

from __future__ import annotations

import hashlib

_BUCKETS = 10_000


def held_out(shop: str, plan: str, customer: str, percent: int) -> bool:
    """Tell whether a customer is in the plan's holdout: by hash, so the same customer always is or never is."""
    digest = hashlib.sha256(f"{shop}\0{plan}\0{customer}".encode()).digest()
    return int.from_bytes(digest[:8]) % _BUCKETS < percent * _BUCKETS // 100
