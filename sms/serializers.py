from rest_framework import serializers

from booking_api.representation import QuickRepresentationMixin
from sms.models import Message


class MessageSerializer(QuickRepresentationMixin, serializers.ModelSerializer[Message]):
    """A text of the ledger: what it says, when it is due, and what became of it."""

    class Meta:
        model = Message
        fields = [
            "id",
            "booking",
            "salon",
            "customer",
            "kind",
            "to",
            "body",
            "visit_at",
            "due_at",
            "expires_at",
            "status",
            "reason",
            "attempts",
            "trail",
            "sid",
            "error_code",
            "segments",
            "created_at",
            "sent_at",
            "delivered_at",
        ]
        read_only_fields = fields
