"""A disk that is full: the database stops or refuses, and goes on by itself once there is room."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.processes import StackFailed
from devstack.stack import EmbeddedStack
from tests.chaos.conftest import PLAIN
from tests.chaos.figures import figure, scaled
from tests.chaos.load import count, queue_event, reach
from tests.conftest import broker_kind
from tests.world import World, a_world

SIZE = "192m"


@contextmanager
def a_small_disk(folder: Path) -> Iterator[None]:
    """Mount a small file system; skips where that is not allowed."""
    folder.mkdir(parents=True)
    argv = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb") as file:
        try:
            while True:
                file.write(b"x" * 65_536)
                file.flush()
        except OSError:
            return


def in_trouble(world: World) -> bool:
    """Tell whether the database has refused or ended."""
    logs = world.worker_logs()
    return "No space left" in logs or "try 4 failed" in logs


# F15
def test_a_full_disk_stops_work_and_room_lets_it_go_on(tmp_path: Path) -> None:
    events = scaled(20_000, 1_000)
    disk = tmp_path / "stack" / "postgres"
    (tmp_path / "world").mkdir()
    with (
        a_small_disk(disk),
        EmbeddedStack(tmp_path / "stack", broker=broker_kind()) as stack,
        a_world(stack, tmp_path / "world", {"plain.yaml": PLAIN}) as world,
    ):
        world.start_worker()
        queue_event(world, "plain.asked", {"n": "first"}, id="first")
        world.producer.flush(10)
        reach(world, 1, "records")
        fill(disk / "ballast")
        for n in range(events):
            queue_event(world, "plain.asked", {"n": n}, id=str(n))
        world.producer.flush(30)
        deadline = time.monotonic() + 60
        while not in_trouble(world):
            assert time.monotonic() < deadline, "the disk did not fill"
            world.closing.wait(0.1)
        (disk / "ballast").unlink()
        begun = time.monotonic()
        restart_if_dead(world)
        reach(world, events + 1, "workflow_executions", "status = 'completed'")
        recovered = time.monotonic() - begun
        assert count(world, "records", "version = 1") == events + 1
        assert world.workers[0].poll() is None
    figure("F15", events=events, lost=0, seconds_to_catch_up=round(recovered, 1))


def restart_if_dead(world: World) -> None:
    """Start the database again, as an operator's supervisor does."""
    try:
        world.stack.restart_dead()
    except StackFailed as problem:
        raise AssertionError(f"the database did not come back: {problem}") from problem
