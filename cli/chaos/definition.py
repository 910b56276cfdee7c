"""The workflow that a chaos run plays: records, a nap, a signal, people, a webhook."""

import re
from importlib.resources import files

NAME = "sluicegate-chaos"
ASKED, SIGNALLED = "sluicegate.chaos.asked", "sluicegate.chaos.signalled"
SOURCE = "/sluicegate/chaos"
ENTITIES = ("chaos_noted", "chaos_counted", "chaos_closed")
"""The records that each execution writes once."""
BRIEF_SECONDS = 3.0
_SINK = re.compile(r"^#> sink\n(.*?)^#< sink\n", re.MULTILINE | re.DOTALL)


def definitions(*, with_sink: bool) -> dict[str, str]:
    """Return the files to apply; without resource and webhook where nobody reaches our sink."""
    folder = files("cli.chaos").joinpath("workflows")
    text = folder.joinpath(f"{NAME}.yaml").read_text("utf-8")
    if not with_sink:
        return {f"{NAME}.yaml": _SINK.sub("", text)}
    resources = folder.joinpath("resources.yaml").read_text("utf-8")
    return {f"{NAME}.yaml": text, "resources.yaml": resources}
