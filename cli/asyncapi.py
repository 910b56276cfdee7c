"""`sluicegate asyncapi`: the document of all topics and messages."""

from cli.errors import OK
from cli.printing import write_exactly


def print_document() -> int:
    """Print the document as JSON; returns the exit code."""
    from config.settings import load_settings
    from streams.asyncapi import document, text_of

    settings = load_settings()
    write_exactly(text_of(document(settings.topic_prefix, settings.event_topics)))
    return OK
