import pytest

from sms import unreachable
from sms.models import Message
from tests.delivering import deliver_due
from tests.factories import make_appointment, make_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def refused(twilio, queues):
    """A booking whose confirmation Twilio refused, as the number is no mobile."""
    twilio.fault("error", code=21614, count=1)
    booking = make_appointment()
    deliver_due()
    assert Message.objects.get(kind="confirmation").error_code == 21614
    return booking


def test_number_that_twilio_refused_is_shown_with_its_customer(api, refused):
    customer = refused.customer
    shown = api(make_owner(refused.salon)).get(f"/customers/{customer.pk}/").json()
    assert shown["unreachable"] == "it is no mobile number"


def test_text_that_gets_through_ends_it(twilio, refused):
    make_appointment(salon=refused.salon, customer=refused.customer)
    deliver_due()
    assert unreachable.among([str(refused.customer.phone_number)]) == {}


def test_number_never_tried_is_not_unreachable(db):
    assert unreachable.among([str(make_appointment().customer.phone_number)]) == {}
