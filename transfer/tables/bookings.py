from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from phonenumber_field.phonenumber import PhoneNumber
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from appointment import occupancy, rules, services
from appointment.models import Appointment
from appointment.serializers import MOST_SERVICES, SalonTimeField, put_on_the_salons_clock
from customer.models import Customer
from salon.models import Salon
from schedule.models import Service
from transfer.cells import list_of, moment_text
from transfer.reading import BadLine, Columns, Line, records_of
from transfer.reports import MADE, SKIPPED, Outcome
from transfer.tables.base import Imported, Staff, bad_line, validated
from transfer.tables.customers import phone_number_field

TIMES = ("appointment_time", "end_time", "cancelled_at")
FIELDS = (
    "column_id",
    "status",
    "comment",
    "cancel_reason",
    "cancelled_by_customer",
    "allow_overlap",
    "allow_outside_hours",
)
NO_STATUS = BadLine(
    "in_the_past",
    "appointment_time: it has passed. Choose a time still ahead, or say in status how the visit ended: completed, "
    "no_show or cancelled.",
)


class BookingLine(serializers.ModelSerializer[Appointment]):
    appointment_time = SalonTimeField()
    end_time = SalonTimeField(required=False)
    cancelled_at = SalonTimeField(required=False)

    class Meta:
        model = Appointment
        fields = [*TIMES, *FIELDS]
        extra_kwargs = {"column_id": {"min_value": 1}}


class Bookings(Imported):
    """A customer at a time is one booking: one that is there already is left alone."""

    columns = Columns(
        read=("appointment_time", "end_time", "phone_number", "user_email", "services", *FIELDS, "cancelled_at"),
        required=("appointment_time", "phone_number", "user_email"),
        told=("full_name", "price", "currency"),
    )
    lines_per_chunk = 100
    lines_per_request = 1_000

    def __init__(self, salon: Salon, *, confirm: bool = False) -> None:
        super().__init__(salon, confirm=confirm)
        self._staff = Staff(salon)
        self._services = {service.name: service for service in Service.objects.filter(salon=salon)}
        self._serializer = BookingLine()
        self._phone_number = phone_number_field(salon)

    def queryset(self) -> QuerySet[Any]:
        visits = Appointment.objects.filter(salon=self.salon).exclude(status=Appointment.Status.OFFERED)
        return visits.select_related("customer", "user").with_booked()

    def row(self, item: Appointment) -> Sequence[object]:
        starts_at, ends_at, cancelled_at = (moment_text(getattr(item, name), self.salon.zone) for name in TIMES)
        whose = [item.customer.phone_number, item.user.email, list_of(service.name for service in item.services)]
        told = [item.customer.full_name, item.price, item.currency]
        return [starts_at, ends_at, *whose, *(getattr(item, name) for name in FIELDS), cancelled_at, *told]

    def lock(self) -> None:
        occupancy.lock_books(self.salon.pk, [person.pk for person in self._staff])

    def look_up(self, lines: Sequence[Line]) -> None:
        numbers = [number for line in lines if isinstance(number := self._number(line), PhoneNumber)]
        customers = Customer.objects.filter(salons=self.salon, phone_number__in=numbers)
        self._customers = {customer.phone_number: customer for customer in customers}
        self._read = {line.number: self._values_or_error(line) for line in lines}
        times = [values["appointment_time"] for values in self._read.values() if isinstance(values, dict)]
        known = Q(salon=self.salon, customer__in=self._customers.values(), appointment_time__in=times)
        self._known = set(Appointment.objects.filter(known).values_list("customer_id", "appointment_time"))

    def take_one(self, line: Line) -> Outcome:
        values = self._read[line.number]
        if isinstance(values, BadLine):
            raise values
        customer = self._customer(line)
        key = (customer.pk, values["appointment_time"])
        if key in self._known:
            return Outcome(line.number, SKIPPED, "already_there", "The customer has a booking at that time.")
        user = self._staff.get(line.cells["user_email"], "user_email")
        is_ahead = values["appointment_time"] > timezone.now()
        if not is_ahead and "status" not in values:
            raise NO_STATUS
        is_history = values.get("status", Appointment.Status.BOOKED) != Appointment.Status.BOOKED or not is_ahead
        if not is_history and not user.is_active:
            raise BadLine("not_active", f"user_email: {user} does not work here any more. Choose somebody else.")
        fields = {**values, "salon": self.salon, "user": user, "customer": customer, "services": self._wanted(line)}
        try:
            if is_history:
                services.record(**fields)
            else:
                services.book(confirm=self.confirm, **fields)
        except rules.RuleBroken as broken:
            raise BadLine(broken.code, f"{broken.field}: {broken.message}") from broken
        self._known.add(key)
        return Outcome(line.number, MADE, "history") if is_history else Outcome(line.number, MADE)

    def _values_or_error(self, line: Line) -> dict[str, Any] | BadLine:
        try:
            return self._values(line)
        except BadLine as bad:
            return bad

    def _values(self, line: Line) -> dict[str, Any]:
        """Raises:
        BadLine: a cell is wrong, or the salon's clock shows a time never, or twice.
        """
        cells = {name: line.cells[name] for name in (*TIMES, *FIELDS) if name in line.cells}
        if "status" in cells:
            cells["status"] = cells["status"].lower().replace("-", "_").replace(" ", "_")
        values = validated(self._serializer, cells)
        try:
            put_on_the_salons_clock(values, self.salon, *TIMES)
        except ValidationError as error:
            raise bad_line(error.detail) from error
        if values.get("status") != Appointment.Status.CANCELLED:
            for name in ("cancelled_at", "cancelled_by_customer", "cancel_reason"):
                values.pop(name, None)
        return values

    def _number(self, line: Line) -> PhoneNumber | BadLine:
        try:
            number: PhoneNumber = self._phone_number.run_validation(line.cells["phone_number"])
        except ValidationError as error:
            return bad_line(error.detail, "phone_number")
        return number

    def _customer(self, line: Line) -> Customer:
        """Raises:
        BadLine: it is no number, or nobody's of this salon.
        """
        number = self._number(line)
        if isinstance(number, BadLine):
            raise number
        customer = self._customers.get(number)
        if customer is None:
            message = f"phone_number: no customer of this salon has {number}. Import the customers first."
            raise BadLine("does_not_exist", message)
        return customer

    def _wanted(self, line: Line) -> list[Service]:
        """Raises:
        BadLine: the salon has no such service.
        """
        names = records_of(line.cells.get("services", ""))
        missing = [name for name in names if name not in self._services]
        if missing:
            message = f"services: the salon has none named “{missing[0][:80]}”. Import the services first."
            raise BadLine("does_not_exist", message)
        if len(names) > MOST_SERVICES:
            raise BadLine("too_many", f"services: book at most {MOST_SERVICES} at a time.")
        return [self._services[name] for name in names]
