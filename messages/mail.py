"""E-mails: one source, of which the HTML part and the text part are made.

Data is escaped in the HTML part, always: it can add no tag, no attribute, and no address but of the web.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import mjml
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from liquid.exceptions import LiquidError
from markupsafe import Markup, escape

from messages import render
from messages.related import WORDS
from messages.render import Context, ItemWords, RelatedWords, RenderError
from messages.words import Template

_PARAGRAPHS = re.compile(r"\n\s*\n")
_AMOUNT = re.compile(r"(?<=[0-9]) (?=[€£$])|(?<=[€£$]) (?=[0-9])")
"""The space in an amount such as ``5,00 €``, at which no line may end."""
_PAGE = re.compile(r'https?://[^\s<>"\\]+')
_FOOTERS = {
    "fr": ("Vous recevez ce message car vous l'avez accepté ou êtes client chez nous.", "Ne plus en recevoir"),
    "it": ("Ricevi questo messaggio perché lo hai accettato o sei nostro cliente.", "Non riceverne più"),
    "pt": ("Enviamos esta mensagem porque a aceitou ou é nosso cliente.", "Não receber mais"),
    "en": ("You get this because you agreed to it or are a customer of ours.", "Stop these messages"),
}
"""Why the person gets it, and how they stop it, by language."""
MAIL_VARIABLES = ("unsubscribe", "stop")
"""What a mail's own MJML may use beside the context: the address that ends such mails, and the words for it."""
_LINKS_SHOWN = ParserConfig(display_links=True)


def compose(template: Template, context: Context, language: str, unsubscribe: str | None) -> dict[str, str]:
    """Make a mail: ``subject``, ``text`` and, unless the message is plain text, ``html``.

    Args:
        template: the sources of ``EmailWords``.
        context: what they are about.
        language: of the footer.
        unsubscribe: where the person stops such mails; None for what is no marketing.

    Raises:
        RenderError: a variable is missing, a limit is reached, or the MJML is not whole.

    """
    said = render.render({name: source for name, source in template.items() if name != "mjml"}, context)
    why, stop = _FOOTERS[language] if unsubscribe else ("", "")
    if "text" in said:
        return {"subject": said["subject"], "text": _joined(said["text"], _stop(why, stop, unsubscribe))}
    if "mjml" in template:
        html = _html(template["mjml"], {**context.model_dump(), "unsubscribe": unsubscribe or "", "stop": stop})
        return {"subject": said["subject"], "html": html, "text": get_text(html, _LINKS_SHOWN).strip()}
    link = _link(said, context)
    button = said.get("button", "") if link else ""
    values = {
        **context.model_dump(),
        "shown": context.shown.model_dump(),
        "language": language,
        "subject": said["subject"],
        "preheader": said.get("preheader", ""),
        "intro": _paragraphs(said.get("intro", "")),
        "closing": _paragraphs(said.get("closing", "")),
        "button": button,
        "link": link,
        "heading": WORDS[language].heading,
        "footer": {"why": why, "stop": stop, "link": unsubscribe or ""},
    }
    related = _related(WORDS[language].heading, context.related)
    way = f"{button}\n{link}" if button else ""
    text = _text(said, context, way, related, _stop(why, stop, unsubscribe))
    return {"subject": said["subject"], "html": _html(_layout(), values), "text": text}


def _html(source: str, values: dict[str, object]) -> str:
    try:
        return mjml.mjml2html(render.parse_html(source).render(**values))
    except (LiquidError, ValueError) as error:
        raise RenderError(f"template error: {type(error).__name__}") from None


def page_address(value: str) -> str:
    """Keep the address of a page, with all that a cart's link may have in it; anything else becomes nothing."""
    return value if _PAGE.fullmatch(value) else ""


def _link(said: Template, context: Context) -> str:
    """Give the address that the button leads to; where it is empty there is no button."""
    return page_address(said["link"]) if "link" in said else context.shown.link


def _text(said: Template, context: Context, way: str, related: str, stop: str) -> str:
    items = "\n".join(_line(item) for item in context.shown.items)
    intro, closing = (_PARAGRAPHS.sub("\n\n", said.get(part, "")) for part in ("intro", "closing"))
    return _joined(intro, items, closing, way, related, context.shop.name, stop)


def _line(item: ItemWords) -> str:
    return f"- {item.quantity} x {item.name}, {item.price}" if item.price else f"- {item.name}"


def _related(heading: str, items: list[RelatedWords]) -> str:
    lines = ["\n".join(filter(None, (f"- {item.name}, {item.price}", item.link))) for item in items]
    return "\n".join([heading, *lines]) if lines else ""


def _stop(why: str, stop: str, link: str | None) -> str:
    return f"{why}\n{stop}\n{link}" if link else ""


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _paragraphs(text: str) -> list[Markup]:
    """Split a text into its paragraphs; what is data in it was rendered already, so all of it is escaped."""
    together = _AMOUNT.sub("\u00a0", text)
    return [Markup("<br />").join(map(escape, part.splitlines())) for part in _PARAGRAPHS.split(together) if part]


@cache
def _layout() -> str:
    return resources.files("messages").joinpath("layouts/email.mjml").read_text()
