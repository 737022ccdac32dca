"""What the API says of a broken rule: an error with its code, and what could be booked instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound

from appointment import availability, rules, series
from appointment.models import Appointment
from appointment.time_serializers import OccurrenceSerializer, as_json
from booking_api.errors import Conflict
from schedule.models import Service

Made = TypeVar("Made")


def obeying_rules(act: Callable[..., Made], *args: Any, **fields: Any) -> Made:
    """Do something to a booking, a block or a series; a broken rule becomes the API's error.

    Raises:
      Conflict: another booking has the time; with the free slots nearest to it. Or visits of a series clash; with each.
      serializers.ValidationError: any other rule.
      NotFound: it has been deleted meanwhile.
    """
    try:
        return act(*args, **fields)
    except rules.TimeRefused as refused:
        raise _with_alternatives(refused) from refused
    except series.Clashes as clashes:
        raise _with_clashes(clashes) from clashes
    except rules.RuleBroken as broken:
        raise serializers.ValidationError({broken.field: [broken.message]}, code=broken.code) from broken
    except ObjectDoesNotExist as gone:  # since this request began
        raise NotFound from gone


def _with_alternatives(refused: rules.TimeRefused) -> APIException:
    """The API's error for a time that will not do; others are looked for once the request's locks are gone."""
    error: Any
    if isinstance(refused, rules.SlotTaken):
        error = Conflict(refused.message, code=refused.code)
    else:
        error = serializers.ValidationError({refused.field: [refused.message]}, code=refused.code)
    if isinstance(refused.booking, Appointment):
        error.extra = partial(_alternatives, refused.booking, refused.services)
    return cast(APIException, error)


def _with_clashes(clashes: series.Clashes) -> APIException:
    error: Any = Conflict(
        f"{len(clashes.refused)} of {clashes.wanted} visits cannot be then, and none was booked or changed. Choose "
        "another time, person or chair, or leave them out.",
        code="visits_clash",
    )
    error.extra = lambda: {"clashes": OccurrenceSerializer(clashes.refused, many=True).data}
    return cast(APIException, error)


def _alternatives(booking: Appointment, wanted: Sequence[Service]) -> dict[str, Any]:
    return {"alternatives": as_json(availability.nearest(booking, wanted, now=timezone.now()))}
