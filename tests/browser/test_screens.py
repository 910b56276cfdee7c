"""The screens in a browser: what people see, press and type."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Desk, Site
from tests.world import ROOT

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
MOST_BYTES, MOST_HEIGHT = 150_000, 1_300
PICTURES = (
    ("inbox", "light"),
    ("inbox", "phone"),
    ("approval", "light"),
    ("approval", "phone"),
    ("execution", "dark"),
    ("workflow", "light"),
    ("health", "light"),
    ("dead-letter", "dark"),
)
GRAVE = ("serious", "critical")
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1200, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 800}},
}


NAMES = (
    "inbox",
    "approval",
    "order",
    "executions",
    "execution",
    "workflows",
    "workflow",
    "health",
    "dead-letters",
    "dead-letter",
    "me",
)


def grave_findings(page: Any) -> list[str]:
    """Return what axe-core finds wrong that is serious."""
    # The page's own policy forbids scripts in line; the checker is put in by the debugger.
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{item['id']}: {[(node['target'], node['failureSummary']) for node in item['nodes'][:3]]}"
        for item in found["violations"]
        if item["impact"] in GRAVE
    ]


def _keep(page: Any, folder: Path, name: str, look: str) -> None:
    """Write a picture: those of the documentation into docs/images, any into another folder."""
    if folder == Path("docs/images") and (name, look) not in PICTURES:
        return
    (ROOT / folder).mkdir(exist_ok=True)
    path = ROOT / folder / f"{name}-{look}.png"
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, MOST_HEIGHT)}
    page.screenshot(path=path, full_page=True, clip=clip)
    assert path.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", NAMES)
def test_a_screen_is_quiet_accessible_and_fits(
    desk: Desk, screens: dict[str, str], name: str, look: str
) -> None:
    page = desk.window(screens[name], "eva@example.com", **LOOKS[look])
    page.wait_for_function(
        "() => !document.querySelector('[hx-sse\\\\:connect]') || performance.now() > 400"
    )
    assert grave_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    if (folder := os.environ.get("SLUICEGATE_SCREENSHOTS")) is not None:
        _keep(page, Path(folder), name, look)
    assert desk.complaints == []


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_is_light(desk: Desk, screens: dict[str, str], name: str) -> None:
    page = desk.window("/livez")
    responses: list[Any] = []
    page.on("response", lambda response: responses.append(response))
    page.goto(desk.url + screens[name])
    page.wait_for_load_state("load")
    sizes = {
        response.url: len(gzip.compress(response.body(), 5))
        for response in responses
        if "/live/" not in response.url
    }
    assert any("htmx" in url for url in sizes)
    assert sum(sizes.values()) <= 60_000, sizes


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_works_without_scripts(desk: Desk, screens: dict[str, str], name: str) -> None:
    page = desk.window(screens[name], java_script_enabled=False)
    assert page.locator("main h1").inner_text()


def test_markup_in_data_is_text(desk: Desk, site: Site) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    record = site.ask(
        "refund.requested",
        refund_id=evil,
        amount=1,
        currency="EUR",
        customer_name=evil,
        order_id=f"[x](javascript:alert(1)) {evil}",
        reason=f"{evil} \u202etxt.exe",
        requested_by="dora",
    )
    page = desk.window(f"/approvals/{record['wait_id']}")
    assert "owned" not in page.title() or "<img" in page.title()
    assert page.locator("main img, main script, main a[href^=javascript]").count() == 0
    assert "[U+202E]txt.exe" in page.locator("main").inner_text()
    for path in ("/", "/executions", f"/executions/{record['execution_id']}"):
        page.goto(desk.url + path)
        assert page.locator("main img, main script").count() == 0
    assert desk.complaints == []
