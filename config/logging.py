"""Logging by the standard library: JSON lines or a short console form; secrets masked."""

import json
import logging
import sys
from collections.abc import Collection
from datetime import UTC, datetime

OWN_FIELDS = ("execution_id", "workflow", "step", "trace_id", "fields")


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
        text = f"{at} {record.levelname:<7} {record.name}: {record.getMessage()}"
        about = getattr(record, "execution_id", None)
        if about:
            text += f" [{getattr(record, 'workflow', '')} {about}]"
        fields = getattr(record, "fields", None)
        if fields:
            text += f" {json.dumps(fields, default=str, ensure_ascii=False)}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class MaskSecrets(logging.Filter):
    """Replaces the values of secrets in what is logged."""

    def __init__(self, values: Collection[str]) -> None:
        super().__init__()
        self._values = sorted((value for value in values if len(value) >= 4), key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask, and let every record pass."""
        text = record.getMessage()
        if any(value in text for value in self._values):
            for value in self._values:
                text = text.replace(value, "***")
            record.msg, record.args = text, ()
        return True


def configure_logging(level: str, form: str, secrets: Collection[str] = ()) -> None:
    """Send everything to standard error in one form."""
    handler = logging.StreamHandler()
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler.setFormatter(JsonFormatter() if as_json else ConsoleFormatter())
    if secrets:
        handler.addFilter(MaskSecrets(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("aiokafka", "kafka", "sluicegate.librdkafka", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
