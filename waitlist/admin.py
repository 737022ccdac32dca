from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from waitlist.models import Entry, Offer, WantedService


class WantedServiceInline(admin.TabularInline[WantedService, Entry]):
    model = WantedService
    extra = 0
    autocomplete_fields = ["service"]


class OfferInline(admin.TabularInline[Offer, Entry]):
    """What was offered, to look at: it is made and ended by `waitlist.services`."""

    model = Offer
    extra = 0
    can_delete = False
    fields = ["appointment", "starts_at", "created_at", "expires_at", "outcome"]
    readonly_fields = ["appointment", "starts_at", "created_at", "expires_at", "outcome"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin[Entry]):
    list_display = ["created", "salon", "customer", "user", "first_day", "last_day", "state"]
    list_filter = ["state", "salon"]
    list_select_related = ["salon", "customer", "user"]
    search_fields = ["customer__full_name", "customer__phone_number"]
    autocomplete_fields = ["salon", "customer", "user"]
    readonly_fields = ["state", "created", "modified"]
    inlines = [WantedServiceInline, OfferInline]
