"""Who sees which page: every page, for every role."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from appointment.models import Block
from sms.models import Message
from tests.factories import (
    hours_ahead,
    make_appointment,
    make_customer,
    make_owner,
    make_platform_admin,
    make_salon,
    make_service,
    make_user,
)
from user.models import ExtendedUser
from web.urls import of_salon

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
OWNERS_ONLY = {
    "settings",
    "save_salon",
    "foresee_minutes",
    "add_person",
    "add_row",
    "save_row",
    "days_off",
    "close_on_holidays",
}
POSTED = {
    "book_texts",
    "check_number",
    "act",
    "move",
    "change_texts",
    "send_again",
    "save_salon",
    "foresee_minutes",
    "add_person",
    "close_on_holidays",
}


FORMS = ("book", "change", "cancel", "person", "new_person", "merge", "new_block", "block", "add_row", "save_row")


class World:
    def __init__(self) -> None:
        self.salon = make_salon()
        self.staff, self.owner = make_user(self.salon), make_owner(self.salon)
        self.stranger, self.admin = make_owner(make_salon(name="Elsewhere")), make_platform_admin()
        self.nobody: ExtendedUser | None = None
        self.visit = make_appointment(salon=self.salon, user=self.staff)
        self.text = Message.objects.filter(booking_id=self.visit.pk).first()
        self.service = make_service(self.salon)
        self.block = Block.objects.create(
            salon=self.salon, column_id=9, starts_at=hours_ahead(30), ends_at=hours_ahead(31)
        )

    def path(self, name: str) -> str:
        assert self.text is not None
        arguments: dict[str, Any] = {
            "visit_id": self.visit.pk,
            "text_id": self.text.pk,
            "customer_id": self.visit.customer_id,
            "block_id": self.block.pk,
            "what": "services",
            "row_id": self.service.pk,
        }
        wanted = next(route for route in of_salon if route.name == name).pattern.converters
        return reverse(f"web:{name}", kwargs={"salon_id": self.salon.pk} | {key: arguments[key] for key in wanted})


def status_for(desk: Any, role: str, name: str) -> int:
    world = World()
    method = "post" if name in POSTED else "get"
    status: int = getattr(desk(getattr(world, role)), method)(world.path(name)).status_code
    return status


@pytest.mark.parametrize("name", [route.name for route in of_salon])
def test_nobody_is_sent_to_the_login(desk: Any, name: str) -> None:
    world = World()
    answer = getattr(desk(None), "post" if name in POSTED else "get")(world.path(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/?next=/desk/")


@pytest.mark.parametrize("name", [route.name for route in of_salon])
def test_salon_of_others_is_not_there(desk: Any, name: str) -> None:
    assert status_for(desk, "stranger", name) == 404


@pytest.mark.parametrize("name", [route.name for route in of_salon])
def test_settings_are_for_owners_and_the_rest_for_all_staff(desk: Any, name: str) -> None:
    assert (status_for(desk, "staff", name) == 403) is (name in OWNERS_ONLY)
    assert status_for(desk, "owner", name) in {200, 302, 409, 422} | ({404} if name == "act" else set())
    assert status_for(desk, "admin", name) in {200, 302, 409, 422} | ({404} if name == "act" else set())


@pytest.mark.parametrize("name", [route.name for route in of_salon if route.name in POSTED])
def test_reading_changes_nothing(desk: Any, name: str) -> None:
    world = World()
    assert desk(world.owner).get(world.path(name)).status_code == 405


@pytest.mark.parametrize(
    "name", [*POSTED, "book", "change", "cancel", "person", "new_person", "merge", "new_block", "block"]
)
def test_what_another_site_posts_is_refused(name: str) -> None:
    world = World()
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.owner)
    answer = client.post(world.path(name))
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("text/html")
    assert Message.objects.filter(booking_id=world.visit.pk).count() == 2


def test_login_leads_to_the_day_and_logout_needs_a_post(desk: Any) -> None:
    salon = make_salon()
    make_user(salon, email="sam@salon.example", password=PASSWORD)
    client = desk(None)
    assert client.get("/").headers["Location"] == "/login/?next=/"
    answer = client.post("/login/", {"username": "SAM@salon.example", "password": PASSWORD, "next": "/"}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/desk/{salon.pk}/day/"
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 302
    assert client.get(f"/desk/{salon.pk}/day/").status_code == 302


def test_guessing_is_slowed_down_as_in_the_api(desk: Any, settings: Any) -> None:
    settings.LOGIN_FREE_ATTEMPTS = 1
    make_user(make_salon(), email="sam@salon.example", password=PASSWORD)
    client = desk(None)
    wrong = client.post("/login/", {"username": "sam@salon.example", "password": "guess"})
    assert "Please enter a correct" in wrong.content.decode()
    right = client.post("/login/", {"username": "sam@salon.example", "password": PASSWORD})
    assert "Too many attempts" in right.content.decode()


def test_login_goes_nowhere_else(desk: Any) -> None:
    make_user(make_salon(), email="sam@salon.example", password=PASSWORD)
    answer = desk(None).post(
        "/login/", {"username": "sam@salon.example", "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/"


def test_changed_password_ends_the_session(desk: Any) -> None:
    salon = make_salon()
    person = make_user(salon, password=PASSWORD)
    client = desk(person)
    person.set_password("another horse battery")
    person.save()
    assert client.get(f"/desk/{salon.pk}/day/").status_code == 302


def test_somebody_of_no_salon_is_told_so(desk: Any) -> None:
    assert "belongs to no salon" in desk(make_user()).get("/").content.decode()


def test_front_door_opens_on_the_salon_looked_at_last(desk: Any) -> None:
    first, second = make_salon(name="A"), make_salon(name="B")
    client = desk(make_user(first, second))
    assert client.get("/")["Location"] == f"/desk/{first.pk}/day/"
    page = client.get(f"/desk/{second.pk}/day/").content.decode()
    assert f'<option value="/desk/{first.pk}/day/">A</option>' in page  # the switcher
    assert client.get("/")["Location"] == f"/desk/{second.pk}/day/"


def test_script_of_an_ended_session_gets_no_login_page_for_an_answer(desk: Any) -> None:
    path = f"/desk/{make_salon().pk}/day/data/"
    assert desk(None).get(path, headers={"Accept": "application/json"}).status_code == 401
    assert desk(None).get(path, headers={"HX-Request": "true"}).status_code == 401


def test_errors_of_pages_are_pages_and_of_the_api_json(desk: Any) -> None:
    client = desk(make_user(make_salon()))
    page = client.get("/desk/999/day/")
    assert (page.status_code, page["Content-Type"].split(";")[0]) == (404, "text/html")
    assert "Nothing here" in page.content.decode()
    assert client.get("/salons/999/nothing/")["Content-Type"] == "application/json"


def test_names_are_shown_as_written_and_run_nothing(desk: Any) -> None:
    salon = make_salon(name="<b>Salon</b>")
    staff = make_user(salon)
    name = "</script><script>alert(1)</script>" + "‮עברית" + "x" * 80
    customer = make_customer(salon, full_name=name[:120])
    visit = make_appointment(salon=salon, user=staff, customer=customer, comment="<img src=x onerror=alert(1)>")
    client = desk(staff)
    day = visit.appointment_time.date()
    for path in (f"day/?date={day}", "people/", f"people/{customer.pk}/", f"visits/{visit.pk}/", "texts/?days=all"):
        text = client.get(f"/desk/{salon.pk}/{path}").content.decode()
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path


@pytest.mark.parametrize("name", ["day", "book", "people", "person", "texts", "replies", "settings", "visit"])
def test_pages_run_only_what_is_ours(desk: Any, name: str) -> None:
    world = World()
    answer = desk(world.owner).get(world.path(name))
    text = answer.content.decode()
    assert "script-src" not in answer["Content-Security-Policy"]  # so that default-src 'self' holds
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    scripts = [part for part in text.split("<script")[1:] if "src=" not in part.split(">")[0]]
    assert all('type="application/json"' in part.split(">")[0] for part in scripts)
    assert "http://" not in text.replace("http://127.0.0.1:9/", "").replace("http://www.w3.org", "")
    assert " onclick" not in text


def test_phones_are_offered_only_where_texts_stay_on_this_machine(desk: Any, settings: Any) -> None:
    salon = make_salon()
    client = desk(make_user(salon))
    assert "http://127.0.0.1:9/" in client.get(f"/desk/{salon.pk}/day/").content.decode()
    settings.TWILIO_BASE_URL = "https://api.twilio.com"
    assert "Phones" not in client.get(f"/desk/{salon.pk}/day/").content.decode()
