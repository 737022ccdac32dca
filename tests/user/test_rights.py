"""Nobody grants themselves rights, or sees who else there is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import make_owner, make_platform_admin, make_salon, make_user
from user.models import ExtendedUser

pytestmark = pytest.mark.django_db


class World:
    def __init__(self) -> None:
        self.mine, self.also_mine, self.theirs = (make_salon(name=name) for name in ("Mine", "Also mine", "Theirs"))
        self.owner = make_owner(self.mine, self.also_mine)
        self.staff = make_user(self.mine)
        self.stranger = make_owner(self.theirs, email="stranger@salon.example")


@pytest.fixture
def world() -> World:
    return World()


def test_me_is_the_caller(api: Any, world: World) -> None:
    shown = api(world.staff).get("/users/me/").json()
    assert shown == api(world.staff).get(f"/users/{world.staff.pk}/").json()
    assert shown["id"] == world.staff.pk
    answer = api(world.staff).patch("/users/me/", {"full_name": "Sam", "phone_number": "+447400123456"})
    assert (answer.status_code, answer.json()["full_name"]) == (200, "Sam")
    assert api().get("/users/me/").status_code == 401


@pytest.mark.parametrize("path", ["/users/me/", "/users/{}/"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("is_owner", True), ("is_active", False), ("salons", "also_mine"), ("email", "new@salon.example")],
)
def test_staff_change_none_of_their_own_rights(api: Any, world: World, path: str, field: str, value: Any) -> None:
    if field == "salons":
        value = [world.mine.pk, world.also_mine.pk]
    before = ExtendedUser.objects.filter(pk=world.staff.pk).values()[0]
    answer = api(world.staff).patch(path.format(world.staff.pk), {field: value})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"].split(".")[0] == field
    assert ExtendedUser.objects.filter(pk=world.staff.pk).values()[0] == before
    assert list(world.staff.salons.all()) == [world.mine]


@pytest.mark.parametrize("field", ["is_superuser", "is_staff", "groups", "user_permissions", "password"])
def test_rights_of_the_platform_are_no_fields_at_all(api: Any, world: World, field: str) -> None:
    for person in (world.staff, world.owner):
        answer = api(person).patch("/users/me/", {field: True})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == "unknown_field"


def test_what_was_shown_may_be_sent_back(api: Any, world: World) -> None:
    shown = api(world.staff).get("/users/me/").json()
    assert api(world.staff).put(f"/users/{world.staff.pk}/", shown).status_code == 200


def test_owner_makes_no_owners(api: Any, world: World) -> None:
    assert api(world.owner).patch(f"/users/{world.staff.pk}/", {"is_owner": True}).status_code == 400
    assert api(world.owner).patch("/users/me/", {"is_owner": False}).status_code == 400
    assert api(make_platform_admin()).patch(f"/users/{world.staff.pk}/", {"is_owner": True}).status_code == 200


def test_owner_sends_staff_to_own_salons_and_no_others(api: Any, world: World) -> None:
    path = f"/users/{world.staff.pk}/"
    assert api(world.owner).patch(path, {"salons": [world.also_mine.pk]}).json()["salons"] == [world.also_mine.pk]
    answer = api(world.owner).patch(path, {"salons": [world.also_mine.pk, world.theirs.pk]})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "does_not_exist"
    assert api(world.owner).patch(path, {"salons": []}).status_code == 400
    assert list(world.staff.salons.all()) == [world.also_mine]


def test_owner_joins_no_other_salon(api: Any, world: World) -> None:
    answer = api(world.owner).patch("/users/me/", {"salons": [world.mine.pk, world.theirs.pk]})
    assert answer.status_code == 400
    assert world.theirs not in world.owner.salons.all()


def test_owner_locks_staff_out_but_not_themselves(api: Any, world: World) -> None:
    assert api(world.owner).patch(f"/users/{world.staff.pk}/", {"is_active": False}).status_code == 200
    assert api(world.owner).patch("/users/me/", {"is_active": False}).status_code == 400


def test_salons_that_the_caller_does_not_see_are_not_shown(api: Any, world: World) -> None:
    world.staff.salons.add(world.theirs)
    assert api(world.owner).get(f"/users/{world.staff.pk}/").json()["salons"] == [world.mine.pk]
    assert api(world.owner).get("/users/", {"salon": world.theirs.pk}).json()["results"] == []
    assert api(world.owner).patch(f"/users/{world.staff.pk}/", {"full_name": "X"}).status_code == 403


def test_users_of_one_salon(api: Any, world: World) -> None:
    found = api(world.owner).get("/users/", {"salon": world.mine.pk}).json()["results"]
    assert {row["id"] for row in found} == {world.owner.pk, world.staff.pk}
    found = api(world.owner).get("/users/", {"salon": world.also_mine.pk}).json()["results"]
    assert {row["id"] for row in found} == {world.owner.pk}


def test_address_is_taken_in_any_case(api: Any, world: World) -> None:
    for taken in ("stranger@salon.example", "STRANGER@salon.example"):
        answer = api(world.owner).patch(f"/users/{world.staff.pk}/", {"email": taken})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unique")
    own = world.staff.email.upper()
    assert api(world.owner).patch(f"/users/{world.staff.pk}/", {"email": own}).status_code == 200


def test_staff_learn_nothing_about_an_address(api: Any, world: World) -> None:
    answers = [
        api(world.staff).patch("/users/me/", {"email": email})
        for email in ("stranger@salon.example", "nobody@salon.example")
    ]
    assert answers[0].content == answers[1].content


def test_staff_register_nobody(api: Any, world: World) -> None:
    body = {
        "email": "new@salon.example",
        "password1": "correct horse battery",
        "password2": "correct horse battery",
        "salons": [world.mine.pk],
    }
    for email in ("new@salon.example", "stranger@salon.example"):
        assert api(world.staff).post("/users/register/", body | {"email": email}).status_code == 403
    assert api(world.owner).post("/users/register/", body | {"salons": [world.theirs.pk]}).status_code == 400
    assert api(world.owner).post("/users/register/", body | {"is_owner": True}).status_code == 400
    assert api(world.owner).post("/users/register/", body).status_code == 201
