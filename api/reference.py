"""`/docs`: the interface as a page of our own, drawn from its OpenAPI document."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response

from api.screens.page import page

Row = dict[str, Any]
Json = Mapping[str, Any]


def add_reference(app: FastAPI) -> None:
    """Add the page to an application."""

    @app.get("/docs", include_in_schema=False)
    async def reference(request: Request) -> Response:
        document = app.openapi()
        data = {"version": document["info"]["version"], "groups": groups(document)}
        return page(request, "reference.html", data)


def groups(document: Json) -> dict[str, list[Row]]:
    """Return the operations of a document by their tag, in its order."""
    found: dict[str, list[Row]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = operation.get("tags", ["other"])[0]
            found.setdefault(tag, []).append(_operation(document, method.upper(), path, operation))
    return found


def _operation(document: Json, method: str, path: str, operation: Json) -> Row:
    return {
        "method": method,
        "path": path,
        "description": operation.get("description", ""),
        "parameters": [_parameter(document, one) for one in operation.get("parameters", ())],
        "bodies": list(_bodies(document, operation.get("requestBody", {}))),
        "answers": [
            (status, answer.get("description", ""), list(_bodies(document, answer)))
            for status, answer in operation["responses"].items()
        ],
    }


def _parameter(document: Json, parameter: Json) -> Row:
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "required": parameter.get("required", False),
        "type": type_of(document, parameter.get("schema", {})),
        "description": parameter.get("description", ""),
    }


def _bodies(document: Json, holder: Json) -> Iterator[Row]:
    """Yield each media type that a body may have, with its members and an example."""
    for kind, content in holder.get("content", {}).items():
        schema = resolved(document, content.get("schema", {}))
        needed = schema.get("required", ())
        yield {
            "kind": kind,
            "members": [
                (name, type_of(document, inner), name in needed, inner.get("description", ""))
                for name, inner in schema.get("properties", {}).items()
            ],
            "example": _example(content, schema),
        }


def _example(content: Json, schema: Json) -> str:
    named = [one["value"] for one in content.get("examples", {}).values()]
    examples = [*named, *schema.get("examples", ())]
    return json.dumps(examples[0], indent=2, ensure_ascii=False) if examples else ""


def resolved(document: Json, schema: Json) -> Json:
    """Return what a schema refers to; of several the first that is no `null`."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        return resolved(document, document["components"]["schemas"][name])
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return resolved(document, choices[0]) if choices else schema


def type_of(document: Json, schema: Json) -> str:
    """Return in a few words what values a schema takes."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(document, one) for one in schema["anyOf"]))
    if "$ref" in schema:
        return type_of(document, resolved(document, schema))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {type_of(document, schema.get('items', {}))}"
    return f"{kind} ({schema['format']})" if "format" in schema else kind
