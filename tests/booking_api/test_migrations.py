"""Every migration of ours can be undone and done again, on a database with rows in it."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.factories import make_appointment

OURS = ("appointment", "sms", "user", "customer", "salon", "address", "booking_api")


def applied():
    return {key for key in MigrationRecorder(connection).applied_migrations() if key[0] in OURS}


@pytest.mark.django_db(transaction=True)
def test_migrations_go_back_to_nothing_and_forward_again():
    before = applied()
    assert {app for app, _ in before} == set(OURS)
    make_appointment()
    try:
        for app in OURS:
            call_command("migrate", app, "zero", "--no-input", verbosity=0)
        assert applied() == set()
        assert not {table for table in connection.introspection.table_names() if table.split("_")[0] in OURS}
    finally:
        call_command("migrate", "--no-input", verbosity=0)
    assert applied() == before
    make_appointment()
