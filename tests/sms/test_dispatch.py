"""Offering what is due, once, and nothing else."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta

import pytest
import redis
from django.db import OperationalError, connection, transaction
from django.db.models import F

from appointment import tasks
from booking_api.broker import make_broker
from sms import dispatch, holds, reconcile
from sms.clock import database_now
from sms.dispatch import LANES, Chore, Dispatcher, offer_due, offer_lanes
from sms.errors import SenderBlocked
from sms.models import Message, SenderHold
from tests.delivering import wait_until
from tests.factories import hours_ahead, make_appointment, make_salon
from tests.racing import in_thread, race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queues")]

ACTORS = (tasks.send_sms_confirmation, tasks.send_sms_reminder, tasks.send_sms_cancellation)


def make_rows(count, kind="confirmation", *, due_in=timedelta(seconds=-1), **fields):
    """Ledger rows without bookings of their own."""
    now = database_now()
    return Message.objects.bulk_create(
        Message(
            **{
                "booking_id": 1_000_000 + number,
                "salon_id": 1,
                "customer_id": 1,
                "kind": kind,
                "to": "+447400000001",
                "visit_at": now + timedelta(days=1),
                "due_at": now + due_in,
                "next_attempt_at": now + due_in,
                "expires_at": now + timedelta(days=1),
                "created_at": now,
                **fields,
            }
        )
        for number in range(count)
    )


def queued(broker, lane):
    """The actor and booking id of every message that waits in a lane."""
    ids = broker.client.lrange(f"dramatiq:{lane}", 0, -1)
    messages = [json.loads(broker.client.hget(f"dramatiq:{lane}.msgs", key)) for key in ids]
    return sorted((message["actor_name"], message["args"][0]) for message in messages)


# --- What is offered --------------------------------------------------------------------------------------


def test_due_texts_go_into_the_lane_of_their_kind_with_the_actor_of_their_kind(queues):
    make_rows(1, "confirmation")
    make_rows(1, "cancellation")
    make_rows(1, "reminder")
    assert offer_lanes() == 3
    assert queued(queues, "sms.now") == [("send_sms_cancellation", 1_000_000), ("send_sms_confirmation", 1_000_000)]
    assert queued(queues, "sms.reminders") == [("send_sms_reminder", 1_000_000)]


def test_every_kind_of_text_has_a_lane_and_an_actor_in_it():
    assert sorted(kind for kinds in LANES.values() for kind in kinds) == sorted(Message.Kind)
    for lane, kinds in LANES.items():
        assert {dispatch.actor_for(kind).queue_name for kind in kinds} == {lane}


@pytest.mark.parametrize("status", [status for status in Message.Status if status != "pending"])
def test_text_in_any_other_state_is_not_offered(status):
    make_rows(1, status=status)
    assert offer_lanes() == 0


def test_text_is_offered_once_and_again_only_after_its_lease(settings, queues):
    settings.SMS_OFFER_LEASE_SECONDS = 15
    (row,) = make_rows(1)
    assert [len(offer_due("sms.now", 10)) for _ in range(3)] == [1, 0, 0]
    row.refresh_from_db()
    assert timedelta(seconds=14) < row.leased_until - database_now() <= timedelta(seconds=15)
    queues.flush_all()
    Message.objects.update(leased_until=database_now())
    assert len(offer_due("sms.now", 10)) == 1


def test_texts_are_offered_in_the_order_of_their_moments_up_to_the_limit():
    rows = make_rows(3)
    for row, seconds in zip(rows, (10, 30, 20), strict=True):
        Message.objects.filter(pk=row.pk).update(next_attempt_at=database_now() - timedelta(seconds=seconds))
    assert sorted(offer.message_id for offer in offer_due("sms.now", 2)) == [rows[1].pk, rows[2].pk]


def test_text_just_nudged_is_left_to_its_nudge_for_two_seconds():
    make_appointment()
    assert offer_lanes() == 0
    Message.objects.filter(kind="confirmation").update(next_attempt_at=F("next_attempt_at") - timedelta(seconds=2))
    assert offer_lanes() == 1


def test_dispatchers_at_once_never_offer_the_same_row(queues):
    make_rows(400)
    offers = race(*[lambda: [offer for _ in range(8) for offer in offer_due("sms.now", 25)]] * 4)
    ids = [offer.message_id for some in offers for offer in some]
    assert len(ids) == len(set(ids)) == 400
    assert queues.queue_length("sms.now") == 400


def test_row_that_another_dispatcher_holds_is_passed_over():
    rows = make_rows(2)
    with transaction.atomic():
        Message.objects.select_for_update().get(pk=rows[0].pk)
        (offers,) = race(lambda: offer_due("sms.now", 10))
    assert [offer.message_id for offer in offers] == [rows[1].pk]


def test_no_more_is_put_into_redis_than_the_queue_limit(settings, queues):
    settings.SMS_QUEUE_LIMIT, settings.SMS_DISPATCH_BATCH = 25, 10
    make_rows(40)
    assert [offer_lanes() for _ in range(5)] == [10, 10, 5, 0, 0]
    assert queues.queue_length("sms.now") == 25


def test_full_lane_of_reminders_does_not_hold_up_the_other(settings, queues):
    settings.SMS_QUEUE_LIMIT = 5
    make_rows(10, "reminder")
    offer_lanes()
    make_rows(1, "confirmation")
    assert offer_lanes() == 1
    assert queues.queue_length("sms.now") == 1


# --- Redis away -------------------------------------------------------------------------------------------


def test_leases_are_given_back_when_redis_does_not_take_the_offers(monkeypatch):
    make_rows(3)
    monkeypatch.setattr(dispatch, "broker", make_broker("redis://127.0.0.1:9/0"))
    for actor in ACTORS:
        monkeypatch.setitem(dispatch.broker.actors, actor.actor_name, actor)
    with pytest.raises(redis.ConnectionError):
        offer_due("sms.now", 10)
    assert set(Message.objects.values_list("leased_until", flat=True)) == {None}
    monkeypatch.undo()
    assert len(offer_due("sms.now", 10)) == 3


def test_texts_lost_with_redis_are_offered_again(queues):
    make_rows(3)
    offer_lanes()
    queues.client.delete("dramatiq:sms.now", "dramatiq:sms.now.msgs")
    Message.objects.update(leased_until=database_now())
    assert offer_lanes() == 3
    assert queues.queue_length("sms.now") == 3


def test_booking_succeeds_at_once_when_redis_is_away(monkeypatch):
    broken = make_broker("redis://127.0.0.1:9/0")
    for actor in ACTORS:
        monkeypatch.setattr(actor, "broker", broken)
    begun = time.monotonic()
    booking = make_appointment()
    assert time.monotonic() - begun < 1.5
    assert Message.objects.filter(booking=booking, status="pending").count() == 2


def test_after_a_failed_nudge_bookings_do_not_even_try_for_a_while(monkeypatch):
    broken = make_broker("redis://127.0.0.1:9/0")
    for actor in ACTORS:
        monkeypatch.setattr(actor, "broker", broken)
    make_appointment()
    tried = []
    monkeypatch.setattr(broken, "enqueue", lambda *arguments, **named: tried.append(arguments))
    make_appointment()
    assert tried == []


# --- The future costs nothing -------------------------------------------------------------------------------


def plan_of(query, asked=None):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", asked)
        (found,) = cursor.fetchone()
    return found[0]["Plan"]


def plan_of_offer():
    kinds = ["confirmation", "cancellation", "reminder"]
    return plan_of(dispatch._OFFER, {"kinds": kinds, "limit": 500, "only": None, "lease": 15})


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def test_ten_thousand_texts_of_the_future_are_not_read():
    make_rows(10_000, "reminder", due_in=timedelta(days=3))
    make_rows(5, "confirmation")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sms_message")
    plan = list(nodes(plan_of_offer()))
    (scan,) = [node for node in plan if node.get("Index Name") == "sms_pending"]
    assert scan["Actual Rows"] == 5
    assert scan.get("Rows Removed by Filter", 0) == 0
    assert scan.get("Rows Removed by Index Recheck", 0) == 0
    assert not [node for node in plan if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "sms_message"]


def test_an_idle_look_touches_a_handful_of_pages_whatever_waits_in_the_future():
    make_rows(10_000, "reminder", due_in=timedelta(days=3))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sms_message")
    for plan in (plan_of(dispatch._NEXT_DUE), plan_of_offer()):
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 10


def test_look_in_a_burst_reads_what_is_leased_and_nothing_of_the_future():
    make_rows(10_000, "reminder", due_in=timedelta(days=3))
    make_rows(500, leased_until=database_now() + timedelta(seconds=15))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sms_message")
    (scan,) = [node for node in nodes(plan_of(dispatch._NEXT_DUE)) if node.get("Index Name") == "sms_pending"]
    assert (scan["Actual Rows"], scan["Rows Removed by Filter"]) == (1, 500)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (Message.objects.filter(status="unknown", leased_until__lte=hours_ahead(0)), "sms_in_flight"),
        (Message.objects.filter(status="sending", leased_until__lte=hours_ahead(0)), "sms_in_flight"),
        (Message.objects.filter(booking_id=1, kind="reminder", status="pending"), "sms_one_pending_per_kind"),
        (Message.objects.filter(sid="SM1").exclude(sid=""), "sms_one_row_per_sid"),
    ],
)
def test_what_is_asked_all_the_time_has_an_index(query, index):
    make_rows(5_000, "reminder", due_in=timedelta(days=3))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sms_message")
    assert index in query.explain()


# --- A stopped sender -----------------------------------------------------------------------------------------


def test_while_the_sender_is_stopped_only_the_probe_is_offered():
    rows = make_rows(3)
    holds.place(SenderBlocked("HTTP 401", 20003))
    assert offer_lanes() == 0
    SenderHold.objects.update(probe_id=rows[1].pk)
    assert offer_lanes() == 1
    rows[1].refresh_from_db()
    assert rows[1].leased_until is not None


# --- The process ------------------------------------------------------------------------------------------------


def test_dispatcher_offers_does_its_chores_and_stops_when_told():
    make_rows(3)
    ran = []
    dispatcher = Dispatcher([Chore(lambda: ran.append(time.monotonic()), interval_seconds=0.1)])
    running = in_thread(dispatcher.run)
    wait_until(lambda: Message.objects.filter(leased_until=None).count() == 0)
    wait_until(lambda: len(ran) >= 2)
    dispatcher.stop()
    running.result(2)


def test_chore_that_fails_or_is_slow_delays_no_text():
    def fail():
        raise RuntimeError("broken chore")

    release = threading.Event()
    dispatcher = Dispatcher([Chore(fail, interval_seconds=0.1), Chore(release.wait, interval_seconds=0.1)])
    running = in_thread(dispatcher.run)
    make_rows(3)
    wait_until(lambda: Message.objects.filter(leased_until=None).count() == 0, seconds=2)
    release.set()
    dispatcher.stop()
    running.result(2)


def test_dispatcher_looks_again_when_the_next_text_is_due(settings):
    settings.SMS_DISPATCH_INTERVAL_SECONDS = 5.0
    assert dispatch.look() == 5.0
    make_rows(1, next_attempt_at=database_now() + timedelta(seconds=60))
    assert dispatch.look() == 5.0
    (row,) = make_rows(1, "reminder", next_attempt_at=database_now() + timedelta(seconds=0.5))
    time.sleep(dispatch.look())
    assert dispatch.look() == 0.0
    row.refresh_from_db()
    assert row.leased_until - row.next_attempt_at < timedelta(seconds=settings.SMS_OFFER_LEASE_SECONDS + 0.3)
    assert dispatch.look() == 5.0


def test_dispatcher_outlives_a_fault_of_the_database(monkeypatch):
    faults = iter([OperationalError("server closed the connection"), redis.ConnectionError("refused")])

    def faulty():
        fault = next(faults, None)
        if fault:
            raise fault
        return offer_lanes()

    monkeypatch.setattr(dispatch, "PAUSE_AFTER_FAULT_SECONDS", 0.05)
    monkeypatch.setattr(dispatch, "offer_lanes", faulty)
    make_rows(1)
    dispatcher = Dispatcher([])
    running = in_thread(dispatcher.run)
    wait_until(lambda: Message.objects.filter(leased_until=None).count() == 0)
    dispatcher.stop()
    running.result(2)


def test_lookups_of_two_dispatchers_are_not_of_the_same_texts(twilio):
    make_rows(20, status="unknown", leased_until=database_now(), attempts=1, attempted_at=database_now())
    assert sum(race(reconcile.trace_unknown, reconcile.trace_unknown)) == 20


def test_salon_of_a_text_need_not_exist_any_more():
    make_salon().delete()
    make_rows(1, salon_id=999_999)
    assert offer_lanes() == 1
