"""What agents read of tasks: one plain mail of all that is new to them. Nothing in it is Liquid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import indent

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from messages.render import one_line

IN_FULL = 20
"""So many tasks of a kind are told with their story and their draft; of the others their title, so that it is read."""
_BODY = '{"by": "…", "text": "…"}'


class Words(BaseModel):
    """What is said in one language.

    Attributes:
        counts: beside the numbers in the subject.
        headings: above the tasks of each kind.
        facts: the names of what is told.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str
    counts: Mapping[str, str]
    headings: Mapping[str, str]
    more: str
    until: str
    done_by: str
    all: str
    states: Mapping[str, str]
    fact: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """A task, as a mail tells of it.

    Attributes:
        until: when it is due, written out.
        state: one of ``Words.states``.
        facts: what is told beside it: names of ``Words.facts``, and the words.
        draft: words to begin with.

    """

    task_id: str
    title: str
    until: str
    state: str
    facts: Sequence[tuple[str, str]] = ()
    draft: str | None = None


@dataclass(frozen=True)
class Digest:
    """What one mail tells, of a shop: ``opened``, ``escalated`` and ``over`` with the tasks of each."""

    shop: str
    shop_name: str
    tasks: Mapping[str, Sequence[Entry]]


@cache
def words(language: str) -> Words:
    """Give what is said in a language of Relance."""
    text = Path(__file__).with_name("tasks.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Words]).validate_python(yaml.safe_load(text))[language]


def subject(digest: Digest, language: str) -> str:
    """Write the subject: how many tasks of each kind."""
    said = words(language)
    counts = [f"{said.counts[kind]} {len(told)}" for kind in said.headings if (told := digest.tasks[kind])]
    return one_line(f"{said.subject.format(shop=digest.shop_name)} ({', '.join(counts)})")


def text(digest: Digest, language: str, public_url: str) -> str:
    """Write the mail. What people and shops wrote stays on its own lines."""
    said = words(language)
    blocks = [block for kind in said.headings for block in _kind(said, digest, kind, public_url)]
    every = (
        f"{said.all}\n  relance tasks list --shop {digest.shop} --state open\n  GET {public_url}/v1/tasks?state=open"
    )
    return "\n\n".join([*blocks, every]) + "\n"


def _kind(said: Words, digest: Digest, kind: str, public_url: str) -> Iterator[str]:
    told = digest.tasks[kind]
    if not told:
        return
    yield f"{said.headings[kind].upper()} ({len(told)})"
    if kind == "over":
        yield "\n".join(f"- {_line(said, entry)}: {said.states[entry.state]}" for entry in told)
        return
    for number, entry in enumerate(told[:IN_FULL], start=1):
        yield f"{number}. {_whole(said, entry, public_url)}"
    if others := told[IN_FULL:]:
        lines = "\n".join(f"- {_line(said, entry)}, {said.until.format(moment=entry.until)}" for entry in others)
        yield f"{said.more.format(count=len(others))}\n{lines}"


def _line(said: Words, entry: Entry) -> str:
    customer = next((value for name, value in entry.facts if name == "customer"), "")
    return f"{one_line(entry.title)} ({entry.task_id}; {_fact(said, 'customer', customer)})"


def _fact(said: Words, name: str, value: str) -> str:
    return said.fact.format(name=said.facts[name], value=one_line(value)).rstrip()


def _whole(said: Words, entry: Entry, public_url: str) -> str:
    facts = [_fact(said, name, value) for name, value in entry.facts]
    if entry.draft is not None:
        facts += [_fact(said, "draft", ""), indent(entry.draft, "| ", lambda _: True)]
    url = f"{public_url}/v1/tasks/{entry.task_id}/complete"
    how = said.done_by.format(url=url, body=_BODY)
    command = f"  relance tasks complete {entry.task_id} --by … --text -"
    head = f"{one_line(entry.title)}, {said.until.format(moment=entry.until)}"
    return "\n".join([head, *(indent(line, "   ", lambda _: True) for line in [*facts, how, command])])
