"""What the webhooks' door counts. No label holds anything that a stranger can choose."""

from __future__ import annotations

from prometheus_client import Counter

from api.metrics import REGISTRY

REFUSED = Counter(
    "relance_hooks_refused", "Deliveries that no secret of the shop signed.", ["source", "why"], registry=REGISTRY
)
UNREADABLE = Counter(
    "relance_hooks_unreadable", "Signed bodies that were kept because they could not be read.", ["source"],
    registry=REGISTRY,
)  # fmt: skip
PASSED_OVER = Counter(
    "relance_hooks_passed_over", "Signed bodies of topics that have no events here.", ["source"], registry=REGISTRY
)
RETURNED = Counter(
    "relance_returned",
    "What providers told: receipts, answers, receipts of no send of the shop, and bodies that could not be read.",
    ["source", "what"],
    registry=REGISTRY,
)
