from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from appointment.models import Appointment, Block, OccupiedTime
from appointment.services import book
from customer.models import Customer
from customer.services import PhoneNumberTaken, change_customer, create_customer
from salon.models import Salon
from schedule.models import Service, WorkingHours
from sms.models import Message
from tests.factories import (
    hours_ahead,
    make_appointment,
    make_customer,
    make_owner,
    make_phone_number,
    make_salon,
    make_service,
    make_user,
    make_week,
)
from transfer.reading import sheet_of_text
from transfer.reports import MOST_LINES_TOLD, Report
from transfer.services import export_csv, import_csv
from transfer.tables import IMPORTED

pytestmark = pytest.mark.django_db


def bring_in(salon: Salon, what: str, text: str, dry_run: bool = False, **options: Any) -> Report:
    report = Report(what=what, dry_run=dry_run)
    import_csv(sheet_of_text(text, IMPORTED[what].columns), report, salon=salon, **options)
    return report


def told(report: Report) -> list[tuple[int, str, str]]:
    return [(line.line, line.outcome, line.code) for line in report.lines]


def exported(salon: Salon, what: str) -> str:
    return "".join(export_csv(what, salon=salon))


def texts() -> dict[tuple[str, str], int]:
    return dict(Counter(Message.objects.values_list("kind", "status")))


class Shop:
    """A salon with a person and a customer, and lines of bookings for them."""

    def __init__(self) -> None:
        self.salon = make_salon()
        self.user = make_user(self.salon, email="sam@salon.example")
        self.customer = make_customer(self.salon)

    def line(self, at: datetime, *cells: str) -> str:
        return ",".join([f"{at:%Y-%m-%dT%H:%M:%SZ}", str(self.customer.phone_number), "sam@salon.example", *cells])

    def file(self, *lines: str, more: str = "") -> str:
        return "\n".join([f"appointment_time,phone_number,user_email{more}", *lines, ""])


@pytest.fixture
def shop() -> Shop:
    return Shop()


# --- Customers --------------------------------------------------------------------------------------------


def test_numbers_are_read_as_dialled_where_the_salon_lies() -> None:
    salon = make_salon(phone_number="+4930123456")
    report = bring_in(salon, "customers", "phone_number;full_name\n0151 23456789;Änne\n+44 7400 123456;Ada\n")
    assert told(report) == [(2, "made", ""), (3, "made", "")]
    assert {str(customer.phone_number) for customer in salon.customers.all()} == {"+4915123456789", "+447400123456"}


def test_known_number_is_renamed_or_left_and_never_doubled() -> None:
    salon = make_salon()
    known = make_customer(salon, full_name="Ada", phone_number="+447400123456")
    text = "phone_number,full_name\n07400123456,Ada King\n447400123456,\n07400 123457,New\n07400 123457,Newer\n"
    report = bring_in(salon, "customers", text)
    assert told(report) == [
        (2, "changed", "renamed"),
        (3, "skipped", "already_there"),
        (4, "made", ""),
        (5, "changed", "renamed"),
    ]
    known.refresh_from_db()
    assert known.full_name == "Ada King"
    assert sorted(salon.customers.values_list("full_name", flat=True)) == ["Ada King", "Newer"]


def test_number_that_another_salon_knows_becomes_a_customer_of_its_own() -> None:
    salon, other = make_salon(), make_salon()
    theirs = make_customer(other, full_name="Theirs", phone_number="+447400123456")
    report = bring_in(salon, "customers", "phone_number,full_name\n07400123456,Ours\n")
    assert told(report) == [(2, "made", "")]
    theirs.refresh_from_db()
    assert theirs.full_name == "Theirs"
    assert theirs.salons.count() == 1


def test_bad_line_keeps_all_out_unless_it_is_skipped_and_every_bad_line_is_told() -> None:
    salon = make_salon()
    text = f"phone_number,full_name\n07400123456,Ada\n02079460123,Landline\n12,Short\n07400123457,{'x' * 121}\n,Blank\n"
    failed = [
        (3, "failed", "cannot_receive_texts"),
        (4, "failed", "invalid"),
        (5, "failed", "max_length"),
        (6, "failed", "required"),
    ]
    stopped = bring_in(salon, "customers", text)
    assert told(stopped)[1:] == failed
    assert not stopped.is_written
    assert salon.customers.count() == 0
    skipped = bring_in(salon, "customers", text, skip_bad_lines=True)
    assert told(skipped)[1:] == failed
    assert skipped.is_written
    assert [str(one.phone_number) for one in salon.customers.all()] == ["+447400123456"]


