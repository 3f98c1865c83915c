"""Variables that are empty in every journey of a plan are refused: the message would go out with holes."""

from __future__ import annotations

from typing import Any

import pytest

from journeys.plan import Plan
from messages import catalog
from messages.locale import LANGUAGES
from relance import plan_files
from tests.unit.test_plan_in_vain import OF_CART, OF_ORDER, OF_PERSON, SAY, plan, wait_for

OTHER = [("cart", OF_CART), ("order", OF_ORDER), ("customer", OF_PERSON)]
ALL = "{{ shop.name }} {{ customer.first_name }} {{ cart.link }}"
TASK = {"id": "write", "task": {"title": "Write", "within": "1h"}}
DRAFTED = {"id": "write", "task": {"title": "Write", "within": "1h", "draft": "first"}}
BEGUN = {"entry": {"events": ["Order Shipped"], "within": "1h"}}


def said(source: str, about: Plan) -> list[str]:
    """Give what is wrong with a plan whose only message says this by SMS."""
    files = {f"{language}.yaml": f"first: {{sms: {{text: '{source}'}}}}" for language in LANGUAGES}
    where = "step {}: message 'first' in fr for sms uses "
    problems = catalog.check(catalog.load(files), about)
    assert len(problems) % len(LANGUAGES) == 0
    steps = ["say", "write"]
    return [
        problem.removeprefix(where.format(step))
        for problem in problems
        for step in steps
        if problem.startswith(where.format(step))
    ]


def empty(name: str, why: str) -> list[str]:
    return [f"'{name}', which is always empty: {why}"]


@pytest.mark.parametrize(("key", "header"), OTHER)
def test_what_only_a_cart_or_an_order_has_is_refused_in_plans_about_others(key: str, header: dict[str, Any]) -> None:
    of_carts = {
        "cart.items[0].name": f"a journey about the {key} has no cart",
        "cart.value": f"a journey about the {key} has no cart",
        "offer.code": f"an offer is made for a cart, not in a journey about the {key}",
        "related[0].name": f"a journey about the {key} has no cart that something is related to",
    }
    about = plan(SAY, **header, **BEGUN)
    for name, why in of_carts.items():
        guarded = (
            f"{{% if related.size > 0 %}}{{{{ {name} }}}}{{% endif %}}" if "related" in name else f"{{{{ {name} }}}}"
        )
        found = [one for one in said(guarded, about) if one.startswith(f"'{name}'")]
        assert found == ([] if key == "cart" else empty(name, why))
    assert said("{{ order.id }}", about) == (
        [] if key == "order" else empty("order.id", f"a journey about the {key} has no order")
    )
    assert said(ALL, about) == []


@pytest.mark.parametrize(("key", "header"), OTHER)
def test_what_was_viewed_is_known_where_the_plan_asks_for_it(key: str, header: dict[str, Any]) -> None:
    refused = empty("viewed.name", "no journey of the plan begins with Product Viewed")
    assert said("{{ viewed.name }}", plan(SAY, **header, **BEGUN)) == refused
    by_views = plan(SAY, **header, entry={"events": ["Product Viewed"], "within": "1h"})
    # A cart begins with what is put into it, whatever its plan names.
    assert said("{{ viewed.name }}", by_views) == (refused if key == "cart" else [])
    waits = wait_for("1h") | {"wait_for": {"event": "Product Viewed", "within": "1h"}}
    assert said("{{ viewed.name }}", plan(waits, SAY, **header, **BEGUN)) == []


def test_what_a_person_wrote_is_known_where_there_is_a_task_and_a_draft_is_looked_at_too() -> None:
    refused = empty("task.text", "no step of the plan has a task")
    assert said("{{ task.text }}", plan(SAY)) == refused
    assert said("{{ task.text }}", plan(TASK, SAY)) == []
    assert said("{{ order.id }}", plan(DRAFTED)) == empty("order.id", "a journey about the customer has no order")


@pytest.mark.parametrize("name", [*plan_files.names(), *plan_files.library()])
def test_the_plans_that_come_along_say_nothing_that_is_always_empty(name: str) -> None:
    file = plan_files.read(name)
    assert catalog.check(file.messages, file.plan) == []
