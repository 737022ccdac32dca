"""Postal codes, by the rule of their country."""

from django.core.exceptions import ValidationError
from localflavor.gb.forms import GBPostcodeField


def clean_postcode(country: str, code: str) -> str:
    """A British postcode in its usual form; any other country's code as it was given.

    Args:
      country: ISO 3166-1 alpha-2.

    Raises:
      ValidationError: no such British postcode can be.
    """
    if country != "GB":
        return code
    try:
        return str(GBPostcodeField().clean(code))
    except ValidationError as error:
        raise ValidationError(
            "Give a British postcode such as SW1A 1AA, or the country.", "invalid_postcode"
        ) from error
