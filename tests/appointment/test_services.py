import pytest

from sms.models import Message
from tests.delivering import deliver_due
from tests.factories import make_appointment

pytestmark = pytest.mark.django_db


def test_booking_sends_one_confirmation_at_once(twilio):
    booking = make_appointment()
    deliver_due()
    deliver_due()
    (text,) = twilio.messages()
    assert text["to"] == str(booking.customer.phone_number)
    assert Message.objects.get(kind="confirmation").status == "sent"
