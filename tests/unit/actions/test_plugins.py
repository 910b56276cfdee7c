"""What installed packages bring: found by the interpreter itself, as after an installation."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actions.definitions import read_folder
from actions.guard import Guard
from actions.loaders import Resources
from actions.plugins import PluginBroken, plugged_in
from actions.registry import load_actions
from actions.results import Failed, Succeeded
from tests.unit.actions.target import asking, loaded

ACTION = """
from actions.results import Succeeded

class Page:
    idempotent = False

    async def perform(self, request):
        return Succeeded({"paged": request.params["who"], "key": request.idempotency_key})

def make_page():
    return Page()

class Unbuildable:
    def __init__(self):
        raise RuntimeError("no licence file")

class Idle:
    idempotent = True

class Undeclared:
    async def perform(self, request):
        return Succeeded(None)
"""
LOADERS = """
import threading
import time

def risk(id):
    return {"id": id, "thread": threading.current_thread().name}

async def score(id):
    return [id, threading.current_thread().name]

class Ready:
    def __init__(self):
        self.prefix = "ready-"

    async def __call__(self, id):
        return self.prefix + id

def later(id):
    return score(id)

def fails(id):
    raise KeyError(id)

def ends(id):
    raise StopIteration

def odd(id):
    return {1, 2}

def large(id):
    return "x" * 2_000_000

gate = threading.Event()

def hangs(id):
    gate.wait()

constant = 5
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package with one module and entry points, as an installer writes it."""
    site = tmp_path / "site"

    def write(module: str, source: str, **groups: dict[str, str]) -> None:
        site.mkdir(exist_ok=True)
        (site / f"{module}.py").write_text(source, "utf-8")
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        lines = []
        for group, points in groups.items():
            lines += [f"[sluicegate.{group}]", *(f"{name} = {to}" for name, to in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(str(site))
        plugged_in.cache_clear()

    yield write
    plugged_in.cache_clear()
    for module in ("ours_action", "ours_loaders"):
        sys.modules.pop(module, None)


def resource(entry_point: str, **more: object) -> dict[str, object]:
    return {"r": {"kind": "python", "entry_point": entry_point, **more}}


# S81
@pytest.mark.parametrize("target", ["Page", "make_page"])
async def test_an_installed_package_brings_an_action(target: str, install: Install) -> None:
    install("ours_action", ACTION, actions={"page": f"ours_action:{target}"})
    async with loaded() as actions:
        result = await actions.perform(asking("page", who="ana"))
        page = actions.get("page")
        assert page is not None
        assert not page.idempotent
    assert result == Succeeded({"paged": "ana", "key": "exec_1:pay:0"})


async def test_an_installed_package_cannot_take_the_place_of_our_actions(install: Install) -> None:
    install("ours_action", ACTION, actions={"webhook": "ours_action:Page"})
    async with loaded() as actions:
        assert type(actions.get("webhook")).__name__ == "HttpAction"


@pytest.mark.parametrize(
    ("group", "target", "problem"),
    [
        ("actions", "ours_action:Unbuildable", "no licence file"),
        ("actions", "ours_action:Idle", "no method"),
        ("actions", "ours_action:Undeclared", "idempotent = True"),
        ("actions", "no_such_module:X", "no_such_module"),
        ("loaders", "ours_action:nothing", "nothing"),
        ("loaders", "ours_action:ACTION", "ACTION"),
        ("loaders", "ours_action:__name__", "no function"),
    ],
)
async def test_a_broken_plug_in_is_named_at_start(
    group: str, target: str, problem: str, install: Install
) -> None:
    install("ours_action", ACTION, **{group: {"page": target}})
    with pytest.raises(PluginBroken, match=rf"page .*sluicegate\.{group}.*{problem}"):
        load_actions(Guard(), Resources(), {})


WORKFLOW = """name: pages
trigger: { event: a }
steps:
  - id: x
    execute: [{ page: { who: "${name}", token: "${secrets.PAGER}" } }]
