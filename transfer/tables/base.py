from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import get_error_detail

from salon.models import Salon
from transfer.reading import BadLine, Columns, Line
from transfer.reports import FAILED, Outcome
from user.models import ExtendedUser

ROWS_PER_PAGE = 1000


class Table(ABC):
    """Rows of one salon, as they are written."""

    columns: ClassVar[Columns]

    def __init__(self, salon: Salon) -> None:
        self.salon = salon

    @property
    def header(self) -> list[str]:
        """What an export writes: what an import reads, and what is only told."""
        return [*self.columns.read, *self.columns.told]

    @abstractmethod
    def queryset(self) -> QuerySet[Any]:
        """All that is written, with what a row needs."""

    @abstractmethod
    def row(self, item: Any) -> Sequence[object]:
        """The cells of one, under `header`."""

    def pages(self) -> Iterator[list[Any]]:
        """All of it, by key, so many at a time.

        `QuerySet.iterator()` would hold the whole answer in memory: behind a transaction pooler there are no cursors.
        """
        after = 0
        while page := list(self.queryset().filter(pk__gt=after).order_by("pk")[:ROWS_PER_PAGE]):
            yield page
            after = page[-1].pk


class Imported(Table):
    """Rows that can be brought in as well; one is made for each import."""

    # How many lines are looked at together; in a file of which the good lines are kept, they commit together.
    lines_per_chunk: ClassVar[int] = 500
    # How many lines a request may hold: as many as are done before somebody's proxy gives up.
    lines_per_request: ClassVar[int] = 10_000

    def __init__(self, salon: Salon, *, confirm: bool = False) -> None:
        super().__init__(salon)
        self.confirm = confirm

    def lock(self) -> None:
        """Take, at the beginning of a transaction, the locks that its lines would take one after the other."""

    def take(self, lines: Sequence[Line]) -> Iterator[Outcome]:
        """Bring in some lines, each for itself, within the caller's transaction."""
        self.look_up(lines)
        for line in lines:
            yield outcome_of(line, self.take_one)

    @abstractmethod
    def look_up(self, lines: Sequence[Line]) -> None:
        """Read what these lines refer to, in as many queries for many lines as for one."""

    @abstractmethod
    def take_one(self, line: Line) -> Outcome:
        """In a savepoint of its own. Raises: BadLine; nothing was written."""


def outcome_of(line: Line, act: Callable[[Line], Outcome]) -> Outcome:
    """What came of a line, of an act that writes all or nothing."""
    try:
        return act(line)
    except BadLine as bad:
        return Outcome(line.number, FAILED, bad.code, bad.message)
    except (IntegrityError, DataError, OverflowError):
        message = "The database refuses it: something else was written meanwhile, or a value is out of range."
        return Outcome(line.number, FAILED, "refused", message)


def validated(serializer: serializers.Serializer[Any], cells: dict[str, str]) -> dict[str, Any]:
    """The values of the cells that are not blank, checked as the API checks them.

    Raises:
      BadLine: the first that is wrong.
    """
    try:
        values: dict[str, Any] = serializer.run_validation({name: cell for name, cell in cells.items() if cell})
    except ValidationError as error:
        raise bad_line(error.detail) from error
    return values


def cleaned(item: Any) -> None:
    """Hold a model's own rules (`clean`). Raises: BadLine."""
    try:
        item.clean()
    except DjangoValidationError as error:
        raise bad_line(get_error_detail(error)) from error


def bad_line(detail: Any, path: str = "") -> BadLine:
    """The first of the API's errors."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        return bad_line(inner, "" if name == "non_field_errors" else str(name))
    if isinstance(detail, list):
        return bad_line(detail[0], path)
    code = detail.code if isinstance(detail, ErrorDetail) else "invalid"
    return BadLine(str(code), f"{path}: {detail}" if path else str(detail))


class Staff:
    """The people of a salon by their e-mail addresses; somebody of another salon is as unknown as nobody."""

    def __init__(self, salon: Salon) -> None:
        self._by_email = {person.email.lower(): person for person in ExtendedUser.objects.filter(salons=salon)}

    def __iter__(self) -> Iterator[ExtendedUser]:
        return iter(self._by_email.values())

    def get(self, email: str, column: str) -> ExtendedUser:
        """Raises:
        BadLine: nobody here has this address.
        """
        person = self._by_email.get(email.lower())
        if person is None:
            raise BadLine("does_not_exist", f"{column}: nobody with the address “{email[:80]}” works at this salon.")
        return person
