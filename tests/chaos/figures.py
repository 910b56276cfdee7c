"""Figures of produced failures: kept for docs/reliability.md only when SLUICEGATE_FIGURES=1."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.conftest import broker_kind

FOLDER = Path(__file__).parents[2] / "docs" / "reliability"
SCALE = float(os.environ.get("SLUICEGATE_FAULT_SCALE", "0.02"))
"""1 is the size of the published figures; the default keeps `make test` short."""


def scaled(published: int, least: int = 20) -> int:
    """Return how many of something this run produces, from the published number."""
    return min(published, max(least, round(published * SCALE)))


def figure(failure: str, file: Path | None = None, /, **numbers: float) -> None:
    """Print what a test measured; keep it when figures are being taken.

    `file` is that of a test that measures nothing without the others in it.
    """
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
    broker = broker_kind()
    print(f"{failure} on {broker}: {numbers}")  # noqa: T201
    if os.environ.get("SLUICEGATE_FIGURES") != "1":
        return
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{failure[0]}{int(failure[1:]):02}.json"
    runs: dict[str, object] = json.loads(path.read_text())["runs"] if path.exists() else {}
    runs[f"{test} {broker}"] = {
        "test": test,
        "broker": broker,
        "at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "command": command(
            test if file is None else str(file.relative_to(FOLDER.parents[1])), broker
        ),
        "figures": numbers,
    }
    kept = {"failure": failure, "runs": dict(sorted(runs.items()))}
    path.write_text(json.dumps(kept, indent=2) + "\n")


def machine() -> str:
    """Return what the figures depend on, in one line."""
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0]
    named = cpu.partition(":")[2].strip() or platform.machine()
    return f"{os.cpu_count()} cores ({named}), shared; Python {platform.python_version()}"


def command(test: str, broker: str) -> str:
    """Return how to take the same figure again."""
    chosen = "SLUICEGATE_TEST_BROKER=kafka " if broker == "kafka" else ""
    if os.environ.get("SLUICEGATE_TEST_CLOCKS") == "1":
        chosen += "SLUICEGATE_TEST_CLOCKS=1 "
    return f"{chosen}SLUICEGATE_FIGURES=1 SLUICEGATE_FAULT_SCALE={SCALE:g} pytest '{test}'"
