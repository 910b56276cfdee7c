"""`sluicegate chaos`: a run with faults, a check of what must hold, a score card."""

import logging
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.chaos.against import Against
from cli.chaos.card import lines_of, write_card
from cli.chaos.deployment import Broker
from cli.chaos.own import Asked, run_own
from cli.chaos.target import Target, is_local, read_events, settings_of
from cli.errors import FAILED, INTERRUPTED, OK, fail
from cli.local import is_terminal
from cli.printing import flush, write_line, write_lines
from config.errors import ConfigError
from devstack.processes import StackFailed
from storage.store import address_of

LARGEST_SEED = 1_000_000
LINE_SECONDS = 30
"""How often a run without a terminal says how far it has come."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    seed: int | None
    faults: int
    executions: int
    broker: Broker
    json: Path | None
    against: Path | None = None
    events: Path | None = None
    commands: tuple[str, ...] = ()
    yes: bool = False


class Progress:
    """One line that is written over and over on a terminal; elsewhere a new one now and then."""

    def __init__(self) -> None:
        self._shown = is_terminal()
        self._last, self._next_at = "", 0.0

    def tell(self, text: str) -> None:
        """Show how far the run has come."""
        if self._shown and text != self._last:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
            self._last = text
        elif not self._shown and time.monotonic() >= self._next_at:
            sys.stderr.write(f"{text}\n")
            self._next_at = time.monotonic() + LINE_SECONDS

    def clear(self) -> None:
        """Leave the line empty."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")


def run_chaos(options: Options) -> int:
    """Run and print the score card; returns 1 where something does not hold."""
    if options.against is None and (options.events or options.commands):
        raise ConfigError("--events and --fault go with --against ENV: name the deployment")
    # That the faults have cut its connections is no news.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    seed = secrets.randbelow(LARGEST_SEED) if options.seed is None else options.seed
    write_line(f"seed {seed}")
    flush()
    progress = Progress()
    try:
        if options.against is None:
            asked = Asked(seed, options.faults, options.executions, options.broker, progress.tell)
            card = run_own(asked)
        else:
            card = Against(_target(options, options.against, seed, progress)).run()
    except StackFailed as problem:
        fail(str(problem))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        progress.clear()
    return report(card, options.json)


def _target(options: Options, file: Path, seed: int, progress: Progress) -> Target:
    settings = settings_of(file)
    if not is_local(settings) and not options.yes:
        raise ConfigError(
            f"{file} names {settings.kafka} and {address_of(settings.database)}, which are not on "
            "this machine. The run publishes events and starts executions there; say --yes if "
            "that is what you want"
        )
    events = read_events(options.events) if options.events else []
    return Target(
        file.name, settings, seed, options.executions, options.faults, options.commands, events,
        progress.tell,
    )  # fmt: skip


def report(card: Mapping[str, Any], file: Path | None) -> int:
    """Print a card and keep it; return the exit code."""
    write_lines(lines_of(card))
    if file is not None:
        write_card(card, file)
    return FAILED if card["findings"] else OK
