"""What a look brings back: the facts a journey may decide by. They stay in Temporal's history, so none is personal."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from journeys.rfm import Rfm
from journeys.segment_table import table

CUSTOMER_FIELDS = frozenset({"country", "language", "timezone"})
"""The customer fields that a branch may ask. Contact data is not among them: a history would keep it."""


class Segment(StrEnum):
    """What kind of buyer a person is. ``segments.yaml`` says who is in which; the live ones come first."""

    PROSPECT = "prospect"
    CUSTOMER = "customer"
    SERIAL_ABANDONER = "serial_abandoner"
    BUYER = "buyer"
    BROWSER = "browser"
    COMPARING = "comparing"
    LOYAL = "loyal"
    LAPSING = "lapsing"


LIVE = frozenset({Segment.PROSPECT, Segment.CUSTOMER, Segment.SERIAL_ABANDONER})
"""Those that are asked anew at each decision. The others are kept, and may be some seconds old."""


class Medium(StrEnum):
    """What a person consents to, and what caps and quiet hours are for: how a message is felt, however it travels."""

    SMS = "sms"
    EMAIL = "email"
    PUSH = "push"
    VOICE = "voice"
    WHATSAPP = "whatsapp"
    ON_SITE = "on_site"


UNASKED = frozenset({Medium.ON_SITE})
"""The media that need no yes, and must not have met a no: a page of the shop itself says it to whoever looks at it."""


class Channel(StrEnum):
    """A way to reach a person. Each has its own providers and its own task queue."""

    SMS = "sms"
    MMS = "mms"
    RCS = "rcs"
    WHATSAPP = "whatsapp"
    EMAIL = "email"
    WEB_PUSH = "web_push"
    APP_PUSH = "app_push"
    VOICE = "voice"
    ON_SITE = "on_site"

    @property
    def medium(self) -> Medium:
        """What a message by this channel counts as: pictures make no other thing of an SMS."""
        return _MEDIA[self]


_MEDIA = {
    Channel.SMS: Medium.SMS,
    Channel.MMS: Medium.SMS,
    Channel.RCS: Medium.SMS,
    Channel.WHATSAPP: Medium.WHATSAPP,
    Channel.EMAIL: Medium.EMAIL,
    Channel.WEB_PUSH: Medium.PUSH,
    Channel.APP_PUSH: Medium.PUSH,
    Channel.VOICE: Medium.VOICE,
    Channel.ON_SITE: Medium.ON_SITE,
}


class Purpose(StrEnum):
    """Why a message is sent; consent is kept for each channel and purpose."""

    TRANSACTIONAL = "transactional"
    SERVICE = "service"
    MARKETING = "marketing"


class Moment(StrEnum):
    """A moment of an order that the shop tells, and that a plan may wait for."""

    COMPLETED = "order.completed"
    PAYMENT_DUE = "order.payment_due"
    SHIPPED = "order.shipped"
    EXPECTED = "order.expected"
    DELIVERED = "order.delivered"

    @property
    def words(self) -> str:
        """What happens then, to be read after ``when``, ``until``, ``before`` and ``after``."""
        return _MOMENTS[self]


_MOMENTS = {
    Moment.COMPLETED: "the order was completed",
    Moment.PAYMENT_DUE: "the payment is due",
    Moment.SHIPPED: "the order was shipped",
    Moment.EXPECTED: "the order is expected",
    Moment.DELIVERED: "the order was delivered",
}


class Answered(BaseModel):
    """What was answered to a question. Words that a person chose themselves are not among it.

    Attributes:
        score: from 0 to 10.
        choice: the name of the option.
        yes: yes or no.
        unclear: it could not be read as what was asked for. All empty: it was any text.

    """

    model_config = ConfigDict(frozen=True)

    score: int | None = None
    choice: str | None = None
    yes: bool | None = None
    unclear: bool = False


class Out(BaseModel):
    """A message that went out by one channel: when, and whether it is known to have arrived."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    delivered: bool


