"""Public holidays, offered to salons that may want to close on them (the library `holidays`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import holidays

from salon.models import Salon
from schedule import hours
from schedule.spans import both
from schedule.wall_clock import day_span


@dataclass(frozen=True)
class Holiday:
    date: date
    name: str
    is_closed: bool


def holidays_of(salon: Salon, year: int) -> Iterator[Holiday]:
    """The public holidays of the country that the salon lies in; none where nobody has listed them.

    The country is that of the salon's first address, else that of its phone number.
    """
    country = salon.country
    if country not in holidays.list_supported_countries(include_aliases=False):
        return
    closed = hours.rota(salon, [], date(year, 1, 1), date(year, 12, 31)).closed
    for day, name in sorted(holidays.country_holidays(country, years=year).items()):
        span = day_span(day, salon.zone)
        yield Holiday(day, name, is_closed=both(closed, [span]) == [span])
