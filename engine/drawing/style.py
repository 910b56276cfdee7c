"""The look of pictures: one style sheet, for light and dark."""

from collections.abc import Mapping

KINDS: Mapping[str, tuple[str, str]] = {
    "start": ("#5b6472", "#9aa5b4"),
    "context": ("#5b6472", "#9aa5b4"),
    "condition": ("#9a6700", "#e3b341"),
    "allow": ("#1a7f37", "#4ac26b"),
    "block": ("#c62828", "#ff8078"),
    "execute": ("#0b57a4", "#6cb0ff"),
    "parallel": ("#5a4fb0", "#a79bff"),
    "wait": ("#0f7b7b", "#4cc9c0"),
    "approval": ("#a0307a", "#f28bcb"),
    "for_each": ("#5a4fb0", "#a79bff"),
    "repeat": ("#5a4fb0", "#a79bff"),
    "workflow": ("#0b57a4", "#6cb0ff"),
    "join": ("#5b6472", "#9aa5b4"),
    "end": ("#5b6472", "#9aa5b4"),
    "blocked": ("#c62828", "#ff8078"),
    "failed": ("#c62828", "#ff8078"),
}
"""Colour of each kind, on light and on dark ground."""
MARKS: Mapping[str, tuple[str, str]] = {
    "completed": ("#1a7f37", "#4ac26b"),
    "running": ("#0b57a4", "#6cb0ff"),
    "waiting": ("#9a6700", "#e3b341"),
    "failed": ("#c62828", "#ff8078"),
    "skipped": ("#6b7480", "#8b96a5"),
    "pending": ("#6b7480", "#8b96a5"),
}
"""Colour of each status of a step."""
GLYPHS: Mapping[str, str] = {
    "completed": "✓",
    "running": "▸",
    "waiting": "◔",
    "failed": "✕",
    "skipped": "»",
}
"""Sign of each status: it is never told by colour alone (interfaces.md, UI screens)."""
INK, SOFT, GROUND, BOX, LINE = (
    ("#1c2128", "#e6edf3"),
    ("#57606a", "#9aa5b4"),
    ("#ffffff", "#14181d"),
    ("#ffffff", "#1e242b"),
    ("#6b7480", "#8b96a5"),
)
PARTS = ("shape", "stripe", "line", "head")
_ROOT = "svg.sluicegate-graph"


def _rule(selector: str, **properties: tuple[str, str] | str) -> str:
    """Return a rule; a pair of colours is for light and dark, old browsers see the light one."""
    written = []
    for name, value in properties.items():
        name = name.replace("_", "-")
        if isinstance(value, tuple):
            written += [f"{name}:{value[0]}", f"{name}:light-dark({value[0]},{value[1]})"]
        else:
            written.append(f"{name}:{value}")
    return f"{_ROOT} {selector}{{{';'.join(written)}}}"


def stylesheet() -> str:
    """Return the style sheet of every picture."""
    fixed = (
        f"{_ROOT}:root{{color-scheme:light dark}}",
        f"{_ROOT}{{max-width:100%;height:auto;font-family:system-ui,sans-serif}}",
        _rule(".ground", fill=GROUND),
        _rule("text", fill=INK, font_size="13px"),
        _rule(".label", font_weight="600"),
        _rule(".detail", font_size="11.5px", fill=SOFT),
        _rule(".caption", font_size="11px"),
        _rule(".glyph", font_size="11px", font_weight="700", fill=GROUND),
        _rule(".shape", fill=BOX, stroke_width="1.3"),
        _rule(".conditional .shape", stroke_dasharray="5 3"),
        _rule(".frame", fill="none", stroke_width="1.2", stroke_dasharray="2 3"),
        _rule(".line", fill="none", stroke=LINE, stroke_width="1.3"),
        _rule(".head", fill=LINE),
        _rule(
            ".note",
            font_size="11px",
            fill=SOFT,
            stroke=GROUND,
            stroke_width="3px",
            paint_order="stroke",
            stroke_linejoin="round",
        ),
        _rule(".way-error .line", stroke_dasharray="6 3", stroke=KINDS["failed"]),
        _rule(".way-error .head", fill=KINDS["failed"]),
        _rule(".way-undo .line", stroke_dasharray="2 3"),
        _rule(".taken .line", stroke=INK, stroke_width="2.4"),
        _rule(".taken .head", fill=INK),
        # Pale lines, legible words.
        *(_rule(f".untouched .{part}", opacity="0.45") for part in PARTS),
        _rule(".untouched .label", fill=SOFT),
    )
    kinds = (
        rule
        for kind, colour in KINDS.items()
        for rule in (
            _rule(f".kind-{kind} .shape,{_ROOT} .frame-{kind}", stroke=colour),
            _rule(f".kind-{kind} .stripe,{_ROOT} .kind-{kind} .caption", fill=colour),
        )
    )
    filled = _rule(".kind-join .shape", fill=LINE)
    marks = (
        rule
        for mark, colour in MARKS.items()
        for rule in (
            _rule(f".mark-{mark} .shape", stroke=colour, stroke_width="3"),
            _rule(f".mark-{mark} .badge", fill=colour),
        )
    )
    return "\n".join((*fixed, *kinds, filled, *marks))
