"""Logging by the standard library: JSON lines or a short console form; secrets masked."""

import json
import logging
import re
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from urllib.parse import quote

from config.visible import one_line

OWN_FIELDS = ("execution_id", "workflow", "step", "trace_id", "fields")
SHORTEST_SECRET = 4
"""Shorter values are not masked: that would blot out ordinary text."""
REPEAT_SECONDS = 10.0
"""How long the same line of a client is not written again."""
MOST_REMEMBERED = 1_000
CLIENTS = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
)


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in OWN_FIELDS:
            value = getattr(record, name, None)
            if value:
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """Time, level, logger and message, with what a workflow said beside it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        text = f"{at} {record.levelname:<7} {record.name}: {one_line(record.getMessage())}"
        about = getattr(record, "execution_id", None)
        if about:
            text += f" [{getattr(record, 'workflow', '')} {about}]"
        fields = getattr(record, "fields", None)
        if fields:
            text += f" {json.dumps(fields, default=str, ensure_ascii=False)}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class Masked(logging.Formatter):
    """Another formatter's lines, with secrets masked wherever they stand: also in tracebacks."""

    def __init__(self, lines: logging.Formatter, secrets: Collection[str]) -> None:
        super().__init__()
        self._lines = lines
        shapes = {shape for value in secrets for shape in _shapes(value)}
        longest_first = sorted(shapes, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self._pattern.sub("***", self._lines.format(record))


class Once(logging.Filter):
    """Lets a line through that was not written a moment ago: clients repeat theirs at each try."""

    def __init__(self, seconds: float = REPEAT_SECONDS) -> None:
        super().__init__()
        self._seconds = seconds
        self._written: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line is new."""
        said = record.name, record.getMessage()
        if record.created < self._written.get(said, 0.0):
            return False
        if len(self._written) >= MOST_REMEMBERED:
            self._written.clear()
        self._written[said] = record.created + self._seconds
        return True


def _shapes(secret: str) -> set[str]:
    """Return a secret as it may stand in a line: plain, in JSON, in a URL; short ones pass."""
    if len(secret) < SHORTEST_SECRET:
        return set()
    return {secret, json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe="")}


def configure_logging(level: str, form: str, secrets: Collection[str] = ()) -> None:
    """Send everything to standard error in one form."""
    handler = logging.StreamHandler()
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    lines = JsonFormatter() if as_json else ConsoleFormatter()
    handler.setFormatter(Masked(lines, secrets) if secrets else lines)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    once = Once()
    for client in CLIENTS:
        logging.getLogger(client).filters[:] = [once]
    for noisy in ("aiokafka", "kafka", "sluicegate.librdkafka", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
