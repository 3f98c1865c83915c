"""What a shop says of a person: traits and consents. The newest word on each counts, in whatever order they come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter, ValidationError

from journeys.events import BadEventError, Event, timestamp
from journeys.facts import CUSTOMER_FIELDS, Medium, Purpose
from journeys.zones import country_of, zone_name

Traits = dict[str, dict[str, Any]]
"""Each trait's value, with the time and the message id of the event that said it."""


class Consent(BaseModel):
    """A person's word on one channel, as people name them (a medium), and one purpose.

    Attributes:
        wording: the text that was shown, and the page that showed it; it is kept when the event is dropped.

    """

    model_config = ConfigDict(frozen=True)

    channel: Medium
    purpose: Purpose
    granted: bool
    wording: str | None
    at: datetime


class _Given(BaseModel):
    granted: StrictBool
    purpose: Purpose = Purpose.MARKETING
    text: str | None = None
    at: Any = None
    page: str | None = None

    @property
    def wording(self) -> str | None:
        return f"{self.text} ({self.page})" if self.text and self.page else self.text or self.page


_GIVEN: TypeAdapter[bool | _Given | list[_Given]] = TypeAdapter(
    StrictBool | _Given | Annotated[list[_Given], Field(min_length=1)]
)


def merge(known: Traits, event: Event) -> Traits:
    """Add an identify's traits to those that are known; consent is kept apart."""
    word = {"at": event.at.isoformat(), "by": event.message_id}
    merged = dict(known)
    for name, value in event.traits.items():
        if name == "consent":
            continue
        before = known.get(name)
        if before is None or (before["at"], before["by"]) < (word["at"], word["by"]):
            merged[name] = {"value": value, **word}
    return merged


def newest(one: Traits, other: Traits) -> Traits:
    """Put together what was said of one person under two ids; the newest word on each trait counts."""
    said = [*one.items(), *other.items()]
    return dict(sorted(said, key=lambda trait: (trait[1]["at"], trait[1]["by"])))


def plain(traits: Traits) -> dict[str, Any]:
    """Give the traits without their origins."""
    return {name: word["value"] for name, word in traits.items()}


def with_device(traits: dict[str, Any], locale: str | None, timezone: str | None) -> dict[str, Any]:
    """Add what a person's device says of itself, where the shop says nothing of the person."""
    device = {"locale": locale, "timezone": timezone}
    return traits | {name: value for name, value in device.items() if traits.get(name) is None}


def fields(traits: dict[str, Any]) -> dict[str, str]:
    """Take out the fields that a branch or an audience may ask for, in the form in which plans write them."""
    known = {name: traits.get(name) for name in sorted(CUSTOMER_FIELDS)}
    known |= {"country": country_of(known["country"]) or known["country"]}
    known |= {"timezone": zone_name(known["timezone"]) or known["timezone"]}
    if isinstance(locale := traits.get("locale"), str):
        known["language"] = locale[:2].lower()
    return {name: value for name, value in known.items() if isinstance(value, str)}


def consents(event: Event) -> list[Consent]:
    """Read the consents of an identify: per channel true, false, an object with its proof, or a list of such objects.

    What is none of the media is passed over: the event keeps it.

    Raises:
        BadEventError: naming the channel.

    """
    given = event.traits.get("consent") or {}
    if not isinstance(given, dict):
        raise BadEventError("traits.consent", "must be an object with a field for each channel")
    return [consent for channel in Medium if channel in given for consent in _consents(channel, given[channel], event)]


def _consents(channel: Medium, value: object, event: Event) -> list[Consent]:
    field = f"traits.consent.{channel}"
    try:
        given = _GIVEN.validate_python(value)
    except ValidationError:
        form = '{"granted": true, "purpose": "marketing", "text": "…", "at": "2026-03-01T10:15:00Z"}'
        problem = f"must be true, false, {form}, or a list of such objects, one for each purpose"
        raise BadEventError(field, problem) from None
    if isinstance(given, bool):
        return [_consent(channel, _Given(granted=given), event, field)]
    if isinstance(given, _Given):
        return [_consent(channel, given, event, field)]
    if len({word.purpose for word in given}) < len(given):
        raise BadEventError(field, "names a purpose twice; give one word for each purpose")
    return [_consent(channel, word, event, f"{field}[{place}]") for place, word in enumerate(given)]


def _consent(channel: Medium, given: _Given, event: Event, field: str) -> Consent:
    at = timestamp({"at": given.at}, "at", path=f"{field}.") or event.at
    # Nobody's word lies ahead: what they say next must stand above it.
    at = min(at, event.received_at)
    return Consent(channel=channel, purpose=given.purpose, granted=given.granted, wording=given.wording, at=at)
