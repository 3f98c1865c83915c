"""The search attributes of a journey: the one list from which they are registered and set."""

from __future__ import annotations

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

SHOP = SearchAttributeKey.for_keyword("RelanceShop")
PLAN = SearchAttributeKey.for_keyword("RelancePlan")
CUSTOMER = SearchAttributeKey.for_keyword("RelanceCustomer")
KEY = SearchAttributeKey.for_keyword("RelanceKey")

ALL = (SHOP, PLAN, CUSTOMER, KEY)


def of_journey(*, shop: str, plan: str, customer: str, key: str) -> TypedSearchAttributes:
    """Put together a journey's search attributes; every value must be one that anybody may see."""
    values = {SHOP: shop, PLAN: plan, CUSTOMER: customer, KEY: key}
    return TypedSearchAttributes([SearchAttributePair(name, value) for name, value in values.items()])
