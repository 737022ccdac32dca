from django.urls import path

from sms import webhooks

urlpatterns = [
    path("status/", webhooks.status, name="sms-status"),
    path("inbound/", webhooks.inbound, name="sms-inbound"),
]
