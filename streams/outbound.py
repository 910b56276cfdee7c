"""Our own records: executions, waits and decisions on Kafka (interfaces.md, Messages)."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from engine.effects import Announce, CloseWait, Emit, WriteRecord
from engine.execution import Execution, Wait
from engine.ids import public_id
from engine.steps.approval import instant_text
from streams.codecs import Outgoing, cloud_headers
from streams.topics import Topics

SOURCE = "/sluicegate"
"""CloudEvents source of our own records."""


def encoded(value: object) -> bytes:
    """Return JSON in no more memory than it needs: orjson's own buffers are far larger."""
    return memoryview(orjson.dumps(value)).tobytes()


class Outbound:
    """Builds the records of one deployment's topics."""

    __slots__ = ("_cause", "_common", "_common_of", "_event_topic", "_topics")

    def __init__(self, topics: Topics, event_topic: str) -> None:
        self._topics, self._event_topic = topics, event_topic
        self._common_of: tuple[str, datetime, str | None] | None = None
        self._common: dict[str, str] = {}
        self._cause: str | None = None

    def caused_by(self, id: str | None) -> None:
        """Note which message the next records follow from; None: the one that began it all."""
        self._cause = id

    def _cause_of(self, execution: Execution) -> str | None:
        return self._cause or _text(execution.meta.get("id"))

    def life_cycle(self, execution: Execution, announce: Announce) -> Outgoing:
        """Return a record of the executions topic."""
        public = public_id(execution.id)
        value = {
            "execution_id": public,
            "workflow": execution.workflow,
            "version": execution.version,
            "status": announce.status,
            "result": announce.result,
            "step_path": announce.step_path,
            "error_code": announce.error_code,
            "at": instant_text(announce.at),
            "sequence": announce.sequence,
        }
        headers = self._headers(
            execution, announce.kind, f"{public}:{announce.sequence}", announce.at
        )
        return Outgoing(self._topics.executions, public, encoded(value), headers)

    def wait_opened(self, execution: Execution, wait: Wait) -> Outgoing:
        """Return the waiting record that announces an open wait."""
        headers = self._headers(execution, "wait.opened", f"{wait.id}:opened", wait.opened_at)
        value = encoded({**wait.record, **_progress(wait)})
        return Outgoing(self._topics.waiting, wait.id, value, headers)

    def announced_again(self, wait: Wait) -> Outgoing:
        """Return the waiting record of an open wait whose topic was lost, as it is now."""
        headers = cloud_headers(
            "sluicegate.wait.opened",
            SOURCE,
            opened_id(wait),
            wait.opened_at,
            execution_id=str(wait.record["execution_id"]),
        )
        value = encoded({**wait.record, **_progress(wait)})
        return Outgoing(self._topics.waiting, wait.id, value, headers)

    def wait_changed(self, execution: Execution, wait: Wait) -> Outgoing:
        """Return the waiting record of a wait that is open still, with what has come so far."""
        headers = self._headers(execution, "wait.opened", opened_id(wait), wait.opened_at)
        value = encoded({**wait.record, **_progress(wait)})
        return Outgoing(self._topics.waiting, wait.id, value, headers)

    def wait_closed(self, execution: Execution, closing: CloseWait) -> Outgoing:
        """Return the waiting record that closes a wait: the same key, how and when."""
        wait = closing.wait
        value = {
            "wait_id": wait.id,
            "execution_id": public_id(execution.id),
            "workflow": execution.workflow,
            "version": execution.version,
            "step_path": wait.path,
            "kind": wait.kind,
            "status": "closed",
            "title": wait.record.get("title"),
            "outcome": closing.outcome,
            "decided_by": closing.decided_by,
            "closed_at": instant_text(closing.at),
        }
        headers = self._headers(execution, "wait.closed", f"{wait.id}:closed", closing.at)
        return Outgoing(self._topics.waiting, wait.id, encoded(value), headers)

    def emitted(self, execution: Execution, emit: Emit) -> Outgoing:
        """Return an event that a workflow publishes."""
        meta = execution.meta
        hops = meta.get("hops", 0)
        headers = cloud_headers(
            emit.event,
            f"{SOURCE}/{execution.workflow}",
            emit.id,
            emit.at,
            subject=emit.subject,
            execution_id=public_id(execution.id),
            causation_id=self._cause_of(execution),
            hops=(hops if isinstance(hops, int) else 0) + 1,
            traceparent=_text(meta.get("traceparent")),
            tracestate=_text(meta.get("tracestate")),
        )
        topic = emit.topic or self._event_topic
        key = emit.key or public_id(execution.id)
        return Outgoing(topic, key, encoded(emit.payload), headers)

    def record_changed(
        self,
        execution: Execution,
        write: WriteRecord,
        result: Mapping[str, object],
        at: datetime,
    ) -> Outgoing:
        """Return the event that tells of a created or updated record (D30)."""
        emit = Emit(
            f"{write.id}:record",
            f"record.{write.mode}d",
            {**result, "data": write.values},
            f"{write.entity}:{write.entity_id}",
            subject=f"{write.entity}/{write.entity_id}",
            at=at,
        )
        return self.emitted(execution, emit)

    def receipt(self, value: Mapping[str, object], at: datetime) -> Outgoing:
        """Return the one answer to a decision or command, keyed by its execution."""
        about = value["execution_id"]
        key = about if isinstance(about, str) else None
        id = f"{value.get('decision_id') or value.get('command_id')}:receipt"
        headers = cloud_headers("sluicegate.receipt", SOURCE, id, at, execution_id=key)
        return Outgoing(self._topics.receipts, key, encoded(value), headers)

    def _headers(self, execution: Execution, kind: str, id: str, at: datetime) -> dict[str, str]:
        # The messages of one input follow each other and differ in two headers alone.
        if self._common_of != (execution.id, at, self._cause):
            meta = execution.meta
            self._common_of = (execution.id, at, self._cause)
            self._common = cloud_headers(
                "",
                SOURCE,
                "",
                at,
                execution_id=public_id(execution.id),
                causation_id=self._cause_of(execution),
                traceparent=_text(meta.get("traceparent")),
                tracestate=_text(meta.get("tracestate")),
            )
        return {**self._common, "ce_id": id, "ce_type": f"sluicegate.{kind}"}


def opened_id(wait: Wait) -> str:
    """Return the id of the record that tells how an open wait is now."""
    changes = wait.state.get("changes")
    return f"{wait.id}:opened:{changes}" if changes else f"{wait.id}:opened"


def _progress(wait: Wait) -> dict[str, object]:
    """Return what an inbox shows of an open request beside the request itself."""
    return {key: value for key, value in wait.state.items() if key != "changes"}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
