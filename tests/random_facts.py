"""Random facts: all that a look may find, beside what the journey itself has done and heard."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from journeys.facts import Channel, Medium, Moment, Purpose, Segment
from journeys.rfm import Rfm
from tests.random_plans import CATEGORIES, LABELS, OTHER, gaps

BEGINS = datetime(2027, 1, 4, 9, tzinfo=UTC)

moments = gaps.map(lambda gap: BEGINS + gap)
WORLD: dict[str, st.SearchStrategy[Any]] = {
    "cart_value": st.decimals(0, 90, places=2),
    "currency": st.sampled_from([None, "EUR"]),
    "cart_categories": st.lists(st.sampled_from(CATEGORIES)).map(tuple),
    "segments": st.lists(st.sampled_from(Segment)).map(tuple),
    "rfm": st.none() | st.builds(Rfm),
    "customer": st.dictionaries(st.sampled_from(["country", "language"]), st.sampled_from(["FR", "fr"])),
    "usable": st.lists(st.sampled_from(Channel), unique=True).map(tuple),
    "later": st.dictionaries(st.sampled_from(Channel), moments, max_size=2),
    "order_value": st.none() | st.decimals(0, 90, places=2),
    "orders": st.integers(0, 4),
    "order_currency": st.sampled_from([None, "EUR"]),
    "moments": st.dictionaries(st.sampled_from(Moment), moments),
    "zone": st.sampled_from([None, "Europe/Paris", "America/Sao_Paulo", "Pacific/Apia"]),
    "labels": st.dictionaries(st.sampled_from(sorted(LABELS)), st.sampled_from(["gold", "yes"])),
    "open_cart": st.booleans(),
    "running": st.sampled_from([(), (OTHER,)]),
    "agreed": st.dictionaries(st.sampled_from(Purpose), st.lists(st.sampled_from(Medium)).map(tuple)),
    "consented": st.lists(st.sampled_from(Medium)).map(tuple),
}
"""What may be so at a look, beside what the journey itself has done and heard."""
worlds = st.fixed_dictionaries(WORLD)
