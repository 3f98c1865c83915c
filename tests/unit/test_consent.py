"""What a person who was told of under several ids consents to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.consent import Join, Word, effective

START = datetime(2026, 3, 1, tzinfo=UTC)
SMS = ("sms", "marketing")


def word(told_by: str, minute: int, *, granted: bool) -> Word:
    at = START + timedelta(minutes=minute)
    return Word(
        told_by=told_by,
        channel="sms",
        purpose="marketing",
        granted=granted,
        wording=None,
        at=at,
        message_id=f"{told_by}-{minute}",
    )


def yes(told_by: str, minute: int) -> Word:
    return word(told_by, minute, granted=True)


def no(told_by: str, minute: int) -> Word:
    return word(told_by, minute, granted=False)


def join(alias: str, person: str, minute: int) -> Join:
    return Join(alias_id=alias, linked_to=person, at=START + timedelta(minutes=minute))


@pytest.mark.parametrize(
    ("words", "joins", "granted"),
    [
        pytest.param([yes("ann", 1)], [], True, id="one id"),
        pytest.param([yes("v", 1)], [join("v", "ann", 2)], True, id="only the visitor said something"),
        pytest.param([no("v", 1), yes("ann", 2)], [join("v", "ann", 3)], False, id="the stricter before the join"),
        pytest.param([no("ann", 1), yes("v", 2)], [join("v", "ann", 3)], False, id="whoever said it"),
        pytest.param([no("v", 1), yes("ann", 4)], [join("v", "ann", 3)], True, id="after it the newest counts"),
        pytest.param([no("ann", 1), yes("v", 4)], [join("v", "ann", 3)], True, id="under whichever id it is said"),
        pytest.param([no("v", 1), yes("ann", 3)], [join("v", "ann", 3)], True, id="in its moment as well"),
        pytest.param(
            [no("v", 1), yes("ann", 3), yes("eve", 4)],
            [join("v", "ann", 2), join("eve", "ann", 5)],
            True,
            id="each of two who are joined later said yes last",
        ),
        pytest.param(
            [yes("v", 1), yes("ann", 3), no("eve", 4)],
            [join("v", "ann", 2), join("eve", "ann", 5)],
            False,
            id="one of two who are joined later said no",
        ),
    ],
)
def test_the_stricter_word_counts_until_something_new_is_said(
    words: list[Word],
    joins: list[Join],
    granted: bool,  # noqa: FBT001 the expected answer
) -> None:
    assert effective(words, joins)[SMS].granted is granted


WORDS = st.builds(word, st.sampled_from(["ann", "v-1", "v-2"]), st.integers(0, 9), granted=st.booleans())


@given(words=st.lists(WORDS, max_size=3, unique_by=lambda said: said.told_by))
def test_the_order_in_which_words_and_joins_come_in_does_not_matter(words: list[Word]) -> None:
    joins = [join("v-1", "ann", 3), join("v-2", "ann", 6)]
    answers = [effective(some, others) for some in permutations(words) for others in permutations(joins)]
    assert all(answer == answers[0] for answer in answers)


@given(words=st.lists(WORDS, max_size=3, unique_by=lambda said: said.told_by))
def test_a_join_after_the_last_word_never_turns_a_no_into_a_yes(words: list[Word]) -> None:
    joined = effective(words, [join("v-1", "ann", 10), join("v-2", "ann", 11)])
    assert all(joined[SMS].granted is False for said in words if not said.granted)
