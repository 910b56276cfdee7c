"""An attempt ends in a result, whatever its action does."""

import asyncio
from collections.abc import Callable

import pytest

from actions.registry import Action, Actions
from actions.results import ActionRequest, Failed, Succeeded
from engine.templates import Secret, SecretSlot
from tests.unit.actions.target import asking, secrets_of

SECRETS = secrets_of(TOKEN="s3cret-token")


class Plugged:
    """An action that does what a test says."""

    idempotent = True

    def __init__(self, does: Callable[[ActionRequest], object] = lambda _request: None) -> None:
        self._does = does

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        result = self._does(request)
        if isinstance(result, asyncio.Event):
            await result.wait()
        return result if isinstance(result, Failed) else Succeeded(result)


def with_action(action: Action) -> Actions:
    return Actions({"custom": action}, SECRETS)


def fail_with(problem: Exception) -> Callable[[ActionRequest], object]:
    def does(_request: ActionRequest) -> object:
        raise problem

    return does


async def test_an_action_gets_its_parameters_with_the_secrets_filled_in() -> None:
    actions = with_action(Plugged(lambda request: len(str(request.params["a"]))))
    slot = SecretSlot(("a",), (Secret("TOKEN"), "!"))
    assert await actions.perform(asking("custom", a=None, slots=(slot,))) == Succeeded(13)


async def test_an_exception_of_an_action_is_a_failure_without_secrets() -> None:
    actions = with_action(Plugged(fail_with(RuntimeError("login s3cret-token failed"))))
    assert await actions.perform(asking("custom")) == Failed(
        "action_error", "RuntimeError: login *** failed", True
    )


async def test_a_failure_that_repeats_a_secret_is_masked() -> None:
    actions = with_action(Plugged(lambda _: Failed("no", "s3cret-token\0", False)))
    assert await actions.perform(asking("custom")) == Failed("no", "***\ufffd", False)


async def test_an_action_that_takes_too_long_is_a_timeout() -> None:
    actions = with_action(Plugged(lambda _: asyncio.Event()))
    result = await actions.perform(asking("custom", timeout=0.05))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("timeout", True)


async def test_an_output_that_is_no_json_is_a_failure() -> None:
    actions = with_action(Plugged(lambda _: {"at": object()}))
    result = await actions.perform(asking("custom"))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("invalid_output", False)


async def test_an_unknown_action_and_a_missing_secret_are_failures_for_good() -> None:
    actions = with_action(Plugged())
    unknown = await actions.perform(asking("teleport"))
    slot = SecretSlot(("a",), (Secret("CRM"),))
    missing = await actions.perform(asking("custom", a=None, slots=(slot,)))
    assert isinstance(unknown, Failed)
    assert isinstance(missing, Failed)
    assert [(r.code, r.retryable) for r in (unknown, missing)] == [
        ("unknown_action", False),
        ("secret_missing", False),
    ]
    assert "SLUICEGATE_SECRET_CRM" in missing.message


async def test_a_slot_that_leads_nowhere_is_a_failure_too() -> None:
    slot = SecretSlot(("a", "b"), (Secret("TOKEN"),))
    result = await with_action(Plugged()).perform(asking("custom", slots=(slot,)))
    assert isinstance(result, Failed)


async def test_cancelling_an_attempt_cancels_it() -> None:
    task = asyncio.create_task(
        with_action(Plugged(lambda _: asyncio.Event())).perform(asking("custom"))
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
