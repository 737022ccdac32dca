"""Imports go one way (DESIGN: data flows HTTP → appointment → sms → Twilio), and production needs no test code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the ground up: a layer imports what stands beneath it and itself. The modules that assemble the whole
# (booking_api's settings, urls, worker …) belong to no layer.
LAYERS = (
    frozenset({"sms", "booking_api"}),
    frozenset({"address"}),
    frozenset({"salon"}),
    frozenset({"customer", "user"}),
    frozenset({"schedule"}),
    frozenset({"appointment"}),
    frozenset({"transfer", "waitlist"}),
    frozenset({"web"}),
)
PRODUCTION = frozenset().union(*LAYERS)
DEVELOPMENT = frozenset({"twilio_emulator", "devstack", "tests", "bench"})


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """What a module imports, as top level names, and whether for type checkers alone."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            yield name.split(".")[0], id(node) in for_types


def modules_of(app: str) -> list[Path]:
    return [path for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts]


def level_of(app: str) -> int:
    return next(level for level, layer in enumerate(LAYERS) if app in layer)


@pytest.mark.parametrize("app", sorted(frozenset().union(*LAYERS)))
def test_app_imports_only_what_stands_beneath_it(app: str) -> None:
    allowed = frozenset().union(*LAYERS[: level_of(app) + 1]) if level_of(app) != 3 else None
    beneath = allowed or frozenset().union(*LAYERS[:3]) | {app}
    known = frozenset().union(*LAYERS)
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of(app)
        for name, is_for_types in imports(path)
        if name in known - beneath and not is_for_types
    ]
    assert wrong == []


def test_texts_know_no_salon_customer_or_booking_even_for_types() -> None:
    names = {name for path in modules_of("sms") for name, _ in imports(path)}
    assert names & {"address", "salon", "customer", "user", "appointment"} == set()


@pytest.mark.parametrize("app", sorted(PRODUCTION))
def test_production_code_needs_nothing_of_development(app: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of(app)
        for name, _ in imports(path)
        if name in DEVELOPMENT
    ]
    assert wrong == []


def test_local_twilio_shares_no_code_with_the_product_that_it_checks() -> None:
    names = {name for path in modules_of("twilio_emulator") for name, _ in imports(path)}
    assert names & (PRODUCTION | {"django"}) == set()


def test_twilio_is_spoken_to_in_one_place() -> None:
    speakers = {
        str(path.relative_to(ROOT))
        for app in PRODUCTION
        for path in modules_of(app)
        if ("twilio", False) in imports(path)
    }
    assert speakers == {"sms/transport.py", "sms/twilio_http.py", "sms/webhooks.py"}


def test_every_app_has_been_given_its_layer() -> None:
    """A directory with models or views is an app; a new one must be put into LAYERS or PRODUCTION above."""
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert apps <= PRODUCTION | DEVELOPMENT


def test_image_gets_every_app() -> None:
    kept = set((ROOT / ".dockerignore").read_text().split())
    assert {f"!{app}" for app in PRODUCTION} - kept == set()
