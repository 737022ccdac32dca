"""A salon's day."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from appointment.serializers import AppointmentSerializer, BlockSerializer
from booking_api.representation import QuickRepresentationMixin
from schedule.models import Chair
from schedule.serializers import ServiceSerializer
from sms.models import Message


class StretchSerializer(serializers.Serializer[Any]):
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class PersonsDaySerializer(serializers.Serializer[Any]):
    """When somebody works on the day; ``plans_hours`` is false for a person who may be booked at any time."""

    user = serializers.IntegerField(source="user_id")
    name = serializers.CharField()
    plans_hours = serializers.BooleanField()
    working = StretchSerializer(many=True)
    away = StretchSerializer(many=True)


class DayChairSerializer(serializers.ModelSerializer[Chair]):
    class Meta:
        model = Chair
        fields = ["column_id", "name"]


class DayTextSerializer(QuickRepresentationMixin, serializers.ModelSerializer[Message]):
    """The newest text of its kind."""

    class Meta:
        model = Message
        fields = ["id", "kind", "status", "reason", "due_at", "sent_at", "delivered_at"]
        read_only_fields = fields


class VisitSerializer(serializers.Serializer[Any]):
    """A booking of the day, with its customer, the stretches in which it keeps chair and person busy, and its texts."""

    booking = AppointmentSerializer()
    customer_name = serializers.CharField(source="booking.customer.full_name")
    customer_phone_number = serializers.CharField(source="booking.customer.phone_number")
    opted_out = serializers.BooleanField()
    busy = StretchSerializer(many=True)
    texts = DayTextSerializer(many=True)


class DaySerializer(serializers.Serializer[Any]):
    """Everything that a page of the day shows."""

    salon = serializers.IntegerField(source="salon.pk")
    date = serializers.DateField()
    timezone = serializers.CharField(source="salon.timezone")
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    closed = StretchSerializer(many=True)
    chairs = DayChairSerializer(many=True)
    people = PersonsDaySerializer(many=True)
    services = ServiceSerializer(many=True)
    visits = VisitSerializer(many=True)
    blocks = BlockSerializer(many=True)