"""


def test_a_definition_may_name_an_action_once_its_package_is_installed(
    install: Install, tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "pages.yaml").write_text(WORKFLOW)
    plugged_in.cache_clear()
    (mistake,) = read_folder(folder).mistakes
    assert (mistake.line, "unknown action 'page'" in mistake.problem) == (5, True)
    install("ours_action", ACTION, actions={"page": "ours_action:Page"})
    assert read_folder(folder).mistakes == []


# S81
async def test_a_loader_that_is_not_async_runs_beside_the_event_loop(install: Install) -> None:
    install("ours_loaders", LOADERS, loaders={"risk": "ours_loaders:risk"})
    async with loaded(declarations=resource("risk")) as actions:
        result = await actions.perform(asking("load", resource="r", id="c-1"))
    assert result == Succeeded({"id": "c-1", "thread": "loader"})


# S81
@pytest.mark.parametrize("name", ["score", "later"])
async def test_a_loader_that_is_async_runs_in_the_event_loop(name: str, install: Install) -> None:
    install("ours_loaders", LOADERS, loaders={name: f"ours_loaders:{name}"})
    async with loaded(declarations=resource(name)) as actions:
        result = await actions.perform(asking("load", resource="r", id="c-1"))
    assert result == Succeeded(["c-1", "MainThread"])


# S81
async def test_a_loader_may_be_a_class_that_is_made_once(install: Install) -> None:
    install("ours_loaders", LOADERS, loaders={"ready": "ours_loaders:Ready"})
    async with loaded(declarations=resource("ready")) as actions:
        result = await actions.perform(asking("load", resource="r", id="c-1"))
    assert result == Succeeded("ready-c-1")


# S90
@pytest.mark.parametrize(
    ("name", "code", "retryable"),
    [
        ("fails", "loader_failed", True),
        ("ends", "loader_failed", True),
        ("odd", "invalid_json", False),
        ("large", "too_large", False),
        ("nobody", "unknown_loader", False),
    ],
)
async def test_a_loader_that_fails_is_a_failure_of_the_attempt(
    name: str, code: str, retryable: bool, install: Install
) -> None:
    points = {} if name == "nobody" else {name: f"ours_loaders:{name}"}
    install("ours_loaders", LOADERS, loaders=points)
    async with loaded(declarations=resource(name)) as actions:
        result = await actions.perform(asking("load", resource="r", id="c-1"))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == (code, retryable)


# S90
async def test_loaders_that_hang_time_out_and_do_not_stop_webhooks(install: Install) -> None:
    install("ours_loaders", LOADERS, loaders={"hangs": "ours_loaders:hangs"})
    async with loaded(declarations=resource("hangs", timeout="50ms")) as actions:
        results = [await actions.perform(asking("load", resource="r", id="1")) for _ in range(10)]
    sys.modules["ours_loaders"].gate.set()
    for result in results:
        assert isinstance(result, Failed)
        assert (result.code, result.retryable) == ("timeout", True)


def test_a_resource_may_name_a_loader_once_its_package_is_installed(
    install: Install, tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "resources.yaml").write_text("risk.score:\n  kind: python\n  entry_point: risks\n")
    plugged_in.cache_clear()
    (before,) = read_folder(folder).mistakes
    install("ours_loaders", LOADERS, loaders={"risk": "ours_loaders:risk"})
    (near,) = read_folder(folder).mistakes
    (folder / "resources.yaml").write_text("risk.score:\n  kind: python\n  entry_point: risk\n")
    assert read_folder(folder).mistakes == []
    assert str(before).endswith(
        "resources.yaml:3:3: no installed package brings the loader 'risks' "
        "(group sluicegate.loaders has: none)"
    )
    assert "'risks'; did you mean risk? (group sluicegate.loaders has: risk)" in near.problem