def test_queries_for_customers_do_not_grow_with_the_lines_of_a_chunk() -> None:
    def queries(lines: int) -> int:
        salon = make_salon()
        text = "phone_number,full_name\n" + "".join(f"{make_phone_number()},A\n" for _ in range(lines))
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert bring_in(salon, "customers", text).made == lines
        return len(captured)

    assert queries(10) == queries(500)


def test_report_tells_bad_lines_before_others_and_how_many_it_leaves_out() -> None:
    salon = make_salon()
    lines = [make_phone_number() for _ in range(MOST_LINES_TOLD + 50)]
    lines[-1] = "nonsense"
    report = bring_in(salon, "customers", "phone_number\n" + "\n".join(lines), skip_bad_lines=True)
    assert (report.made, report.failed) == (MOST_LINES_TOLD + 49, 1)
    assert len(report.lines) == MOST_LINES_TOLD
    assert report.lines[-1].line == MOST_LINES_TOLD + 51
    assert report.left_out == 50


@pytest.mark.django_db(transaction=True)
def test_customer_made_meanwhile_waits_for_the_import_and_is_refused() -> None:
    """A number stays one customer's, though an import takes no lock for each."""
    salon = make_salon()
    existing = make_customer(salon)
    inside, outcomes = threading.Event(), list[str]()

    def make_the_same() -> None:
        inside.wait(10)
        try:
            create_customer(salons=[salon], full_name="Second", phone_number="+447400999999")
            outcomes.append("made")
        except PhoneNumberTaken:
            outcomes.append("taken")
        finally:
            connections.close_all()

    def change() -> None:
        inside.wait(10)
        change_customer(existing, salons=None, within=[salon.pk], full_name="Changed")
        outcomes.append("changed")
        connections.close_all()

    threads = [threading.Thread(target=make_the_same), threading.Thread(target=change)]
    for thread in threads:
        thread.start()

    def hold(lines: int) -> None:
        inside.set()
        for thread in threads:
            thread.join(0.3)

    report = Report(what="customers", dry_run=False)
    text = f"phone_number,full_name\n{existing.phone_number},Renamed\n07400999999,First\n"
    import_csv(sheet_of_text(text, IMPORTED["customers"].columns), report, salon=salon, on_line=hold)
    for thread in threads:
        thread.join(10)
    assert sorted(outcomes) == ["changed", "taken"]
    assert list(salon.customers.order_by("pk").values_list("full_name", flat=True)) == ["Changed", "First"]


# --- Services and hours -----------------------------------------------------------------------------------


def test_service_is_made_then_left_then_changed() -> None:
    salon = make_salon()
    make_user(salon, email="Sam@salon.example")
    text = "name,duration_minutes,price,people\nCut,45,30.00,sam@salon.example\n"
    assert told(bring_in(salon, "services", text)) == [(2, "made", "")]
    assert told(bring_in(salon, "services", text)) == [(2, "skipped", "already_there")]
    changed = bring_in(salon, "services", "name,duration_minutes,price\nCut,60,\n")
    assert changed.lines[0].detail == "Changed: duration_minutes, price."
    service = Service.objects.get()
    assert (service.duration_minutes, service.price, service.people.count()) == (60, None, 1)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ("Cut,0,,,", "min_value"),
        ("Cut,soon,,,", "invalid"),
        ("Cut,60,20,50,", "gap_outside_service"),
        ("Cut,60,,,nobody@salon.example", "does_not_exist"),
        (",60,,,", "required"),
    ],
)
def test_service_against_the_rules_is_refused(cells: str, code: str) -> None:
    salon = make_salon()
    report = bring_in(salon, "services", f"name,duration_minutes,gap_after_minutes,gap_minutes,people\n{cells}\n")
    assert told(report) == [(2, "failed", code)]
    assert Service.objects.count() == 0


