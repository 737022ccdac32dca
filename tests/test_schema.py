"""The API's description is complete: examples that fit, errors that are named, a client that can be made from it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from booking_api.examples import EXAMPLES
from devstack.paths import CHECKOUT

DESCRIPTION: dict[str, Any] = yaml.safe_load((CHECKOUT / "docs/openapi.yaml").read_text())
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]
OPERATIONS = [
    (f"{method} {path}", operation)
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
    if method != "parameters"
]


def component(content: dict[str, Any]) -> str:
    """The component that a body is; for a page of a list, that of its items."""
    schema = content["application/json"]["schema"]
    schema = schema.get("items", schema)
    name = schema["$ref"].rsplit("/", 1)[1]
    results = SCHEMAS[name].get("properties", {}).get("results")
    return results["items"]["$ref"].rsplit("/", 1)[1] if results else name


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example_fits_its_schema(name: str) -> None:
    whole = {"$ref": f"#/components/schemas/{name}", "components": DESCRIPTION["components"]}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    assert [error.message for error in validator.iter_errors(EXAMPLES[name])] == []


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_body_of_an_operation_has_an_example(name: str, operation: dict[str, Any]) -> None:
    bodies = [body["content"] for body in operation["responses"].values() if "content" in body]
    files = [body["text/csv"] for body in bodies if "text/csv" in body]  # these name no component
    assert [file for file in files if "examples" not in file] == []
    bodies = [body for body in bodies if "text/csv" not in body]
    if "requestBody" in operation:
        bodies.append(operation["requestBody"]["content"])
    bodies = [body for body in bodies if set(body) != {"text/calendar"}]  # no JSON
    assert [component(body) for body in bodies if "examples" not in SCHEMAS[component(body)]] == []


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_operation_names_its_errors(name: str, operation: dict[str, Any]) -> None:
    statuses = set(operation["responses"])
    assert {"400", "401", "429"} <= statuses
    assert ("{id}" not in name) or "404" in statuses
    described = [body["description"] for status, body in operation["responses"].items() if status >= "400"]
    assert all(described)
