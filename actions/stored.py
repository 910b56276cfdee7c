"""Definitions that were checked when they were registered; no parser of texts is needed."""

from collections.abc import Mapping

from actions.plugins import plugged_in
from engine.definition import Definition
from engine.loading.definition import read_definition


def compile_stored(body: Mapping[str, object], *, file: str, version: int) -> Definition:
    """Return a registered definition, compiled."""
    definition, _ = read_definition(body, plugged_in=plugged_in(), file=file, version=version)
    return definition
