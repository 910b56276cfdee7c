"""Definitions as graphs: nodes, ways and frames of each verb."""

import pytest

from actions.definitions import read_definition
from engine.drawing.reading import graph_of
from tests.drawings import CORPUS, FILES, ROOT, graph_of_file, ways


def test_example_1_branches_beside_and_comes_together_again() -> None:
    graph = graph_of_file(CORPUS / "spec/order-approval.yaml")
    manager = "needs_people/manager"
    assert ways(graph, ":start:0") == {"": ":context"}
    assert ways(graph, ":context") == {"": "embargo_check"}
    assert ways(graph, "embargo_check") == {
        "on_true": "embargo_check/embargoed",
        "else": "needs_people",
    }
    assert ways(graph, manager) == {
        "on_rejected, expired": f"{manager[:-7]}manager/refused",
        "approved": "needs_people/very_large",
    }
    assert {e.source for e in graph.edges if e.target == "accept"} == {
        "needs_people",
        "needs_people/very_large",
        "needs_people/very_large/director",
    }
    assert ways(graph, "embargo_check/embargoed") == {}


def test_example_2_ends_where_nobody_decides_and_goes_on_where_somebody_does() -> None:
    graph = graph_of_file(CORPUS / "spec/refund.yaml")
    assert ways(graph, "finance") == {
        "approved": "pay",
        "on_rejected": "finance/tell_customer",
        "on_expired": "finance/escalated",
    }
    assert ways(graph, "finance/escalated") == {
        "approved": "pay",
        "rejected": "finance/escalated:blocked",
        "on_expired": "finance/escalated/nobody_decided",
    }
    assert ways(graph, "settled") == {"": "finished", "on_timeout": "settled/chase"}
    assert ways(graph, "trivial/auto_done") == {}


def test_example_3_has_its_branches_in_a_frame_that_ends_in_a_join() -> None:
    graph = graph_of_file(CORPUS / "spec/nightly-credit-review.yaml")
    assert ways(graph, "gather") == {
        "exposure": "gather/exposure/exposure",
        "payments": "gather/payments/settle_gap",
        "stock": "gather/stock/stock_counted",
    }
    assert ways(graph, "gather:join") == {"": "bad_picture"}
    (frame,) = graph.frames
    assert (frame.id, frame.kind) == ("gather", "parallel")
    assert "gather/stock/stock_counted/no_count" in frame.members
    assert "bad_picture" not in frame.members
    assert ways(graph, "bad_picture/risk_team") == {
        "accept, reduce_limits": "end",
        "stop_sales": "bad_picture/risk_team/stop",
        "expired": "bad_picture/risk_team:blocked",
    }
    assert ways(graph, "end") == {"": ":end"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_edge_joins_two_nodes_and_every_id_is_used_once(path) -> None:  # type: ignore[no-untyped-def]
    graph = graph_of_file(path)
    ids = [node.id for node in graph.nodes]
    assert len(ids) == len(set(ids))
    for found in graph.edges:
        assert {found.source, found.target} <= set(ids)


@pytest.mark.parametrize("name", ["order-approval", "expense-claim", "stock-alert"])
def test_the_nodes_of_steps_have_the_paths_of_the_compiled_definition(name: str) -> None:
    file = ROOT / f"examples/{name}.yaml"
    definition = read_definition(file.read_text("utf-8"), file=str(file))
    paths = [node.path for node in graph_of(definition).nodes if node.path is not None]
    assert sorted(paths) == sorted(definition.steps)


def test_the_paths_are_the_definitions_own_where_it_names_them() -> None:
    text = "name: a\ntrigger: { event: b }\nsteps: [{ id: first, allow: {} }]\n"
    definition = read_definition(text, file="a.yaml")
    step = definition.steps[definition.first]
    renamed = type(definition)(
        name="a", steps={"elsewhere": step}, first=step.path, triggers=(), body=definition.body
    )  # type: ignore[dict-item]
    assert [node.path for node in graph_of(renamed).nodes if node.path] == ["elsewhere"]
