"""What a message says by each channel: Liquid sources, each under the name that the channel knows it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from journeys.facts import Channel

Source = Annotated[str, Field(min_length=1)]
"""A Liquid template."""
Template = Mapping[str, str]
"""The sources of a message, by name; ``text`` is among them but in some e-mails."""


PARAMETER = "parameters."
"""What the names of a template's parameters begin with; their number follows, from 0."""


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Source

    @property
    def sources(self) -> Template:
        """What there is to render."""
        return {name: source for name, source in self if isinstance(source, str)}


class SmsWords(_Words):
    """An SMS."""


class RichWords(_Words):
    """A message with pictures of what lies in the cart, by MMS or RCS."""

    title: Source
    button: Source | None = None


class WhatsappWords(_Words):
    """A WhatsApp message. Out of the blue WhatsApp takes only what it has approved: ``template`` names that.

    Attributes:
        parameters: what is filled into the template, in its order.

    """

    button: Source | None = None
    template: Source | None = None
    parameters: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _parameters_belong_to_a_template(self) -> Self:
        if self.parameters and self.template is None:
            raise ValueError("parameters need the template that they are filled into")
        return self

    @property
    def sources(self) -> Template:
        """What there is to render; each parameter has its number in its name."""
        return {**super().sources, **{f"{PARAMETER}{n}": source for n, source in enumerate(self.parameters)}}


class EmailWords(BaseModel):
    """An e-mail: plain ``text``; or an ``intro``, what lies in the cart, a ``closing`` and a ``button``; or ``mjml``.

    Attributes:
        preheader: what a mailbox shows beside the subject.
        intro: the paragraphs before the items, with empty lines between them.
        closing: the paragraphs after the items.
        button: what is written on the button that leads to what the mail is about: the cart, the order, the product.
        link: another address that the button leads to. Where it comes out empty, there is no button.
        mjml: a whole mail, where the layout that comes along is not wanted.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: Source
    preheader: Source | None = None
    text: Source | None = None
    intro: Source | None = None
    closing: Source | None = None
    button: Source | None = None
    link: Source | None = None
    mjml: Source | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> EmailWords:
        if sum(form is not None for form in (self.text, self.intro, self.mjml)) != 1:
            raise ValueError("give one of text, intro, mjml")
        return self

    @model_validator(mode="after")
    def _link_belongs_to_a_button(self) -> EmailWords:
        if self.link is not None and (self.button is None or self.intro is None):
            raise ValueError("a link needs the button that leads to it, under an intro")
        return self

    @property
    def sources(self) -> Template:
        """What there is to render."""
        return {name: source for name, source in self if isinstance(source, str)}


class PushWords(_Words):
    """A notification of a browser or an app."""

    title: Source


class OnSiteWords(_Words):
    """A card on the shop's own pages."""

    title: Source
    button: Source


class VoiceWords(_Words):
    """What a voice says on the telephone."""


class Message(BaseModel):
    """A message, as each channel says it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sms: SmsWords | None = None
    rich: RichWords | None = None
    whatsapp: WhatsappWords | None = None
    email: EmailWords | None = None
    push: PushWords | None = None
    voice: VoiceWords | None = None
    on_site: OnSiteWords | None = None

    def by(self, channel: Channel) -> Template | None:
        """Give what is said by a channel; None where nothing is."""
        words: _Words | EmailWords | None = getattr(self, _FIELDS.get(channel, channel))
        return words.sources if words else None


_FIELDS = {Channel.MMS: "rich", Channel.RCS: "rich", Channel.WEB_PUSH: "push", Channel.APP_PUSH: "push"}
"""Where several channels say the same."""
