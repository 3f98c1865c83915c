"""Who a message comes from: one sender for everybody, or another one for some countries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, Field

from journeys.addresses import country_of

_FRENCH_MOBILE = re.compile(r"(\+|00)?33[67]\d{8}")


def _not_barred(sender: str) -> str:
    if _FRENCH_MOBILE.fullmatch(re.sub(r"[\s.()-]", "", sender)):
        raise ValueError(
            "a French mobile number (+33 6 or +33 7) may not send messages or call on behalf of an application: "
            "use a name, a short code or another kind of number"
        )
    return sender


Sender = Annotated[str, Field(min_length=1, max_length=34), AfterValidator(_not_barred)]
"""A number, a name or a provider's own id; no French mobile number, which French rules keep for people."""
Caller = Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$"), AfterValidator(_not_barred)]
"""The number in E.164 that a call comes from."""
SendersByCountry = dict[Annotated[str, Field(pattern="^[A-Z]{2}$")], Sender]
"""By the country (ISO 3166) of the number that is written to."""


@dataclass(frozen=True)
class Senders:
    """The senders of an account.

    Attributes:
        everywhere: the sender where the country has none of its own.
        by_country: the others, by ISO 3166 code.

    """

    everywhere: str
    by_country: Mapping[str, str] = field(default_factory=dict)

    def to(self, number: str) -> str:
        """Choose the sender for a number in E.164; its own country counts, not the person's."""
        return self.by_country.get(country_of(number) or "", self.everywhere)
