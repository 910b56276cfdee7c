"""Workload W on the peers that registries can serve, in rounds interleaved with ours."""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.peers.install import SERVER, CannotInstall, environment
from bench.peers.pins import PEERS, Peer
from bench.peers.program import Driven, PeerFailed, Program, database, ports, wait_for
from bench.peers.table import OURS, percentiles, summary
from bench.usage import tree_cpu_seconds

SAMPLES = 200
WARM_UP = 200
Round = dict[str, float]


def phase(
    program: Driven,
    cpu: Callable[[], float],
    hand_over: Callable[[], object],
    until: tuple[str, int, int],
    waiting: bool,
) -> tuple[float, float]:
    """Return the rate, and the CPU seconds of one execution, of a half of W.

    Where work can lie ready, the worker starts on it, and what is measured begins with the first
    that is done. Where it cannot, it begins with the first that is handed over.
    """
    what, first, last = until
    begun, seen = time.monotonic(), first
    if waiting:
        program.stop_worker()
        hand_over()
        program.start_worker()
        begun, seen = wait_for(program, what, first + 1)
        used = cpu()
    else:
        used = cpu()
        hand_over()
    ended, _ = wait_for(program, what, last)
    done = last - seen
    if done <= 0:
        raise PeerFailed(f"all were {what} before the first was seen")
    return done / (ended - begun), (cpu() - used) / done


def measure(program: Driven, peer: Peer, cpu: Callable[[], float]) -> Round:
    """Run one round: many starts, their decisions, and then decisions one by one."""
    program.ask("prepare")
    if not peer.waiting_starts:
        program.start_worker()
    program.ask("connect")
    first = 0 if peer.waiting_starts else warm_up(program)
    last = first + peer.executions
    starts, started = phase(
        program,
        cpu,
        lambda: program.ask("load", first, peer.executions),
        ("paused", first, last),
        peer.waiting_starts,
    )
    resumes, resumed = phase(
        program,
        cpu,
        lambda: program.ask("decide", first, peer.executions),
        ("completed", first, last),
        peer.waiting_decisions,
    )
    program.ask("load", last, SAMPLES)
    wait_for(program, "paused", last + SAMPLES)
    p50, p99 = percentiles(program.ask("sample", last, SAMPLES)["ms"])
    completed = program.ask("verify")["completed"]
    if completed != last + SAMPLES:
        raise PeerFailed(f"{completed} executions are completed, not {last + SAMPLES}")
    return {
        "starts_per_s": round(starts),
        "resumes_per_s": round(resumes),
        "cpu_ms_per_execution": round((started + resumed) * 1000, 3),
        "decision_to_completed_p50_ms": p50,
        "decision_to_completed_p99_ms": p99,
    }


def warm_up(program: Driven) -> int:
    """Let a peer that is measured from the first event on get ready; return how many it took."""
    program.ask("load", 0, WARM_UP)
    wait_for(program, "paused", WARM_UP)
    program.ask("decide", 0, WARM_UP)
    wait_for(program, "completed", WARM_UP)
    return WARM_UP


def one_round(peer: Peer, home: Path) -> Round:
    """Run one round of a peer on a database of its own, which begins empty."""
    with ExitStack() as closing:
        name = closing.enter_context(tempfile.TemporaryDirectory(prefix="sluicegate-peer-"))
        folder = Path(name)
        env = {"PEER_FOLDER": name, "PEER_SERVER": str(home / SERVER), **ports()}
        servers: list[int] = []
        if peer.database:
            url, pid = closing.enter_context(database(folder / "postgres"))
            env["DATABASE_URL"] = url
            servers.append(pid)
        program = Program(peer, home / "bin" / "python", folder, env)
        closing.callback(program.close)

        def cpu() -> float:
            return program.cpu_seconds() + sum(map(tree_cpu_seconds, servers))

        try:
            return measure(program, peer, cpu)
        except PeerFailed as failed:
            raise PeerFailed(f"{failed}; {program.explain()}") from failed


def compare(ours: Callable[[], Round], rounds: int) -> dict[str, Any]:
    """Run rounds, all peers and then ours in each; a peer that fails is left out, with reason."""
    found: dict[str, list[Round]] = {}
    left_out: dict[str, str] = {}
    homes = {peer.name: home for peer in PEERS if (home := _installed(peer, left_out))}
    for _ in range(rounds):
        for peer in PEERS:
            if peer.name in left_out:
                continue
            try:
                result = one_round(peer, homes[peer.name])
            except PeerFailed as failed:
                left_out[peer.name] = " ".join(str(failed).split())
                continue
            found.setdefault(peer.name, []).append(result)
            print(f"  {peer.name}: {result}", file=sys.stderr)
        found.setdefault(OURS, []).append(ours())
    return summary(PEERS, found, left_out)


def _installed(peer: Peer, left_out: dict[str, str]) -> Path | None:
    print(f"{peer.name} {peer.version}: {peer.settings}", file=sys.stderr)
    try:
        return environment(peer)
    except CannotInstall as problem:
        left_out[peer.name] = f"cannot be installed: {problem}"
        return None
