from __future__ import annotations

from typing import Any

import pytest

from customer.models import Customer
from sms.models import InboundMessage, Message
from tests.factories import hours_ahead, make_appointment, make_customer, make_salon, make_user

pytestmark = pytest.mark.django_db


def test_customers_of_this_salon_are_found(desk: Any) -> None:
    salon = make_salon()
    client = desk(make_user(salon))
    make_customer(salon, full_name="Grace Hopper")
    make_customer(make_salon(), full_name="Grace Elsewhere")
    page = client.get(f"/desk/{salon.pk}/people/?search=grace").content.decode()
    assert ("Grace Hopper" in page, "Elsewhere" in page) == (True, False)
    assert "Nobody found" in client.get(f"/desk/{salon.pk}/people/?search=zzz").content.decode()
    assert client.get(f"/desk/{salon.pk}/people/?page=999&search=grace").status_code == 200


def test_visits_and_texts_at_other_salons_are_not_shown(desk: Any) -> None:
    here, there = make_salon(), make_salon(name="Elsewhere")
    staff = make_user(here)
    customer = make_customer(here, there)
    make_appointment(salon=there, customer=customer, comment="Secret visit", status="booked")
    mine = make_appointment(salon=here, user=staff, customer=customer, comment="Our visit")
    mine.status = "no_show"
    mine.save()
    page = desk(staff).get(f"/desk/{here.pk}/people/{customer.pk}/").content.decode()
    assert ("Our visit" in page, "Secret visit" in page, "Elsewhere" in page) == (True, False, False)
    assert "<dt>No-shows</dt><dd>1</dd>" in page


def test_customer_is_added_and_changed(desk: Any) -> None:
    salon = make_salon()
    client = desk(make_user(salon))
    client.post(f"/desk/{salon.pk}/people/new/", {"full_name": "Grace", "phone_number": "07400 123456"})
    customer = Customer.objects.get()
    assert (str(customer.phone_number), list(customer.salons.all())) == ("+447400123456", [salon])
    path = f"/desk/{salon.pk}/people/{customer.pk}/"
    assert client.post(path, {"full_name": "Grace H", "phone_number": "07400 123457"}).status_code == 302
    customer.refresh_from_db()
    assert (customer.full_name, str(customer.phone_number)) == ("Grace H", "+447400123457")


def test_number_of_another_customer_is_refused_and_what_was_typed_kept(desk: Any) -> None:
    salon = make_salon()
    client = desk(make_user(salon))
    first, second = make_customer(salon), make_customer(salon)
    answer = client.post(
        f"/desk/{salon.pk}/people/{second.pk}/", {"full_name": "Typed", "phone_number": str(first.phone_number)}
    )
    page = answer.content.decode()
    assert (answer.status_code, "has this phone number" in page, 'value="Typed"' in page) == (409, True, True)


def test_failures_come_first_and_filters_hold(desk: Any) -> None:
    salon = make_salon()
    staff = make_user(salon)
    client = desk(staff)
    failing = make_appointment(salon=salon, user=staff, customer=make_customer(salon, full_name="Failing"))
    make_appointment(salon=salon, user=staff, customer=make_customer(salon, full_name="Waiting"))
    make_appointment(customer=make_customer(make_salon(), full_name="Elsewhere"))
    Message.objects.filter(booking_id=failing.pk, kind="confirmation").update(
        status="failed", reason="unreachable", due_at=hours_ahead(-5)
    )
    page = client.get(f"/desk/{salon.pk}/texts/").content.decode()
    assert page.index("Failing") < page.index("Waiting")
    assert "Elsewhere" not in page
    only = client.get(f"/desk/{salon.pk}/texts/?state=failed").content.decode()
    assert ("unreachable" in only, "Waiting" in only) == (True, False)
    assert "Nothing failed" in client.get(f"/desk/{salon.pk}/texts/?state=failed&kind=reminder").content.decode()
    assert client.get(f"/desk/{salon.pk}/texts/?state=nonsense&days=never&page=x").status_code == 200


def test_replies_are_the_salons_own(desk: Any) -> None:
    here, there = make_salon(), make_salon()
    staff = make_user(here)
    for number, salon in enumerate((here, there)):
        visit = make_appointment(salon=salon)
        text = Message.objects.filter(booking_id=visit.pk).first()
        InboundMessage.objects.create(
            sid=f"SM{number}",
            sender="+447700900000",
            phone_number="+447400000001",
            body=f"Reply {number}",
            received_at=hours_ahead(0),
            in_reply_to=text,
        )
    page = desk(staff).get(f"/desk/{here.pk}/replies/").content.decode()
    assert ("Reply 0" in page, "Reply 1" in page) == (True, False)
