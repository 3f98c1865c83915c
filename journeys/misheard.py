"""What people may say for an option of a question, and what is heard as something else. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from journeys.replies import number_of, phrases
from journeys.saying import Question
from journeys.words import Word, word_of


def misheard(question: Question) -> Iterator[str]:
    """Tell which words for an option are never heard as that option, each in a sentence."""
    yield from _opt_outs(question)
    for said, meant in phrases(question.options, question.words).items():
        if len(meant) > 1:
            both = " and ".join(sorted(meant))
            yield f"words: '{said}' stands for {both}, and is understood as neither; leave it to one of them"
        elif (option := _numbered(question, said)) and option not in meant:
            yield f"words: '{said}' stands for {min(meant)}, and is the number of {option}; say it otherwise"


def _opt_outs(question: Question) -> Iterator[str]:
    for option in dict.fromkeys(question.options):
        if word_of(option) is Word.STOP:
            yield f"options: whoever answers '{option}' is sent nothing more, and has not answered; name it otherwise"
        for word in question.words.get(option, ()):
            if word_of(word) is Word.STOP:
                yield f"words: whoever says '{word}' for {option} is sent nothing more, and has not answered; drop it"


def _numbered(question: Question, said: str) -> str | None:
    """Give the option whose number something is."""
    number = number_of(said)
    return question.options[number - 1] if number and number <= len(question.options) else None
