"""Which numbers can receive a text."""

import re

import phonenumbers
from django.core.exceptions import ValidationError
from django.db.models import Q
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException, PhoneNumberType

# Where a country's plan does not tell mobiles from landlines (the US, Canada), every number may be a mobile.
CANNOT_RECEIVE_TEXTS = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)


_E164 = re.compile(r"\+[1-9]\d{6,14}")


def usable_number(number: PhoneNumber | str) -> str:
    """A stored number in E.164; empty where an import left something else."""
    text = str(number)
    return text if _E164.fullmatch(text) else ""


def validate_can_receive_texts(value: str | PhoneNumber) -> None:
    """Raises:
    ValidationError: ``value`` is a landline or another number that takes no texts.
    """
    try:
        number = value if isinstance(value, PhoneNumber) else PhoneNumber.from_string(value)
    except NumberParseException:
        return  # no number at all: the field's own validator says so
    if number.is_valid() and phonenumbers.number_type(number) in CANNOT_RECEIVE_TEXTS:
        raise ValidationError("This number cannot receive texts; give a mobile number.", code="cannot_receive_texts")


def matching_phone_number(value: str, field: str) -> Q:
    """Numbers that contain what was typed, with or without its leading 0 and blanks; none for a word."""
    digits = "".join(character for character in value if character.isdecimal()).lstrip("0")
    return Q(**{f"{field}__contains": digits}) if digits else Q(pk__in=[])
