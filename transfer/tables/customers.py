from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property
from phonenumber_field.phonenumber import PhoneNumber
from phonenumber_field.serializerfields import PhoneNumberField
from rest_framework import serializers

from customer.models import Customer
from customer.phone_numbers import validate_can_receive_texts
from customer.services import create_customers, lock_customers, rename_customers
from salon.models import Salon
from transfer.reading import BadLine, Columns, Line
from transfer.reports import CHANGED, FAILED, MADE, SKIPPED, Outcome
from transfer.tables.base import Imported, validated


def phone_number_field(salon: Salon) -> PhoneNumberField:
    """Reads a number as it is dialled where the salon lies."""
    return PhoneNumberField(region=salon.country, validators=[validate_can_receive_texts])


class ValidNumber(PhoneNumber):
    """A number found to be valid; the library would find it out a dozen times more on its way to the database."""

    @classmethod
    def of(cls, number: PhoneNumber) -> ValidNumber:
        valid = cls()
        valid.merge_from(number)
        return valid

    def is_valid(self) -> bool:
        return True


class CustomerLine(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = ["full_name", "phone_number"]


class Customers(Imported):
    """A phone number is one customer of the salon: a known one gets the name of the line, if that has one."""

    columns = Columns(read=("phone_number", "full_name"), required=("phone_number",))

    def queryset(self) -> QuerySet[Any]:
        return Customer.objects.filter(salons=self.salon)

    def row(self, item: Customer) -> Sequence[object]:
        return [item.phone_number, item.full_name]

    def lock(self) -> None:
        lock_customers(self.salon.pk)

    def look_up(self, lines: Sequence[Line]) -> None:
        """Nothing: see `take`."""

    def take_one(self, line: Line) -> Outcome:
        (outcome,) = self.take([line])
        return outcome

    def take(self, lines: Sequence[Line]) -> Iterator[Outcome]:
        """All of them in a few statements: what is wrong with a customer shows before anything is written."""
        outcomes: dict[int, Outcome] = {}
        values: dict[int, dict[str, Any]] = {}
        for line in lines:
            try:
                values[line.number] = validated(self._serializer, line.cells)
            except BadLine as bad:
                outcomes[line.number] = Outcome(line.number, FAILED, bad.code, bad.message)
        for fields in values.values():
            fields["phone_number"] = ValidNumber.of(fields["phone_number"])
        numbers = {fields["phone_number"].as_e164: fields["phone_number"] for fields in values.values()}
        stored = Customer.objects.filter(salons=self.salon, phone_number__in=numbers.values())
        known = {customer.phone_number.as_e164: customer for customer in stored}
        made: list[Customer] = []
        renamed: dict[Customer, None] = {}
        for number, fields in values.items():
            key, name = fields["phone_number"].as_e164, fields.get("full_name", "")
            customer = known.get(key)
            if customer is None:
                customer = known[key] = Customer(**fields)
                made.append(customer)
                outcomes[number] = Outcome(number, MADE)
            elif name and name != customer.full_name:
                detail = f"full_name: was “{customer.full_name}”."
                outcomes[number] = Outcome(number, CHANGED, "renamed", detail)
                customer.full_name = name
                if customer.pk:
                    renamed[customer] = None
            else:
                outcomes[number] = Outcome(number, SKIPPED, "already_there", "A customer has this number.")
        if made:
            create_customers(made, salon=self.salon)
        if renamed:
            rename_customers(list(renamed), salon=self.salon)
        return (outcomes[line.number] for line in lines)

    @cached_property
    def _serializer(self) -> CustomerLine:
        serializer = CustomerLine()
        serializer.fields["phone_number"] = phone_number_field(self.salon)
        return serializer
