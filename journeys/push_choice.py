"""Which push goes first: the app's or the browser's. Never both at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from journeys.facts import Channel

APP_SEEN_WITHIN = timedelta(days=14)
"""An app that was opened within this time is still there, and looked at."""
OTHER_AFTER = timedelta(hours=1)
"""The other one goes only where the first is not told to be delivered within this time."""


def order(app_seen_at: datetime | None, *, browser: bool, at: datetime) -> tuple[Channel, ...]:
    """Tell by which push the person is reached first, and by which one then.

    Args:
        app_seen_at: when the shop's app was last heard of on a device of the person; None where there is none.
        browser: whether a browser of theirs takes pushes.
        at: the moment of the decision.

    Returns:
        None, one or both of ``APP_PUSH`` and ``WEB_PUSH``. The second may go ``OTHER_AFTER`` the first.

    """
    if app_seen_at is None:
        return (Channel.WEB_PUSH,) if browser else ()
    if not browser:
        return (Channel.APP_PUSH,)
    if at - app_seen_at <= APP_SEEN_WITHIN:
        return (Channel.APP_PUSH, Channel.WEB_PUSH)
    return (Channel.WEB_PUSH, Channel.APP_PUSH)
