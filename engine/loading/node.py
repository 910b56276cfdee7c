"""A value of a definition file with its place: reads it as what is wanted, and notes mistakes."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from engine.conditions import Condition, compile_condition
from engine.durations import LONGEST, parse_duration, parse_instant
from engine.errors import Invalid
from engine.hints import nearest
from engine.loading.sense import constants
from engine.patterns import check_pattern
from engine.templates import Template, compile_markdown, compile_template

At = tuple[str | int, ...]
LENGTHS = "write 500ms, 30s, 10m, 24h, 5d, 2w or PT24H"
NOTHING = "; nothing stands here: a text that begins with # needs quotes"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_COMBINED = re.compile(r"(\d+d)?(\d+h)?(\d+m)?(\d+s)?")


@dataclass(slots=True)
class Findings:
    """Mistakes and warnings, each with the path of keys and indexes that leads to it."""

    mistakes: list[tuple[At, str]] = field(default_factory=list)
    warnings: list[tuple[At, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and how it is reached; a mistake is noted and a harmless value returned."""

    value: object
    at: At
    findings: Findings

    def mistake(self, problem: str, *below: str | int) -> None:
        """Note a mistake here, or at a key or index below."""
        self.findings.mistakes.append(((*self.at, *below), problem))

    def warning(self, problem: str, *below: str | int) -> None:
        """Note what is allowed but probably not meant."""
        self.findings.warnings.append(((*self.at, *below), problem))

    @property
    def shown(self) -> str:
        """The value as a message names it: a text in quotes, else as JSON."""
        if isinstance(self.value, str):
            return repr(self.value)
        return json.dumps(self.value, ensure_ascii=False, default=str)[:100]

    def child(self, key: str | int, value: object) -> "Node":
        """Return the node of a value below."""
        return Node(value, (*self.at, key), self.findings)

    def fields(self, allowed: Collection[str], *, required: Collection[str] = ()) -> "Fields":
        """Read a mapping with known keys; others are mistakes that name the nearest."""
        if not isinstance(self.value, Mapping):
            self.mistake(f"this must be a mapping with keys such as {', '.join(list(allowed)[:4])}")
            return Fields(self, {})
        known, meant = {}, []
        for key, value in self.value.items():
            if key in allowed:
                known[str(key)] = self.child(key, value)
            else:
                hint = nearest(str(key), allowed)
                choices = ", ".join(sorted(allowed))
                self.mistake(f"unknown key {key!r}{hint} (allowed: {choices})", key)
                meant.append(hint)
        fields = Fields(self, known, tuple(meant))
        for key in required:
            if key not in known and not fields.misspelt(key):
                self.mistake(f"the key {key!r} is missing")
        return fields

    def entries(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the entries of a mapping whose keys are free."""
        if not isinstance(self.value, Mapping):
            self.mistake("this must be a mapping")
            return
        for key, value in self.value.items():
            yield str(key), self.child(str(key), value)

    def items(self) -> list["Node"]:
        """Return the elements of a list."""
        if not isinstance(self.value, list):
            self.mistake("this must be a list: begin each element with -")
            return []
        return [self.child(number, value) for number, value in enumerate(self.value)]

    def text(self) -> str:
        """Read a text."""
        if isinstance(self.value, str):
            return self.value
        hint = self._nothing()
        if isinstance(self.value, int | float):
            hint = f"; write {json.dumps(self.value)!r} in quotes"
        self.mistake(f"this must be a text{hint}")
        return ""

    def _nothing(self) -> str:
        """Return the remedy for a key behind which nothing stands."""
        behind_a_key = bool(self.at) and isinstance(self.at[-1], str)
        return NOTHING if self.value is None and behind_a_key else ""

    def word(self) -> str:
        """Read a text that is not empty and holds no reference."""
        text = self.text()
        if isinstance(self.value, str) and (not text or "${" in text):
            self.mistake("this must be a fixed text: not empty, no ${...}")
        return text

    def name(self, what: str) -> str:
        """Read a name: lower-case letters, digits and underscores."""
        text = self.text()
        if isinstance(self.value, str) and not _NAME.fullmatch(text):
            self.mistake(
                f"{text!r} is no {what}: write lower-case letters, digits and _, a letter first"
            )
        return text

    def boolean(self) -> bool:
        """Read true or false."""
        if isinstance(self.value, bool):
            return self.value
        self.mistake("this must be true or false")
        return False

    def integer(self, low: int, high: int) -> int:
        """Read a whole number between bounds."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            if low <= self.value <= high:
                return self.value
            self.mistake(f"{self.value} is out of bounds: {low} to {high}")
            return low
        self.mistake(f"this must be a whole number from {low} to {high}")
        return low

    def choice(self, options: Collection[str]) -> str:
        """Read one of some words."""
        if isinstance(self.value, str) and self.value in options:
            return self.value
        hint = nearest(str(self.value), options)
        self.mistake(f"{self.shown} must be one of: {', '.join(options)}{hint}")
        return next(iter(options))

    def duration(self, longest: timedelta = LONGEST, *, zero: bool = False) -> timedelta:
        """Read a length of time, above zero unless `zero` is allowed."""
        if not isinstance(self.value, str):
            self.mistake(f"{self.shown} is no duration; {LENGTHS}")
            return timedelta()
        try:
            length = parse_duration(self.value)
        except ValueError as problem:
            self.mistake(f"{problem}{_combined(self.value)}")
            return timedelta()
        except OverflowError:
            length = timedelta.max
        if length > longest:
            self.mistake(f"{self.value} is longer than the {longest.days} days allowed")
        if not length and not zero:
            self.mistake(f"{self.value} must be longer than zero")
        return length

    def instant(self) -> Template:
        """Read an instant with zone, or a text with a reference to one."""
        template = self.line()
        if template.is_constant:
            try:
                parse_instant(str(self.value))
            except ValueError as problem:
                self.mistake(str(problem))
        return template

    def pattern(self) -> str:
        """Read an event type or a pattern of one."""
        text = self.text()
        if isinstance(self.value, str):
            try:
                check_pattern(text)
            except ValueError as problem:
                self.mistake(str(problem))
                return "invalid"
        return text or "invalid"

    def texts(self) -> tuple[str, ...]:
        """Read a list of texts; a single text counts as a list of one."""
        if isinstance(self.value, str):
            return (self.word(),)
        return tuple(item.word() for item in self.items())

    def line(self, *, secrets: bool = False) -> Template:
        """Read a text that may hold `${...}`; a number or true counts as its text."""
        if not isinstance(self.value, str | int | float):
            self.mistake(f"this must be a text; it may hold ${{...}}{self._nothing()}")
            return compile_template("")
        return self.template(secrets=secrets)

    def markdown(self) -> Template:
        """Read a text in Markdown; what `${...}` puts into it is plain text there."""
        if not isinstance(self.value, str):
            return self.line()
        problems: list[Invalid] = []
        template = compile_markdown(self.value, problems)
        self._note(problems)
        return compile_template("") if problems else template

    def template(self, *, secrets: bool = False) -> Template:
        """Read a value that may hold `${...}`."""
        problems: list[Invalid] = []
        template = compile_template(self.value, allow_secrets=secrets, problems=problems)
        self._note(problems)
        return compile_template("") if problems else template

    def _note(self, problems: Collection[Invalid]) -> None:
        for problem in problems:
            self.mistake(problem.problem, *problem.at)

    def condition(self) -> Condition:
        """Read a condition."""
        problems: list[Invalid] = []
        condition = compile_condition(self.value, problems)
        self._note(problems)
        if any(path[0] == "secrets" for path in condition.references):
            self.mistake("a condition cannot read secrets; they are known only to actions")
        for at, odd in constants(self.value):
            self.warning(odd, *at)
        return condition


def _combined(text: str) -> str:
    """Return how ISO 8601 writes a length such as `1h30m`, nothing for other texts."""
    parts = _COMBINED.fullmatch(text)
    if parts is None or not text:
        return ""
    days, *rest = (part or "" for part in parts.groups())
    return f"; this one is P{days.upper()}T{''.join(rest).upper()}"


@dataclass(frozen=True, slots=True)
class Fields:
    """The known keys of a mapping."""

    node: Node
    known: Mapping[str, Node]
    meant: tuple[str, ...] = ()
    """What was asked of each unknown key: whether another is meant."""

    def misspelt(self, *keys: str) -> bool:
        """Tell whether an unknown key was taken for one of some: it is not missing besides."""
        return any(nearest(key, (key,)) in self.meant for key in keys)

    def get(self, key: str) -> Node | None:
        """Return the node of a key, None where it is absent."""
        return self.known.get(key)

    def __contains__(self, key: str) -> bool:
        return key in self.known

    def refuse(self, keys: Collection[str], what: str = "") -> None:
        """Note that some keys are not available in this version."""
        for key in keys:
            if key in self.known:
                self.known[key].mistake(f"{what or key} is not available in this version")
