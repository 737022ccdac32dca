from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html

from sms import ledger
from sms.clock import database_now
from sms.models import InboundMessage, Message, OptOut, SenderHold


class ReadOnlyAdmin:
    """The ledger is written by the engine alone; people read it."""

    @admin.display(ordering="status")
    def state(self, message: Message) -> str:
        return message.status

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin, admin.ModelAdmin[Message]):
    list_display = ["id", "kind", "state", "reason", "to", "due_at", "sent_at", "delivered_at", "attempts", "salon"]
    list_filter = ["status", "kind", "salon"]
    list_select_related = ["salon"]
    date_hierarchy = "due_at"
    search_fields = ["to", "sid", "booking_id"]
    show_full_result_count = False  # a ledger of millions is not counted for a page
    actions = ["send_again"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super(ReadOnlyAdmin, self).has_change_permission(request)  # for the action alone

    @admin.action(description="Send again", permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        """Plan the chosen texts once more; those that Twilio has accepted only after a second question."""
        accepted = queryset.filter(status__in=[Message.Status.SENT, Message.Status.DELIVERED])
        if accepted.exists() and "double" not in request.POST:
            context = {**self.admin_site.each_context(request), "title": "Send again?", "texts": queryset}
            return render(request, "admin/sms/send_again.html", {**context, "accepted": accepted.count()})
        for message in queryset:
            try:
                with transaction.atomic():
                    ledger.plan_again(message, database_now())
            except ledger.NotAgain as why:
                self.message_user(request, f"Message {message.pk} was not planned again: {why}", messages.WARNING)
            else:
                self.message_user(request, f"Message {message.pk} goes out again now.")
        return None


class MessageInline(ReadOnlyAdmin, admin.TabularInline[Message, Any]):
    """The texts of a booking, oldest first."""

    model = Message
    verbose_name_plural = "texts"
    fields = ["kind", "state", "reason", "to", "words", "due_at", "sent_at", "delivered_at", "replies", "segments"]
    readonly_fields = ["state", "words", "replies"]
    ordering = ["created_at", "id"]
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).prefetch_related("replies")

    @admin.display(description="body")
    def words(self, message: Message) -> str:
        return format_html('<div style="min-width: 10em">{}</div>', message.body)

    def replies(self, message: Message) -> str:
        return "; ".join(reply.body for reply in message.replies.all())


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
