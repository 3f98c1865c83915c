"""Messages: what a plan says, in each language, on each channel, and with each offer."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import sms, yamlfile
from journeys.facts import Channel
from journeys.plan import Plan
from journeys.steps import Send
from journeys.yamlfile import FileError
from messages import catalog, mail
from messages.catalog import Catalog, UnknownMessageError
from messages.locale import LANGUAGES
from messages.render import (
    CartWords,
    Context,
    CustomerWords,
    ItemWords,
    OfferWords,
    RenderError,
    ShopWords,
    ViewedWords,
    moment,
    money,
    parameters,
    product_name,
    render,
)

PLANS = Path(__file__).parents[2] / "plans"
PLAN = yamlfile.parse(Plan, (PLANS / "cart-recovery.yaml").read_text(), "cart-recovery.yaml")
FILES = {path.name: path.read_text() for path in (PLANS / "messages" / "cart-recovery").glob("*.yaml")}
CATALOG = catalog.load(FILES)
SAID_BY = (Channel.SMS, Channel.EMAIL)
KINDS = ("", "item_amount", "free_shipping", "next_order_credit")
SAID = [(step.send.message, kind) for step in PLAN.sends for kind in (KINDS if step.send.offer else KINDS[:1])]
LOCALES = {"fr": "fr_FR", "it": "it_IT", "pt": "pt_PT", "en": "en_GB"}
UNSUBSCRIBE = "https://relance.example.com/u/token"
LINK = "https://shop.example.com/cart?relance=" + "t" * 72
LONG = "Enamelled teapot, with a spout and a lid"
AT = datetime(2026, 8, 12, 16, tzinfo=UTC)
BREAKS = [chr(n) for n in (*range(32), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066)]


def context(language: str = "en", kind: str = "", code: str = "ABCDEFGHJK", **changes: Any) -> Context:
    locale = LOCALES[language]
    words: dict[str, Any] = {
        "shop": ShopWords(name="Maison Dupont"),
        "customer": CustomerWords(first_name="Ann"),
        "cart": CartWords(
            items=[ItemWords(name=LONG, quantity=1, price=money(Decimal(40), "EUR", locale))],
            value=money(Decimal(40), "EUR", locale),
            link=LINK,
        ),
    }
    if kind:
        words["offer"] = OfferWords(
            kind=kind,
            amount=money(Decimal(5), "EUR", locale) if kind != "free_shipping" else "",
            item=LONG if kind == "item_amount" else "",
            code=code if kind != "next_order_credit" else "",
            deadline=moment(AT, "Europe/Paris", locale),
        )
    return Context(**(words | changes))


def said(message: str, channel: Channel, language: str, about: Context) -> dict[str, str]:
    template = CATALOG.find(message, channel, language)
    if channel is Channel.EMAIL:
        return mail.compose(template, about, language, UNSUBSCRIBE)
    return render(template, about)


def with_item(name: str) -> CartWords:
    return CartWords(items=[ItemWords(name=name, quantity=1, price="40")], value="40", link=LINK)


# The messages that come along


def test_the_messages_that_come_along_are_complete() -> None:
    assert sorted(CATALOG.languages) == sorted(LANGUAGES)
    assert catalog.check(CATALOG, PLAN) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", SAID_BY)
@pytest.mark.parametrize(("message", "kind"), SAID)
def test_every_message_gives_the_link_the_shop_the_way_to_stop_and_the_offer(
    message: str, kind: str, channel: Channel, language: str
) -> None:
    about = context(language, kind)
    text = said(message, channel, language, about)["text"]
    assert LINK in text.split()
    assert about.shop.name in text
    assert (UNSUBSCRIBE if channel is Channel.EMAIL else "STOP") in text
    offered = about.offer.model_dump(exclude={"kind", "item"}).values()
    assert [word for word in offered if word not in text] == []
    assert ("Enamelled teapot" in text) == (channel == Channel.EMAIL or kind in {"", "item_amount"})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", SAID_BY)
@pytest.mark.parametrize("kind", ["item_amount", "free_shipping"])
def test_an_offer_without_a_code_does_not_speak_of_one(kind: str, channel: Channel, language: str) -> None:
    text = said("second", channel, language, context(language, kind, code=""))["text"]
    assert not {"code", "codice", "código", "use"} & set(text.split())
    assert not [gap for gap in (" .", " ,", ", .", ": .", "  ") if gap in text]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("message", "kind"), SAID)
def test_an_sms_is_at_most_two_parts_of_gsm_7_on_one_line(message: str, kind: str, language: str) -> None:
    text = said(message, Channel.SMS, language, context(language, kind))["text"]
    assert sms.outside_gsm7(text) == ""
    assert sms.parts(text) <= 2
    assert "\n" not in text
    assert "  " not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_without_a_first_name_is_greeted_all_the_same(language: str) -> None:
    named = said("first", Channel.EMAIL, language, context(language))["text"].splitlines()[0]
    unnamed = said("first", Channel.EMAIL, language, context(language, customer=CustomerWords()))["text"].splitlines()[
        0
    ]
    assert named == unnamed.replace(",", " Ann,")
    assert unnamed.endswith(",")
    assert " " not in unnamed


def test_an_sms_names_one_item_and_counts_the_others() -> None:
    cart = CartWords(items=[ItemWords(name=n, quantity=1, price="1") for n in "abc"], value="3", link=LINK)
    assert " a (+2) is still in your cart" in said("first", Channel.SMS, "en", context(cart=cart))["text"]


# Data is said, never read


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% if %}", "{{ shop.name", "{% raw %}", "{# x #}", "<b>&amp;", "%}}}"])
def test_data_that_looks_like_liquid_comes_out_literally(text: str, language: str) -> None:
    cart, person, shop = with_item(text), CustomerWords(first_name=text), ShopWords(name=text)
    about = context(language, cart=cart, customer=person, shop=shop)
    for channel in SAID_BY:
        assert text in said("first", channel, language, about)["text"]


@given(name=st.text(), item=st.text(min_size=1), shop=st.text(), kind=st.sampled_from(KINDS))
def test_whatever_data_says_it_is_rendered_and_breaks_no_line(name: str, item: str, shop: str, kind: str) -> None:
    offer = OfferWords(kind=kind, amount="5", item=item, code="C", deadline="D") if kind else OfferWords()
    about = Context(
        shop=ShopWords(name=shop), customer=CustomerWords(first_name=name), cart=with_item(item), offer=offer
    )
    for language in LANGUAGES:
        for message in ("first", "second"):
            text = said(message, Channel.SMS, language, about)["text"]
            mail = said(message, Channel.EMAIL, language, about)
            assert mail["subject"]
            assert not [char for char in BREAKS if char in text + mail["subject"]]
            assert len(mail["text"].splitlines()) < 25
            assert product_name(item) in mail["text"]


@pytest.mark.parametrize("char", BREAKS)
def test_a_character_that_breaks_lines_or_turns_writing_becomes_a_space(char: str) -> None:
    assert ItemWords(name=f"a{char}b", quantity=1, price="1").name == "a b"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("message", "kind"), SAID)
def test_a_long_name_does_not_lengthen_an_sms(message: str, kind: str, language: str) -> None:
    name = "x" * 5000
    about = context(language, kind, cart=with_item(name))
    about = about.model_copy(update={"offer": about.offer.model_copy(update={"item": name})})
    assert sms.parts(said(message, Channel.SMS, language, about)["text"]) <= 2
    assert len(said(message, Channel.EMAIL, language, about)["subject"]) < 100


# Templates are strict and limited


@pytest.mark.parametrize(
    "source",
    [
        "{{ cart.nothing }}",
        "{{ cart.items[0].nmae }}",
        "{% for item in cart.items %}{{ item.nmae }}{% endfor %}",
        "{% if customer.frist_name != '' %}x{% endif %}",
        "{{ shop.name | shout }}",
        "{% for n in (1..5000) %}{% endfor %}",
        "{% for n in (1..900) %}{% for m in (1..900) %}x{% endfor %}{% endfor %}",
        "x" * 100_001,
        "{{ shop.name",
        "{% include 'other' %}",
        "{% if true %}" * 500 + "{% endif %}" * 500,
        "{% assign x = 'ab' %}{% for n in (1..99) %}{% assign x = x | append: x %}{% endfor %}",
        # what only some persons would get
        "{% if customer.first_name == '' %}{{ 1 | divided_by: 0 }}{% endif %}",
        "{% if offer.kind == 'free_shipping' %}{{ 1 | divided_by: 0 }}{% endif %}",
    ],
)
def test_a_template_that_is_wrong_or_runs_away_is_refused_at_check_and_at_rendering(source: str) -> None:
    with pytest.raises(RenderError):
        render({"text": source}, context(kind="free_shipping", customer=CustomerWords()))
    [problem] = set(catalog.check(changed("first", "sms", source), PLAN))
    assert problem.startswith("step first: message 'first' in en for sms ")
    assert "\n" not in problem


def test_a_subject_is_checked_as_a_text_is() -> None:
    email = {"subject": "{{ cart.total }}", "text": "x"}
    with pytest.raises(RenderError):
        render({"text": "x", "subject": "{{ cart.total }}"}, context())
    languages = CATALOG.model_dump()["languages"]
    languages["fr"]["first"]["email"] = email
    [problem] = catalog.check(Catalog.model_validate({"languages": languages}), PLAN)
    assert problem == "step first: message 'first' in fr for email uses 'cart.total', which no message has"


def test_a_subject_is_one_line_and_a_text_ends_where_its_words_end() -> None:
    assert render({"text": "\n a\n\nb \n", "subject": "a\r\n b\n"}, context()) == {"text": "a\n\nb", "subject": "a  b"}


def test_a_rendering_error_names_no_person() -> None:
    with pytest.raises(RenderError) as caught:
        render({"text": "{{ customer.first_name | divided_by: 0 }}"}, context())
    assert "Ann" not in str(caught.value)
    assert caught.value.__cause__ is None


# The catalog


def changed(message: str, channel: str, text: str | None) -> Catalog:
    """The catalog that comes along, with one English text changed or taken away."""
    languages = CATALOG.model_dump()["languages"]
    languages["en"][message][channel] = {"text": text} if text is not None else None
    return Catalog.model_validate({"languages": languages})


def test_check_names_what_is_missing() -> None:
    lacks = "step first: message 'first' in en for sms is missing"
    assert catalog.check(changed("first", "sms", None), PLAN) == [lacks]
    said = sum(len(step.send.named) for step in PLAN.sends)
    assert len(catalog.check(Catalog(languages={}), PLAN)) == said * len(LANGUAGES)


def test_check_names_a_variable_that_no_message_has() -> None:
    [problem] = catalog.check(changed("first", "sms", "{% if cart.items.size > 9 %}{{ cart.totle }}{% endif %}"), PLAN)
    assert problem == "step first: message 'first' in en for sms uses 'cart.totle', which no message has"


@pytest.mark.parametrize(
    "source",
    [
        "{% for item in related %}{{ item.name }} {{ item.price }} {{ item.image }} {{ item.link }}{% endfor %}",
        "{% if related.size > 0 %}{{ related[0].name }}{{ related.first.name }}{% endif %}x",
    ],
)
def test_related_items_are_known_to_the_check(source: str) -> None:
    assert catalog.check(changed("first", "sms", source), PLAN) == []


@pytest.mark.parametrize(
    "source",
    ["{{ related[0].name }}", "{% for i in related %}{{ i.colour }}{% endfor %}", "{{ related.name }}", "{{ relatd }}"],
    ids=["there may be none", "an unknown field", "a field of the list", "misspelt"],
)
def test_a_message_that_counts_on_a_related_item_or_on_what_it_has_not_is_refused(source: str) -> None:
    [problem] = set(catalog.check(changed("first", "sms", source), PLAN))
    assert problem.startswith("step first: message 'first' in en for sms ")


def test_the_sample_shows_related_items() -> None:
    about = catalog.sample("Shop", LINK)
    assert render({"text": "{% for i in related %}{{ i.name }} {% endfor %}"}, about) == {"text": "Tea Saucer"}


def test_check_names_an_sms_that_no_provider_takes() -> None:
    [problem] = catalog.check(changed("first", "sms", "a" * 1601), PLAN)
    assert problem == "step first: message 'first' in en for sms is too long: 1601 characters, and sms takes 1600"
    assert catalog.check(changed("first", "sms", "a" * 1600), PLAN) == []


def test_check_names_a_call_that_takes_too_long_to_say_with_the_words_that_stop_calls() -> None:
    said = {tongue: {"first": {"voice": {"text": "a" * 1370 if tongue == "en" else "a"}}} for tongue in LANGUAGES}
    step = {"id": "first", "send": {"message": "first", "channels": {"first": ["voice"]}}}
    plan = PLAN.model_copy(update={"steps": [Send.model_validate(step)]})
    [problem] = catalog.check(Catalog.model_validate({"languages": said}), plan)
    assert problem.startswith("step first: message 'first' in en for voice is too long: 14")


def test_a_message_is_found_in_the_language_or_else_in_the_default_one() -> None:
    only_english = Catalog(languages={"en": CATALOG.languages["en"]})
    assert only_english.find("first", Channel.SMS, "fr") == CATALOG.find("first", Channel.SMS, "en")
    assert CATALOG.find("first", Channel.SMS, "fr") != CATALOG.find("first", Channel.SMS, "en")
    with pytest.raises(UnknownMessageError, match="'third' has no text for sms"):
        CATALOG.find("third", Channel.SMS, "fr")


def test_a_catalog_comes_back_from_json_as_it_was() -> None:
    assert Catalog.model_validate_json(CATALOG.model_dump_json()) == CATALOG


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("first:\n  sms: {text: Bonjour, subject: Bonjour}\n", 2, "first.sms.subject"),
        ("first:\n  email:\n    text: Bonjour\n", 2, "first.email.subject"),
        ("first:\n  sms:\n    text: ''\n", 3, "first.sms.text"),
    ],
)
def test_a_mistake_in_a_language_file_is_told_with_its_line(text: str, line: int, field: str) -> None:
    with pytest.raises(FileError) as caught:
        catalog.load({"m/fr.yaml": text})
    assert [(problem.line, problem.field) for problem in caught.value.problems] == [(line, field)]
    assert str(caught.value).startswith(f"m/fr.yaml:{line}: {field}: ")


def test_a_file_of_a_language_that_is_not_written_is_refused() -> None:
    with pytest.raises(FileError, match=r"^m/de\.yaml:1: 'de' is not a language of Relance: fr, it, pt, en$"):
        catalog.load({"m/de.yaml": "first: {}\n"})


# Money and moments


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "written"),
    [
        ("1234.5", "EUR", "fr_FR", "1 234,50 €"),
        ("1234.5", "EUR", "it_IT", "1.234,50 €"),
        ("1234.5", "BRL", "pt_BR", "R$ 1.234,50"),
        ("1234.5", "EUR", "pt_PT", "1 234,50 €"),
        ("5", "GBP", "en_GB", "£5.00"),
        ("5", "USD", "en_US", "$5.00"),
        ("5", "USD", "en_GB", "US$5.00"),
        ("5", "XXQ", "fr_FR", "5,00 XXQ"),
        ("1E+3", None, "fr_FR", "1 000"),
    ],
)
def test_money_is_written_as_the_person_writes_it(amount: str, currency: str | None, locale: str, written: str) -> None:
    assert money(Decimal(amount), currency, locale) == written


@pytest.mark.parametrize(
    ("timezone", "locale", "written"),
    [
        ("Europe/Paris", "fr_FR", "12 aout, 18:00"),  # no û: it is not in GSM-7
        ("America/Sao_Paulo", "pt_BR", "12 de ago., 13:00"),
        ("Europe/Lisbon", "pt_PT", "12/08, 17:00"),
        ("Europe/London", "en_GB", "12 Aug, 17:00"),
        ("America/New_York", "en_US", "Aug 12, 12:00 PM"),
        ("Europe/Rome", "it_IT", "12 ago, 18:00"),
        ("Asia/Tokyo", "en_GB", "13 Aug, 01:00"),
        (None, "fr_FR", "12 aout, 16:00 UTC"),
        ("Europe/Nowhere", "fr_FR", "12 aout, 16:00 UTC"),
        ("../../etc/passwd", "fr_FR", "12 aout, 16:00 UTC"),
        ("Europe", "fr_FR", "12 aout, 16:00 UTC"),
    ],
)
def test_a_moment_is_written_in_the_persons_own_time(timezone: str | None, locale: str, written: str) -> None:
    assert moment(AT, timezone, locale) == written


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("locale", [*LOCALES.values(), "pt_BR", "en_US", "fr_CA"])
def test_no_month_takes_an_sms_out_of_gsm_7(locale: str, month: int) -> None:
    assert sms.outside_gsm7(moment(datetime(2026, month, 12, tzinfo=UTC), "Europe/Paris", locale)) == ""


# What WhatsApp has approved

APPROVED = """
first:
  whatsapp:
    text: "{{ shop.name }}: {{ cart.link }}"
    button: Open
    template: cart_reminder
    parameters: ["{{ customer.first_name | default: 'you' }}", "{{ cart.value }}\\nin all", "{{ cart.items[0].name }}"]
