"""How much a channel's providers take at most, in characters; what is longer would be refused, so no plan has it."""

from __future__ import annotations

from journeys.facts import Channel

LONGEST = {Channel.SMS: 1600, Channel.MMS: 1600, Channel.VOICE: 1400, Channel.ON_SITE: 500}
"""By the specifications of Twilio (``Body``) and Infobip (``text`` of a voice message); on a page it is a card's."""
