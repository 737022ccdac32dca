"""Rows as a serializer says them: what Django REST framework's own representation says, quicker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone as django_timezone
from rest_framework import serializers
from rest_framework.fields import SkipField

from appointment import services
from appointment.day_serializers import DayTextSerializer
from appointment.models import Appointment
from appointment.serializers import AppointmentSerializer
from booking_api.representation import QuickRepresentationMixin
from customer.models import Customer
from customer.serializers import CustomerSerializer
from sms.models import Message
from sms.serializers import MessageSerializer
from tests.factories import make_appointment, make_customer, make_salon, make_service

pytestmark = pytest.mark.django_db

ADMIN = SimpleNamespace(user=SimpleNamespace(is_superuser=True, is_authenticated=True))


def slowly(serializer: Any, row: Any) -> dict[str, Any]:
    return serializers.ModelSerializer.to_representation(serializer, row)


@pytest.fixture
def books():
    """A visit with all that one can have, one with next to nothing, and their texts."""
    salon = make_salon()
    visit = make_appointment(salon=salon, comment="Chloé 💇", column_id=3)
    services.change(visit.pk, services=[make_service(salon, price="48.50")])
    cancelled = make_appointment(salon=salon, end_time=None)
    cancelled.status = Appointment.Status.CANCELLED
    cancelled.cancel_reason = "ill"
    cancelled.save()
    make_customer(salon, full_name="")


@pytest.mark.parametrize(
    ("serializer", "rows"),
    [
        (AppointmentSerializer, Appointment.objects.all()),
        (DayTextSerializer, Message.objects.all()),
        (MessageSerializer, Message.objects.all()),
        (CustomerSerializer, Customer.objects.with_counts(ADMIN.user)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_stored_rows_are_said_as_the_framework_itself_says_them(books, serializer, rows):
    shown = list(rows)
    said = serializer(shown, many=True, context={"request": ADMIN})
    assert len(shown) > 1
    for row in shown:
        assert list(said.child.to_representation(row).items()) == list(slowly(said.child, row).items())


def test_visit_just_made_is_said_the_same_before_and_after_it_is_read_again():
    """Its state is a member of an enumeration then, and its time is in another zone."""
    in_tokyo = datetime(2030, 6, 1, 18, 30, tzinfo=timezone(timedelta(hours=9)))
    made = make_appointment(appointment_time=in_tokyo, end_time=in_tokyo + timedelta(minutes=30))
    said = AppointmentSerializer(made).data
    assert said["appointment_time"] == "2030-06-01T09:30:00Z"
    assert said == AppointmentSerializer(Appointment.objects.get()).data


def test_list_of_visits_asks_nothing_a_row(books, django_assert_num_queries):
    rows = list(Appointment.objects.with_booked())
    with django_assert_num_queries(0):
        said = AppointmentSerializer(rows, many=True).data
    assert {row["price"] for row in said} == {"48.50", None}


class Odd(QuickRepresentationMixin, serializers.ModelSerializer[Message]):
    """Every way in which a field says something else than its column."""

    class Skipped(serializers.CharField):
        def get_attribute(self, instance: Any) -> Any:
            raise SkipField

    class Loud(serializers.CharField):
        def to_representation(self, value: Any) -> str:
            return f"{value}!"

    due_at = serializers.DateTimeField(format="%Y")
    created_at = serializers.DateTimeField(default_timezone=timezone(timedelta(hours=2)))
    left_out = Skipped(source="to")
    loud = Loud(source="kind")
    number = serializers.CharField(source="attempts")
    where = serializers.CharField(source="salon.name")

    class Meta:
        model = Message
        fields = ["due_at", "created_at", "left_out", "loud", "number", "where"]


def test_field_of_its_own_ways_is_left_to_itself(books):
    for text in Message.objects.select_related("salon"):
        said = Odd().to_representation(text)
        assert said == slowly(Odd(), text)
        assert said["number"] == str(text.attempts)
        assert said["loud"] == f"{text.kind}!"
        assert "left_out" not in said


def test_moment_is_said_in_utc_whatever_the_zone_of_the_page():
    made = make_appointment(appointment_time=datetime(2030, 6, 1, 9, 30, tzinfo=UTC))
    with django_timezone.override("Asia/Tokyo"):
        assert AppointmentSerializer(made).data["appointment_time"] == "2030-06-01T09:30:00Z"


def test_services_of_a_visit_read_again_are_read_again(books):
    visit = Appointment.objects.with_booked().order_by("pk")[0]
    assert AppointmentSerializer(visit).data["price"] == "48.50"
    services.change(visit.pk, services=[])
    visit.refresh_from_db()
    assert AppointmentSerializer(visit).data["price"] is None
