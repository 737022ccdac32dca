"""What a monitor is told: every part by name, and what only a person can help."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sms import heartbeats, holds
from sms.errors import SenderBlocked
from sms.models import Heartbeat
from tests.delivering import deliver_due, let_time_pass
from tests.factories import make_appointment

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_work(queues):
    """A dispatcher and a worker have just been seen."""
    for process in (heartbeats.DISPATCHER, heartbeats.WORKER):
        heartbeats.beat(process)


def ready(client):
    response = client.get("/health/ready/")
    return response.status_code, response.json()


def test_all_is_well(client, at_work):
    status, body = ready(client)
    assert (status, body["status"], body["banner"]) == (200, "ok", None)
    assert set(body["parts"]) == {"database", "redis", "migrations", "dispatcher", "worker", "texts"}


def test_part_that_is_missing_is_named(client, at_work):
    Heartbeat.objects.filter(process=heartbeats.WORKER).delete()
    status, body = ready(client)
    assert status == 503
    assert [name for name, part in body["parts"].items() if not part.startswith("ok")] == ["worker"]


def test_text_long_overdue_makes_it_unfit(client, at_work):
    make_appointment()
    let_time_pass(timedelta(minutes=5))
    status, body = ready(client)
    assert (status, body["status"]) == (503, "unfit")
    assert "sms_doctor" in body["parts"]["texts"]


def test_stopped_sender_is_in_the_banner_and_only_a_person_can_help(client, at_work):
    make_appointment()
    holds.place(SenderBlocked("Twilio answered HTTP 401", 20003))
    let_time_pass(timedelta(minutes=5))
    status, body = ready(client)
    assert status == 200
    assert "HTTP 401" in body["banner"]


def test_text_refused_for_its_destination_is_in_the_banner_and_is_nobody_elses_lateness(client, at_work, twilio):
    make_appointment()
    twilio.fault("error", code=21408, count=1)
    deliver_due()
    let_time_pass(timedelta(minutes=5))
    status, body = ready(client)
    assert (status, body["parts"]["texts"]) == (200, "ok: oldest overdue 0 s")
    assert body["banner"] == "Texts that wait for a person: 1 (Twilio's error 21408). Run manage.py sms_doctor."


def test_metrics_are_for_whoever_has_the_token_and_show_what_waits_for_a_person(client, settings, queues, twilio):
    assert client.get("/metrics/").status_code == 401
    settings.METRICS_TOKEN = "monitor"
    make_appointment()
    twilio.fault("error", code=21408, count=1)
    deliver_due()
    assert client.get("/metrics/", headers={"Authorization": "Bearer other"}).status_code == 401
    exposition = client.get("/metrics/", headers={"Authorization": "Bearer monitor"}).content.decode()
    assert "sms_blocked_texts 1.0" in exposition
    assert "sms_stopped_senders 0.0" in exposition
