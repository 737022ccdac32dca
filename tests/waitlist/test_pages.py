from __future__ import annotations

import re

import pytest
from django.test import Client

from appointment import services as appointments
from appointment.models import Appointment
from sms.models import Message
from tests.delivering import ledger_of
from tests.factories import make_entry
from tests.waitlist.taking import DAY, at, let_hold_end, state_of, take
from waitlist import links, services
from waitlist.models import Offer

pytestmark = pytest.mark.django_db


@pytest.fixture
def offer(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    return entry.offers.get()


def path_of(offer):
    return f"/waitlist/o/{links.token_of(offer)}/"


def found(pattern, text, group=0):
    match = re.search(pattern, text)
    assert match is not None, text
    return match[group]


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.content.decode(), flags=re.S)).strip()


def snapshot():
    return (
        list(Offer.objects.order_by("id").values()),
        list(Appointment.objects.order_by("id").values()),
        list(Message.objects.order_by("id").values()),
    )


def test_link_in_the_text_leads_to_the_page(client, offer):
    link = found(r"https://\S+", Message.objects.get(kind="offer").body)
    assert link == f"https://booking.example{path_of(offer)}"
    shown = client.get(link.removeprefix("https://booking.example"))
    assert shown.status_code == 200
    assert shown["Content-Type"].startswith("text/html")
    for word in ("Shear Delight", f"{at(offer.entry.salon, '10:00'):%A}", "10:00 AM", "Cut", "Sam Staff", "Book it"):
        assert word in words(shown)


def test_looking_changes_nothing(client, offer):
    before = snapshot()
    for _ in range(3):
        assert client.get(path_of(offer)).status_code == 200
        assert client.head(path_of(offer)).status_code == 200
    assert snapshot() == before


def test_page_costs_the_same_queries_however_many_services(client, offer, django_assert_num_queries):
    with django_assert_num_queries(3):
        client.get(path_of(offer))


def test_booking_it_books_it_and_the_page_says_so(client, offer):
    done = client.post(path_of(offer), {"answer": "accept"})
    assert (done.status_code, done["Location"]) == (303, path_of(offer))
    shown = client.get(path_of(offer))
    assert (shown.status_code, "Your visit is booked" in words(shown)) == (200, True)
    assert "Book it" not in words(shown)
    assert state_of(offer.entry) == "booked"
    assert [kind for kind, status, _ in ledger_of(offer.appointment_id) if status == "pending"] == [
        "confirmation",
        "reminder",
    ]


def test_booking_it_twice_is_harmless(client, offer):
    client.post(path_of(offer), {"answer": "accept"})
    before = snapshot()
    assert client.post(path_of(offer), {"answer": "accept"}).status_code == 303
    assert client.post(path_of(offer), {"answer": "decline"}).status_code == 303
    assert snapshot() == before
    assert "Your visit is booked" in words(client.get(path_of(offer)))


def test_no_thank_you_frees_the_time(client, offer):
    assert client.post(path_of(offer), {"answer": "decline"}).status_code == 303
    shown = client.get(path_of(offer))
    assert (shown.status_code, "Thank you for telling us" in words(shown)) == (200, True)
    assert "10:00" not in words(shown)
    assert Appointment.objects.get(pk=offer.appointment_id).status == "cancelled"
    client.post(path_of(offer), {"answer": "accept"})
    assert Appointment.objects.get(pk=offer.appointment_id).status == "cancelled"


def test_ended_hold_is_gone_and_tells_nothing_of_the_visit(client, offer):
    let_hold_end(offer)
    for _ in range(2):  # before and after the dispatcher has seen it
        shown = client.get(path_of(offer))
        assert (shown.status_code, "not kept for you any more" in words(shown)) == (410, True)
        assert not {"Shear", "10:00", "Sam", "Cut", str(DAY.year)} & set(words(shown).split())
        client.post(path_of(offer), {"answer": "accept"})
        services.keep_offers()
    assert not Appointment.objects.filter(status="booked").exists()


def test_accepted_visit_that_was_cancelled_since_is_gone(client, offer):
    services.accept(offer.pk)
    appointments.cancel(offer.appointment_id)
    assert client.get(path_of(offer)).status_code == 410


def test_deleted_visit_is_gone(client, offer):
    offer.appointment.delete()
    assert client.get(path_of(offer)).status_code == 410
    assert client.post(path_of(offer), {"answer": "accept"}).status_code == 303


@pytest.mark.parametrize(
    "tamper",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: f"{int(token.split('.')[0]) + 1}.{token.split('.')[1]}",
        lambda token: token.split(".")[0],
        lambda token: "x",
        lambda token: "9" * 400,
        lambda token: "é.ü",
    ],
)
def test_link_that_we_did_not_sign_leads_nowhere(client, offer, tamper):
    before = snapshot()
    path = f"/waitlist/o/{tamper(links.token_of(offer))}/"
    for answer in (client.get(path), client.post(path, {"answer": "accept"})):
        assert (answer.status_code, "This link does not work" in words(answer)) == (404, True)
        assert answer["Content-Type"].startswith("text/html")
    assert snapshot() == before


def test_link_signed_for_another_purpose_leads_nowhere(client, offer):
    from django.core.signing import Signer

    token = Signer(salt="other", sep=".").sign(str(offer.pk))
    assert client.get(f"/waitlist/o/{token}/").status_code == 404


def test_answer_that_is_none_of_the_two_is_refused(client, offer):
    before = snapshot()
    assert client.post(path_of(offer), {"answer": "maybe"}).status_code == 400
    assert snapshot() == before


def test_form_of_another_site_is_refused_with_a_page(offer):
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(path_of(offer), {"answer": "accept"})
    assert (answer.status_code, answer["Content-Type"].startswith("text/html")) == (403, True)
    page = strict.get(path_of(offer)).content.decode()
    token = found(r'name="csrfmiddlewaretoken" value="([^"]+)"', page, 1)
    assert strict.post(path_of(offer), {"answer": "accept", "csrfmiddlewaretoken": token}).status_code == 303


def test_unknown_address_below_the_page_is_a_page_too(client, db):
    answer = client.get("/waitlist/o/some/where/")
    assert (answer.status_code, answer["Content-Type"].startswith("text/html")) == (404, True)


def test_page_is_kept_by_nobody_and_loads_nothing_from_elsewhere(client, offer):
    shown = client.get(path_of(offer))
    assert "no-store" in shown["Cache-Control"]
    assert shown["X-Robots-Tag"] == "noindex"
    assert "default-src 'self'" in shown["Content-Security-Policy"]
    assert not re.search(r"<script|src=|https?:", shown.content.decode())


def test_names_are_escaped(client, offer):
    type(offer.entry.salon).objects.update(name="<b>Shear</b>")
    assert b"<b>Shear" not in client.get(path_of(offer)).content


def test_link_is_not_written_into_the_log(client, offer, printed):
    client.get(path_of(offer))
    client.get(path_of(offer) + "and/more/")  # which Django itself logs, as not found
    assert "/waitlist/o/[secret]" in printed.getvalue()
    assert links.token_of(offer) not in printed.getvalue()