def test_hours_are_brought_in_once() -> None:
    salon = make_salon()
    make_user(salon, email="sam@salon.example")
    text = (
        "user_email,weekday,opens,closes,valid_until\n"
        "sam@salon.example,Monday,09:00,12:00,\n"
        "sam@salon.example,mon,13:00,00:00,2030-12-31\n"
        "sam@salon.example,6,09:00,12:00,\n"
        "sam@salon.example,Monday,12:00,09:00,\n"
        "sam@salon.example,Caturday,12:00,13:00,\n"
    )
    first = bring_in(salon, "hours", text, skip_bad_lines=True)
    assert told(first)[:3] == [(2, "made", ""), (3, "made", ""), (4, "made", "")]
    assert told(first)[3:] == [(5, "failed", "ends_before_it_begins"), (6, "failed", "invalid_choice")]
    again = bring_in(salon, "hours", text, skip_bad_lines=True)
    assert again.skipped == 3
    assert WorkingHours.objects.count() == 3


# --- Bookings ---------------------------------------------------------------------------------------------


def test_bookings_ahead_get_their_reminder_and_a_confirmation_only_if_asked(shop: Shop) -> None:
    begins = hours_ahead(48)
    lines = [shop.line(begins + timedelta(hours=number)) for number in range(20)]
    assert bring_in(shop.salon, "bookings", shop.file(*lines[:15])).made == 15
    assert texts() == {("reminder", "pending"): 15}
    assert bring_in(shop.salon, "bookings", shop.file(*lines[15:]), confirm=True).made == 5
    assert texts() == {("reminder", "pending"): 20, ("confirmation", "pending"): 5}


