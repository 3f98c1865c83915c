"""Who a message comes from."""

from __future__ import annotations

import json
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from channels import accounts
from channels.senders import Caller, Sender, Senders
from journeys.addresses import country_of
from tests.telephone_accounts import INFOBIP, TWILIO, TelephoneAccount

ALL = [*INFOBIP, *TWILIO]
NUMBERED = [
    (account, field) for account in ALL for field in account.says if field in {"sender", "sms_sender", "caller"}
]


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+33612345678", "FR"),
        ("+33639980001", "FR"),
        ("+12025550123", "US"),
        ("+14165550123", "CA"),
        ("+447400123456", "GB"),
        ("+393331234567", "IT"),
        ("+5511987654321", "BR"),
        ("+262692123456", "RE"),
        ("+870773111632", None),  # a satellite telephone
        ("+999123456", None),
        ("0612345678", None),
        ("", None),
    ],
)
def test_a_number_has_its_own_country(number: str, country: str | None) -> None:
    assert country_of(number) == country


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_example_number_of_every_country_is_of_that_country_or_one_that_shares_its_plan(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    number = number or phonenumbers.example_number(region)
    assert number
    found = country_of(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    assert found
    assert phonenumbers.country_code_for_region(found) == phonenumbers.country_code_for_region(region)


@given(st.text())
def test_what_is_no_number_has_no_country_and_the_sender_for_everywhere(text: str) -> None:
    if country_of(text) is None:
        assert Senders("Boutique", {"FR": "36105"}).to(text) == "Boutique"


@pytest.mark.parametrize(
    "barred",
    ["+33612345678", "33612345678", "0033612345678", "+33 7 00 00 00 00", "+33.6.12.34.56.78", "+33 (6) 12-34-56-78"],
)
def test_a_french_mobile_number_is_no_sender_of_an_application(barred: str) -> None:
    with pytest.raises(ValidationError, match="a French mobile number"):
        TypeAdapter(Sender).validate_python(barred)


def test_it_does_not_call_for_one_either() -> None:
    with pytest.raises(ValidationError, match="a French mobile number"):
        TypeAdapter(Caller).validate_python("+33612345678")
    assert TypeAdapter(Caller).validate_python("+33939000001")


@pytest.mark.parametrize("sender", ["Boutique", "36105", "+33939000001", "+447400123456", "336", "MG" + "b" * 32])
def test_other_senders_are_taken(sender: str) -> None:
    assert TypeAdapter(Sender).validate_python(sender) == sender


@pytest.mark.parametrize(("account", "field"), NUMBERED, ids=str)
def test_an_account_with_a_french_mobile_number_is_refused_by_a_clear_message(
    account: TelephoneAccount, field: str
) -> None:
    settings = {**json.loads(account.settings("https://provider.example")), field: "+33612345678"}
    if account.channel == "whatsapp":
        accounts.read(account.channel, json.dumps(settings))  # there a business has its own mobile number
        return
    with pytest.raises(ValidationError, match="a French mobile number"):
        accounts.read(account.channel, json.dumps(settings))


@pytest.mark.parametrize("account", [INFOBIP[0], TWILIO[0]], ids=str)
@pytest.mark.parametrize("senders", [{"FR": "+33612345678"}, {"fr": "36105"}, {"FRA": "36105"}, {"FR": ""}, ["36105"]])
def test_senders_that_could_not_work_are_refused(account: TelephoneAccount, senders: Any) -> None:
    settings = {**json.loads(account.settings("https://provider.example")), "senders": senders}
    with pytest.raises(ValidationError, match="senders"):
        accounts.read(account.channel, json.dumps(settings))
