from django.urls import path
from rest_framework.routers import SimpleRouter

from sms import webhooks
from sms.views import MessageViewSet

router = SimpleRouter()
router.register("messages", MessageViewSet)

urlpatterns = [
    *router.urls,
    path("sms/status/", webhooks.status, name="sms-status"),
    path("sms/inbound/", webhooks.inbound, name="sms-inbound"),
]