"""


def test_a_template_is_rendered_with_its_parameters_in_order_and_on_one_line() -> None:
    template = catalog.load({"en.yaml": APPROVED}).find("first", Channel.WHATSAPP, "en")
    rendered = render(template, context(cart=with_item("a\nb")))
    assert rendered["template"] == "cart_reminder"
    assert parameters(rendered) == ("Ann", "40 in all", "a b")
    assert parameters({f"parameters.{n}": str(n) for n in reversed(range(12))}) == tuple(map(str, range(12)))
    assert parameters(said("first", Channel.SMS, "en", context())) == ()


def test_a_parameter_is_checked_like_every_other_text() -> None:
    wrong = APPROVED.replace("cart.value", "cart.weight")
    by_whatsapp = PLAN.model_dump(mode="json")
    for step in by_whatsapp["steps"]:
        if "send" in step:
            step["send"]["channels"] = {"first": ["whatsapp"]}
            step["send"]["message"] = "first"
    plan = Plan.model_validate(by_whatsapp)
    files = {f"{language}.yaml": APPROVED for language in LANGUAGES}
    assert catalog.check(catalog.load(files), plan) == []
    problems = catalog.check(catalog.load({**files, "fr.yaml": wrong}), plan)
    assert {"step first: message 'first' in fr for whatsapp uses 'cart.weight', which no message has"} <= set(problems)


def test_parameters_need_a_template() -> None:
    with pytest.raises(FileError, match="parameters need the template"):
        catalog.load({"en.yaml": APPROVED.replace("    template: cart_reminder\n", "")})


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Teapot", "Teapot"),
        ("Locked! https://evil.example/pay WWW.evil.example now", "Locked! now"),
        ("x" * 8_000, "x" * 117 + "..."),
        ("a\nb", "a b"),
    ],
)
def test_a_products_name_is_short_and_leads_nowhere(told: str, shown: str) -> None:
    assert ItemWords(name=told, quantity=1, price="1").name == shown
    assert ViewedWords(name=told).name == shown
