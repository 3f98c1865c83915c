"""E-mails as a mail program shows them: the HTML part and the text part, made of one source."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from journeys.facts import Channel
from messages import mail
from messages.locale import LANGUAGES
from messages.related import WORDS
from messages.render import CartWords, Context, CustomerWords, ItemWords, RelatedWords, RenderError, ShopWords
from messages.words import EmailWords
from tests.unit.saying import CATALOG, LINK, UNSUBSCRIBE, context

PICTURE = "https://shop.example.com/teapot.jpg"


class Seen(HTMLParser):
    """What a mail program makes of a page: tags with their attributes' names, links, pictures, words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.links += [value or "" for name, value in attrs if name == "href" and tag == "a"]
        self.pictures += [value or "" for name, value in attrs if name == "src"]

    def handle_data(self, data: str) -> None:
        self.words += data


def about(name: str = "Teapot", first: str = "Ann", shop: str = "Maison", image: str = PICTURE) -> Context:
    item = ItemWords(name=name, quantity=1, price="40", image=image)
    return Context(
        shop=ShopWords(name=shop),
        customer=CustomerWords(first_name=first),
        cart=CartWords(items=[item], value="40", link=LINK),
    )


def made(message: str, language: str, of: Context, unsubscribe: str | None = UNSUBSCRIBE) -> dict[str, str]:
    return mail.compose(CATALOG.find(message, Channel.EMAIL, language), of, language, unsubscribe)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_parts_say_the_same_and_lead_to_the_cart_and_out_of_it(language: str) -> None:
    said = made("second", language, context(language, "item_amount"))
    seen = Seen(said["html"])
    assert seen.links == [LINK, UNSUBSCRIBE]
    assert LINK in said["text"].split()
    assert UNSUBSCRIBE in said["text"].split()
    for line in said["text"].splitlines():
        if not line.startswith(("- ", "http")):
            assert line in " ".join(seen.words.split())


def test_the_items_are_shown_with_their_pictures_and_one_without_a_picture_leaves_no_gap() -> None:
    assert Seen(made("first", "en", about())["html"]).pictures == [PICTURE]
    assert Seen(made("first", "en", about(image=""))["html"]).pictures == []


@pytest.mark.parametrize("address", ["javascript:alert(1)", "//evil", "data:text/html,x", 'https://a" onerror="x', "x"])
def test_a_picture_is_an_address_of_the_web_or_nothing(address: str) -> None:
    assert Seen(made("first", "en", about(image=address))["html"]).pictures == []


def test_what_is_no_marketing_has_no_way_to_stop_it() -> None:
    said = made("first", "en", about(), None)
    assert Seen(said["html"]).links == [LINK]
    assert "Stop these messages" not in said["text"]


SHAPE = Seen(made("first", "en", about())["html"]).shape
NASTY = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "</mj-text><mj-image src='https://evil.example/x' />",
            "{{ 7 * 7 }}",
            "&lt;b&gt;&#x3C;i&#x3E;",
            "]]><!--",
            "Ann" * 1700,
            "\u202eevil\u202c",
            "שלום 👋🏽 مرحبا",
        ]
    ),
)


@settings(deadline=None)
@given(name=NASTY, first=NASTY, shop=NASTY)
def test_no_data_adds_a_tag_an_attribute_or_a_link(name: str, first: str, shop: str) -> None:
    said = made("first", "en", about(name, first, shop))
    seen = Seen(said["html"])
    assert seen.shape == SHAPE
    assert seen.links == [LINK, UNSUBSCRIBE]
    assert seen.pictures == [PICTURE]


# Related items


def with_related(*related: RelatedWords) -> Context:
    return about().model_copy(update={"related": list(related)})


@pytest.mark.parametrize("language", LANGUAGES)
def test_related_items_stand_under_a_heading_in_the_persons_language_after_the_cart(language: str) -> None:
    cup = RelatedWords(name="Cup", price="9,50 €", image="https://cdn.example/cup.jpg", link="https://shop.example/cup")
    said = made("first", language, with_related(cup, RelatedWords(name="Tea", price="8 €")))
    seen = Seen(said["html"])
    assert seen.pictures == [PICTURE, "https://cdn.example/cup.jpg"]
    assert seen.links == [LINK, "https://shop.example/cup", "https://shop.example/cup", UNSUBSCRIBE]
    for words in (said["text"], seen.words):
        places = [words.index(word) for word in ("Teapot", WORDS[language].heading, "Cup", "8 €")]
        assert places == sorted(places)
    assert "- Cup, 9,50 €\nhttps://shop.example/cup\n- Tea, 8 €\n\n" in said["text"]


def test_without_related_items_there_is_no_heading_and_without_pictures_no_gap() -> None:
    assert not [part for part in made("first", "en", about()).values() if WORDS["en"].heading in part]
    plain, pictured = (
        Seen(made("first", "en", with_related(RelatedWords(name="Tea", price="8", image=image)))["html"])
        for image in ("", PICTURE)
    )
    assert (plain.pictures, pictured.pictures) == ([PICTURE], [PICTURE] * 2)
    rows = [seen.shape.count(("tr", ())) for seen in (plain, pictured)]
    assert rows[0] == rows[1] - 1


