"""Steps in few words: the line below a step's id, and the lines of its tooltip."""

from collections.abc import Iterable, Iterator, Mapping

Body = Mapping[str, object]
SIGNS = {
    "eq": "=",
    "neq": "≠",
    "gt": ">",
    "gte": "≥",
    "lt": "<",
    "lte": "≤",
    "regex": "matches",
    "starts_with": "starts with",
    "ends_with": "ends with",
}
GROUPS = {"all": " and ", "and": " and ", "any": " or ", "or": " or "}
MAX_DEPTH = 32


def mapping(value: object) -> Body:
    """Return a mapping as it is, anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[object]:
    """Return a list as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []


def said(value: object) -> str:
    """Return a value in short: lists joined, true and false in small letters."""
    match value:
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case str():
            return " ".join(value.split())
        case list():
            return ", ".join(map(said, value))
        case Mapping():
            return ", ".join(f"{name}: {said(inner)}" for name, inner in value.items())
        case _:
            return str(value)


def condition(value: object, depth: int = 0) -> str:
    """Return a condition as a person would write it."""
    body = mapping(value)
    if depth > MAX_DEPTH:
        return "…"
    if "field" in body and "operator" in body:
        return _test(str(body["field"]), str(body["operator"]), body.get("value"))
    if "approval" in body and "is" in body:
        return f"{body['approval']} is {said(body['is'])}"
    return " and ".join(_entry(name, inner, depth) for name, inner in body.items())


def _entry(name: str, value: object, depth: int) -> str:
    if name in GROUPS:
        parts = [condition(part, depth + 1) for part in listed(value)]
        text = GROUPS[name].join(parts)
        return f"({text})" if depth and len(parts) > 1 else text
    if name == "not":
        return f"not ({condition(value, depth + 1)})"
    tests = ((test, wanted) for test, wanted in mapping(value).items() if test != "strict")
    return " and ".join(_test(name, test, wanted) for test, wanted in tests)


def _test(field: str, operator: str, wanted: object) -> str:
    if operator == "exists":
        return f"{field} exists" if wanted else f"{field} is missing"
    if operator == "between" and isinstance(wanted, list) and len(wanted) == 2:
        return f"{said(wanted[0])} ≤ {field} ≤ {said(wanted[1])}"
    return f"{field} {SIGNS.get(operator, operator)} {said(wanted)}"


def trigger(body: Body) -> str:
    """Return what starts an execution."""
    schedule = mapping(body.get("schedule"))
    parts = [
        said(body.get("event", "")),
        f"cron {said(schedule.get('cron', ''))}" if schedule else "",
        "by hand" if body.get("manual") is True else "",
    ]
    return " or ".join(part for part in parts if part)


def detail(verb: str, value: object) -> str:
    """Return what a step does, in a line."""
    body = mapping(value)
    match verb:
        case "condition":
            return condition(value)
        case "allow":
            return said(body.get("reason", ""))
        case "block":
            return said(body.get("code", ""))
        case "execute":
            return ", ".join(name for action in listed(value) for name in mapping(action))
        case "parallel":
            return f"{_strategy(body)} of {len(mapping(body.get('branches')))} branches"
        case "wait":
            return wait(body)
        case "approval":
            return deciders(body)
        case "for_each":
            return f"{said(body.get('as', 'item'))} in {said(body.get('in', ''))}"
        case "repeat":
            return f"until {condition(body.get('until'))}"
        case _:
            return said(body.get("name", ""))


def _strategy(body: Body) -> str:
    strategy = body.get("strategy", "all")
    needed = mapping(strategy).get("n_of")
    return said(strategy).replace("_", " ") if needed is None else said(needed)


def wait(body: Body) -> str:
    """Return what a wait is for."""
    for key, before in (("event", ""), ("for", "for "), ("until", "until ")):
        if key in body:
            return f"{before}{said(body[key])}"
    for key, between in (("any_of", " or "), ("all_of", " and ")):
        if key in body:
            return between.join(said(mapping(one).get("event")) for one in listed(body[key]))
    return ""


def deciders(body: Body) -> str:
    """Return who may decide."""
    if body.get("anyone") is True:
        return "anyone"
    people = [said(body[key]) for key in ("roles", "users") if body.get(key)]
    policy = mapping(body.get("policy"))
    if "sequence" in policy:
        people += [" then ".join(deciders(mapping(one)) for one in listed(policy["sequence"]))]
    needed = f"{said(policy['n_of'])} of " if "n_of" in policy else ""
    return needed + ", ".join(people)


def about(id: str, verb: str, step: Body) -> str:
    """Return the lines of a step's tooltip."""
    return "\n".join(line for line in _lines(id, verb, step) if line)


def _lines(id: str, verb: str, step: Body) -> Iterator[str]:
    value = step.get(verb)
    body = mapping(value)
    yield f"{verb.replace('_', ' ')} {id}"
    if "when" in step:
        yield f"when {condition(step['when'])}"
    if verb == "execute":
        yield from (_action(mapping(action)) for action in listed(value))
    else:
        yield detail(verb, value)
    approval = mapping(body.get("approval")) if verb == "block" else body
    if verb == "block" and approval:
        yield f"asks {deciders(approval)}"
    yield from _facts(body if verb != "block" else {**body, **approval}, _FACTS)
    yield from _facts(step, _AROUND)


_FACTS = ("title", "reason", "match", "max", "expires_in", "expires_at", "timeout", "concurrency")
_AROUND = ("timeout", "retry", "on_in_doubt")


def _facts(body: Body, keys: Iterable[str]) -> Iterator[str]:
    yield from (f"{key.replace('_', ' ')}: {said(body[key])}" for key in keys if key in body)


def _action(action: Body) -> str:
    """Return an action with what matters most of it."""
    for name, value in action.items():
        body = mapping(value)
        keys = ("url", "event", "entity", "resource", "channel", "message")
        main = next((said(body[key]) for key in keys if key in body), "")
        return f"{name} {main}".rstrip()
    return ""
