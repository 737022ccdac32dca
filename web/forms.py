"""From a posted form to what the API's serializers take, so that pages obey the same rules, and back to its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError

from booking_api.errors import OUT_OF_RANGE, known_constraint
from customer.models import Customer
from customer.serializers import CustomerSerializer
from salon.models import Salon

WHOLE_FORM = "whole_form"
LONGEST_VISIT_MINUTES = 1440


@dataclass(frozen=True)
class Refused(Exception):
    """What is wrong with a form, by field; and free slots, where another time would do."""

    status: int
    errors: Mapping[str, list[str]]
    codes: frozenset[str] = frozenset()
    find_alternatives: Callable[[], dict[str, Any]] = dict

    @property
    def alternatives(self) -> list[dict[str, Any]]:
        """Looked for only now, when the transaction and its locks are gone."""
        return list(self.find_alternatives().get("alternatives", []))

    @property
    def message(self) -> str:
        return " ".join(message for messages in self.errors.values() for message in messages)


def refuse(name: str, message: str, code: str = "invalid") -> Refused:
    return Refused(422, {name: [message]}, codes=frozenset({code}))


def save(serializer: serializers.BaseSerializer[Any]) -> Any:
    """Check and save, as the API does. Raises: Refused; nothing was written."""
    return obey(partial(_checked_and_saved, serializer))


def _checked_and_saved(serializer: serializers.BaseSerializer[Any]) -> Any:
    serializer.is_valid(raise_exception=True)
    return serializer.save()


def obey(act: Callable[[], Any]) -> Any:
    """Do something in a transaction; an error of the API becomes the form's.

    Raises:
      Refused: nothing was written.
    """
    try:
        with transaction.atomic():
            return act()
    except IntegrityError as error:
        known = known_constraint(error)
        if isinstance(known, APIException):
            raise _refused(known) from error
        raise
    except OUT_OF_RANGE as error:
        raise refuse(WHOLE_FORM, gettext("A value is out of range."), "out_of_range") from error
    except APIException as error:
        raise _refused(error) from error


def _refused(error: APIException) -> Refused:
    is_invalid = isinstance(error, ValidationError)
    return Refused(
        status=422 if is_invalid else error.status_code,
        errors=dict(_flat(error.detail)),
        codes=frozenset(_codes(error.get_codes())),
        find_alternatives=getattr(error, "extra", dict),
    )


def _flat(detail: Any, name: str = WHOLE_FORM) -> Iterable[tuple[str, list[str]]]:
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            key = WHOLE_FORM if key in ("non_field_errors", "salon") else str(key)
            yield from _flat(inner, key)
    elif isinstance(detail, list):
        yield name, [str(message) for message in detail]
    else:
        yield name, [str(detail)]


def _codes(codes: Any) -> Iterable[str]:
    if isinstance(codes, Mapping):
        codes = list(codes.values())
    if isinstance(codes, list):
        for code in codes:
            yield from _codes(code)
    else:
        yield str(codes)


# --- What forms post ----------------------------------------------------------------------------------


def key(text: str) -> int | None:
    """A key as a form posts it; None for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def key_or_none(text: str) -> int | None:
    """The same, where nothing chosen is a choice; what is no key is one that nothing has."""
    return (key(text) or 0) if text else None


def keys(texts: Iterable[str]) -> list[int | None]:
    return [key(text) for text in texts]


def times(posted: QueryDict, salon: Salon, *, minutes_from_services: bool = False) -> dict[str, Any]:
    """The beginning and the end of a visit, from its date, its time on the salon's clock, and its minutes.

    Raises:
      Refused: no date or time, or no length.
    """
    text = f"{posted.get('date', '')}T{posted.get('time', '')}"
    try:
        starts_at = datetime.fromisoformat(text)
    except ValueError as error:
        raise refuse("appointment_time", gettext("Give a date and a time.")) from error
    fields: dict[str, Any] = {"appointment_time": text}
    minutes = key(posted.get("minutes", ""))
    if minutes is not None and 1 <= minutes <= LONGEST_VISIT_MINUTES:
        # Counted on the clock of the world: on the night when the salon's own clock changes its hours differ.
        try:
            ends_at = starts_at.replace(tzinfo=salon.zone).astimezone(UTC) + timedelta(minutes=minutes)
        except OverflowError as error:
            raise refuse("appointment_time", gettext("There is no such time.")) from error
        fields["end_time"] = ends_at.isoformat()
    elif posted.get("minutes") or not minutes_from_services:
        raise refuse("end_time", gettext("Give a length from 1 to %(most)d minutes.") % {"most": LONGEST_VISIT_MINUTES})
    return fields


def booking_fields(posted: QueryDict, salon: Salon) -> dict[str, Any]:
    """What a booking form says, but for the customer, as `AppointmentSerializer` takes it. Raises: as `times`."""
    services = posted.getlist("services")
    fields = {
        "salon": salon.pk,
        "user": key(posted.get("user", "")),
        "column_id": key(posted.get("column_id", "")) or 0,
        "services": keys(services),
        "comment": posted.get("comment", "").strip(),
        **times(posted, salon, minutes_from_services=bool(services)),
    }
    for name in ("allow_overlap", "allow_outside_hours"):
        if name in posted:
            fields[name] = True
    return fields


def customer_of(request: HttpRequest, salon: Salon) -> int | None:
    """The customer that a booking form names, made first where it is a new one; to be called in a transaction.

    Raises:
      Refused: none is named, or the new one is not acceptable.
    """
    posted = request.POST
    if posted.get("who") == "new":
        fields = {
            "full_name": posted.get("full_name", "").strip(),
            "phone_number": posted.get("phone_number", "").strip(),
            "salon_ids": [salon.pk],
        }
        customer: Customer = save(CustomerSerializer(data=fields, context={"request": request}))
        return customer.pk
    chosen = key(posted.get("customer", ""))
    if chosen is None:
        raise refuse("customer", gettext("Choose a customer, or add a new one."), "required")
    return chosen
