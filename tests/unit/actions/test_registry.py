"""An attempt ends in a result, whatever its action does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from actions import registry
from actions.client import HttpClient
from actions.guard import Guard
from actions.loaders import Resources
from actions.plugins import GROUP
from actions.registry import Action, Actions, PluginBroken, load_actions
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


class Unbuildable:
    """A plug-in whose class cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no licence file")


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(Guard())
    yield client
    await client.close()


def with_action(client: HttpClient, action: Action) -> Actions:
    return Actions(client, {"custom": action}, SECRETS)


def fail_with(problem: Exception) -> Callable[[ActionRequest], object]:
    def does(_request: ActionRequest) -> object:
        raise problem

    return does


async def test_an_action_gets_its_parameters_with_the_secrets_filled_in(client: HttpClient) -> None:
    actions = with_action(client, Plugged(lambda request: len(str(request.params["a"]))))
    slot = SecretSlot(("a",), (Secret("TOKEN"), "!"))
    assert await actions.perform(asking("custom", a=None, slots=(slot,))) == Succeeded(13)


async def test_an_exception_of_an_action_is_a_failure_without_secrets(client: HttpClient) -> None:
    actions = with_action(client, Plugged(fail_with(RuntimeError("login s3cret-token failed"))))
    assert await actions.perform(asking("custom")) == Failed(
        "action_error", "RuntimeError: login *** failed", True
    )


async def test_a_failure_that_repeats_a_secret_is_masked(client: HttpClient) -> None:
    actions = with_action(client, Plugged(lambda _: Failed("no", "s3cret-token\0", False)))
    assert await actions.perform(asking("custom")) == Failed("no", "***\ufffd", False)


async def test_an_action_that_takes_too_long_is_a_timeout(client: HttpClient) -> None:
    actions = with_action(client, Plugged(lambda _: asyncio.Event()))
    result = await actions.perform(asking("custom", timeout=0.05))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("timeout", True)


async def test_an_output_that_is_no_json_is_a_failure(client: HttpClient) -> None:
    actions = with_action(client, Plugged(lambda _: {"at": object()}))
    result = await actions.perform(asking("custom"))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("invalid_output", False)


async def test_an_unknown_action_and_a_missing_secret_are_failures_for_good(
    client: HttpClient,
) -> None:
    actions = with_action(client, Plugged())
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


async def test_a_slot_that_leads_nowhere_is_a_failure_too(client: HttpClient) -> None:
    slot = SecretSlot(("a", "b"), (Secret("TOKEN"),))
    result = await with_action(client, Plugged()).perform(asking("custom", slots=(slot,)))
    assert isinstance(result, Failed)


async def test_cancelling_an_attempt_cancels_it(client: HttpClient) -> None:
    task = asyncio.create_task(
        with_action(client, Plugged(lambda _: asyncio.Event())).perform(asking("custom"))
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def installed(name: str, value: str) -> Callable[..., EntryPoints]:
    """Return what the interpreter would find with a package installed that brings an action."""
    points = EntryPoints([EntryPoint(name, value, GROUP)])
    return lambda **wanted: points.select(**wanted)


async def test_an_installed_package_brings_an_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", installed("custom", f"{__name__}:Plugged"))
    actions = load_actions(Guard(), Resources(), {})
    try:
        assert await actions.perform(asking("custom")) == Succeeded(None)
    finally:
        await actions.close()


async def test_an_installed_package_cannot_take_the_place_of_our_actions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "entry_points", installed("webhook", f"{__name__}:Plugged"))
    actions = load_actions(Guard(), Resources(), {})
    try:
        assert not isinstance(actions.get("webhook"), Plugged)
    finally:
        await actions.close()


@pytest.mark.parametrize("value", [f"{__name__}:Unbuildable", "no_such_module:X"])
async def test_a_broken_plug_in_is_named_at_start(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "entry_points", installed("custom", value))
    with pytest.raises(PluginBroken, match="custom"):
        load_actions(Guard(), Resources(), {})


async def test_a_channel_that_is_not_built_fails_for_good_and_names_those_that_are() -> None:
    actions = load_actions(Guard(), Resources(), {})
    try:
        result = await actions.perform(asking("notify", channel="email", to="ana@example.com"))
    finally:
        await actions.close()
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("channel_not_available", False)
    assert "log" in result.message
