"""What the plans that come along say where the shop has told little."""

from __future__ import annotations

import re

import pytest

from journeys import sms
from journeys.facts import Channel
from journeys.plan import Key
from messages import mail
from messages.locale import LANGUAGES
from messages.render import CartWords, Context, CustomerWords, ItemWords, OrderWords, ShopWords, ViewedWords, render
from relance import plan_files

REVIEWS = [("review-request", "request"), ("nps", "promoter-thanks")]
ADDRESS = "https://shop.example.com/"
LITTLE = Context(
    shop=ShopWords(name="Maison"),
    customer=CustomerWords(),
    cart=CartWords(items=[], value="", link=""),
    viewed=ViewedWords(name="Teapot"),
)
OF_ORDERS = LITTLE.model_copy(update={"order": OrderWords(id="pp3"), "viewed": ViewedWords()})
GREETING = re.compile(r"^[^ ]+,\n\n")
GAPS = re.compile(r"  |[:,] *(?:$|\.|STOP|R.pond|Reply|Rispondi|Responda)|\n\n\n| \.|^ ", re.MULTILINE)
"""Where something is missing: what a colon announced, or the words between two signs."""


def said(plan: str, message: str, channel: Channel, language: str, about: Context) -> dict[str, str]:
    template = plan_files.read(plan).messages.find(message, channel, language)
    if channel is Channel.EMAIL:
        return mail.compose(template, about, language, None)
    return render(template, about)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "plan", ["browse-abandonment", "nps", "order-updates", "payment-pending", "promotion", "review-request"]
)
def test_what_the_shop_has_not_told_leaves_no_gap(plan: str, language: str) -> None:
    about = OF_ORDERS if plan_files.read(plan).plan.key is Key.ORDER else LITTLE
    for step in plan_files.read(plan).plan.sends:
        for channel in step.send.named:
            text = said(plan, step.send.message, channel, language, about)["text"]
            assert not GAPS.findall(GREETING.sub("", text)), text
            assert "http" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
@pytest.mark.parametrize(("plan", "message"), REVIEWS)
def test_a_review_is_asked_for_at_one_address_by_sms_and_by_mail(
    plan: str, message: str, channel: Channel, language: str
) -> None:
    template = plan_files.read(plan).messages.find(message, channel, language)
    own = {name: text.replace("{{ shop.link }}", "https://reviews.example.com") for name, text in template.items()}
    about = LITTLE.model_copy(update={"shop": ShopWords(name="Maison", link=ADDRESS)})
    made = mail.compose(own, about, language, None) if channel is Channel.EMAIL else render(own, about)
    for part in (made["text"], made.get("html", made["text"])):
        assert "https://reviews.example.com" in part
        assert ADDRESS not in part
    assert ADDRESS in said(plan, message, channel, language, about)["text"]


@pytest.mark.parametrize("plan", [*plan_files.names(), *plan_files.library()])
def test_no_italian_article_stands_before_a_date(plan: str) -> None:
    """It would be another one before 8 and 11."""
    spoken = plan_files.read(plan).messages.languages["it"]
    wrong = re.compile(r"\bil \{\{ (?:offer\.deadline|order\.expected|order\.payment_due)")
    assert not wrong.findall(str(spoken))


def preheader(language: str, **told: str) -> str:
    about = OF_ORDERS.model_copy(update={"order": OrderWords(id="o-1", **told)})
    return render(plan_files.read("order-updates").messages.find("shipped", Channel.EMAIL, language), about)[
        "preheader"
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mailbox_promises_a_way_to_follow_a_parcel_where_there_is_one(language: str) -> None:
    without, *with_one = (
        preheader(language),
        preheader(language, tracking=ADDRESS),
        preheader(language, tracking_number="1"),
    )
    assert with_one == [with_one[0]] * 2
    assert without not in ("", with_one[0])


def test_paragraphs_that_have_nothing_to_say_leave_no_empty_lines() -> None:
    about = OF_ORDERS.model_copy(update={"order": OrderWords(id="o-1", expected="12 Aug, 18:00")})
    text = said("order-updates", "shipped", Channel.EMAIL, "en", about)["text"]
    assert "is on its way.\n\nIt should be with you by" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_packed_is_announced_where_it_is_known(language: str) -> None:
    known = OrderWords(id="o-1", items=[ItemWords(name="Teapot", quantity=1, price="40 €")])
    text = said("order-updates", "received", Channel.EMAIL, language, OF_ORDERS.model_copy(update={"order": known}))[
        "text"
    ]
    assert re.search(r" ?:\n\n- 1 x Teapot, 40 €", text)


ANSWER = {"fr": "répond", "en": "just answer", "it": "rispondi", "pt": "responda"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
@pytest.mark.parametrize("due", ["", "12 Aug, 18:00"])
def test_whoever_is_told_of_no_way_to_pay_is_asked_to_answer(due: str, channel: Channel, language: str) -> None:
    def words(**way: str) -> str:
        order = OrderWords(id="pp3", payment_due=due, **way)
        text = said("payment-pending", "reminder", channel, language, OF_ORDERS.model_copy(update={"order": order}))[
            "text"
        ]
        assert due in text
        assert not GAPS.findall(GREETING.sub("", text)), text
        return text

    assert ANSWER[language] in words()
    for way in ({"payment": ADDRESS}, {"payment_code": "P1"}, {"link": ADDRESS}):
        assert ANSWER[language] not in words(**way)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("others", [0, 9])
def test_the_first_reminder_of_a_cart_is_one_sms(others: int, language: str) -> None:
    items = [ItemWords(name="x" * 60, quantity=1, price="40")] * (others + 1)
    cart = CartWords(items=items, value="40", link="https://relance.example.com/l/0123456789")
    about = LITTLE.model_copy(update={"shop": ShopWords(name="La Boutique"), "cart": cart})
    assert sms.parts(said("cart-recovery", "first", Channel.SMS, language, about)["text"]) == 1
