"""The generated pages and schemas: never stale, never with dead links."""

import re

import pytest

from config.settings import Settings
from docs.generate import settings, statuses
from docs.generate.operators import verdict
from docs.generate.pages import DOCS, pages
from engine.codes import RECEIPT_CODES
from engine.execution import MOVES, Status, StepStatus
from streams.topics import OWN

PAGES = {name: text for name, text in pages().items() if name.endswith(".md")}


def anchors(text: str) -> set[str]:
    """Return what the headings of a page are linked by."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", list(pages()))
def test_a_generated_file_is_not_stale(name: str) -> None:
    file = DOCS / name
    assert file.exists(), "run `make docs`"
    assert file.read_text("utf-8") == pages()[name], "run `make docs` and look at what has changed"


def test_nothing_else_stands_among_the_generated_files() -> None:
    found = {
        str(path.relative_to(DOCS))
        for folder in ("reference", "schema")
        for path in (DOCS / folder).iterdir()
    }
    assert found == set(pages()) - {"reliability.md"}


@pytest.mark.parametrize("name", list(PAGES))
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[name]):
        file, _, anchor = target.partition("#")
        path = (DOCS / name).parent / file if file else DOCS / name
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text("utf-8")), target


@pytest.mark.parametrize("name", list(PAGES))
def test_rows_of_a_table_have_as_many_cells_as_its_head(name: str) -> None:
    width = 0
    for line in PAGES[name].split("\n"):
        if not line.startswith("|"):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert width in (0, cells), line
        width = cells


def test_the_page_of_statuses_has_every_legal_move_and_no_other() -> None:
    page = PAGES["reference/statuses.md"]
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", page, re.MULTILINE))
    assert drawn == {(source, target) for source in MOVES for target in MOVES[source]}
    assert set(statuses.EXECUTION) == set(Status)
    assert set(statuses.STEP) == set(StepStatus)


def test_the_statuses_of_approval_requests_are_those_of_the_database() -> None:
    sql = (DOCS.parent / "storage/migrations/0001_init.sql").read_text("utf-8")
    table = sql.partition("create table approval_requests")[2]
    listed = table.partition("status in (")[2].partition(")")[0]
    assert re.findall(r"'(\w+)'", listed) == list(statuses.APPROVAL)


def test_every_setting_is_on_its_page() -> None:
    page = PAGES["reference/settings.md"]
    for name, field in Settings.model_fields.items():
        assert f"`{settings.variable(name, field)}`" in page
    assert "`SLUICEGATE_GROUP_ID` | `sluicegate-worker`" in page
    assert "`KAFKA_BOOTSTRAP_SERVERS` | none" in page


def test_every_topic_and_code_is_on_its_page() -> None:
    for topic in OWN:
        assert f"`sluicegate.{topic.name}`" in PAGES["reference/topics.md"]
    for code in RECEIPT_CODES:
        assert f"| `{code.name}` | {code.http} |" in PAGES["reference/codes.md"]


@pytest.mark.parametrize(
    ("operator", "left", "right", "said"),
    [
        ("eq", 1, 1.0, "true"),
        ("in", "IT", ["DE"], "false"),
        ("regex", "abc", "b", "true"),
        ("gt", "10", 5, "false, with the warning: gt cannot compare text with number"),
    ],
)
def test_the_page_of_operators_says_what_the_engine_says(
    operator: str, left: object, right: object, said: str
) -> None:
    assert verdict(operator, left, right) == said
