"""Logging: structured lines on standard error, ids only."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from types import TracebackType

import structlog

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def wordless(error: BaseException | None) -> str:
    """Tell where an error came from and of what kind it is, but not its text: that may quote a row or an address."""
    kinds = []
    while error is not None:
        kinds.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
        error = error.__cause__ or error.__context__
    return "\nafter ".join(kinds)


class _Wordless(logging.Formatter):
    """Formats the lines of libraries, which log whole errors."""

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 logging's own name
        return wordless(ei[1])


def set_up(level: str) -> None:
    """Send log lines to standard error: for people in a terminal, as JSON otherwise."""
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    # Temporal's SDK says so where a local activity has ended just as it was given up: nothing is amiss.
    warnings.filterwarnings("ignore", "Cannot find activity to cancel", UserWarning)
    library = logging.StreamHandler(sys.stderr)
    library.setFormatter(_Wordless("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[library])
