"""Pages count against the API's limits of requests."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from customer.models import Customer
from tests.factories import make_phone_number, make_salon, make_user
from web.urls import of_salon

pytestmark = pytest.mark.django_db


def test_page_past_the_limit_says_when_to_come_back_and_saves_nothing(desk: Any, settings: Any) -> None:
    settings.RATE_LIMIT_PER_USER = 2
    salon = make_salon()
    client = desk(make_user(salon))
    path = f"/desk/{salon.pk}/people/new/"
    assert [client.get(path).status_code for _ in range(2)] == [200, 200]
    answer = client.post(path, {"full_name": "Grace", "phone_number": make_phone_number()})
    page = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (429, "text/html")
    assert f"Wait {answer['Retry-After']} seconds" in page
    assert (answer["RateLimit-Limit"], answer["RateLimit-Remaining"]) == ("2", "0")
    assert Customer.objects.count() == 0


def test_script_is_told_in_its_own_language(desk: Any, settings: Any) -> None:
    settings.RATE_LIMIT_PER_USER = 1
    salon = make_salon()
    client = desk(make_user(salon))
    path = f"/desk/{salon.pk}/day/data/"
    client.get(path)
    answer = client.get(path, headers={"Accept": "application/json"})
    assert (answer.status_code, "try again in" in answer.json()["message"]) == (429, True)


def test_pages_and_api_share_one_count(desk: Any, api: Any, settings: Any) -> None:
    settings.RATE_LIMIT_PER_USER = 3
    salon = make_salon()
    user = make_user(salon)
    client = desk(user)
    assert [client.get(f"/desk/{salon.pk}/people/").status_code for _ in range(2)] == [200, 200]
    assert [api(user).get("/salons/").status_code for _ in range(2)] == [200, 429]
    assert client.get(f"/desk/{salon.pk}/people/").status_code == 429
    assert desk(make_user(salon)).get(f"/desk/{salon.pk}/people/").status_code == 200


def test_nobody_counts_by_their_address(desk: Any, settings: Any) -> None:
    settings.RATE_LIMIT_PER_IP = 2
    client = desk(None)
    assert [client.get("/desk/1/day/").status_code for _ in range(3)] == [302, 302, 429]
    assert client.get("/").status_code == 429


@pytest.mark.parametrize("name", [route.name for route in of_salon])
def test_every_page_counts(desk: Any, settings: Any, name: str) -> None:
    settings.RATE_LIMIT_PER_USER = 1
    salon = make_salon()
    client = desk(make_user(salon))
    client.get(f"/desk/{salon.pk}/people/")
    wanted = next(route for route in of_salon if route.name == name).pattern.converters
    arguments = {key: "services" if key == "what" else 1 for key in wanted if key != "salon_id"}
    path = reverse(f"web:{name}", kwargs={"salon_id": salon.pk} | arguments)
    assert {client.get(path).status_code, client.post(path).status_code} & {429}
