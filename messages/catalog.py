"""What a plan says: its messages, for each language and channel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import PurePath
from typing import Any, get_args

from liquid.exceptions import LiquidError
from pydantic import BaseModel, ConfigDict, RootModel

from journeys import yamlfile
from journeys.facts import Channel
from journeys.lengths import LONGEST
from journeys.offers import Offer
from journeys.plan import Plan
from journeys.problems import Problem
from journeys.steps import Task, walk
from journeys.yamlfile import FileError
from messages.locale import LANGUAGES
from messages.mail import MAIL_VARIABLES, page_address
from messages.render import (
    CartWords,
    Context,
    CustomerWords,
    ItemWords,
    OfferWords,
    OrderWords,
    RelatedWords,
    ShopWords,
    TaskWords,
    ViewedWords,
    one_line,
    parse,
    parse_html,
    render,
    unknown_variables,
)
from messages.variables import Kind, empty, root, variables
from messages.voice import with_stop
from messages.words import Message, Template

_OF_MAILS = dict.fromkeys(MAIL_VARIABLES, "x")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LanguageFile(RootModel[dict[str, Message]]):
    """One language's messages, by name."""


class UnknownMessageError(LookupError):
    """The catalog has no such message for the channel, in the person's language or the default one."""


class Catalog(_Strict):
    """All messages of a plan version: by language, then by name."""

    languages: dict[str, dict[str, Message]]

    def find(self, message: str, channel: Channel, language: str, default: str = "en") -> Template:
        """Find a message's template, in the language or else in the default one.

        Raises:
            UnknownMessageError: there is none.

        """
        for tongue in (language, default):
            if template := self._template(message, channel, tongue):
                return template
        raise UnknownMessageError(f"message '{message}' has no text for {channel}")

    def tells_of(self, message: str, channel: Channel, language: str, part: str) -> bool:
        """Tell whether a message uses variables of a part, such as ``offer``; one that cannot be read uses none."""
        template = self._template(message, channel, language) or {}
        return any(root(name) == part for source in template.values() for name in variables(source))

    def _template(self, message: str, channel: Channel, language: str) -> Template | None:
        said = self.languages.get(language, {}).get(message)
        return said.by(channel) if said else None


@dataclass(frozen=True)
class PlanFile:
    """A plan with its messages, checked."""

    plan: Plan
    messages: Catalog


def load(files: dict[str, str]) -> Catalog:
    """Read a catalog from its files: the name (``…/fr.yaml``) and the text of each.

    Raises:
        yamlfile.FileError: something is wrong; it names file, line and field.

    """
    languages: dict[str, dict[str, Message]] = {}
    for name, text in files.items():
        language = PurePath(name).stem
        if language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise FileError(name, [Problem(1, "", f"'{language}' is not a language of Relance: {known}")])
        languages[language] = yamlfile.parse(LanguageFile, text, name).root
    return Catalog(languages=languages)


def check(catalog: Catalog, plan: Plan) -> list[str]:
    """Tell what the plan's messages lack: languages, channels, known variables, templates that can be rendered."""
    kind = Kind.of(plan)
    return [problem for named in _named(plan) for problem in _check_message(catalog, kind, *named)]


def _named(plan: Plan) -> Iterator[tuple[str, str, Sequence[Channel]]]:
    """Give the messages that a plan names: by which step, and for which channels. A draft is written as an SMS is."""
    yield from ((step.id, step.send.message, step.send.named) for step in plan.sends)
    for step in walk(plan.steps):
        if isinstance(step, Task) and step.task.draft is not None:
            yield step.id, step.task.draft, [Channel.SMS]


def _check_message(catalog: Catalog, kind: Kind, step: str, message: str, channels: Sequence[Channel]) -> Iterator[str]:
    for language in LANGUAGES:
        for channel in channels:
            where = f"step {step}: message '{message}' in {language} for {channel}"
            template = catalog._template(message, channel, language)  # noqa: SLF001 the same module
            if template is None:
                yield f"{where} is missing"
                continue
            unknown = list(check_template(template))
            problems = unknown or [*_check_kind(template, kind), *_check_length(template, channel, language)]
            yield from (f"{where} {problem}" for problem in problems)


