"""Definitions by hand, with what the random ones do not have: derived fields, `users`, texts."""

from tests.builders import a_definition

APPROVALS = a_definition("""
name: approvals
timeout: 40h
steps:
  - id: gate
    condition: {total: {gte: 50}}
    on_true:
      - id: boss
        approval: {title: "Order ${total}", roles: [manager], expires_in: 24h}
        on_rejected: [{id: told, execute: [{log: {message: no}}]}, {id: out, block: {code: no}}]
    on_false: [{id: pass, allow: {stop: true}}]
  - {id: again, block: {code: held, approval: {title: B, users: [ada, eve], exclude: [bob]}}}
  - {id: own, approval: {title: C, anyone: true, outcomes: [fine, bad], expires_in: 1h}}
  - {id: end, allow: {reason: "${approvals.own.outcome} ${approvals.again.decided_by}"}}
""")
CALLS = a_definition("""
name: calls
on_error: [{id: mend, approval: {title: "${error.code}", anyone: true, expires_in: 1h}}]
context:
  load:
    rates: {resource: rates, id: "${total}"}
    extra: {resource: extra, id: "${customer}"}
    maybe: {resource: maybe, id: "${customer}", optional: true}
  derive: {is_high: {total: {gt: 10}}}
steps:
  - id: call
    execute:
      - log: {message: "${is_high}"}
      - webhook: {url: "https://x.example/1", json: {rates: "${rates}"}}
      - create_record: {entity: e, id: "${total}", set: {rates: "${rates}"}}
    retry: {max: 1}
    on_error: [{id: retry_call, execute: [{webhook: {url: "https://x.example/2"}}]}]
  - {id: loose, continue_on_error: true, execute: [{webhook: {url: "https://x.example/3"}}]}
  - {id: sent, execute: [{emit: {event: done, data: {first: "${steps.call.output:-none}"}}}]}
""")
WAITS = a_definition("""
name: waits
timeout: 3d
include_paused: true
steps:
  - id: paid
    wait: {event: paid, match: {id: "${total}"}, when: {n: {lt: 200}}, timeout: 5h}
    on_timeout: [{id: nap, wait: {for: 30m}}]
  - {id: until, when: {total: {gt: 20}}, wait: {until: "2026-03-04T00:00:00Z"}}
  - {id: strict, wait: {event: shipped, timeout: 1h}}
  - {id: call, execute: [{webhook: {url: "https://x.example/${waits.strict.event.n}"}}]}
""")
DEFINITIONS = (APPROVALS, CALLS, WAITS)
