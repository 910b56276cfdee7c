"""`resources.yaml`: where resources come from (definitions.md, Context)."""

from engine.language.nouns import Noun, Value, key
from engine.language.values import ANY, DURATION, MAPPING, TEXT, WORD

_CACHE = key("cache", DURATION, "How long values stay good, where a load does not say.", "10m")
_TIMEOUT = key("timeout", DURATION, "Limit of one read.", "2s", default="2s")


def _kind(name: str) -> Value:
    return Value(f"`{name}`", {"const": name})


KINDS = (
    Noun(
        "resource_static",
        "static",
        "Values that stand in the file.",
        (
            key("kind", _kind("static"), "Values in the file.", "static", required=True),
            key(
                "data",
                Value("map of ids to values", {"type": "object"}),
                "The values, by id.",
                {"DE": {"vat": 19}},
                default={},
            ),
            key("default", ANY, "For every other id.", {"vat": 0}, default=None),
            _CACHE,
        ),
    ),
    Noun(
        "resource_http",
        "http",
        "JSON from a GET; status 404 counts as null.",
        (
            key("kind", _kind("http"), "JSON from a URL.", "http", required=True),
            key(
                "url",
                TEXT,
                "Where from; `${id}` is what the load asks for.",
                "http://crm.internal/customers/${id}/history",
                required=True,
            ),
            key(
                "headers",
                MAPPING,
                "Headers to send.",
                {"authorization": "Bearer ${secrets.CRM}"},
            ),
            _TIMEOUT,
            _CACHE,
        ),
    ),
    Noun(
        "resource_sql",
        "sql",
        "One row as a mapping; no row is null.",
        (
            key("kind", _kind("sql"), "A row of a database.", "sql", required=True),
            key(
                "query",
                WORD,
                "The query; `%(id)s` is what the load asks for.",
                "select * from shop.orders where id = %(id)s",
                required=True,
            ),
            key("dsn", TEXT, "Which database.", "${secrets.SHOP_DSN}", required=True),
            _TIMEOUT,
            _CACHE,
        ),
    ),
    Noun(
        "resource_python",
        "python",
        "What a function of an installed package returns.",
        (
            key("kind", _kind("python"), "A function.", "python", required=True),
            key(
                "entry_point",
                WORD,
                "Its name in the entry point group `sluicegate.loaders`.",
                "risk",
                required=True,
            ),
            _TIMEOUT,
            _CACHE,
        ),
    ),
)
