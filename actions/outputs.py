"""What of an action's answer can be stored: JSON that Postgres takes, of bounded depth."""

MAX_DEPTH = 32


def storable(value: object, depth: int = MAX_DEPTH) -> bool:
    """Tell whether a value is JSON without NUL or lone surrogates, not nested too deep (M15)."""
    if isinstance(value, str):
        return "\0" not in value and _is_unicode(value)
    if isinstance(value, dict):
        return depth > 0 and all(
            isinstance(key, str) and storable(key) and storable(inner, depth - 1)
            for key, inner in value.items()
        )
    if isinstance(value, list | tuple):
        return depth > 0 and all(storable(inner, depth - 1) for inner in value)
    if isinstance(value, float):
        return value - value == 0
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    return value is None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def body_text(content: bytes) -> str:
    """Return a body as text that can be stored, whatever its bytes."""
    return content.decode("utf-8", "replace").replace("\0", "\ufffd")
