"""What can be brought in and taken out, a module each: its columns, how a line is read, how a row is written."""

from transfer.tables.base import Imported, Table
from transfer.tables.bookings import Bookings
from transfer.tables.customers import Customers
from transfer.tables.hours import Hours
from transfer.tables.messages import Messages
from transfer.tables.services import Services

IMPORTED: dict[str, type[Imported]] = {
    "customers": Customers,
    "services": Services,
    "hours": Hours,
    "bookings": Bookings,
}
TABLES: dict[str, type[Table]] = {**IMPORTED, "messages": Messages}
