"""What a row of a worksheet offers: *5 € off from 50 €*, *livraison gratuite*, *5 € sul prossimo ordine*."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from journeys.conditions import Amounts
from journeys.facts import Segment
from journeys.offers import FreeShipping, Incentive, ItemAmount, NextOrderCredit, OfferPolicy
from journeys.worksheet_cells import CellError
from journeys.worksheet_words import all_words, defaults, fold, vocabulary


def incentives(text: str, language: str) -> tuple[Incentive, ...]:
    """Read what is offered: of several, with *or* between them, the first that fits the cart.

    Raises:
        CellError: it is nothing that can be offered.

    """
    if not text.strip():
        return ()
    ors = "|".join(re.escape(fold(way)) for words in all_words() for way in words.or_)
    offered = tuple(_incentive(each.strip(), language) for each in re.split(rf" (?:{ors}) ", fold(text)))
    if any(amount == 0 for each in offered if not isinstance(each, FreeShipping) for amount in each.amount.values()):
        raise CellError(f"offers 0, which is no offer; write {_examples(language)}, or leave it empty")
    return offered


def show_incentives(offered: tuple[Incentive, ...], language: str) -> str:
    """Write what is offered.

    Raises:
        CellError: a sheet cannot say it.

    """
    between = f" {vocabulary(language).or_[0]} "
    return between.join(_show(each, language) for each in offered)


def policy(offered: tuple[Incentive, ...], who: tuple[Segment, ...]) -> OfferPolicy | None:
    """Make the policy of a row. Who leaves carts again and again is offered something only where the row names them."""
    if not offered:
        return None
    reached = who or (Segment.PROSPECT, Segment.CUSTOMER)
    return OfferPolicy(valid_for=defaults().offer_valid_for, by_segment={segment: list(offered) for segment in reached})


def _incentive(said: str, language: str) -> Incentive:
    if "%" in said:
        raise CellError(f"is a share of the price, and only amounts can be offered; write {_examples(language)}")
    if said in {fold(way) for words in all_words() for way in words.offers.free_shipping}:
        return FreeShipping(kind="free_shipping")
    if match := _form("next_order").fullmatch(said):
        return NextOrderCredit(kind="next_order_credit", amount=_amounts(match["amount"]))
    match = _form("off").fullmatch(said)
    if match is None or not (match["minus"] or match["before"] or match["behind"]):
        raise CellError(f"'{said[:40]}' cannot be offered; write {_examples(language)}")
    amount = _amounts(match["amount"])
    from_price = _amounts(match["from"]) if match["from"] else amount
    if short := sorted(amount.keys() ^ from_price.keys()):
        raise CellError(
            f"names {short[0]} in one place only; write the amount and its least price in the same currencies"
        )
    return ItemAmount(kind="item_amount", amount=amount, from_price=from_price)


def _examples(language: str) -> str:
    words = vocabulary(language).offers
    return f"{words.free_shipping[0]}, 5 € {words.off[0]} {words.from_[0]} 50 €, or 5 € {words.next_order[0]}"


def _show(offered: Incentive, language: str) -> str:
    words = vocabulary(language).offers
    if isinstance(offered, FreeShipping):
        if offered.costs:
            raise CellError("a sheet does not say what free shipping costs")
        return words.free_shipping[0]
    amount = _show_amounts(offered.amount)
    if isinstance(offered, NextOrderCredit):
        return f"{amount} {words.next_order[0]}"
    least = "" if offered.from_price == offered.amount else f" {words.from_[0]} {_show_amounts(offered.from_price)}"
    return f"{amount} {words.off[0]}{least}"


def _amounts(said: str) -> Amounts:
    read: Amounts = {}
    currencies = {fold(name): code for code, names in defaults().currencies.items() for name in names}
    for match in re.finditer(_money(), said):
        currency, number = match[1] or match[4], match[2] or match[3]
        read[currencies[currency]] = Decimal(number.replace(",", "."))
    return read


def _show_amounts(amounts: Amounts) -> str:
    names = defaults().currencies
    if unknown := sorted(amounts.keys() - names.keys()):
        raise CellError(f"a sheet cannot say amounts in {unknown[0]}")
    return " / ".join(f"{amount.normalize():f} {names[currency][0]}" for currency, amount in amounts.items())


@cache
def _money() -> str:
    """Write a pattern for an amount with its currency, on either side."""
    currency = _any([name for names in defaults().currencies.values() for name in names])
    number = r"[0-9]{1,6}(?:[.,][0-9]{1,2})?"
    return rf"(?:({currency}) ?({number})|({number}) ?({currency}))"


@cache
def _form(kind: str) -> re.Pattern[str]:
    words = [each.offers for each in all_words()]
    amount = re.sub(r"\((?!\?)", "(?:", _money())
    amounts = rf"{amount}(?: ?/ ?{amount})*"
    off = _any([way for each in words for way in each.off])
    if kind == "next_order":
        behind = _any([way for each in words for way in each.next_order])
        return re.compile(rf"(?P<amount>{amounts})(?: (?:{off}))? (?:{behind})")
    least = _any([way for each in words for way in each.from_])
    return re.compile(
        rf"(?P<minus>- ?)?(?:(?P<before>{off}) )?(?P<amount>{amounts})(?: (?P<behind>{off}))?"
        rf"(?:,? (?:{least}) (?P<from>{amounts}))?"
    )


def _any(ways: list[str]) -> str:
    return "|".join(re.escape(each) for each in sorted({fold(way) for way in ways}, key=len, reverse=True))
