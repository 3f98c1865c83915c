"""Values that nothing ever has are refused where a condition asks for them, with what would be right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.customers import fields
from journeys.no_such_value import no_such_values
from tests.unit.test_plan_in_vain import OF_CART, OF_ORDER, OF_PERSON, SAY, branch, found, plan


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("country", "fr", "'fr' is no country; write FR"),
        ("country", "UK", "'UK' is no country; write GB"),
        ("country", "France", "'France' is no country; write its two capitals of ISO 3166, such as FR"),
        ("country", "XX", "'XX' is no country; write its two capitals of ISO 3166, such as FR"),
        ("country", "", "'' is no country; write its two capitals of ISO 3166, such as FR"),
        ("language", "french", "'french' is no language; write its two small letters of ISO 639, such as fr"),
        ("language", "FR", "'FR' is no language; write fr"),
        ("language", "pt-BR", "'pt-BR' is no language; write pt"),
        ("language", "pt_BR", "'pt_BR' is no language; write pt"),
        ("language", "xx", "'xx' is no language; write its two small letters of ISO 639, such as fr"),
        ("timezone", "Mars/X", "'Mars/X' is no time zone; write an IANA name, such as Europe/Paris"),
        ("timezone", "europe/paris", "'europe/paris' is no time zone; write Europe/Paris"),
        ("timezone", "Paris", "'Paris' is no time zone; write an IANA name, such as Europe/Paris"),
    ],
)
def test_what_nobody_has_is_refused_with_what_would_be_right(field: str, value: str, problem: str) -> None:
    asked = {"customer": {field: [value]}}
    assert list(no_such_values(plan(branch(**asked)))) == [f"step if: arm 1: customer: {field}: {problem}"]
    assert f"audience: customer: {field}: {problem}" in [*no_such_values(plan(SAY, audience=asked))]
    inside = branch(open_cart=True, unless=asked)
    assert ("error", f"step if: arm 1: customer: {field}: {problem}") in found(inside)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("country", ["FR", "IT", "PT", "GB", "BR", "US"]),
        ("language", ["fr", "it", "pt", "en", "no", "nb", "he", "iw"]),
        ("timezone", ["Europe/Paris", "America/Argentina/Buenos_Aires", "Asia/Calcutta", "UTC"]),
    ],
)
def test_what_people_have_is_asked_for(field: str, values: list[str]) -> None:
    assert found(branch(customer={field: values})) == []


@pytest.mark.parametrize("field", ["cart_value", "order_value"])
def test_an_amount_in_what_is_no_currency_is_refused(field: str) -> None:
    header = OF_CART if field == "cart_value" else OF_ORDER
    asked = {field: {"at_least": {"EUR": 5, "XXQ": 5}, "below": {"EUR": 9, "XXQ": 9}}}
    [problem] = no_such_values(plan(branch(**asked), **header))
    assert problem == f"step if: arm 1: {field}: XXQ is no currency of ISO 4217; write one such as EUR"


said = st.sampled_from(
    ["fr", "FR ", "UK", "fR", "europe/paris", " Europe/Paris", "EUROPE/LISBON", "pt-BR", "IT", "en_GB"]
)


@given(traits=st.fixed_dictionaries({"country": said, "timezone": said, "locale": said}))
def test_what_is_known_of_a_person_is_in_the_form_that_plans_are_held_to(traits: dict[str, Any]) -> None:
    known = fields(traits)
    right = {"country": {"FR", "GB", "IT"}, "timezone": {"Europe/Paris", "Europe/Lisbon"}}
    for field, values in right.items():
        asked = plan(branch(customer={field: [known[field]]}), **OF_PERSON)
        assert (known[field] in values) is (list(no_such_values(asked)) == [])


def test_what_a_shop_says_in_another_form_is_understood_and_what_is_none_stays_as_it_was_said() -> None:
    assert fields({"country": "uk", "timezone": "europe/paris", "locale": "fr-FR"}) == {
        "country": "GB",
        "timezone": "Europe/Paris",
        "language": "fr",
    }
    assert fields({"country": "Atlantis", "timezone": "Mars/X"}) == {"country": "Atlantis", "timezone": "Mars/X"}
    assert fields({"country": 5, "timezone": ["x"], "language": "pt"}) == {"language": "pt"}
