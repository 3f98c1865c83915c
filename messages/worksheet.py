"""What a worksheet's text says by each channel, and the text that a message was made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product

from pydantic import BaseModel, ConfigDict, RootModel

from journeys import yamlfile
from journeys.facts import Channel
from journeys.plan import Key
from journeys.words import Word, word_of
from messages import catalog
from messages.variables import Kind, empty, root, variables
from messages.words import EmailWords, Message, OnSiteWords, PushWords, RichWords, SmsWords, VoiceWords, WhatsappWords

TITLE = "{{ shop.name }}"
"""The title where a row gives none."""
_OF_CARTS = frozenset({"cart", "offer"})
_TITLED = frozenset({Channel.EMAIL, Channel.WEB_PUSH, Channel.APP_PUSH, Channel.MMS, Channel.RCS, Channel.ON_SITE})
LONGEST_SHORT = 1000
"""Characters, by any channel but e-mail; what one takes less of is checked with the plan."""


class Ending(BaseModel):
    """What is added in one language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_amount: str
    free_shipping: str
    next_order_credit: str
    code: str
    stop: str
    to_cart: str
    to_shop: str

    def offer(self, before: str) -> str:
        """Write what is said of an offer, behind something else; where none could be made, nothing is."""
        code = f'{{% if offer.code != "" %}}{self.code}{{% endif %}}'
        kinds = {"item_amount": code, "free_shipping": code, "next_order_credit": ""}
        whens = (f'{{% when "{kind}" %}}{before}{getattr(self, kind)}{ending}.' for kind, ending in kinds.items())
        return "{% case offer.kind %}" + "".join(whens) + "{% endcase %}"


class _Endings(RootModel[dict[str, Ending]]):
    pass


@dataclass(frozen=True)
class _Way:
    """The way back to the shop.

    Attributes:
        link: what is added to an SMS.
        names: of the variables of which any makes that needless.
        button: the name of what is written on one.

    """

    link: str
    names: tuple[str, ...]
    button: str


_TO_CART = _Way(" {{ cart.link }}", ("cart.link",), "to_cart")
_TO_SHOP = _Way(
    '{% if viewed.link != "" %} {{ viewed.link }}{% elsif shop.link != "" %} {{ shop.link }}{% endif %}',
    ("viewed.link", "shop.link"),
    "to_shop",
)


def _way(about: Key) -> _Way:
    return _TO_SHOP if about is Key.CUSTOMER else _TO_CART


@dataclass(frozen=True)
class Cell:
    """What a row says: its text, and its title, which is empty where the row gives none."""

    text: str
    title: str = ""


def problems(
    cell: Cell, channels: Sequence[Channel], language: str, about: Key, *, offers: bool
) -> Iterator[tuple[str, str]]:
    """Tell what cannot be said by some channels: the field (``text`` or ``title``), and a sentence."""
    if cell.title and not _TITLED & set(channels):
        yield "title", f"is not shown by {', '.join(channels)}; leave it empty"
    short = [channel for channel in channels if channel != Channel.EMAIL]
    if len(cell.text) > LONGEST_SHORT and short:
        yield "text", f"has {len(cell.text):,} characters; at most {LONGEST_SHORT:,} go by {', '.join(short)}"
    for field, alone in (("text", Cell(cell.text)), ("title", Cell("-", cell.title))):
        message = compose(alone, channels, language, about, offers=offers)
        found = (each for channel in channels for each in catalog.check_template(message.by(channel) or {}))
        yield from ((field, each) for each in dict.fromkeys(found))
    for field, source in (("text", cell.text), ("title", cell.title)):
        rules = (_of_carts, _empty)
        yield from ((field, each) for rule in rules for each in rule(source, about))


def _of_carts(source: str, about: Key) -> Iterator[str]:
    for name in sorted(variables(source)):
        if about is Key.CUSTOMER and root(name) in _OF_CARTS:
            yield f"uses '{name}' before there is a cart; write what was looked at, such as viewed.name or viewed.link"


def _empty(source: str, about: Key) -> Iterator[str]:
    """Tell what else is always empty: a sheet has no tasks, and its plans about people begin with Product Viewed."""
    for name, why in empty(source, Kind(about, has_views=about is Key.CUSTOMER, has_tasks=False)):
        if root(name) not in _OF_CARTS:
            yield f"uses '{name}', which is always empty: {why}"


def compose(cell: Cell, channels: Sequence[Channel], language: str, about: Key, *, offers: bool) -> Message:
    """Write a message for each of some channels.

    Args:
        cell: what the row says.
        channels: those of the step.
        language: of the text.
        about: what the plan's journeys are about.
        offers: whether the step may offer something.

    """
    ending = _endings()[language]
    says_offer = offers and "offer." not in cell.text
    offer = ending.offer(" ") if says_offer else ""
    way = _way(about)
    link, button = "" if any(name in cell.text for name in way.names) else way.link, getattr(ending, way.button)
    stop = "" if any(word_of(word) is Word.STOP for word in cell.text.split()) else f" {ending.stop}"
    title, text = cell.title or TITLE, cell.text + offer
    said: dict[str, BaseModel] = {}
    for channel in channels:
        match channel:
            case Channel.SMS:
                said["sms"] = SmsWords(text=text + link + stop)
            case Channel.MMS | Channel.RCS:
                said["rich"] = RichWords(title=title, text=text + stop, button=button)
            case Channel.WHATSAPP:
                said["whatsapp"] = WhatsappWords(text=text, button=button)
            case Channel.EMAIL:
                said["email"] = EmailWords(
                    subject=title,
                    intro=cell.text,
                    closing=ending.offer("") if says_offer else None,
                    button=button,
                )
            case Channel.WEB_PUSH | Channel.APP_PUSH:
                said["push"] = PushWords(title=title, text=text)
            case Channel.VOICE:
                said["voice"] = VoiceWords(text=text)
            case Channel.ON_SITE:
                said["on_site"] = OnSiteWords(title=title, text=text, button=button)
    return Message.model_validate(said)


def cell_of(message: Message, channels: Sequence[Channel], language: str, about: Key, *, offers: bool) -> Cell | None:
    """Find what a row must say for a message to be made of it; None where no row can say it."""
    for cell in cells_of(message, channels, language, about):
        if compose(cell, channels, language, about, offers=offers) == message:
            return cell
    return None


def cells_of(message: Message, channels: Sequence[Channel], language: str, about: Key) -> Iterator[Cell]:
    """Give what a row may have said, channel by channel, with more and more of the words that are added."""
    ending = _endings()[language]
    for channel in channels:
        words = message.by(channel) or {}
        text = words.get("intro", words.get("text", ""))
        title = words.get("subject", words.get("title", TITLE))
        for added in product((f" {ending.stop}", ""), (_way(about).link, ""), (ending.offer(" "), "")):
            bare = text
            for each in added:
                bare = bare.removesuffix(each)
            if bare.strip():
                yield Cell(bare.strip(), "" if title == TITLE else title.strip())


@cache
def _endings() -> dict[str, Ending]:
    text = resources.files("messages").joinpath("worksheet.yaml").read_text(encoding="utf-8")
    return yamlfile.parse(_Endings, text, "worksheet.yaml").root
