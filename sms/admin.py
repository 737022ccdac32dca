from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from sms.models import InboundMessage, Message, OptOut, SenderHold


class ReadOnlyAdmin:
    """The ledger is written by the engine alone; people read it."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin, admin.ModelAdmin[Message]):
    list_display = ["id", "kind", "status", "reason", "to", "due_at", "sent_at", "delivered_at", "attempts", "salon"]
    list_filter = ["status", "kind", "salon"]
    list_select_related = ["salon"]
    date_hierarchy = "due_at"
    search_fields = ["to", "sid", "booking_id"]
    show_full_result_count = False  # a ledger of millions is not counted for a page


class MessageInline(ReadOnlyAdmin, admin.TabularInline[Message, Any]):
    """The texts of a booking, oldest first."""

    model = Message
    verbose_name_plural = "texts"
    fields = ["kind", "status", "reason", "to", "body", "due_at", "sent_at", "delivered_at", "attempts", "segments"]
    ordering = ["created_at", "id"]
    extra = 0
    can_delete = False


@admin.register(OptOut)
class OptOutAdmin(admin.ModelAdmin[OptOut]):
    list_display = ["phone_number", "sender", "since", "source"]
    search_fields = ["phone_number"]


@admin.register(InboundMessage)
class InboundMessageAdmin(ReadOnlyAdmin, admin.ModelAdmin[InboundMessage]):
    list_display = ["received_at", "phone_number", "body", "in_reply_to"]
    search_fields = ["phone_number", "body"]
    date_hierarchy = "received_at"


@admin.register(SenderHold)
class SenderHoldAdmin(ReadOnlyAdmin, admin.ModelAdmin[SenderHold]):
    list_display = ["sender", "error_code", "detail", "since", "probe_at"]
