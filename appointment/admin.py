from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from appointment.models import Appointment, Block, BookedService, CalendarFeed
from sms.admin import MessageInline


class BookedServiceInline(admin.TabularInline[BookedService, Appointment]):
    """To look at: services are chosen where their time is found, through the API."""

    model = BookedService
    fields = ["service", "duration_minutes", "price", "currency"]
    readonly_fields = ["service", "duration_minutes", "price", "currency"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Appointment)
class AppointmentAdmin(admin.ModelAdmin[Appointment]):
    """Saving and deleting here sends the same texts as the API does."""

    list_display = ["appointment_time", "salon", "customer", "user", "column_id", "status"]
    list_filter = ["status", "salon"]
    list_select_related = ["salon", "customer", "user"]
    date_hierarchy = "appointment_time"
    search_fields = ["customer__full_name", "customer__phone_number", "comment"]
    autocomplete_fields = ["salon", "customer", "user"]
    readonly_fields = ["task_id", "created", "modified"]
    inlines = [BookedServiceInline, MessageInline]


@admin.register(Block)
class BlockAdmin(admin.ModelAdmin[Block]):
    list_display = ["starts_at", "ends_at", "salon", "user", "column_id", "label"]
    list_filter = ["salon"]
    list_select_related = ["salon", "user"]
    date_hierarchy = "starts_at"
    autocomplete_fields = ["salon", "user"]


@admin.register(CalendarFeed)
class CalendarFeedAdmin(admin.ModelAdmin[CalendarFeed]):
    """To look at; feeds are made and revoked through the API, where their address is shown once."""

    list_display = ["name", "prefix", "user", "salon", "last_fetched_at", "revoked_at"]
    list_select_related = ["user", "salon"]
    exclude = ["secret_hash"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: CalendarFeed | None = None) -> bool:
        return False
