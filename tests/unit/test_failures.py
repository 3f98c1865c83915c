"""What the relay makes of a failure. The words of Temporal's answers are those of server 1.32."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from temporalio.service import RPCError, RPCStatusCode

from journeys.signals import CheckoutCompleted
from workers.failures import Failure, UnknownSignalError, judge, reason

Status = RPCStatusCode


def invalid(payload: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        CheckoutCompleted.model_validate(payload)
    return caught.value


@pytest.mark.parametrize(
    ("status", "message", "failure"),
    [
        # Nobody answers.
        (Status.UNAVAILABLE, "tcp connect error", Failure.AWAY),
        (Status.DEADLINE_EXCEEDED, "context deadline exceeded", Failure.AWAY),
        (Status.CANCELLED, "Timeout expired", Failure.AWAY),
        # It is not set up, or not for us: the same for every row.
        (Status.NOT_FOUND, "Namespace nope is not found.", Failure.AWAY),
        (Status.PERMISSION_DENIED, "Request unauthorized.", Failure.AWAY),
        (Status.UNAUTHENTICATED, "invalid API key", Failure.AWAY),
        (
            Status.INVALID_ARGUMENT,
            "Namespace default has no mapping defined for search attribute RelanceKey",
            Failure.AWAY,
        ),
        # It is too much at once.
        (Status.RESOURCE_EXHAUSTED, "namespace rate limit exceeded", Failure.BUSY),
        # The row itself.
        (
            Status.RESOURCE_EXHAUSTED,
            "grpc: received message after decompression larger than max 4194304",
            Failure.POISON,
        ),
        (Status.INVALID_ARGUMENT, "Blob data size exceeds limit.", Failure.POISON),
        # Nobody can say.
        (Status.INTERNAL, "unexpected HTTP status", Failure.UNKNOWN),
        (Status.UNKNOWN, "grpc-status header missing", Failure.UNKNOWN),
    ],
)
def test_an_answer_of_temporal_means(status: RPCStatusCode, message: str, failure: Failure) -> None:
    error = RPCError(message, status, b"")
    assert judge(error) is failure
    assert reason(error) == f"Temporal says {status.name}: {message}"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (RuntimeError("Failed client connect: Server connection error"), Failure.AWAY),
        (RuntimeError("something else"), Failure.UNKNOWN),
        (UnknownSignalError("no journey hears a signal 'x'"), Failure.POISON),
        (ValueError("out of range"), Failure.OURS),
        (TypeError("unsupported operand"), Failure.OURS),
    ],
)
def test_an_error_of_our_side_means(error: Exception, failure: Failure) -> None:
    assert judge(error) is failure


def test_the_reason_of_a_payload_that_does_not_validate_names_its_fields_and_quotes_no_value() -> None:
    error = invalid({"at": "ann@example.com"})
    assert judge(error) is Failure.POISON
    assert reason(error) == "not a valid CheckoutCompleted: at (datetime_from_date_parsing), order_id (missing)"
    assert reason(invalid("ann@example.com")) == "not a valid CheckoutCompleted: payload (model_type)"


def test_an_error_that_nobody_foresaw_is_told_by_its_kind_alone() -> None:
    assert reason(ValueError("ann@example.com")) == "ValueError"