RELATED_SHAPE = Seen(made("first", "en", with_related(RelatedWords(name="Tea", price="8", link=LINK)))["html"]).shape


@settings(deadline=None)
@given(name=NASTY)
def test_the_name_of_a_related_item_adds_no_tag_and_no_link(name: str) -> None:
    seen = Seen(made("first", "en", with_related(RelatedWords(name=name, price="8", link=LINK)))["html"])
    assert seen.shape == RELATED_SHAPE
    assert seen.links == [LINK, LINK, UNSUBSCRIBE]


def test_a_shops_own_mjml_is_escaped_as_well_and_its_text_part_shows_the_links() -> None:
    source = (
        "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ customer.first_name }},"
        ' <a href="{{ cart.link }}">your cart</a> <a href="{{ unsubscribe }}">{{ stop }}</a></mj-text>'
        "</mj-column></mj-section></mj-body></mjml>"
    )
    template = EmailWords(subject="Hi", mjml=source).sources
    said = mail.compose(template, about(first="<b>Ann</b>"), "en", UNSUBSCRIBE)
    assert "<b>Ann" not in said["html"]
    assert "Hello <b>Ann</b>" in said["text"]
    assert LINK in said["text"]
    assert UNSUBSCRIBE in said["text"]


@pytest.mark.parametrize("source", ["<mjml><mj-body>", "no mjml", "<mjml>{{ 1 | divided_by: 0 }}</mjml>"])
def test_mjml_that_is_not_whole_is_an_error_that_names_no_person(source: str) -> None:
    with pytest.raises(RenderError) as caught:
        mail.compose(EmailWords(subject="Hi", mjml=source).sources, about(), "en", None)
    assert "Ann" not in str(caught.value)


def test_a_plain_mail_stays_plain_and_says_how_to_stop() -> None:
    said = mail.compose(EmailWords(subject="Hi", text="Hello\n").sources, about(), "en", UNSUBSCRIBE)
    assert said == {
        "subject": "Hi",
        "text": "Hello\n\nYou get this because you agreed to it or are a customer of ours.\nStop these messages\n"
        f"{UNSUBSCRIBE}",
    }


@pytest.mark.parametrize("forms", [{}, {"text": "a", "intro": "b"}, {"intro": "b", "mjml": "c"}])
def test_a_mail_has_one_form(forms: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give one of text, intro, mjml"):
        EmailWords(subject="Hi", **forms)


# Where the button leads


REVIEWS = "https://reviews.example.com/maison?of=tea&to='x'"


def pressed(link: str | None, of: Context | None = None) -> dict[str, str]:
    """Make a mail whose button may have an address of its own."""
    words = EmailWords(subject="Hi", intro="Hello", button="Go", link=link)
    return mail.compose(words.sources, of or about(), "en", UNSUBSCRIBE)


@pytest.mark.parametrize(
    ("link", "address"),
    [(None, LINK), ("{{ cart.link }}", LINK), (f" {REVIEWS}\n", REVIEWS)],
    ids=["cart", "liquid", "page"],
)
def test_a_button_leads_to_the_cart_or_to_the_address_that_stands_beside_it(link: str | None, address: str) -> None:
    said = pressed(link)
    assert Seen(said["html"]).links == [address, UNSUBSCRIBE]
    assert f"\n\nGo\n{address}\n\n" in said["text"]


@pytest.mark.parametrize(
    "link",
    ["{{ shop.link }}", "javascript:alert(1)", "www.example.com", "https://", 'https://a"onclick="x', "https://a b"],
)
def test_a_button_that_would_lead_nowhere_is_left_out_of_both_parts(link: str) -> None:
    said = pressed(link)
    assert Seen(said["html"]).links == [UNSUBSCRIBE]
    assert "Go" not in Seen(said["html"]).words + said["text"]
    assert "\n\n\n" not in said["text"]


def test_a_button_without_a_page_of_the_shop_is_left_out() -> None:
    nowhere = about().model_copy(update={"cart": CartWords(items=[], value="", link="")})
    said = pressed(None, nowhere)
    assert Seen(said["html"]).links == [UNSUBSCRIBE]
    assert "Go" not in said["text"]


@pytest.mark.parametrize("fields", [{"intro": "a"}, {"text": "a", "button": "b"}, {"mjml": "a", "button": "b"}])
def test_an_address_without_a_button_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="a link needs the button that leads to it, under an intro"):
        EmailWords(subject="Hi", link=REVIEWS, **fields)


def test_an_amount_is_not_torn_apart_at_the_end_of_a_line() -> None:
    said = made("second", "fr", context("fr", "item_amount"))
    assert re.search("[0-9]\u00a0€", Seen(said["html"]).words)
    assert "\u00a0" not in said["text"]
