"""Exit codes, and how an error of ours ends a command (interfaces.md, exit codes)."""

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

from cli.printing import complain

T = TypeVar("T")

OK, FAILED, USAGE, NOT_FOUND, UNREACHABLE, MIGRATION_NEEDED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

CODES = {
    "SettingMissing": UNREACHABLE,
    "ModeRefused": UNREACHABLE,
    "Unsound": FAILED,
    "ConfigError": USAGE,
    "DatabaseUnreachable": UNREACHABLE,
    "BrokerUnreachable": UNREACHABLE,
    "PublishFailed": UNREACHABLE,
    "MigrationNeeded": MIGRATION_NEEDED,
    "NotFound": NOT_FOUND,
}
"""By name, so that no command imports what it does not use."""


class NotFound(Exception):
    """What was asked for does not exist."""


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say what went wrong on standard error, and end with a code."""
    complain(f"sluicegate: {message}\n")
    raise SystemExit(code)


def exit_code_of(error: BaseException) -> int | None:
    """Return the exit code of an error of ours, None for one that we do not know."""
    for kind in type(error).__mro__:
        if kind.__name__ in CODES:
            return CODES[kind.__name__]
    is_ours = any(kind.__name__ == "SluicegateError" for kind in type(error).__mro__)
    return FAILED if is_ours else None


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine; errors of ours become a message and an exit code."""
    try:
        return asyncio.run(main)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise
        fail(str(error), code)
