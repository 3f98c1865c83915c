"""What a plan says: its messages, for each language and channel."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import PurePath
from typing import Annotated, Any, get_args

from liquid.exceptions import LiquidError
from pydantic import BaseModel, ConfigDict, Field, RootModel

from journeys import yamlfile
from journeys.facts import Channel
from journeys.offers import Offer
from journeys.plan import Plan
from journeys.problems import Problem
from journeys.steps import First, Send
from journeys.yamlfile import FileError
from messages.locale import LANGUAGES
from messages.render import (
    CartWords,
    Context,
    CustomerWords,
    ItemWords,
    OfferWords,
    ShopWords,
    Template,
    parse,
    unknown_variables,
)

Words = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SmsWords(_Strict):
    """An SMS."""

    text: Words


class EmailWords(_Strict):
    """An e-mail."""

    subject: Words
    text: Words


class Message(_Strict):
    """A message, as each channel says it."""

    sms: SmsWords | None = None
    email: EmailWords | None = None


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

    def _template(self, message: str, channel: Channel, language: str) -> Template | None:
        words = self.languages.get(language, {}).get(message)
        said = getattr(words, channel, None)
        return Template(said.text, getattr(said, "subject", None)) if said else None


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
    """Tell what the plan's sends lack: languages, channels, known variables, templates that can be rendered."""
    return [problem for step in plan.sends for problem in _check_send(catalog, step)]


def _check_send(catalog: Catalog, step: Send) -> Iterator[str]:
    channels = step.send.channels
    for language in LANGUAGES:
        for channel in channels.first if isinstance(channels, First) else channels.all:
            where = f"step {step.id}: message '{step.send.message}' in {language} for {channel}"
            template = catalog._template(step.send.message, channel, language)  # noqa: SLF001 the same module
            if template is None:
                yield f"{where} is missing"
                continue
            yield from (f"{where} {problem}" for problem in _check_template(template))


def _check_template(template: Template) -> Iterator[str]:
    for source in filter(None, (template.subject, template.text)):
        try:
            parsed = parse(source)
            unknown = unknown_variables(parsed)
            yield from (f"uses '{name}', which no message has" for name in unknown)
            for sample in () if unknown else _SAMPLES:
                parsed.render(**sample)
        except LiquidError as error:
            yield f"cannot be rendered: {str(error).splitlines()[0]}"


def _samples() -> Iterator[dict[str, Any]]:
    """Make up what messages are about: with and without a name, each kind of offer and none."""
    cart = CartWords(items=[ItemWords(name="Teapot", quantity=1, price="40")], value="40", link="https://example.com")
    for kind, code, name in product(("", *get_args(Offer.model_fields["kind"].annotation)), ("", "CODE"), ("", "Ann")):
        offer = OfferWords(kind=kind, code=code) if kind else OfferWords()
        yield Context(
            shop=ShopWords(name="Shop"), customer=CustomerWords(first_name=name), cart=cart, offer=offer
        ).model_dump()


_SAMPLES = tuple(_samples())
