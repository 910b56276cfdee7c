"""Tell at the end of a run how many random histories were played."""

import pytest

from tests.properties.budget import played


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the count of histories."""
    if played:
        counts = ", ".join(f"{count:,} {what}" for what, count in sorted(played.items()))
        terminalreporter.write_line(f"random histories: {played.total():,} ({counts})")
