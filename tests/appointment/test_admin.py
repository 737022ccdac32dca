"""The admin's form of a booking."""

from __future__ import annotations

import pytest

from appointment.models import Appointment
from sms.models import Message
from tests.factories import make_appointment, make_platform_admin

pytestmark = pytest.mark.django_db

ADD = "/admin/appointment/appointment/add/"
NO_TEXTS = {"messages-TOTAL_FORMS": "0", "messages-INITIAL_FORMS": "0"}


@pytest.fixture
def admin_page(client):
    client.force_login(make_platform_admin())
    return client


def test_form_with_nothing_in_it_says_what_is_missing(admin_page):
    answer = admin_page.post(ADD, NO_TEXTS)
    assert answer.status_code == 200
    assert {"salon", "user", "customer", "appointment_time"} <= set(answer.context["adminform"].form.errors)
    assert not Appointment.objects.exists()


def test_booking_shows_its_texts(admin_page, queues):
    booking = make_appointment()
    Message.objects.filter(kind="confirmation").update(body="Hi <Ada>, see you soon!")
    page = admin_page.get(f"/admin/appointment/appointment/{booking.pk}/change/").content.decode()
    assert "Hi &lt;Ada&gt;, see you soon!" in page
