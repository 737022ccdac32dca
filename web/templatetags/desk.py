"""Names in the reader's language, for templates."""

from __future__ import annotations

from django import template
from django.utils.dates import WEEKDAYS

from web import names

register = template.Library()
register.filter("kind_name", names.kind_name)
register.filter("status_name", names.status_name)


@register.filter
def weekday_name(weekday: int) -> str:
    return str(WEEKDAYS[weekday])
