"""Which country something lies in (ISO 3166-1 alpha-2)."""

from __future__ import annotations

from typing import Any

import phonenumbers
from phonenumber_field.phonenumber import to_python

DEFAULT_COUNTRY = "GB"


def country_of(phone_number: Any) -> str:
    """The country of a phone number, in E.164 or parsed; that of the product's first users where it tells none."""
    return phonenumbers.region_code_for_number(to_python(phone_number)) or DEFAULT_COUNTRY
