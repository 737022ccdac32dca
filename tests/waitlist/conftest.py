from __future__ import annotations

import pytest

from tests.factories import make_salon, make_service, make_user, make_week


@pytest.fixture(autouse=True)
def _links_can_be_made(settings):
    settings.PUBLIC_BASE_URL = "https://booking.example"


@pytest.fixture
def salon(db):
    return make_salon(timezone="Europe/London")


@pytest.fixture
def stylist(salon):
    stylist = make_user(salon, full_name="Sam Staff")
    make_week(salon, stylist)
    return stylist


@pytest.fixture
def cut(salon):
    return make_service(salon, name="Cut", duration_minutes=60)
