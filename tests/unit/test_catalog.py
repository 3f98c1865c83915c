"""The catalog of messages: what is missing or wrong in it is told before anything is sent."""

from __future__ import annotations

import pytest

from journeys.facts import Channel
from journeys.plan import Plan
from journeys.steps import Send
from journeys.yamlfile import FileError
from messages import catalog
from messages.catalog import Catalog, UnknownMessageError
from messages.locale import LANGUAGES
from messages.render import parameters, render
from tests.unit.saying import CATALOG, LINK, PLAN, changed, context, said, with_item

# The catalog


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


@pytest.mark.parametrize(
    ("link", "problems"),
    [
        ("https://shop.example.com/reviews", []),
        ("{{ shop.link }}", []),
        ("{% if offer.kind == '' %}{{ cart.link }}{% endif %}", []),
        ("{{ shop.links }}", ["uses 'shop.links', which no message has"]),
        (
            "shop.example.com",
            ["has a button that leads to 'shop.example.com': write an address with http:// or https://"],
        ),
        (
            "{% if offer.kind != '' %}ftp://x{% endif %}",
            ["has a button that leads to 'ftp://x': write an address with http:// or https://"],
        ),
    ],
)
def test_check_names_a_button_that_leads_nowhere(link: str, problems: list[str]) -> None:
    languages = CATALOG.model_dump()["languages"]
    languages["fr"]["first"]["email"]["link"] = link
    where = "step first: message 'first' in fr for email"
    assert set(catalog.check(Catalog.model_validate({"languages": languages}), PLAN)) == {
        f"{where} {p}" for p in problems
    }


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
