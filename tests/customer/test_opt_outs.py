import pytest

from sms import opt_outs
from sms.inbox import Incoming, receive
from tests.delivering import SENDER, deliver_due
from tests.factories import make_appointment, make_customer, make_owner, make_salon

pytestmark = pytest.mark.django_db


def test_opted_out_customers_are_marked_in_one_query_for_the_page(api, django_assert_max_num_queries):
    salon = make_salon()
    stopped, *_ = [make_customer(salon, full_name=f"Customer {number}") for number in range(10)]
    opt_outs.record(str(stopped.phone_number), source="STOP")
    client = api(make_owner(salon))
    with django_assert_max_num_queries(6):
        rows = client.get("/customers/").json()["results"]
    assert [row["id"] for row in rows if row["opted_out"]] == [stopped.pk]
    assert client.get(f"/customers/{stopped.pk}/").json()["opted_out"] is True


def test_new_customer_with_an_opted_out_number_is_shown_as_such(api):
    salon = make_salon()
    opt_outs.record("+447400111222", source="STOP")
    body = {"full_name": "Back again", "phone_number": "+447400111222", "salon_ids": [salon.pk]}
    assert api(make_owner(salon)).post("/customers/", body).json()["opted_out"] is True


def test_reply_stands_beside_the_text_that_it_answers(api, twilio):
    booking = make_appointment()
    deliver_due()
    phone = str(booking.customer.phone_number)
    receive(Incoming("SM" + "1" * 32, phone, SENDER, "Running late!", is_answered_by_twilio=False))
    texts = api(make_owner(booking.salon)).get(f"/appointments/{booking.pk}/messages/").json()["results"]
    assert [[reply["body"] for reply in text["replies"]] for text in texts] == [["Running late!"], []]
