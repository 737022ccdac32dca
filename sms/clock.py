"""One clock decides when a text is due: the database's, whatever a process believes (docs/adr/0002)."""

from datetime import datetime

from django.db import connection
from django.db.models import DateTimeField, Func


def database_now() -> datetime:
    """The moment at PostgreSQL, aware UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (now,) = cursor.fetchone()
    moment: datetime = now
    return moment


class StatementTimestamp(Func):
    """The same, asked for beside the columns of a query."""

    function = "statement_timestamp"
    output_field = DateTimeField()
