"""`${path}` and `${path:-default}` in any JSON-like value (requirements.md D15)."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.canonical import as_stored
from engine.errors import Invalid, Unresolved
from engine.markdown import as_plain
from engine.paths import MISSING, Path, lookup, parse_path

Scope: TypeAlias = Mapping[str, object]
At: TypeAlias = tuple[str | int, ...]
Render: TypeAlias = Callable[[Scope], object]

MAX_EXPRESSION_BYTES = 8 * 1024
_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
_WHOLE = re.compile(r"\$\{[^{}]*\}")
_NESTED = re.compile(r"(?<!\$)\$\{[^{}:]*:-[^{}]*\{")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by name; its value is known only where an effect is performed."""

    name: str


@dataclass(frozen=True, slots=True)
class SecretSlot:
    """A leaf that needs secrets: where it stands, and its literal and secret parts in order."""

    at: At
    parts: tuple[str | Secret, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered value, null at each leaf that still needs secrets."""

    value: object
    secrets: tuple[SecretSlot, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${...}`: a path and its default, MISSING where none is given."""

    path: Path
    text: str
    default: object = MISSING

    def value(self, scope: Scope) -> object:
        """Return what the path leads to, else the default; raises Unresolved."""
        found = lookup(scope, self.path)
        if found is not MISSING:
            return found
        if self.default is MISSING:
            raise Unresolved(self.text)
        return self.default


Part: TypeAlias = str | Reference | Secret


def is_one_reference(value: object) -> bool:
    """Tell whether a value is one `${...}` and nothing else, so that it keeps its type."""
    return isinstance(value, str) and _WHOLE.fullmatch(value) is not None


def as_text(value: object) -> str:
    """Return a value as it stands inside a text: JSON for what is not text.

    It is the same for the same value, also when the database has held that meanwhile: each attempt
    renders anew, and all must send the same.
    """
    if isinstance(value, str):
        return value
    return json.dumps(as_stored(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _default_value(text: str) -> object:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, str | list | dict) else value


def _parse_reference(inner: str, at: At) -> Reference | Secret:
    path_text, colon, default = inner.partition(":-")
    path_text = path_text.strip()
    try:
        path = parse_path(path_text)
    except ValueError as problem:
        raise Invalid(at, str(problem)) from None
    if path[0] == "secrets":
        if len(path) != 2 or colon:
            raise Invalid(at, "write a secret as ${secrets.NAME}, without default")
        return Secret(path[1])
    return Reference(path, path_text, _default_value(default) if colon else MISSING)


def parse_text(text: str, at: At = ()) -> list[Part]:
    """Return the literal, reference and secret parts of a text; raises Invalid."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_EXPRESSION_BYTES and "${" in text:
        raise Invalid(at, f"a text with ${{...}} has at most {MAX_EXPRESSION_BYTES} bytes")
    if _NESTED.search(text):
        raise Invalid(at, "a default cannot hold ${...} or braces; write a plain text or number")
    parts: list[Part] = []
    end = 0
    for token in _TOKEN.finditer(text):
        _add_literal(parts, text[end : token.start()], at)
        if token[1] is None:
            parts.append("${")
        else:
            parts.append(_parse_reference(token[1], at))
        end = token.end()
    _add_literal(parts, text[end:], at)
    return parts


def _mistakes_in(text: str, at: At) -> Iterator[Invalid]:
    """Yield what is wrong with each reference of a text."""
    for token in _TOKEN.finditer(text):
        try:
            if token[1] is not None:
                _parse_reference(token[1], at)
        except Invalid as problem:
            yield problem


def _add_literal(parts: list[Part], text: str, at: At) -> None:
    if "${" in text:
        raise Invalid(at, "${ is not closed by }; for the text itself write $${")
    if text:
        parts.append(text)


def _render_parts(parts: Sequence[Part]) -> Render:
    if not parts:
        return lambda _scope: ""
    if len(parts) == 1 and isinstance(parts[0], Reference):
        return parts[0].value
    if all(isinstance(part, str) for part in parts):
        text = "".join(part for part in parts if isinstance(part, str))
        return lambda _scope: text

    def render(scope: Scope) -> str:
        return "".join(
            as_text(part.value(scope)) if isinstance(part, Reference) else str(part)
            for part in parts
        )

    return render


def _render_markdown(parts: Sequence[Part]) -> Render:
    """Return what renders a text in Markdown, in which values are plain text."""
    if len(parts) == 1 and isinstance(parts[0], str):
        return _render_parts(parts)
    last = len(parts) - 1

    def render(scope: Scope) -> str | None:
        text = ""
        for place, part in enumerate(parts):
            if not isinstance(part, Reference):
                text += str(part)
                continue
            value = part.value(scope)
            if value is None and not last:
                return None
            follows = parts[place + 1] if place < last else ""
            text += as_plain(as_text(value), text, follows if isinstance(follows, str) else None)
        return text

    return render


@dataclass(slots=True)
class _Compiler:
    allow_secrets: bool
    render_parts: Callable[[Sequence[Part]], Render] = _render_parts
    references: set[Path] = field(default_factory=set)
    needs_default: set[Path] = field(default_factory=set)
    secret_leaves: list[tuple[At, tuple[Part, ...]]] = field(default_factory=list)
    problems: list[Invalid] = field(default_factory=list)
    constant: bool = True

    def compile(self, node: object, at: At) -> Render:
        if isinstance(node, str):
            return self._text(node, at)
        if isinstance(node, Mapping):
            items = [(key, self.compile(value, (*at, key))) for key, value in node.items()]
            return lambda scope: {key: render(scope) for key, render in items}
        if isinstance(node, list | tuple):
            renders = [self.compile(value, (*at, i)) for i, value in enumerate(node)]
            return lambda scope: [render(scope) for render in renders]
        return lambda _scope: node

    def _text(self, text: str, at: At) -> Render:
        try:
            parts = parse_text(text, at)
        except Invalid as problem:
            others = [found for found in _mistakes_in(text, at) if str(found) != str(problem)]
            return self._refuse(problem, *others)
        for part in parts:
            if isinstance(part, Reference):
                self._note(part)
        if any(isinstance(part, Secret) for part in parts):
            if not self.allow_secrets:
                refused = "${secrets...} is allowed only in what an action sends"
                return self._refuse(Invalid(at, refused))
            self.secret_leaves.append((at, tuple(parts)))
            self.constant = False
            return lambda _scope: None
        return self.render_parts(parts)

    def _refuse(self, *problems: Invalid) -> Render:
        self.problems.extend(problems)
        return lambda _scope: None

    def _note(self, reference: Reference) -> None:
        self.constant = False
        self.references.add(reference.path)
        if reference.default is MISSING:
            self.needs_default.add(reference.path)


class Template:
    """A compiled value with references."""

    __slots__ = (
        "_leaves",
        "_render",
        "is_constant",
        "needs_default",
        "references",
        "secret_names",
    )

    def __init__(self, render: Render, compiler: _Compiler) -> None:
        self._render, self._leaves = render, tuple(compiler.secret_leaves)
        self.references = frozenset(compiler.references)
        self.needs_default = frozenset(compiler.needs_default)
        self.is_constant = compiler.constant
        self.secret_names = frozenset(
            part.name for _, parts in self._leaves for part in parts if isinstance(part, Secret)
        )

    def render(self, scope: Scope) -> object:
        """Return the value with all references replaced; raises Unresolved."""
        return self._render(scope)

    def text(self, scope: Scope) -> str:
        """Return the value as text, JSON for what is none; raises Unresolved."""
        return as_text(self._render(scope))

    def render_with_secrets(self, scope: Scope) -> Rendered:
        """Return the value, and apart from it what secrets must be put where."""
        slots = tuple(SecretSlot(at, _slot_parts(parts, scope)) for at, parts in self._leaves)
        return Rendered(self._render(scope), slots)


def _slot_parts(parts: Sequence[Part], scope: Scope) -> tuple[str | Secret, ...]:
    return tuple(
        as_text(part.value(scope)) if isinstance(part, Reference) else part for part in parts
    )


def compile_template(
    node: object, *, allow_secrets: bool = False, problems: list[Invalid] | None = None
) -> Template:
    """Return a template of any JSON-like value; raises Invalid where a reference is malformed.

    With a list of `problems` each mistake is added to it instead, and nothing is raised.
    """
    compiler = _Compiler(allow_secrets)
    render = compiler.compile(node, ())
    if problems is not None:
        problems.extend(compiler.problems)
    elif compiler.problems:
        raise compiler.problems[0]
    return Template(render, compiler)


def compile_markdown(text: str, problems: list[Invalid]) -> Template:
    """Return a template of a text in Markdown: what it refers to stands in it as plain text.

    Each mistake is added to the problems.
    """
    compiler = _Compiler(allow_secrets=False, render_parts=_render_markdown)
    render = compiler.compile(text, ())
    problems.extend(compiler.problems)
    return Template(render, compiler)
