"""What a `notify` may say, by its channel (requirements.md S52)."""

import re
from collections.abc import Mapping

from engine.loading.node import Node
from engine.templates import is_one_reference

CHANNELS = ("log", "email", "slack", "teams", "kafka")
WORDED = ("email", "slack", "teams")
_TEMPLATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_ADDRESS = re.compile(r"[^@,;]+@[^@,;]+")


def check_notify(fields: Mapping[str, Node]) -> None:
    """Check the values of a `notify`; which keys there are has been checked."""
    channel, to = fields.get("channel"), fields.get("to")
    name = channel.choice(CHANNELS) if channel is not None else ""
    if channel is not None and name in ("email", "kafka") and to is None:
        needed = "an address" if name == "email" else "a topic"
        channel.mistake(f"the channel {name} needs {needed}: add `to`")
    if channel is not None and name in WORDED:
        _check_words(channel, fields)
    elif channel is not None and not {"message", "template", "data"} & fields.keys():
        channel.mistake("a notification needs message, template or data: it says nothing")
    if to is not None:
        _check_to(name, to)
    template = fields.get("template")
    if template is not None:
        named = template.text()
        if isinstance(template.value, str) and not _TEMPLATE.fullmatch(named):
            template.mistake("a template is named by letters, digits, - and _")
    if "data" in fields and not _is_mapping(fields["data"].value):
        fields["data"].mistake("data must be a mapping of names to values")
    if "required" in fields:
        fields["required"].boolean()


def _is_mapping(value: object) -> bool:
    """Tell whether a value is a mapping, or one reference that may be one."""
    return isinstance(value, Mapping) or is_one_reference(value)


def _check_words(channel: Node, fields: Mapping[str, Node]) -> None:
    if "message" in fields and "template" in fields:
        fields["template"].mistake("give message or template, not both")
    elif "message" not in fields and "template" not in fields:
        channel.mistake("a notification needs message or template")


def _check_to(channel: str, to: Node) -> None:
    if channel == "kafka":
        # Data must not choose a topic: it could name our own.
        topic = to.word()
        if topic and "${" not in topic and not _TOPIC.fullmatch(topic):
            to.mistake("to is the topic's name: letters, digits, . _ -")
        return
    for item in to.items() if isinstance(to.value, list) else [to]:
        constant = item.line(secrets=True).is_constant
        if channel == "email" and constant and not _ADDRESS.fullmatch(str(item.value)):
            item.mistake("write one address as ana@example.com, several as a list")
