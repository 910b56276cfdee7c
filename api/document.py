"""The OpenAPI document, with examples as whole as the answers that they show."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

Json = Mapping[str, Any]


def add_document(app: FastAPI) -> None:
    """Let the document of an application show the nulls of its examples."""
    written = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = written()
            schemas = document["components"]["schemas"]
            for schema in schemas.values():
                if "examples" in schema:
                    shown = [_filled(schemas, schema, one) for one in schema["examples"]]
                    schema["examples"] = shown
        return app.openapi_schema or written()

    # FastAPI leaves out every null of a document, those of its examples as well.
    app.openapi = whole  # type: ignore[method-assign]


def _filled(schemas: Json, schema: Json, value: Any) -> Any:
    """Return a value with null for each member that its schema requires and it lacks."""
    if "$ref" in schema:
        return _filled(schemas, schemas[schema["$ref"].rpartition("/")[2]], value)
    if isinstance(value, list):
        return [_filled(schemas, schema.get("items", {}), one) for one in value]
    if not isinstance(value, dict):
        return value
    members = schema.get("properties", {})
    found = {name: _filled(schemas, members.get(name, {}), one) for name, one in value.items()}
    return dict.fromkeys(schema.get("required", ())) | found
