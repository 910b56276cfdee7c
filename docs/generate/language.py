"""The reference of the definition language, from `engine.language`."""

import json
from collections.abc import Iterable, Iterator

from docs.generate.markdown import code, table
from engine.language import (
    actions,
    approval,
    conditions,
    context,
    file,
    resources,
    steps,
    trigger,
    verbs,
    wait,
)
from engine.language.nouns import NOTHING, Key, Noun

INTRO = """# The definition language

One YAML or JSON file per workflow. This page lists every key; [workflows.md](../workflows.md) is
the introduction, [operators.md](operators.md) has the operators of conditions. A key marked * must
be there. A value marked ° may hold `${path}` and `${path:-default}`: a text that is one reference
keeps the type of what it refers to, `$${` is a literal, `${secrets.NAME}` is resolved only when an
action is performed. A fixed text holds no `${...}`.

Durations are `500ms`, `30s`, `10m`, `24h`, `5d`, `2w`, or ISO 8601 such as `PT24H`; instants are
ISO 8601 with zone. Names of steps, branches, outcomes and derived fields are lower-case letters,
digits and `_`, a letter first.

Editors complete and check a file whose first line names the schema:

```yaml
# yaml-language-server: $schema=./workflow.schema.json
```

`sluicegate schema > workflow.schema.json` writes it, with the actions of installed packages;
`sluicegate schema --resources` is that of `resources.yaml`.
"""
SCALARS = (str, int, float)


def _notes(key: Key) -> str:
    shown = [value for value in key.examples if isinstance(value, SCALARS) and value is not True]
    known = (key.default, True, False, "")
    told = [code(value) for value in shown if value not in known and "enum" not in key.value.schema]
    return f"{key.about} For example {' or '.join(told)}." if told else key.about


def _default(key: Key) -> str:
    return "" if key.default is NOTHING or key.default == "" else code(key.default)


def _keys(keys: Iterable[Key]) -> str:
    rows = (
        (f"`{key.name}`{'*' if key.required else ''}", key.value.words, _default(key), _notes(key))
        for key in keys
    )
    return table(("key", "value", "default", "notes"), rows)


def _noun(noun: Noun, level: int = 3, heading: str | None = None) -> str:
    name = heading or noun.title
    return f"\n{'#' * level} {name}\n\n{noun.about}\n\n{_keys(noun.keys)}"


def _named(nouns: Iterable[Noun], level: int = 3) -> str:
    """Return nouns under the names by which values link to them."""
    return "".join(_noun(noun, level, noun.name) for noun in nouns)


def _verb(verb: steps.Verb) -> str:
    example = json.dumps(verb.example, ensure_ascii=False)
    shown = f"Its value: {verb.value.words}.\n\n```yaml\n{verb.name}: {example}\n```\n"
    beside = f"\nBeside it:\n\n{_keys(verb.beside)}" if verb.beside else ""
    return f"\n### Step: {verb.name}\n\n{verb.about} {shown}{beside}"


def _actions() -> Iterator[str]:
    """Yield the actions; one with another's keys names it instead of repeating them."""
    previous: Noun | None = None
    for action in actions.ACTIONS:
        same = previous is not None and action.keys is previous.keys
        yield f"\n### {action.title}\n\n{action.about}\n" if same else _noun(action)
        previous = action


def _steps() -> str:
    around = (
        f"\n## Steps\n\nA step has an id, exactly one verb, and around it:\n\n{_keys(steps.AROUND)}"
    )
    holders = "\n## What verbs hold\n" + _named(verbs.NOUNS)
    return around + "".join(map(_verb, steps.VERBS)) + holders


def _kinds(name: str, about: str, kinds: Iterable[Noun]) -> str:
    return f"\n### {name}\n\n{about}\n" + "".join(_noun(kind, 4) for kind in kinds)


def page() -> str:
    """Return the page."""
    waits, policies = wait.DEFINITIONS["wait"], approval.DEFINITIONS["policy"]
    single = [noun for noun in approval.NOUNS if noun not in approval.POLICIES]
    return "".join(
        (
            INTRO,
            f"\n## The file\n\n{file.FILE.about}\n\n{_keys(file.FILE.keys)}",
            "\n## Triggers\n",
            _named(trigger.NOUNS),
            "\n## Before the first step\n",
            _named(context.NOUNS),
            _steps(),
            _kinds("wait", str(waits["description"]), wait.KINDS),
            _named(single),
            _kinds("policy", str(policies["description"]), approval.POLICIES),
            "\n## Actions\n\nThe list of `execute`; any other name is an action of an installed "
            "package (entry point group `sluicegate.actions`).\n",
            *_actions(),
            "\n## Conditions\n\nThe tests are in [operators.md](operators.md).\n",
            "".join(_noun(form) for form in conditions.FORMS),
            "\n## Resources\n\nThe file `resources.yaml` beside the definitions: a map of names "
            "such as `customer.history` to one of these.\n",
            "".join(_noun(kind) for kind in resources.KINDS),
        )
    )
