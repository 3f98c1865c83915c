"""Links that bring a person back to their cart."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from messages.links import BadLinkError, CartLinks, CartRef, item_url, picture_url, restore_url

LINKS = CartLinks(b"a secret")
TOKEN = LINKS.token("demo", "c-1")


@given(st.text(), st.text())
def test_a_token_names_the_cart_it_was_made_for(shop: str, cart: str) -> None:
    token = LINKS.token(shop, cart)
    assert LINKS.read(token) == CartRef(shop, cart)
    assert dict(parse_qsl(f"relance={token}")) == {"relance": token}


@given(st.integers(min_value=0, max_value=len(TOKEN) - 1), st.characters(categories=["L", "N", "P"]))
def test_a_changed_token_is_refused(at: int, char: str) -> None:
    changed = TOKEN[:at] + char + TOKEN[at + 1 :]
    # Base64 has two spellings of these, and both name the same cart.
    if changed.replace("+", "-").replace("/", "_") == TOKEN:
        return
    try:
        # The last character of a signature has spare bits: another spelling of it names the same cart.
        assert LINKS.read(changed) == LINKS.read(TOKEN)
        assert at == len(TOKEN) - 1
    except BadLinkError:
        pass


@pytest.mark.parametrize("token", ["", ".", "x", TOKEN[:-1], TOKEN + "x", TOKEN.split(".")[0], "é" * 9, "\0"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(BadLinkError):
        LINKS.read(token)


@pytest.mark.parametrize("content", [["demo"], ["demo", "c-1", "more"], 3, None])
def test_a_token_with_other_content_is_refused(content: Any) -> None:
    token = URLSafeSerializer(b"a secret", salt="cart").dumps(content)
    with pytest.raises(BadLinkError):
        LINKS.read(str(token))


def test_a_token_of_another_secret_is_refused() -> None:
    with pytest.raises(BadLinkError):
        CartLinks(b"another secret").read(TOKEN)


@pytest.mark.parametrize(
    ("cart_url", "url"),
    [
        ("https://shop.example.com", "https://shop.example.com?relance=T"),
        ("https://shop.example.com/cart", "https://shop.example.com/cart?relance=T"),
        ("http://localhost:8080/cart?a=1&b=2#top", "http://localhost:8080/cart?a=1&b=2&relance=T#top"),
        # the shop's own query stays as the shop wrote it
        ("https://s.example/c?flag&x=a%20b+c;d", "https://s.example/c?flag&x=a%20b+c;d&relance=T"),
        # a page that was opened from such a link
        ("https://s.example/c?relance=OLD&a=1", "https://s.example/c?a=1&relance=T"),
        ("https://s.example/panier été", "https://s.example/panier%20%C3%A9t%C3%A9?relance=T"),
        ('https://s.example/<b>"', "https://s.example/%3Cb%3E%22?relance=T"),
        ("https://s.example/a\r\nb", "https://s.example/ab?relance=T"),
        ("HTTPS://s.example/c", "https://s.example/c?relance=T"),
    ],
)
def test_the_token_is_added_to_the_shops_own_address(cart_url: str, url: str) -> None:
    assert restore_url(None, cart_url, "T") == url
    assert restore_url(cart_url, None, "T") == url
    assert restore_url(cart_url, cart_url, "T") == url


@pytest.mark.parametrize(
    "cart_url",
    ["javascript:alert(1)", "javascript://s.example/%0aalert(1)", "data:text/html,x", "ftp://s.example/c", "/cart",
     "//s.example/c", "https:///cart", "https://", "https://:80/c", "https://a b/c", "https://[",
     "https://<b>/", "shop.example", ""],
)  # fmt: skip
def test_an_address_that_is_no_web_page_is_passed_over(cart_url: str) -> None:
    assert restore_url(cart_url, None, "T") is None
    assert restore_url(cart_url, "https://s.example/cart", "T") == "https://s.example/cart?relance=T"


@pytest.mark.parametrize(
    ("of_cart", "url"),
    [
        ("https://s.example/fr/cart/7", "https://s.example/fr/cart/7?relance=T"),
        ("https://evil.example/cart", "https://s.example/cart?relance=T"),
        ("https://s.example.evil.example/cart", "https://s.example/cart?relance=T"),
        ("https://s.example@evil.example/cart", "https://s.example/cart?relance=T"),
    ],
)
def test_a_carts_own_page_counts_on_the_shops_host_only(of_cart: str, url: str) -> None:
    assert restore_url(of_cart, "https://s.example/cart", "T") == url


@given(st.text(), st.text(), st.text())
def test_whatever_the_page_is_called_the_link_is_one_word_and_carries_the_token(
    path: str, query: str, fragment: str
) -> None:
    url = restore_url(None, f"https://s.example/{path}?{query}#{fragment}", TOKEN)
    assert url is not None
    assert url.isascii()
    assert len(url.split()) == 1
    assert ("relance", TOKEN) in parse_qsl(urlsplit(url).query) or "#" in path + query
    assert urlsplit(url).hostname == "s.example"


# The items


@pytest.mark.parametrize(
    ("address", "loadable"),
    [
        ("https://s.example/tent.jpg?w=400", True),
        ("http://s.example/tent.jpg", True),
        ("https://s.example/" + "x" * 2030, True),
        ("https://s.example/" + "x" * 2031, False),
        ("https://s.example/tente été.jpg", False),
        ("https://s.example/a b", False),
        ("https://s.example/a\n", False),
        ("javascript:alert(1)", False),
        ("data:image/png;base64,x", False),
        ("/tent.jpg", False),
        ("https://[", False),
        ("", False),
        (None, False),
    ],
)
def test_a_picture_or_a_page_goes_out_only_where_every_telephone_can_load_it(
    address: str | None, *, loadable: bool
) -> None:
    assert picture_url(address) == (address if loadable else None)
    assert item_url(address, None) == (address if loadable else None)


@pytest.mark.parametrize(
    ("of_item", "counts"),
    [
        ("https://s.example/tent", True),
        ("https://evil.example/tent", False),
        ("https://s.example.evil.example/tent", False),
        ("https://s.example@evil.example/tent", False),
    ],
)
def test_an_items_page_counts_on_the_shops_host_only(of_item: str, *, counts: bool) -> None:
    assert item_url(of_item, "https://s.example/cart") == (of_item if counts else None)
    assert picture_url(of_item) == of_item  # pictures are kept on other hosts by many a shop
