from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from appointment.models import Appointment
from sms.models import InboundMessage, Message
from tests.factories import hours_ahead, make_appointment, make_salon, make_user

pytestmark = pytest.mark.django_db


class Panel:
    def __init__(self, desk: Any, **fields: Any) -> None:
        self.salon = make_salon(timezone="UTC")
        self.staff = make_user(self.salon, full_name="Sam Reid")
        starts_at = hours_ahead(48).replace(hour=10, minute=0, second=0)
        defaults = {"appointment_time": starts_at, "end_time": starts_at + timedelta(minutes=45)}
        self.visit = make_appointment(salon=self.salon, user=self.staff, **defaults | fields)
        self.client = desk(self.staff)
        self.path = f"/desk/{self.salon.pk}/visits/{self.visit.pk}/"

    def page(self) -> str:
        text: str = self.client.get(self.path).content.decode()
        return text

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(self.path + path, fields, headers={"HX-Request": "true"})

    def move(self, hours: float = 0, **more: Any) -> Any:
        self.visit.refresh_from_db()
        at = self.visit.appointment_time + timedelta(hours=hours)
        fields = {
            "version": self.visit.modified.isoformat(),
            "column_id": 1,
            "date": f"{at:%Y-%m-%d}",
            "time": f"{at:%H:%M}",
            "minutes": 45,
        }
        return self.client.post(self.path + "move/", fields | more)

    def texts(self, **of: Any) -> Any:
        return Message.objects.filter(booking_id=self.visit.pk, **of)


def test_panel_tells_the_story_of_each_text(desk: Any) -> None:
    panel = Panel(desk)
    sent_at = panel.visit.created.replace(microsecond=0)
    panel.texts(kind="confirmation").update(
        status="delivered", due_at=sent_at, sent_at=sent_at, delivered_at=sent_at + timedelta(seconds=3), body="Hi Ada."
    )
    InboundMessage.objects.create(
        sid="SM1",
        sender="+447700900000",
        phone_number=str(panel.visit.customer.phone_number),
        body="<i>Thanks</i>",
        received_at=sent_at,
        in_reply_to=panel.texts(kind="confirmation").get(),
    )
    page = panel.page()
    assert all(word in page for word in ("planned", "sent", "delivered", "Hi Ada.", "&lt;i&gt;Thanks"))
    assert "You have an appointment coming up at 10:00 AM" in page  # what the reminder will say
    panel.texts(kind="reminder").update(status="skipped", reason="opted out")
    assert "not sent: opted out" in panel.page()


@pytest.mark.parametrize(
    ("acts", "status"),
    [
        (["arrive", "start", "complete"], "completed"),
        (["no-show"], "no_show"),
        (["arrive"], "arrived"),
    ],
)
def test_buttons_do_what_they_say(desk: Any, acts: list[str], status: str) -> None:
    panel = Panel(desk)
    for act in acts:
        answer = panel.post("act/", act=act)
        assert (answer.status_code, "HX-Trigger" in answer) == (200, True)
    panel.visit.refresh_from_db()
    assert panel.visit.status == status
    assert panel.visit.history.first().history_user == panel.staff


def test_act_that_the_rules_refuse_says_why(desk: Any) -> None:
    panel = Panel(desk)
    panel.post("cancel/")
    answer = panel.post("act/", act="complete")
    assert (answer.status_code, "From cancelled it can become booked" in answer.content.decode()) == (422, True)


def test_unknown_act_is_none(desk: Any) -> None:
    assert Panel(desk).post("act/", act="delete").status_code == 404


def test_cancelling_shows_the_text_first_and_sends_it_then(desk: Any) -> None:
    panel = Panel(desk)
    page = panel.client.get(panel.path + "cancel/").content.decode()
    assert "We regret to inform you" in page
    panel.visit.refresh_from_db()
    assert (panel.visit.status, panel.texts(kind="cancellation").count()) == ("booked", 0)
    panel.post("cancel/", reason="Ill", by_customer="on")
    panel.visit.refresh_from_db()
    assert (panel.visit.status, panel.visit.cancel_reason) == ("cancelled", "Ill")
    assert panel.visit.cancelled_by_customer
    assert panel.texts(kind="cancellation", status="pending").count() == 1


def test_trial_of_a_move_shows_its_text_and_writes_nothing(desk: Any) -> None:
    panel = Panel(desk)
    answer = panel.move(1, **{"try": "yes"}).json()
    now = [text for text in answer["texts"] if text["sent"] and text["now"]]
    assert [text["kind"] for text in now] == ["confirmation"]
    assert "at 11:00 AM" in now[0]["body"]
    assert panel.texts().count() == 2
    before = panel.visit.appointment_time
    panel.visit.refresh_from_db()
    assert panel.visit.appointment_time == before


