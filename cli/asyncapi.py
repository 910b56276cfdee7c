"""`sluicegate asyncapi`: the document of all topics and messages."""

import sys

from cli.errors import OK


def print_document() -> int:
    """Print the document as JSON; returns the exit code."""
    from config.settings import load_settings
    from streams.asyncapi import document, text_of

    settings = load_settings()
    sys.stdout.write(text_of(document(settings.topic_prefix, settings.event_topics)))
    return OK
