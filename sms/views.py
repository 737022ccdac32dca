from django.db.models import QuerySet
from rest_framework import mixins, viewsets

from booking_api.permissions import caller
from booking_api.views import ApiMixin
from sms.filters import MessageFilter
from sms.models import Message
from sms.serializers import MessageSerializer


class MessageViewSet(ApiMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Message]):
    """The ledger of the caller's salons: every text, newest first, with its state and the reason for it."""

    serializer_class = MessageSerializer
    api_key_noun = "messages"
    filterset_class = MessageFilter
    queryset = Message.objects.all()

    def get_queryset(self) -> QuerySet[Message]:
        return Message.objects.visible_to(caller(self.request)).order_by("-due_at", "-id")
