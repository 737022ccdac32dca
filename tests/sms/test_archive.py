"""What is long past leaves the ledger for a file, and nothing is lost on the way."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from sms import archive
from sms.clock import database_now
from sms.models import InboundMessage, Message
from tests.delivering import SENDER, deliver_due, let_time_pass
from tests.factories import make_appointment

pytestmark = pytest.mark.django_db


@pytest.fixture
def long_ago(twilio):
    """A visit of 100 days ago with its confirmation, a reply to it, and its skipped reminder."""
    booking = make_appointment(appointment_time=database_now() + timedelta(minutes=30))
    deliver_due()
    text = Message.objects.get(kind="confirmation")
    InboundMessage.objects.create(
        sid="SM9", sender=SENDER, phone_number=text.to, body="Gerne!", received_at=database_now(), in_reply_to=text
    )
    let_time_pass(timedelta(days=100))
    return booking


def lines(path):
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def test_texts_of_visits_before_a_day_move_with_their_replies(long_ago, tmp_path):
    recent = make_appointment()
    path, moved = archive.archive(database_now() - timedelta(days=60), tmp_path)
    assert moved == 2
    confirmation, reminder = sorted(lines(path), key=lambda line: line["kind"])
    assert (confirmation["booking_id"], confirmation["status"]) == (long_ago.pk, "sent")
    assert [reply["body"] for reply in confirmation["replies"]] == ["Gerne!"]
    assert (reminder["status"], reminder["replies"]) == ("skipped", [])
    assert set(Message.objects.values_list("booking_id", flat=True)) == {recent.pk}
    assert not InboundMessage.objects.exists()


def test_text_that_has_not_come_to_an_end_stays(long_ago, tmp_path):
    Message.objects.filter(kind="confirmation").update(status="unknown", leased_until=database_now())
    _, moved = archive.archive(database_now(), tmp_path)
    assert moved == 1
    assert Message.objects.get(booking=long_ago).status == "unknown"
    assert InboundMessage.objects.count() == 1


def test_many_batches_are_one_file_that_can_be_read(long_ago, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "BATCH", 1)
    path, moved = archive.archive(database_now(), tmp_path)
    assert moved == len(lines(path)) == 2


def test_what_cannot_be_written_is_not_deleted(long_ago, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "BATCH", 1)
    write, written = archive._append, list[object]()

    def until_the_disk_is_full(path, batch):
        if written:
            raise OSError(28, "No space left on device")
        written.append(batch)
        write(path, batch)

    monkeypatch.setattr(archive, "_append", until_the_disk_is_full)
    with pytest.raises(CommandError, match="No space left"):
        call_command("archive_texts", before=old_day(), to=tmp_path)
    (path,) = tmp_path.iterdir()
    assert len(lines(path)) == Message.objects.count() == 1


def old_day():
    return str((datetime.now(UTC) - timedelta(days=40)).date())


def test_nothing_to_move_makes_no_file(tmp_path, capsys):
    make_appointment()
    call_command("archive_texts", before=old_day(), to=tmp_path)
    assert "nothing to move" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("before", "to", "reason"),
    [
        ("soon", ".", "give a day such as"),
        (str(datetime.now(UTC).date()), ".", "staff still look at it"),
        ("2020-01-01", "no/such", "Make it first"),
    ],
)
def test_bad_arguments_are_told_in_one_line(before, to, reason):
    with pytest.raises(CommandError, match=reason):
        call_command("archive_texts", "--before", before, "--to", to)
