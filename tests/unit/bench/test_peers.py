"""The peers' half of the benchmark: what is read, counted and printed, without a peer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.peers import lines as talk
from bench.peers.pins import PEERS, Peer
from bench.peers.program import PeerFailed, read_answer, wait_for
from bench.peers.run import phase
from bench.peers.table import FIGURES, lines, percentiles, ratios, summary

A_PEER = Peer("other", "1.2", ("other==1.2",), "as its documentation says")


def a_round(**given: float) -> dict[str, float]:
    """Return one round's figures, 10 where nothing else is said."""
    return dict.fromkeys(FIGURES, 10.0) | given


class APeer:
    """A program that gets one further each time it is asked, from where its worker starts."""

    def __init__(self, counts: Iterator[int]) -> None:
        self.counts = counts
        self.done: list[str] = []

    def ask(self, do: str, first: int = 0, number: int = 0) -> dict[str, Any]:
        """Answer a count."""
        self.asked = (do, first, number)
        return {"paused": next(self.counts)}

    def start_worker(self) -> None:
        """Note it."""
        self.done.append("start")

    def stop_worker(self) -> None:
        """Note it."""
        self.done.append("stop")


class ALoad:
    """A load generator that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    async def prepare(self) -> None:
        self.told.append("prepare")

    async def connect(self) -> None:
        self.told.append("connect")

    async def load(self, events: list[talk.Event]) -> None:
        self.told.append(events)

    async def decide(self, keys: list[str]) -> None:
        self.told.append(keys)

    async def counts(self) -> tuple[int, int]:
        return 3, 2

    async def ended(self, key: str) -> bool:
        return key in self.told[-1]

    async def verify(self) -> int:
        return 2


def test_an_answer_is_an_object() -> None:
    assert read_answer(b'{"paused": 3}\n', "") == {"paused": 3}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "the program ended: the log"),
        (b"Listening to 2 queues\n", "no JSON"),
        (b'{"error": "OSError: no"}\n', "OSError: no"),
    ],
)
def test_a_peer_that_fails_says_why(line: bytes, reason: str) -> None:
    with pytest.raises(PeerFailed, match=reason):
        read_answer(line, "the log")


def test_a_peer_that_stands_still_fails_with_its_count() -> None:
    with pytest.raises(PeerFailed, match="only 4 of 5 are paused"):
        wait_for(APeer(iter([4])), "paused", 5, seconds=-1)


def test_what_was_done_before_the_first_look_is_not_counted() -> None:
    peer, used = APeer(iter([0, 2, 5, 10])), iter([1.0, 3.0])
    rate, cpu = phase(peer, lambda: next(used), lambda: None, ("paused", 0, 10), waiting=True)
    assert peer.done == ["stop", "start"]
    assert rate > 0
    assert cpu == pytest.approx(2.0 / 8)


def test_a_peer_that_is_ready_is_measured_from_the_first_that_it_gets() -> None:
    peer, used = APeer(iter([20, 30])), iter([1.0, 3.0])
    _, cpu = phase(peer, lambda: next(used), lambda: None, ("paused", 20, 30), waiting=False)
    assert peer.done == []
    assert cpu == pytest.approx(2.0 / 10)


def test_the_load_generator_is_told_the_same_events_and_decides_in_another_order() -> None:
    load = ALoad()
    asked = {"first": 5, "number": 20}
    asyncio.run(talk.answer(load, {"do": "load"} | asked))
    asyncio.run(talk.answer(load, {"do": "decide"} | asked))
    events, keys = load.told
    assert [key for key, _ in events] == sorted(keys) != keys
    assert all(event["amount"] > 100 for _, event in events)


def test_the_load_generator_counts_and_takes_samples() -> None:
    counted = asyncio.run(talk.answer(ALoad(), {"do": "count"}))
    assert counted == {"paused": 3, "completed": 2}
    taken = asyncio.run(talk.answer(ALoad(), {"do": "sample", "first": 0, "number": 2}))
    assert len(taken["ms"]) == 2


def test_a_request_that_nobody_knows_is_an_error() -> None:
    assert "error" in asyncio.run(talk.answer(ALoad(), {"do": "dance"}))


def test_percentiles_are_of_the_ordered_samples() -> None:
    assert percentiles([float(n) for n in range(200, 0, -1)]) == (100.5, 199.0)


def test_ratios_are_ours_to_theirs() -> None:
    ours = {name: {"median": 40.0} for name in FIGURES}
    theirs = {name: {"median": 8.0} for name in FIGURES} | {"starts_per_s": {"median": 0.0}}
    assert ratios(ours, theirs)["resumes_per_s"] == 5.0
    assert "starts_per_s" not in ratios(ours, theirs)


def test_the_table_has_medians_ratios_and_who_is_left_out() -> None:
    rounds = {
        "sluicegate": [a_round(starts_per_s=900), a_round(starts_per_s=800)],
        "other": [a_round(starts_per_s=s) for s in (70, 100, 90)],
    }
    result = summary((A_PEER,), rounds, {"third": "cannot be installed: npm is not installed"})
    [peer] = result["peers"]
    assert peer["figures"]["starts_per_s"] == {"median": 90, "min": 70, "max": 100}
    head, ours, other, left_out = lines(result)
    assert "starts/s" in head
    assert ours.split()[:2] == ["sluicegate", "850"]
    assert other.split()[:4] == ["other", "1.2", "90", "(9.44x)"]
    assert left_out == "left out: third: cannot be installed: npm is not installed"


def test_every_peer_has_a_program_and_pinned_packages() -> None:
    programs = Path(talk.__file__).parent
    assert all((programs / f"{peer.module}.py").exists() for peer in PEERS)
    assert all("==" in package for peer in PEERS for package in peer.python)
    assert all(package.rpartition("@")[0] for peer in PEERS for package in peer.node)
