"""The demo's salon with services, hours and a week of visits, and what is free in it, all as its API tells it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from devstack.demo.api import Api

SERVICE = "Cut and finish"
DAYS = 3  # one of them may be a Sunday
SHOWN = 4


def shown_week(api: Api, salon_name: str) -> str:
    """Two lines: what the salon has, and when it could next take a customer."""
    salon = next(one for one in api.get("/salons/").body["results"] if one["name"] == salon_name)
    services = api.get(f"/services/?salon={salon['id']}").body["results"]
    chairs = api.get(f"/chairs/?salon={salon['id']}").body["count"]
    visits = api.get(f"/appointments/?salon={salon['id']}&status=booked").body["count"]
    service = next(one["id"] for one in services if one["name"] == SERVICE)
    zone = ZoneInfo(salon["timezone"])
    first = datetime.now(zone).date() + timedelta(days=1)
    query = f"services={service}&from={first}&to={first + timedelta(days=DAYS - 1)}"
    people = api.get(f"/salons/{salon['id']}/availability/?{query}").body
    starts = sorted({slot["starts_at"] for person in people for slot in person["slots"]})[:SHOWN]
    clocks = ", ".join(f"{datetime.fromisoformat(at).astimezone(zone):%a %H:%M}" for at in starts)
    return (
        f"{salon_name}: {len(services)} services, {chairs} chairs, {visits} visits in the week ahead.\n"
        f"Free next for “{SERVICE}”: {clocks} …"
    )
