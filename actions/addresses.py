"""URLs that stand in files as they will be called: what no call can use is told before one is made.

A URL with `${...}` is known only when it is called; it is checked then.
"""

from collections.abc import Iterator, Mapping

from engine.loading.actions import STATIC_HOST
from engine.loading.branches import steps_below
from engine.loading.node import Node

CALLS = ("webhook", "http_request")


def check_urls(root: Node) -> None:
    """Check the literal URLs that the steps of a definition call."""
    for step in steps_below(root):
        for action in _actions_of(step):
            for kind in CALLS:
                _check_url_in(action, kind)


def check_resource_urls(root: Node) -> None:
    """Check the literal URLs of resources."""
    for name in root.value if isinstance(root.value, Mapping) else ():
        _check_url_in(root, name)


def _actions_of(step: Node) -> Iterator[Node]:
    actions = step.value.get("execute") if isinstance(step.value, Mapping) else None
    if isinstance(actions, list):
        yield from step.child("execute", actions).items()


def _check_url_in(node: Node, key: str) -> None:
    call = node.value.get(key) if isinstance(node.value, Mapping) else None
    url = call.get("url") if isinstance(call, Mapping) else None
    # The loader has noted a URL without scheme and host.
    if isinstance(url, str) and "${" not in url and STATIC_HOST.match(url):
        _check_url(node.child(key, call).child("url", url), url)


def _check_url(node: Node, url: str) -> None:
    # Imported on first use: it takes longer than to read most definitions.
    from actions.urls import checked_url

    try:
        checked_url(url)
    except ValueError as problem:
        node.mistake(f"{problem}; write one such as https://api.example.com:8443/orders?of=a%20b")