def test_same_file_again_doubles_nothing(shop: Shop) -> None:
    line = shop.line(hours_ahead(48))
    assert told(bring_in(shop.salon, "bookings", shop.file(line, line))) == [
        (2, "made", ""),
        (3, "skipped", "already_there"),
    ]
    again = bring_in(shop.salon, "bookings", shop.file(line), confirm=True)
    assert told(again) == [(2, "skipped", "already_there")]
    assert Appointment.objects.count() == 1
    assert texts() == {("reminder", "pending"): 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("skip_bad_lines", [True, False])
def test_dry_run_leaves_nothing_behind(shop: Shop, queues: Any, skip_bad_lines: bool) -> None:
    file = shop.file(shop.line(hours_ahead(48)), shop.line(hours_ahead(-1)))
    report = bring_in(shop.salon, "bookings", file, dry_run=True, skip_bad_lines=skip_bad_lines, confirm=True)
    assert told(report) == [(2, "made", ""), (3, "failed", "in_the_past")]
    assert not report.is_written
    assert (Appointment.objects.count(), OccupiedTime.objects.count(), Message.objects.count()) == (0, 0, 0)
    assert Appointment.history.count() == 0
    assert sum(queues.queue_length(name) for name in queues.queues) == 0


@pytest.mark.django_db(transaction=True)
def test_bad_line_undoes_bookings_with_their_texts_and_nudges(shop: Shop, queues: Any) -> None:
    file = shop.file(shop.line(hours_ahead(48)), shop.line(hours_ahead(-1)))
    stopped = bring_in(shop.salon, "bookings", file, confirm=True)
    assert (stopped.made, stopped.failed, stopped.is_written) == (1, 1, False)
    assert (Appointment.objects.count(), Message.objects.count()) == (0, 0)
    assert sum(queues.queue_length(name) for name in queues.queues) == 0
    skipped = bring_in(shop.salon, "bookings", file, confirm=True, skip_bad_lines=True)
    assert skipped.is_written
    assert texts() == {("reminder", "pending"): 1, ("confirmation", "pending"): 1}
    assert sum(queues.queue_length(name) for name in queues.queues) == 1


@pytest.mark.parametrize("status", ["completed", "no_show", "cancelled", "booked", "No-show"])
def test_history_is_written_as_it_was_and_sends_nothing(shop: Shop, status: str) -> None:
    service = make_service(shop.salon, name="Perm", is_active=False)
    make_week(shop.salon, shop.user, opens="09:00", closes="10:00")  # today's hours say nothing of the past
    at = datetime(2020, 3, 1, 20, tzinfo=UTC)
    file = shop.file(shop.line(at, "Perm", status), more=",services,status")
    report = bring_in(shop.salon, "bookings", file, confirm=True)
    assert told(report) == [(2, "made", "history")]
    assert report.history == 1
    booking = Appointment.objects.get()
    assert booking.services == [service]
    assert booking.end_time == at + timedelta(hours=1)
    assert Message.objects.count() == 0
    assert not Appointment.objects.with_unplanned_texts().exists()
    assert booking.cancelled_at is None


def test_cancellation_keeps_its_moment_and_whose_it_was(shop: Shop) -> None:
    at = datetime(2020, 3, 1, 20, tzinfo=UTC)
    cells = ("cancelled", "yes", "2020-02-01 09:00", "ill")
    more = ",status,cancelled_by_customer,cancelled_at,cancel_reason"
    bring_in(shop.salon, "bookings", shop.file(shop.line(at, *cells), more=more))
    booking = Appointment.objects.get()
    assert booking.cancelled_at == datetime(2020, 2, 1, 9, tzinfo=UTC)
    owner = make_owner(shop.salon)
    counted: Any = Customer.objects.with_counts(owner).get(pk=shop.customer.pk)
    assert counted.late_cancellations == 0  # in good time, though it is written down long after


@pytest.mark.parametrize(
    ("hours", "status", "code"),
    [
        (-1, "", "in_the_past"),
        (48, "completed", "not_over"),
        (-1, "offered", "not_from_this_state"),
        (48, "x", "invalid_choice"),
    ],
)
def test_state_that_does_not_fit_the_time_is_refused(shop: Shop, hours: int, status: str, code: str) -> None:
    report = bring_in(shop.salon, "bookings", shop.file(shop.line(hours_ahead(hours), status), more=",status"))
    assert told(report) == [(2, "failed", code)]


@pytest.mark.parametrize("cells", ["0001-01-01T00:00Z,", "2020-01-01T00:00Z,9999-12-31T23:59Z"])
def test_history_of_no_time_is_refused(shop: Shop, cells: str) -> None:
    at, cancelled_at = cells.split(",")
    line = f"{at},{shop.customer.phone_number},sam@salon.example,cancelled,{cancelled_at}"
    report = bring_in(shop.salon, "bookings", shop.file(line, more=",status,cancelled_at"))
    assert told(report) == [(2, "failed", "out_of_range")]


def test_moment_at_the_end_of_time_is_taken_out_all_the_same() -> None:
    salon = make_salon(timezone="Asia/Tokyo")
    make_appointment(salon=salon, end_time=datetime(9999, 12, 31, 23, tzinfo=UTC))
    assert ",9999-12-31 23:00+00:00," in exported(salon, "bookings")


def test_the_api_has_no_door_for_history(shop: Shop, api: Any) -> None:
    body: dict[str, Any] = {"salon": shop.salon.pk, "user": shop.user.pk, "customer": shop.customer.pk}
    body |= {"appointment_time": "2020-03-01T20:00:00Z", "status": "completed"}
    answer = api(make_owner(shop.salon)).post("/appointments/", body)
    assert answer.status_code == 400
    assert Appointment.objects.count() == 0


def test_no_rule_of_bookings_ahead_is_bypassed(shop: Shop) -> None:
    make_week(shop.salon, shop.user)
    make_service(shop.salon, name="Cut")
    day = (hours_ahead(72)).replace(hour=12, minute=0, second=0)
    Block.objects.create(salon=shop.salon, column_id=2, starts_at=day, ends_at=day + timedelta(hours=1))
    lines = [
        shop.line(day, "Cut", "1"),
        shop.line(day + timedelta(minutes=30), "Cut", "1"),
        shop.line(day + timedelta(minutes=30), "Cut", "3"),
        shop.line(day.replace(hour=22), "Cut", "1"),
        shop.line(day + timedelta(days=1), "Shave", "1"),
        shop.line(day.replace(hour=11, minute=30), "Cut", "2"),
        shop.line(day + timedelta(days=4000), "Cut", "1"),
    ]
    report = bring_in(shop.salon, "bookings", shop.file(*lines, more=",services,column_id"), skip_bad_lines=True)
    assert [line.code for line in report.lines] == [
        "",
        "slot_taken",
        "person_taken",
        "outside_working_hours",
        "does_not_exist",
        "slot_taken",
        "too_far_ahead",
    ]


def test_history_may_not_overlap_unless_it_says_so(shop: Shop) -> None:
    at, end = datetime(2020, 3, 1, 10, tzinfo=UTC), "2020-03-01T11:00Z"
    later = at + timedelta(minutes=30)
    lines = [shop.line(at, end, "completed", "no"), shop.line(later, end, "completed", "no")]
    lines.append(shop.line(later, end, "completed", "yes"))
    file = shop.file(*lines, more=",end_time,status,allow_overlap")
    report = bring_in(shop.salon, "bookings", file, skip_bad_lines=True)
    assert [line.code for line in report.lines] == ["history", "slot_taken", "history"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2030-03-31 01:30", "ambiguous_time"),  # the clock in London skips it
        ("2030-10-27 01:30", "ambiguous_time"),  # and shows this twice
        ("2030-10-27", "date"),
        ("01/12/2030 10:00", "invalid"),
        ("", "required"),
    ],
)
def test_time_that_no_clock_or_two_show_is_an_error_of_its_line(shop: Shop, text: str, code: str) -> None:
    file = shop.file(f"{text},{shop.customer.phone_number},sam@salon.example")
    assert told(bring_in(shop.salon, "bookings", file)) == [(2, "failed", code)]


