"""A workflow with tests in a folder, for tests of `sluicegate test`."""

import json
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from cli.testing.command import Options, run_tests

WORKFLOW = """\
name: order
trigger: {event: order.*, when: {total: {gt: 0}}, key: "${id}"}
input: {required: [id]}
context: {load: {customer: {resource: customer, id: "${buyer:-nobody}"}}}
steps:
  - id: large
    condition: {total: {gte: 100}}
    on_true:
      - id: boss
        approval:
          title: "Order ${id}"
          roles: [boss]
          exclude: ["${buyer:-}"]
          form: {discount: {type: integer}}
          expires_in: 24h
        on_rejected: [{id: refused, block: {code: refused, reason: "${approvals.boss.reason}"}}]
  - id: pay
    execute: [{webhook: {url: "${secrets.BANK}/pay", json: {id: "${id}", total: "${total}"}}}]
    retry: {max: 2, base: 30s, backoff: fixed, jitter: none}
    on_error: [{id: unpaid, block: {code: unpaid}}]
  - id: shipped
    wait: {event: parcel.sent, match: {order: "${id}"}, timeout: 5d}
  - id: told
    when: {customer.email: {exists: true}}
    execute: [{emit: {event: mail.wanted, key: "${id}", data: {to: "${customer.email}", n: 1}}}]
"""
START = """\
- name: one
  given: {event: {type: order.made, data: {id: o1, total: %d, buyer: eva}}}
  resources: {customer: {email: eva@example.com, orders: 3}}
"""


def a_folder(folder: Path, tests: str, workflow: str = WORKFLOW) -> Path:
    """Write a workflow and the tests of it; return the file of tests."""
    (folder / "order.yaml").write_text(workflow)
    resources = "customer: {kind: http, url: 'https://crm.example/${id}'}\n"
    (folder / "resources.yaml").write_text(resources)
    file = folder / "order.test.yaml"
    file.write_text(f"workflow: order\ntests:\n{indent(dedent(tests), '  ')}")
    return file


def a_test(rest: str, total: int = 50) -> str:
    """Return the text of one test that starts an order; `rest` are its moves and expectations."""
    return START % total + indent(dedent(rest), "  ")


def run(path: Path, capsys: pytest.CaptureFixture[str], **more: Any) -> tuple[int, dict[str, Any]]:
    """Run tests; return exit code and report."""
    code = run_tests(Options([path], as_json=True, **more))
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def problems(
    folder: Path, capsys: pytest.CaptureFixture[str], rest: str, total: int = 50
) -> list[str]:
    """Return the failures of one test, each as `the text at its place -> problem`."""
    file = a_folder(folder, a_test(rest, total))
    lines = file.read_text().splitlines()
    code, report = run(file, capsys)
    found = [
        f"{lines[each['line'] - 1][each['column'] - 1 :]} -> {each['problem']}"
        for each in report["tests"][0]["failures"]
    ]
    assert code == (1 if found else 0)
    return found