class Reach(BaseModel):
    """The channels that may be used now, in no order, and those that may be used from a moment on."""

    model_config = ConfigDict(frozen=True)

    usable: tuple[Channel, ...] = ()
    later: dict[Channel, datetime] = {}


class Facts(BaseModel):
    """What one look found.

    Attributes:
        shop_time: the shop's clock at the look; it differs from the server's in a rehearsal only.
        early: in a rehearsal, the recording has not come to the moment of the look; nothing else here counts then.
        outcome: how the journey ended, if Postgres says that it did; then ``reason`` says why.
        paused_at: since when the journey is paused, if it is.
        last_activity: the person's last page or track event on any device.
        segments: all that the person is in, the live ones first.
        rfm: the person's scores; None for whoever has not ordered, and in a shop with fewer than five customers.
        usable: the channels that the gate would allow now for the plan's purpose, each by name.
        later: those that it would allow at a later moment.
        answering: the same of sends that answer what the person has just said, by step.
        out: what went out already, by step and channel.
        order_value: what the order came to, of a journey about one; ``order_currency`` in which currency.
        orders: how many the person has completed.
        moments: those of the order that are known.
        zone: the time zone in which the person most likely is.
        events: how often happened what the plan asks for, by ``EventCount.key``.
        variants: which variant of each split is the customer's.
        labels: what plans have put on the customer.
        replies: what was answered, by the step that asked.
        tasks: open, done or expired, by the step that opened it.
        open_cart: whether the person has a cart with something in it.
        running: the plans of the person's other journeys that run.
        consented: the media by which the person agrees to marketing.
        consented_before: those by which they did until the event came that would let them in; a running journey's look
            does not ask it.
        agreed: the media by which they have said yes, by purpose.

    """

    model_config = ConfigDict(frozen=True)

    shop_time: datetime
    early: bool = False
    outcome: str | None = None
    reason: str | None = None
    paused_at: datetime | None = None
    last_activity: datetime
    cart_value: Decimal = Decimal(0)
    currency: str | None = None
    cart_categories: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    rfm: Rfm | None = None
    customer: dict[str, str] = {}
    usable: tuple[Channel, ...] = ()
    later: dict[Channel, datetime] = {}
    answering: dict[str, Reach] = {}
    out: dict[str, dict[Channel, Out]] = {}
    order_value: Decimal | None = None
    order_currency: str | None = None
    orders: int = 0
    moments: dict[Moment, datetime] = {}
    zone: str | None = None
    events: dict[str, int] = {}
    variants: dict[str, str] = {}
    labels: dict[str, str] = {}
    replies: dict[str, Answered] = {}
    tasks: dict[str, str] = {}
    open_cart: bool = False
    running: tuple[str, ...] = ()
    consented: tuple[Medium, ...] = ()
    consented_before: tuple[Medium, ...] = ()
    agreed: dict[Purpose, tuple[Medium, ...]] = {}

    def reach(self, step: str) -> Reach:
        """Give the channels by which a step's message may go out."""
        return self.answering.get(step) or Reach(usable=self.usable, later=self.later)


SERIAL_ABANDONED_CARTS, _SERIAL_WINDOW = table().serial
SERIAL_WINDOW_DAYS = _SERIAL_WINDOW.days


def segments(*, orders: int, abandoned_carts: int) -> tuple[Segment, ...]:
    """Name the live segments of a person.

    Args:
        orders: how many orders the person has completed.
        abandoned_carts: how many carts of the last ``SERIAL_WINDOW_DAYS`` hold items and were not ordered, this one
            included.

    """
    buyer = Segment.CUSTOMER if orders else Segment.PROSPECT
    return (buyer, Segment.SERIAL_ABANDONER) if abandoned_carts >= SERIAL_ABANDONED_CARTS else (buyer,)