def test_time_is_the_salons_clock_or_carries_its_offset(shop: Shop) -> None:
    number = shop.customer.phone_number
    times = ["2030-07-01 10:00", "2030-07-01T12:00+02:00", "2030-10-27 01:30+00:00"]
    report = bring_in(shop.salon, "bookings", shop.file(*(f"{at},{number},sam@salon.example" for at in times)))
    assert [line.code for line in report.lines] == ["", "", ""]
    assert list(Appointment.objects.values_list("appointment_time", flat=True)) == [
        datetime(2030, 7, 1, 9, tzinfo=UTC),
        datetime(2030, 7, 1, 10, tzinfo=UTC),
        datetime(2030, 10, 27, 1, 30, tzinfo=UTC),
    ]


def test_what_is_another_salons_reads_as_if_it_did_not_exist(shop: Shop) -> None:
    other = make_salon(name="Elsewhere")
    make_user(other, email="theirs@elsewhere.example", full_name="Secret Name")
    make_customer(other, phone_number="+447400888888", full_name="Secret Name")
    make_service(other, name="Their cut")
    at, number = f"{hours_ahead(48):%Y-%m-%dT%H:%MZ}", shop.customer.phone_number
    pairs = [
        (f"{at},+447400888888,sam@salon.example,", f"{at},+447400888889,sam@salon.example,"),
        (f"{at},{number},theirs@elsewhere.example,", f"{at},{number},nobody@elsewhere.example,"),
        (f"{at},{number},sam@salon.example,Their cut", f"{at},{number},sam@salon.example,No cut"),
    ]
    for theirs, nothing in pairs:
        report = bring_in(shop.salon, "bookings", shop.file(theirs, nothing, more=",services"))
        assert [line.code for line in report.lines] == ["does_not_exist", "does_not_exist"]
        known, unknown = (line.detail for line in report.lines)
        assert known.replace("888888", "888889").replace("theirs@", "nobody@").replace("Their", "No") == unknown
        assert "Secret" not in known


def test_queries_for_bookings_grow_by_the_same_for_every_line(shop: Shop) -> None:
    """Each passes the door; what lines refer to is read once for a chunk."""
    begins = iter(hours_ahead(hours) for hours in range(48, 1000))

    def queries(lines: int) -> int:
        file = shop.file(*(shop.line(next(begins)) for _ in range(lines)))
        with CaptureQueriesContext(connection) as captured:
            assert bring_in(shop.salon, "bookings", file).made == lines
        return len(captured)

    one, eleven, twenty_one = queries(1), queries(11), queries(21)
    assert eleven - one == twenty_one - eleven
    assert (eleven - one) / 10 < 40


@pytest.mark.django_db(transaction=True)
def test_the_front_desk_books_while_an_import_goes_on_and_neither_fails() -> None:
    """The chairs in the order in which the lines name them, and a booking's chair and person, would be a deadlock."""
    shop = Shop()
    make_week(shop.salon, shop.user, opens="00:00", closes="00:00")
    day, customer = hours_ahead(72), make_customer(shop.salon)
    inside, outcomes = threading.Event(), list[object]()

    def book_one() -> None:
        inside.wait(10)
        try:
            fields: dict[str, Any] = {"salon": shop.salon, "user": shop.user, "customer": customer, "column_id": 2}
            at = day + timedelta(hours=30)
            outcomes.append(book(appointment_time=at, end_time=at + timedelta(hours=1), **fields).pk)
        except Exception as error:
            outcomes.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=book_one)
    thread.start()

    def hold(lines: int) -> None:
        inside.set()
        thread.join(0.5 if lines == 1 else 0)

    ends = [f"{day + timedelta(hours=hours + 1):%Y-%m-%dT%H:%M:%SZ}" for hours in (0, 2)]
    lines = [shop.line(day, ends[0], "1"), shop.line(day + timedelta(hours=2), ends[1], "2")]
    report = Report(what="bookings", dry_run=False)
    file = shop.file(*lines, more=",end_time,column_id")
    import_csv(sheet_of_text(file, IMPORTED["bookings"].columns), report, salon=shop.salon, on_line=hold)
    thread.join(10)
    assert (report.made, report.failed) == (2, 0)
    assert isinstance(outcomes[0], int), outcomes