def check_template(template: Template) -> Iterator[str]:
    """Tell what is wrong with one channel's words: variables that no message has, and what cannot be rendered."""
    yield from _problems(tuple(template.items()))


@lru_cache(maxsize=4096)
def _problems(template: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Tell what is wrong with a template; many steps of a plan may have the same."""
    return tuple(_find_problems(template))


def _find_problems(template: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, source in template:
        try:
            parsed = parse_html(source) if name == "mjml" else parse(source)
            unknown = [path for path in unknown_variables(parsed) if not (name == "mjml" and path in MAIL_VARIABLES)]
            yield from (f"uses '{name}', which no message has" for name in unknown)
            said = [] if unknown else [parsed.render(**sample | _OF_MAILS) for sample in _SAMPLES]
            yield from _find_bad_addresses(said) if name == "link" else ()
        except LiquidError as error:
            yield f"cannot be rendered: {str(error).splitlines()[0]}"


def _check_kind(template: Template, kind: Kind) -> Iterator[str]:
    """Tell which variables are empty, whatever journey of the plan it is said in."""
    found = dict(each for source in template.values() for each in empty(source, kind))
    yield from (f"uses '{name}', which is always empty: {why}" for name, why in found.items())


def _find_bad_addresses(said: Iterable[str]) -> Iterator[str]:
    """Tell where a button would lead nowhere; one that comes out empty is left out of the mail."""
    for address in dict.fromkeys(map(one_line, said)):
        if address and not page_address(address):
            yield f"has a button that leads to '{address}': write an address with http:// or https://"


def _check_length(template: Template, channel: Channel, language: str) -> Iterator[str]:
    """Tell what the channel's providers would refuse, however short the names in it are."""
    if channel not in LONGEST:
        return
    text = render(template, sample("Shop", "https://example.com"))["text"]
    said = with_stop(text, language, language) if channel is Channel.VOICE else text
    if len(said) > LONGEST[channel]:
        yield f"is too long: {len(said)} characters, and {channel} takes {LONGEST[channel]}"


def sample(shop: str, link: str) -> Context:
    """Make up what a message is about, for a look at it."""
    items = [ItemWords(name="Teapot", quantity=1, price="40"), ItemWords(name="Cup", quantity=2, price="10")]
    offer = OfferWords(kind="free_shipping", code="TEST", deadline="23:59")
    cart = CartWords(items=items, value="60", link=link)
    related = [RelatedWords(name=name, price=price, link=link) for name, price in (("Tea", "8"), ("Saucer", "5"))]
    person = CustomerWords(first_name="Ann")
    return Context(
        shop=ShopWords(name=shop, link=link),
        customer=person,
        cart=cart,
        order=_ordered(items, link),
        task=TaskWords(text="Hello Ann, …"),
        viewed=ViewedWords(name="Teapot", price="40", link=link),
        offer=offer,
        related=related,
    )


def _ordered(items: list[ItemWords], link: str) -> OrderWords:
    return OrderWords(
        id="1001",
        items=items,
        value="60",
        link=link,
        carrier="La Poste",
        tracking=link,
        tracking_number="LP1",
        expected="23:59",
        payment=link,
        payment_code="P1",
        payment_due="23:59",
    )


def _samples() -> Iterator[dict[str, Any]]:
    """Make up what messages are about: with a name, an order, related items and without, each kind of offer."""
    cart = CartWords(items=[ItemWords(name="Teapot", quantity=1, price="40")], value="40", link="https://example.com")
    kinds = ("", *get_args(Offer.model_fields["kind"].annotation))
    bought = RelatedWords(name="Cup", price="10")
    for related, kind, code, name in product(([], [bought, bought]), kinds, ("", "CODE"), ("", "Ann")):
        order = _ordered(cart.items, cart.link) if name else OrderWords()
        offer = OfferWords(kind=kind, code=code) if kind else OfferWords()
        yield Context(
            shop=ShopWords(name="Shop"),
            customer=CustomerWords(first_name=name),
            cart=cart,
            order=order,
            task=TaskWords(text=name),
            viewed=ViewedWords(name="Teapot", price="40") if name else ViewedWords(),
            offer=offer,
            related=related,
        ).model_dump()


_SAMPLES = tuple(_samples())