def test_move_plans_a_new_confirmation(desk: Any) -> None:
    panel = Panel(desk)
    assert panel.move(1).status_code == 200
    assert panel.texts(kind="confirmation").count() == 2
    panel.visit.refresh_from_db()
    assert panel.visit.end_time == panel.visit.appointment_time + timedelta(minutes=45)


def test_other_chair_or_length_sends_nothing(desk: Any) -> None:
    panel = Panel(desk)
    assert panel.move(0, column_id=2, **{"try": "yes"}).json()["texts"] == []
    assert panel.move(0, column_id=2, minutes=60).status_code == 200
    panel.visit.refresh_from_db()
    assert (panel.visit.column_id, panel.texts().count()) == (2, 2)


def test_visit_without_an_end_is_moved_without_one(desk: Any) -> None:
    panel = Panel(desk, end_time=None)
    assert panel.move(1, keep_end="yes").status_code == 200
    panel.visit.refresh_from_db()
    assert panel.visit.end_time is None


def test_move_onto_another_visit_is_refused(desk: Any) -> None:
    panel = Panel(desk)
    at = panel.visit.appointment_time + timedelta(hours=1)
    make_appointment(salon=panel.salon, user=panel.staff, appointment_time=at, end_time=at + timedelta(hours=1))
    for more in ({"try": "yes"}, {}):
        answer = panel.move(1, **more)
        assert (answer.status_code, "is taken" in answer.json()["message"]) == (409, True)


def test_move_of_what_somebody_else_has_moved_is_refused(desk: Any) -> None:
    panel = Panel(desk)
    old = panel.visit.modified.isoformat()
    panel.move(1)
    answer = panel.move(2, version=old)
    assert (answer.status_code, "Somebody else" in answer.json()["message"]) == (409, True)
    assert panel.texts(kind="confirmation").count() == 2


def test_form_changes_everything_that_dragging_does(desk: Any) -> None:
    panel = Panel(desk)
    form = {
        "date": f"{panel.visit.appointment_time:%Y-%m-%d}",
        "time": "12:30",
        "minutes": "30",
        "column_id": "3",
        "user": panel.staff.pk,
        "comment": "Later",
    }
    assert "at 12:30 PM" in panel.post("change/texts/", **form).content.decode()
    assert panel.post("change/", **form).status_code == 204
    panel.visit.refresh_from_db()
    assert f"{panel.visit.appointment_time:%H:%M} {panel.visit.end_time:%H:%M}" == "12:30 13:00"
    assert (panel.visit.column_id, panel.visit.comment) == (3, "Later")
    answer = panel.post("change/", **form | {"date": "2020-01-01"})
    assert (answer.status_code, "still ahead" in answer.content.decode()) == (422, True)


def test_failed_text_goes_again_at_once(desk: Any) -> None:
    panel = Panel(desk)
    text = panel.texts(kind="confirmation").get()
    panel.texts(pk=text.pk).update(status="failed", reason="unreachable")
    assert "Send again" in panel.page()
    assert panel.post(f"texts/{text.pk}/again/").status_code == 200
    assert panel.texts(kind="confirmation", status="pending").count() == 1
    again = panel.post(f"texts/{text.pk}/again/")
    assert (again.status_code, "still on its way" in again.content.decode()) == (409, True)


def test_text_that_arrived_goes_again_only_after_a_second_question(desk: Any) -> None:
    panel = Panel(desk)
    text = panel.texts(kind="confirmation").get()
    panel.texts(pk=text.pk).update(status="delivered", sent_at=hours_ahead(0))
    assert "Send it a second time?" in panel.post(f"texts/{text.pk}/again/").content.decode()
    assert panel.texts().count() == 2
    panel.post(f"texts/{text.pk}/again/", sure="yes")
    assert panel.texts().count() == 3


def test_text_of_another_visit_is_not_there(desk: Any) -> None:
    panel = Panel(desk)
    other = Message.objects.filter(booking_id=make_appointment().pk).first()
    assert other is not None
    assert panel.post(f"texts/{other.pk}/again/").status_code == 404


def test_history_names_people_and_not_keys(desk: Any) -> None:
    panel = Panel(desk)
    colleague = make_user(panel.salon, full_name="Olivia Hart")
    Appointment.objects.get(pk=panel.visit.pk)
    panel.visit.user = colleague
    panel.visit.save()
    assert "person: Sam Reid → Olivia Hart" in panel.page()
