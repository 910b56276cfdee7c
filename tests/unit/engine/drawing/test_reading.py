"""Definitions as graphs: nodes, ways and frames of each verb."""

from pathlib import Path

import pytest

from engine.definition import (
    ApprovalVerb,
    ConditionVerb,
    ForEachVerb,
    ParallelVerb,
    RepeatVerb,
    WaitVerb,
)
from engine.drawing.reading import graph_of
from tests.drawings import (
    CORPUS,
    FILES,
    definition_of_file,
    edge,
    graph_of_file,
    graph_of_text,
    ways,
)


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


def test_a_jump_forward_passes_the_steps_between() -> None:
    graph = graph_of_file(CORPUS / "good/jumps.yaml")
    assert ways(graph, "choose") == {"on_true": "big", "on_false": "small"}
    assert edge(graph, "choose", "big").way == "jump"
    assert edge(graph, "choose", "small").way == "on"
    assert ways(graph, "small") == {}


def test_a_condition_with_both_branches_leads_on_from_their_ends() -> None:
    graph = graph_of_text(
        """
        steps:
          - id: choose
            condition: { a: { eq: 1 } }
            on_true: [{ id: yes, allow: {} }]
            on_false: [{ id: no, allow: { stop: true } }]
          - { id: after, allow: {} }
        """
    )
    assert ways(graph, "choose") == {"on_true": "choose/yes", "on_false": "choose/no"}
    assert ways(graph, "choose/yes") == {"": "after"}
    assert ways(graph, "choose/no") == {}


def test_loops_lead_back_from_their_joins() -> None:
    graph = graph_of_file(CORPUS / "good/loops.yaml")
    assert edge(graph, "lines:join", "lines").way == "loop"
    assert ways(graph, "lines:join") == {"": "countries", "next": "lines"}
    assert ways(graph, "poll:join") == {"": "done", "again, at most 1000 times": "poll"}
    assert ways(graph, "poll") == {"": "poll/look", "on_error": "poll/never_ready"}
    assert [(frame.id, frame.kind) for frame in graph.frames] == [
        ("lines", "for_each"),
        ("countries", "for_each"),
        ("poll", "repeat"),
    ]


def test_a_step_that_fails_or_is_undone_has_its_ways() -> None:
    graph = graph_of_file(CORPUS / "good/children.yaml")
    assert ways(graph, "refund") == {
        "": "tell",
        "on_error": "refund/note",
        "compensate": "refund/take_back",
    }
    assert edge(graph, "refund", "refund/note").way == "error"
    assert ways(graph, "refund/note") == {"": "tell"}
    assert edge(graph, "refund", "refund/take_back").way == "undo"
    assert ways(graph, "refund/take_back") == {}


@pytest.mark.parametrize(
    ("wait", "leads"),
    [
        ("{ event: a.b }", {"": ":end"}),
        ("{ for: 5m }", {"": ":end"}),
        ("{ event: a.b, timeout: 1h }", {"": ":end", "timeout": "heard:failed"}),
        ("{ all_of: [{ event: a.b, timeout: 1h }, { event: c.d }] }", {"timeout": "heard:failed"}),
        ("{ any_of: [{ event: a.b }, { event: c.d }], timeout: 1h }", {"timeout": "heard:failed"}),
    ],
)
def test_a_wait_with_a_timeout_may_fail(wait: str, leads: dict[str, str]) -> None:
    graph = graph_of_text(f"steps: [{{ id: heard, wait: {wait} }}]")
    assert ways(graph, "heard") == {"": ":end", **leads}


def test_what_a_wait_is_for_stands_in_its_box() -> None:
    graph = graph_of_file(CORPUS / "good/undoing.yaml")
    details = {node.id: node.detail for node in graph.nodes}
    assert details["shipped"] == "parcel.sent or parcel.lost"
    assert details["closed"] == "books.closed and tax.filed"


def test_a_block_that_asks_first_goes_on_where_it_was_approved() -> None:
    graph = graph_of_file(CORPUS / "good/block-with-approval.yaml")
    assert ways(graph, "hold") == {
        "on_approved": "hold/released",
        "rejected, expired": "hold:blocked",
    }
    assert ways(graph, "hold/released") == {"": ":end"}


def test_own_outcomes_lead_on_and_expiry_to_its_branch() -> None:
    graph = graph_of_file(CORPUS / "good/own-outcomes.yaml")
    assert ways(graph, "triage") == {
        "accept, refuse": ":end",
        "split": "triage/split_up",
        "on_expired": "triage/late",
    }


def test_a_step_with_a_when_may_be_skipped() -> None:
    graph = graph_of_text(
        "steps: [{ id: a, when: { x: { eq: 1 } }, block: { code: no } }, { id: b, allow: {} }]"
    )
    assert ways(graph, "a") == {"skipped": "b"}
    assert graph.nodes[1].conditional


def test_what_runs_after_a_failure_begins_on_its_own_and_ends_as_failed() -> None:
    graph = graph_of_file(CORPUS / "good/failures.yaml")
    assert ways(graph, ":on_error") == {"": "give_up"}
    assert ways(graph, "give_up") == {"": ":failed"}


def test_each_trigger_is_a_start() -> None:
    graph = graph_of_file(CORPUS / "good/own-outcomes.yaml")
    assert [start.label for start in graph.starts] == ["order.*", "by hand"]
    assert {edge.target for edge in graph.edges if edge.source.startswith(":start")} == {"triage"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_edge_joins_two_nodes_and_every_id_is_used_once(path: Path) -> None:
    graph = graph_of_file(path)
    ids = [node.id for node in graph.nodes]
    assert len(ids) == len(set(ids))
    for found in graph.edges:
        assert {found.source, found.target} <= set(ids)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_nodes_of_steps_have_the_paths_of_the_compiled_definition(path: Path) -> None:
    definition = definition_of_file(path)
    paths = [node.path for node in graph_of(definition).nodes if node.path is not None]
    assert sorted(paths) == sorted(definition.steps)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_way_of_the_compiled_definition_is_drawn(path: Path) -> None:
    definition = definition_of_file(path)
    drawn = {(edge.source, edge.target) for edge in graph_of(definition).edges}
    for step in definition.steps.values():
        heads = [step.on_error, step.compensate]
        match step.verb:
            case ConditionVerb():
                heads += [step.verb.on_true, step.verb.on_false]
            case ApprovalVerb():
                heads += step.verb.spec.on_outcome.values()
            case WaitVerb():
                heads.append(step.verb.on_timeout)
            case ParallelVerb():
                heads += step.verb.branches.values()
            case ForEachVerb() | RepeatVerb():
                heads.append(step.verb.first)
        for head in heads:
            assert head is None or (step.path, head) in drawn
