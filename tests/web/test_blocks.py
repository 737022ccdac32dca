from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from appointment.models import Block
from sms.models import Message
from tests.factories import hours_ahead, make_appointment, make_salon, make_user

pytestmark = pytest.mark.django_db


def form(**fields: Any) -> dict[str, Any]:
    at = hours_ahead(30).replace(minute=0, second=0)
    return {
        "label": "Lunch",
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H:%M}",
        "minutes": "30",
        "column_id": "2",
        "user": "",
        **fields,
    }


def test_block_is_made_shown_changed_and_removed(desk: Any) -> None:
    salon = make_salon(timezone="UTC")
    client = desk(make_user(salon))
    new = f"/desk/{salon.pk}/blocks/new/"
    assert f'hx-post="{new}"' in client.get(new).content.decode()
    client.post(new, form())
    block = Block.objects.get()
    path = f"/desk/{salon.pk}/blocks/{block.pk}/"
    at = hours_ahead(30).replace(minute=0, second=0)
    assert (block.label, block.column_id, block.user, block.starts_at) == ("Lunch", 2, None, at)
    assert block.ends_at - block.starts_at == timedelta(minutes=30)
    page = client.get(path).content.decode()
    assert ('value="Lunch"' in page, 'value="30"' in page) == (True, True)
    assert f'hx-post="{path}"' in page
    client.post(path, form(label="Meeting", minutes="45"))
    block.refresh_from_db()
    assert (block.label, block.ends_at - block.starts_at) == ("Meeting", timedelta(minutes=45))
    client.post(path, {"delete": "yes"})
    assert Block.objects.count() == 0
    assert Message.objects.count() == 0


def test_form_sent_twice_blocks_once(desk: Any) -> None:
    salon = make_salon(timezone="UTC")
    client = desk(make_user(salon))
    answers = [client.post(f"/desk/{salon.pk}/blocks/new/", form(once="a" * 32)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert Block.objects.count() == 1


def test_time_is_read_on_the_salons_clock(desk: Any) -> None:
    salon = make_salon(timezone="America/New_York")
    desk(make_user(salon)).post(f"/desk/{salon.pk}/blocks/new/", form(date="2030-07-01", time="12:00"))
    assert f"{Block.objects.get().starts_at:%H:%M}" == "16:00"


def test_time_that_is_taken_is_refused_and_what_was_typed_kept(desk: Any) -> None:
    salon = make_salon(timezone="UTC")
    staff = make_user(salon)
    at = hours_ahead(30).replace(minute=0, second=0)
    make_appointment(salon=salon, user=staff, column_id=2, appointment_time=at, end_time=at + timedelta(hours=1))
    answer = desk(staff).post(f"/desk/{salon.pk}/blocks/new/", form(label="Quiet hour"))
    page = answer.content.decode()
    assert (answer.status_code, "taken" in page, 'value="Quiet hour"' in page) == (409, True, True)
    assert Block.objects.count() == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"column_id": "", "user": ""}, "Give a chair, a person, or both."),
        ({"date": ""}, "Give a date and a time."),
        ({"minutes": "0"}, "Give a length"),
        ({"minutes": ""}, "Give a length"),
    ],
)
def test_block_that_is_not_right_says_what_to_do(desk: Any, fields: dict[str, str], words: str) -> None:
    salon = make_salon()
    answer = desk(make_user(salon)).post(f"/desk/{salon.pk}/blocks/new/", form(**fields))
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert Block.objects.count() == 0


def test_block_and_person_of_another_salon_are_not_there(desk: Any) -> None:
    salon, elsewhere = make_salon(), make_salon()
    client = desk(make_user(salon))
    theirs = Block.objects.create(
        salon=elsewhere, column_id=1, starts_at=hours_ahead(30), ends_at=hours_ahead(31), label="Theirs"
    )
    assert client.post(f"/desk/{salon.pk}/blocks/{theirs.pk}/", {"delete": "yes"}).status_code == 404
    answer = client.post(f"/desk/{salon.pk}/blocks/new/", form(user=str(make_user(elsewhere).pk)))
    assert answer.status_code == 422
    assert list(Block.objects.all()) == [theirs]


def test_booking_dialog_leads_to_the_block_of_the_same_time(desk: Any) -> None:
    salon = make_salon()
    client = desk(make_user(salon))
    page = client.get(f"/desk/{salon.pk}/book/?date=2030-07-01&time=12:15&minutes=30&column_id=3").content.decode()
    assert "/blocks/new/?date=2030-07-01&amp;time=12%3A15&amp;minutes=30&amp;column_id=3" in page
    block = client.get(f"/desk/{salon.pk}/blocks/new/?date=2030-07-01&time=12:15&column_id=1").content.decode()
    assert ('value="12:15"' in block, '<option value="1" selected>' in block) == (True, True)
