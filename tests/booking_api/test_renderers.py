"""Answers as bytes: what Django REST framework's own renderer says, quicker."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ErrorDetail
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import Serializer
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from booking_api.renderers import FastJSONRenderer

ANSWERS: list[Any] = [
    {"price": Decimal("48.00"), "at": datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC), "on": date(2026, 3, 29)},
    {"opens": time(9, 0), "lasts": timedelta(minutes=90), "id": UUID(int=7), "none": None, "yes": True},
    {"name": "Chloé <script> \u2028 العربية 💇", "count": 2**53 + 1, "empty": [], "nested": {"a": ({}, (1, 2))}},
    {"detail": ErrorDetail("No.", code="no"), "word": gettext_lazy("Day")},
    {1: "a number as a name"},
    ReturnDict({"id": 1}, serializer=Serializer()),
    ReturnList([ReturnDict({"id": 1}, serializer=Serializer())], serializer=Serializer()),
    [],
    "a text",
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_answer_reads_the_same_as_the_frameworks_own(answer):
    assert json.loads(FastJSONRenderer().render(answer)) == json.loads(JSONRenderer().render(answer))


def test_no_answer_is_no_bytes():
    assert FastJSONRenderer().render(None) == b""


def test_number_of_more_than_64_bits_is_said_all_the_same():
    assert json.loads(FastJSONRenderer().render({"number": 2**70})) == {"number": 2**70}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_number_that_json_does_not_know_is_null(number):
    assert FastJSONRenderer().render({"number": number}) == b'{"number":null}'


def test_what_is_no_value_at_all_is_an_error():
    with pytest.raises(TypeError):
        FastJSONRenderer().render({"odd": object()})
