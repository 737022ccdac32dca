from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointment.models import Appointment
from customer.models import Customer
from tests.factories import (
    hours_ahead,
    make_appointment,
    make_customer,
    make_owner,
    make_salon,
    make_service,
    make_user,
)

pytestmark = pytest.mark.django_db

FILE = "phone_number,full_name\n07400123456,Ada\n07400123457,Grace\n"


def test_report_says_what_came_of_each_line(api: Any) -> None:
    salon = make_salon()
    body = {"what": "customers", "csv": f"{FILE}12,Short\n", "on_error": "skip"}
    answer = api(make_owner(salon)).post(f"/salons/{salon.pk}/import/", body)
    assert answer.status_code == 200
    report = answer.json()
    lines = report.pop("lines")
    assert [(line["line"], line["outcome"], line["code"]) for line in lines] == [
        (2, "made", ""),
        (3, "made", ""),
        (4, "failed", "invalid"),
    ]
    assert report == {
        "what": "customers",
        "dry_run": False,
        "is_written": True,
        "made": 2,
        "changed": 0,
        "skipped": 0,
        "failed": 1,
        "history": 0,
        "notes": [],
        "left_out": 0,
    }


def test_bad_line_stops_all_by_default(api: Any) -> None:
    salon = make_salon()
    body = {"what": "customers", "csv": f"{FILE}12,Short\n"}
    report = api(make_owner(salon)).post(f"/salons/{salon.pk}/import/", body).json()
    assert (report["made"], report["failed"], report["is_written"]) == (2, 1, False)
    assert Customer.objects.count() == 0


def test_repeated_with_its_key_the_import_answers_as_before(api: Any) -> None:
    salon = make_salon()
    client, body = api(make_owner(salon)), {"what": "customers", "csv": FILE}
    first, again = (
        client.post(f"/salons/{salon.pk}/import/", body, headers={"Idempotency-Key": "1"}) for _ in range(2)
    )
    assert first.json()["made"] == 2
    assert first.content == again.content


def test_author_of_what_is_brought_in_is_in_its_history(api: Any) -> None:
    salon = make_salon()
    owner = make_owner(salon, email="olive@salon.example", full_name="Olive")
    number = make_customer(salon).phone_number
    text = f"appointment_time,phone_number,user_email\n{hours_ahead(48).isoformat()},{number},olive@salon.example\n"
    client = api()
    client.force_login(owner)
    client.force_authenticate(owner)
    client.post(f"/salons/{salon.pk}/import/", {"what": "bookings", "csv": text})
    history = client.get(f"/appointments/{Appointment.objects.get().pk}/history/").json()["results"]
    assert history[0]["by"] == "Olive"


@pytest.mark.parametrize(
    ("changed", "attr", "code"),
    [
        ({"csv": ""}, "csv", "empty_file"),
        ({"csv": "name\nAda\n"}, "csv", "wrong_columns"),
        ({"csv": "phone_number\n" + "1\n" * 10_001}, "csv", "too_many_lines"),
        ({"csv": None}, "csv", "null"),
        ({"what": "messages"}, "what", "invalid_choice"),
        ({"confirm": True}, "confirm", "not_bookings"),
        ({"on_error": "ask"}, "on_error", "invalid_choice"),
        ({"dry_run": "no"}, "dry_run", "invalid_type"),
        ({"nonsense": 1}, "nonsense", "unknown_field"),
    ],
)
def test_request_that_will_not_do_is_refused(api: Any, changed: dict[str, Any], attr: str, code: str) -> None:
    salon = make_salon()
    answer = api(make_owner(salon)).post(f"/salons/{salon.pk}/import/", {"what": "customers", "csv": FILE, **changed})
    assert answer.status_code == 400
    assert (answer.json()["errors"][0]["attr"], answer.json()["errors"][0]["code"]) == (attr, code)
    assert Customer.objects.count() == 0


def test_file_too_large_for_a_request_is_told_the_other_way(api: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    salon = make_salon()
    answer = api(make_owner(salon)).post(f"/salons/{salon.pk}/import/", {"what": "customers", "csv": "x" * 200})
    assert answer.status_code == 413
    assert "manage.py import_csv" in answer.json()["errors"][0]["detail"]


def test_import_reads_json_only(api: Any) -> None:
    salon = make_salon()
    answer = api(make_owner(salon)).post(f"/salons/{salon.pk}/import/", FILE, content_type="text/csv")
    assert answer.status_code == 415


def test_staff_and_strangers_bring_nothing_in_and_take_nothing_out(api: Any) -> None:
    salon = make_salon()
    make_customer(salon)
    for user, status in ((make_user(salon), 403), (make_owner(make_salon()), 404)):
        client = api(user)
        assert client.post(f"/salons/{salon.pk}/import/", {"what": "customers", "csv": FILE}).status_code == status
        answer = client.get(f"/salons/{salon.pk}/export/?what=customers")
        assert answer.status_code == status
        assert answer["Content-Type"] == "application/json"
        assert "+44" not in answer.content.decode()
    assert Customer.objects.count() == 1


def test_export_streams_a_file(api: Any) -> None:
    booking = make_appointment()
    answer = api(make_owner(booking.salon)).get(f"/salons/{booking.salon_id}/export/?what=customers")
    assert answer.status_code == 200
    assert answer.streaming
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="customers-of-salon-{booking.salon_id}.csv"'
    assert answer["Cache-Control"] == "no-store"
    number = booking.customer.phone_number
    assert answer.getvalue().decode() == f"\ufeffphone_number,full_name\r\n{number},Ada Lovelace\r\n"


def test_head_has_the_headers_and_reads_nothing(api: Any) -> None:
    booking = make_appointment()
    answer = api(make_owner(booking.salon)).head(f"/salons/{booking.salon_id}/export/?what=bookings")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content == b""


@pytest.mark.parametrize(
    ("accept", "status"), [("text/csv", 200), ("*/*", 200), ("text/*;q=0.5", 200), ("application/json", 406)]
)
def test_export_is_csv_or_nothing(api: Any, accept: str, status: int) -> None:
    salon = make_salon()
    answer = api(make_owner(salon)).get(f"/salons/{salon.pk}/export/?what=services", headers={"Accept": accept})
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/csv" if status == 200 else "application/json")


@pytest.mark.parametrize("query", ["", "?what=", "?what=users", "?what=customers%00"])
def test_errors_of_the_export_are_json(api: Any, query: str) -> None:
    salon = make_salon()
    answer = api(make_owner(salon)).get(f"/salons/{salon.pk}/export/{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"]


@pytest.mark.parametrize("what", ["customers", "services", "bookings"])
def test_queries_of_an_export_do_not_grow(api: Any, what: str) -> None:
    salon = make_salon()
    owner = make_owner(salon)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            api(owner).get(f"/salons/{salon.pk}/export/?what={what}").getvalue()
        return len(captured)

    def make_some(number: int) -> None:
        for hour in range(number):
            make_service(salon).people.set([owner])
            make_appointment(salon=salon, appointment_time=hours_ahead(24 + hour))

    make_some(1)
    few = queries()
    make_some(10)
    assert queries() == few
