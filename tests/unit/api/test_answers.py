"""One loop asks for all who wait."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from api.answers import Answers
from storage.answering import Question


class Desk:
    """A source that answers what it has been told, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[Question]] = []
        self.known: dict[Question, dict[str, Any]] = {}
        self.problem: Exception | None = None
        self.was_asked = asyncio.Event()

    async def answers(self, questions: Collection[Question]) -> dict[Question, dict[str, Any]]:
        self.asked.append(sorted(questions))
        self.was_asked.set()
        if self.problem is not None:
            raise self.problem
        return {question: self.known[question] for question in questions if question in self.known}


A, B = ("receipt", "a"), ("receipt", "b")


async def test_one_question_is_asked_for_all_who_wait() -> None:
    desk = Desk()
    answers = Answers(desk)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(answers.wait(question, 5)) for question in (A, A, B) * 20]
        await desk.was_asked.wait()
        desk.known = {A: {"n": 1}, B: {"n": 2}}
    assert [task.result() for task in waiting] == [{"n": 1}, {"n": 1}, {"n": 2}] * 20
    assert desk.asked[0] == [A, B]
    assert len(desk.asked) < 5


async def test_nobody_is_asked_while_nobody_waits() -> None:
    desk = Desk()
    answers = Answers(desk)
    assert await answers.wait(A, 0.05) is None
    desk.known = {B: {"n": 2}}
    assert await answers.wait(B, 5) == {"n": 2}
    assert all(A not in asked for asked in desk.asked[-1:])
    desk.asked.clear()
    desk.was_asked.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(desk.was_asked.wait(), 0.1)


async def test_a_failure_reaches_all_who_wait_and_the_next_one_asks_again() -> None:
    desk = Desk()
    answers = Answers(desk)
    desk.problem = OSError("gone")
    found = await asyncio.gather(answers.wait(A, 5), answers.wait(B, 5), return_exceptions=True)
    assert list(found) == [desk.problem, desk.problem]
    desk.problem, desk.known = None, {A: {"n": 1}}
    assert await answers.wait(A, 5) == {"n": 1}


async def test_one_who_gives_up_leaves_the_others_waiting() -> None:
    desk = Desk()
    answers = Answers(desk)
    patient = asyncio.create_task(answers.wait(A, 5))
    assert await answers.wait(A, 0.05) is None
    desk.known = {A: {"n": 1}}
    assert await patient == {"n": 1}
    await answers.close()
