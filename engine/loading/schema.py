"""JSON Schemas in definitions: what can be told of them without a validator."""

from collections.abc import Mapping

from engine.loading.node import Node

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def refuse_remote(node: Node) -> None:
    """Note each reference of a schema that leads out of it."""
    if isinstance(node.value, Mapping):
        for key, inner in node.entries():
            reference = inner.value
            if key in REFERENCES and isinstance(reference, str) and not reference.startswith("#"):
                inner.mistake("only references into this schema (#/...) are allowed")
            refuse_remote(inner)
    elif isinstance(node.value, list):
        for item in node.items():
            refuse_remote(item)
