"""Who may do what; which objects somebody sees at all is decided by the `visible_to` of each query set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    from user.models import ExtendedUser


def caller(request: Request) -> ExtendedUser:
    """Who asks; for views that only somebody logged in reaches."""
    return cast("ExtendedUser", request.user)


class SalonPermission(BasePermission):
    """Staff read their salons, owners change them, a platform admin makes them."""

    message = "Only an owner of the salon may change it."

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.method != "POST" or request.user.is_superuser)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        return bool(request.method in SAFE_METHODS or caller(request).owns(obj))


class SalonPartPermission(BasePermission):
    """What belongs to a salon: its staff read it, its owners change it."""

    message = "Only an owner of the salon may change what it offers and when."

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        return bool(request.method in SAFE_METHODS or caller(request).owns(obj.salon))


class SalonDataPermission(BasePermission):
    """All of a salon's data at once, out or in: for its owners."""

    message = "Only an owner of the salon may take its data out or bring data in."

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        return caller(request).owns(obj)


class UserPermission(BasePermission):
    """Colleagues see each other; owners and platform admins manage them, everyone themselves."""

    message = "Only an owner may manage staff."

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.method != "POST" or caller(request).is_superuser or caller(request).is_owner)

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        user = caller(request)
        if request.method in SAFE_METHODS or user.is_superuser:
            return True
        if user == obj:
            return bool(request.method != "DELETE")
        is_plain_staff = not (obj.is_superuser or obj.is_owner)
        works_elsewhere = obj.salons.exclude(pk__in=user.salon_ids)
        return bool(user.is_owner and is_plain_staff and not works_elsewhere.exists())


def check_scope(request: Request, noun: str | None) -> None:
    """Whether an API key reaches a view that is about ``noun`` (None: no key does); people have no scopes.

    Raises:
      PermissionDenied: none of its scopes says so.
    """
    scopes = getattr(request.user, "scopes", None)
    if scopes is None:
        return
    needed = f"{noun}:{'read' if request.method in SAFE_METHODS else 'write'}"
    if noun is None or needed not in scopes:
        raise PermissionDenied(f"This API key lacks the scope {needed}." if noun else "API keys do not reach this.")