# --- Out, and in again ------------------------------------------------------------------------------------


def test_what_is_taken_out_can_be_brought_into_another_salon() -> None:
    salon = make_salon()
    user = make_user(salon, email="sam@salon.example")
    names = ["=HYPERLINK(1)", "'=quoted", "+44", "-", "@home", 'O\'Hara, "Z"', "two\nlines", "Łukasz", ""]
    customers = [make_customer(salon, full_name=name) for name in names]
    colour = make_service(salon, name="Cut; dry", price="30.00", gap_after_minutes=10, gap_minutes=20)
    colour.people.set([user])
    make_service(salon, name="=Colour", is_active=False)
    make_week(salon, user)
    at = hours_ahead(96).replace(hour=15, minute=0, second=0)
    book(salon=salon, user=user, customer=customers[0], appointment_time=at, services=[colour], comment="=1+1")
    gone = make_appointment(salon=salon, user=user, customer=customers[1], appointment_time=at + timedelta(days=1))
    gone.status, gone.cancelled_by_customer = "cancelled", True
    gone.save()
    make_appointment(
        salon=salon, user=user, customer=customers[2], appointment_time=datetime(2020, 10, 25, 0, 30, tzinfo=UTC)
    )
    files = {what: exported(salon, what) for what in IMPORTED}
    Appointment.objects.all().delete()  # nobody is in two salons at once
    Message.objects.all().delete()

    other = make_salon(timezone="America/New_York")
    user.salons.add(other)
    for what, file in files.items():
        report = bring_in(other, what, file)
        assert report.failed == 0, report.lines
        assert _with_moments(exported(other, what)) == _with_moments(file)
        assert bring_in(other, what, file).skipped == report.made
    assert texts() == {("reminder", "pending"): 1}


def _with_moments(text: str) -> list[list[object]]:
    """Moments as moments: each salon tells them by its own clock."""

    def read(cell: str) -> object:
        try:
            return datetime.fromisoformat(cell) if ":" in cell else cell
        except ValueError:
            return cell

    return [[read(cell) for cell in line.split(",")] for line in text.split("\r\n")]


def test_formulas_are_defused_and_phone_numbers_left_alone() -> None:
    salon = make_salon()
    make_customer(salon, full_name="=cmd|'/c calc'!A0", phone_number="+447400123456")
    assert exported(salon, "customers") == "\ufeffphone_number,full_name\r\n+447400123456,'=cmd|'/c calc'!A0\r\n"


def test_messages_are_taken_out_with_what_became_of_them() -> None:
    booking = make_appointment()
    lines = exported(booking.salon, "messages").splitlines()
    assert len(lines) == 3
    assert {line.split(",")[2] for line in lines[1:]} == {"confirmation", "reminder"}


@pytest.mark.parametrize("what", ["customers", "services", "hours", "bookings", "messages"])
def test_export_holds_nothing_of_another_salon(what: str) -> None:
    booking = make_appointment()
    make_service(booking.salon)
    make_week(booking.salon, booking.user)
    assert len(exported(make_salon(), what).splitlines()) == 1
    assert len(exported(booking.salon, what).splitlines()) > 1


def test_export_goes_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer.tables.base.ROWS_PER_PAGE", 10)
    salon = make_salon()
    Customer.salons.through.objects.bulk_create(
        Customer.salons.through(customer=make_customer(), salon=salon) for _ in range(25)
    )
    with CaptureQueriesContext(connection) as captured:
        parts = list(export_csv("customers", salon=salon))
    assert [len(part.splitlines()) for part in parts] == [1, 10, 10, 5]
    assert len(captured) == 4
