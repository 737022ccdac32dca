from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from phonenumber_field.modelfields import PhoneNumberField

from salon.models import Salon


class ExtendedUserQuerySet(models.QuerySet["ExtendedUser"]):
    def visible_to(self, user: ExtendedUser) -> ExtendedUserQuerySet:
        """The user's colleagues: everyone who works for one of their salons, and themselves."""
        if user.is_superuser:
            return self
        colleagues = ExtendedUser.salons.through.objects.filter(salon__in=user.salon_ids).values("extendeduser")
        return self.filter(models.Q(pk__in=colleagues) | models.Q(pk=user.pk))


class ExtendedUserManager(BaseUserManager["ExtendedUser"]):
    def get_queryset(self) -> ExtendedUserQuerySet:
        return ExtendedUserQuerySet(self.model, using=self._db)

    def visible_to(self, user: ExtendedUser) -> ExtendedUserQuerySet:
        return self.get_queryset().visible_to(user)

    def with_email(self, email: str) -> ExtendedUserQuerySet:
        """Who has this address, in any case; served by the index of its unique constraint."""
        return self.get_queryset().alias(any_case=Lower("email")).filter(any_case=Lower(models.Value(email)))

    def get_by_natural_key(self, username: str | None) -> ExtendedUser:
        return self.with_email(username or "").get()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> ExtendedUser:
        """Raises:
        ValueError: there is no e-mail address.
        """
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> ExtendedUser:
        """A platform admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class ExtendedUser(AbstractUser):
    """Somebody who logs in, by e-mail: a platform admin (superuser), an owner or a member of staff of salons."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    full_name = models.CharField(max_length=120, blank=True)
    phone_number = PhoneNumberField(blank=True)
    is_owner = models.BooleanField(default=False, help_text="May change the salons they belong to.")
    salons = models.ManyToManyField(Salon, blank=True, related_name="staff")

    objects = ExtendedUserManager()  # type: ignore[assignment,misc]

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = "user"
        ordering = ["full_name", "email", "id"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.full_name or self.email

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name or self.email

    @property
    def caller_id(self) -> str:
        """Who asks, among users and API keys."""
        return f"user:{self.pk}"

    @cached_property
    def salon_ids(self) -> frozenset[int]:
        """The salons that they work for, as of when this object is first asked: once a request."""
        works_for = type(self).salons.through.objects.filter(extendeduser=self.pk)
        return frozenset(works_for.values_list("salon_id", flat=True))

    def owns(self, salon: Salon) -> bool:
        """May this user change the salon itself?"""
        return self.is_superuser or (self.is_owner and salon.pk in self.salon_ids)


class ApiKey(models.Model):
    """What an integration of a salon shows instead of a login (`user.api_keys`)."""

    class Scope(models.TextChoices):
        APPOINTMENTS_READ = "appointments:read"
        APPOINTMENTS_WRITE = "appointments:write"
        CUSTOMERS_READ = "customers:read"
        CUSTOMERS_WRITE = "customers:write"
        MESSAGES_READ = "messages:read"
        SALON_READ = "salon:read"
        STAFF_READ = "staff:read"

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80, help_text="What it is for.")
    prefix = models.CharField(max_length=12, unique=True, help_text="Tells keys apart; no secret.")
    secret_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope.choices))
    created_by = models.ForeignKey(ExtendedUser, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API key"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} (bk_{self.prefix}…)"
