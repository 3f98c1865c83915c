"""A worksheet that somebody filled in, mended where it was wrong, and played to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from relance import sheet_commands
from relance.errors import UsageError
from storage import plans
from tests.support import HOUR, ITEM, MINUTE, Engine
from tests.workflows.keyed import finished, forward, journeys_of, sent_for
from tests.worksheets import FILLED_IN, FRENCH, changed, saved

PAGE = "https://shop.example.com/teapot"


async def test_a_french_worksheet_with_four_mistakes_is_told_them_and_mended_runs(
    engine: Engine, tmp_path: Path
) -> None:
    wrong = saved(tmp_path / "sheet.xlsx", changed(B2="visiteurs perdus", D3="bientôt", E4="pigeon", F3="10 %"))
    with pytest.raises(UsageError) as error:
        sheet_commands.made_of(wrong, "fr")
    told = [line.removeprefix(f"{wrong}:").split(":")[0] for line in str(error.value).splitlines()]
    assert told == ["B2", "D3", "F3", "E4"]

    [made] = sheet_commands.made_of(saved(tmp_path / "mended.xlsx", FILLED_IN), "fr")
    plan = made.plan.model_copy(update={"name": "cart-recovery", "holdout": 0})
    await plans.publish(engine.shop.parts.pool, engine.shop.shop, plan, made.messages.model_dump_json())
    await engine.shop.identify()
    await engine.shop.fill()
    await engine.deliver()
    journey = await engine.finish()
    assert (journey.outcome, journey.plan_version) == ("finished", 2)
    assert await engine.shop.sent() == [("prospect-1", "sms"), ("prospect-2", "email")]
    bodies = await engine.shop.parts.pool.fetch("select body from sandbox_messages")
    [first] = [row for row in bodies if row["body"].startswith("Vos articles vous attendent. https://")]
    [second] = [row for row in bodies if row != first]
    assert first["body"].startswith("Vos articles vous attendent. https://relance.example.com/")
    assert first["body"].endswith("STOP pour ne plus rien recevoir")
    assert "Toujours là !" in second["body"]
    assert "5,00 € de moins sur Teapot avant le" in second["body"].replace("\u00a0", " ").replace("\u202f", " ")


async def test_whoever_looks_and_leaves_hears_of_it_and_whoever_has_a_cart_does_not(
    engine: Engine, tmp_path: Path
) -> None:
    shop = engine.shop
    rows = [FRENCH, ["Est-ce à la navigation ?", "Tous", "Une question ?", "2 h", "SMS, e-mail"]]
    [made] = sheet_commands.made_of(saved(tmp_path / "sheet.csv", rows), "fr")
    name = made.plan.name
    plan = made.plan.model_copy(update={"holdout": 0})
    await plans.publish(shop.parts.pool, shop.shop, plan, made.messages.model_dump_json())
    for number, person in enumerate(("ann", "bob", "eve"), 1):
        await shop.identify(person, phone=f"+3363998000{number}", consent={"sms": person != "eve"})
    await shop.fill("c-bob", person="bob")
    for person in ("ann", "bob", "eve"):
        await shop.take(shop.event("Product Viewed", MINUTE, person=person, url=PAGE, **ITEM))
    [journey] = await journeys_of(shop, name)
    assert journey.key == "ann"
    await forward(engine, journey, 2 * HOUR - MINUTE)
    assert await sent_for(shop, journey) == []
    ended = await finished(engine, journey)
    assert await sent_for(shop, ended) == [("everybody-1", "accepted")]
    assert await shop.parts.pool.fetchval("select body from sandbox_messages") == (
        f"Une question ? {PAGE} Répondez STOP pour ne plus rien recevoir"
    )
    # What lies in a cart by now is left to the plan of carts.
    await shop.identify("joe", phone="+33639980009")
    await shop.take(shop.event("Product Viewed", MINUTE, person="joe", **ITEM))
    await shop.take(shop.event("Cart Updated", 2 * MINUTE, person="joe", cart_id="c-joe", products=[ITEM]))
    [joes] = [each for each in await journeys_of(shop, name) if each.key == "joe"]
    assert (joes.outcome, joes.reason) == ("exited", "Cart Updated")
