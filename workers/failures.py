"""What it means that Temporal could not be told: the row's own fault, too much at once, or an outage."""

from __future__ import annotations

from enum import Enum

from pydantic import ValidationError
from temporalio.service import RPCError, RPCStatusCode


class UnknownSignalError(LookupError):
    """A row names a signal that no journey hears."""


class Failure(Enum):
    """What a failure means for the row, and for those beside it."""

    AWAY = "Temporal does not answer, or is not set up for us: no row can be delivered"
    BUSY = "Temporal pushes back: fewer at once"
    POISON = "this row can never be delivered as it is"
    OURS = "our own side fails at this row, wherever Temporal is; perhaps not the next time"
    UNKNOWN = "Temporal answers what nobody knows; the row is to blame if it takes others"


_AWAY = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    # This is how the client says that its own time was up.
    RPCStatusCode.CANCELLED,
    # The namespace is missing, or the key may not use it.
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
}


def judge(error: Exception) -> Failure:
    """Tell what a failure means."""
    match error:
        case UnknownSignalError() | ValidationError():
            return Failure.POISON
        case RPCError():
            return _judge_answer(error)
        case RuntimeError() if str(error).startswith("Failed client connect"):
            return Failure.AWAY
        case RuntimeError():
            # The SDK's core has no other error.
            return Failure.UNKNOWN
    return Failure.OURS


def _judge_answer(error: RPCError) -> Failure:
    if error.status in _AWAY:
        return Failure.AWAY
    if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
        # gRPC itself has no other word for a message that is too large.
        return Failure.POISON if "larger than max" in error.message else Failure.BUSY
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        # The search attributes are the same for every row: where one is missing, the namespace is not set up.
        return Failure.AWAY if "search attribute" in error.message else Failure.POISON
    return Failure.UNKNOWN


def reason(error: Exception) -> str:
    """Tell the reason to whoever mends it; it names no person, for Temporal knows none and no value is quoted."""
    match error:
        case UnknownSignalError():
            return str(error)
        case ValidationError():
            found = error.errors(include_input=False, include_context=False, include_url=False)
            fields = (f"{'.'.join(map(str, e['loc'])) or 'payload'} ({e['type']})" for e in found)
            return f"not a valid {error.title}: {', '.join(fields)}"
        case RPCError():
            return f"Temporal says {error.status.name}: {error.message[:200]}"
    return type(error).__name__
