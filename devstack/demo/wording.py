"""The texts as the owner asked for them, written down a second time: the demo trusts no code of the product."""

from datetime import datetime
from zoneinfo import ZoneInfo


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """`2:05 PM`, on the salon's clock."""
    local = moment.astimezone(zone)
    return f"{local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}"


def day(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d}"


def confirmation(customer: str, salon: str, visit: datetime, zone: ZoneInfo) -> str:
    return (
        f"Hi {customer}, Your appointment at {salon} has been confirmed for {day(visit, zone)} "
        f"at {clock(visit, zone)}. See you soon!"
    )


def reminder(customer: str, salon: str, visit: datetime, zone: ZoneInfo) -> str:
    return f"Hi {customer}, You have an appointment coming up at {clock(visit, zone)}. Regards {salon}."


def cancellation(visit: datetime, zone: ZoneInfo) -> str:
    return (
        "Hi, We regret to inform you that your scheduled appointment for "
        f"{day(visit, zone)} {clock(visit, zone)} has been cancelled."
    )
