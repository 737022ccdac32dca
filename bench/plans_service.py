"""The peer of `bench.bookings`: the plan's own design, as the smallest Django and DRF service that does it.

Save, then enqueue the confirmation and the reminder in Dramatiq's delay queue, and HDEL where a booking changes. The
same kind of login, the same servers, the same gunicorn. It has no rules, no tenants, no history, no ledger.

The module is its own settings: ``gunicorn bench.plans_service:application``, ``dramatiq bench.plans_service:broker``,
and ``python -m bench.plans_service 1000`` makes its tables with so many customers, and prints a token.
"""

# mypy: disable-error-code="attr-defined, arg-type, misc"
# ruff: noqa: DJ008

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

_database = urlsplit(os.environ["DATABASE_URL"])
SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "bench.plans_service"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path[1:],
        "USER": _database.username,
        "PASSWORD": _database.password,
        "HOST": _database.hostname,
        "PORT": _database.port,
        "CONN_MAX_AGE": 60,
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 200,
}
SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": timedelta(days=1)}
DELAYED = "dramatiq:default.DQ.msgs"

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.plans_service"
if __name__ == "__main__":
    sys.modules["bench.plans_service"] = sys.modules[__name__]

import django  # noqa: E402
from django.apps import apps  # noqa: E402

if not apps.ready:
    django.setup()

import dramatiq  # noqa: E402
import redis  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402
from dramatiq.brokers.redis import RedisBroker  # noqa: E402
from rest_framework import routers, serializers, viewsets  # noqa: E402
from twilio.rest import Client  # noqa: E402

broker = RedisBroker(url=os.environ["REDIS_URL"])
dramatiq.set_broker(broker)
_redis = redis.Redis.from_url(os.environ["REDIS_URL"])


class Salon(models.Model):
    name = models.CharField(max_length=200)
    reminder_time_minutes = models.PositiveIntegerField(default=60)

    class Meta:
        app_label = "plan"


class Customer(models.Model):
    full_name = models.CharField(max_length=200)
    phone_number = models.CharField(max_length=20)
    salon = models.ForeignKey(Salon, on_delete=models.CASCADE)

    class Meta:
        app_label = "plan"


class Appointment(models.Model):
    salon = models.ForeignKey(Salon, on_delete=models.CASCADE)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    appointment_time = models.DateTimeField(db_index=True)
    end_time = models.DateTimeField(null=True)
    comment = models.TextField(blank=True, default="")
    column_id = models.IntegerField(default=1)
    task_id = models.CharField(max_length=50, blank=True, editable=False)

    class Meta:
        app_label = "plan"

    def save(self, *args: Any, **kwargs: Any) -> None:
        is_new = self.pk is None
        moved = is_new or "appointment_time" in self.get_dirty()
        super().save(*args, **kwargs)
        if moved:
            if self.task_id:
                _redis.hdel(DELAYED, self.task_id)
            send_sms_confirmation.send(self.pk)
            wait = self.appointment_time - timedelta(minutes=self.salon.reminder_time_minutes) - timezone.now()
            if wait > timedelta(0):
                options = {"args": (self.pk,), "delay": int(wait.total_seconds() * 1000)}
                self.task_id = send_sms_reminder.send_with_options(**options).options["redis_message_id"]
                Appointment.objects.filter(pk=self.pk).update(task_id=self.task_id)

    def get_dirty(self) -> set[str]:
        before = Appointment.objects.filter(pk=self.pk).values("appointment_time").first()
        return {"appointment_time"} if before and before["appointment_time"] != self.appointment_time else set()

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        if self.task_id:
            _redis.hdel(DELAYED, self.task_id)
        send_sms_cancellation.send(self.customer.phone_number, str(self.appointment_time))
        return super().delete(*args, **kwargs)


def _text(to: str, body: str) -> None:
    client = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
    client.api.base_url = os.environ["TWILIO_BASE_URL"]
    client.messages.create(to=to, from_=os.environ["TWILIO_PHONE_NUMBER"], body=body)


@dramatiq.actor
def send_sms_confirmation(booking_id: int) -> None:
    booking = Appointment.objects.select_related("customer", "salon").get(pk=booking_id)
    _text(booking.customer.phone_number, f"Your appointment at {booking.salon.name} is at {booking.appointment_time}.")


@dramatiq.actor
def send_sms_reminder(booking_id: int) -> None:
    booking = Appointment.objects.select_related("customer", "salon").get(pk=booking_id)
    _text(booking.customer.phone_number, f"You have an appointment at {booking.appointment_time}.")


@dramatiq.actor
def send_sms_cancellation(phone_number: str, appointment_time: str) -> None:
    _text(phone_number, f"Your appointment for {appointment_time} has been cancelled.")


class SalonSerializer(serializers.ModelSerializer[Salon]):
    class Meta:
        model = Salon
        fields = "__all__"


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = "__all__"


class AppointmentSerializer(serializers.ModelSerializer[Appointment]):
    class Meta:
        model = Appointment
        fields = "__all__"


class SalonViewSet(viewsets.ModelViewSet[Salon]):
    serializer_class = SalonSerializer
    queryset = Salon.objects.all()


class CustomerViewSet(viewsets.ModelViewSet[Customer]):
    serializer_class = CustomerSerializer

    def get_queryset(self) -> models.QuerySet[Customer]:
        found = Customer.objects.order_by("full_name")
        search = self.request.query_params.get("search", "")
        return found.filter(full_name__icontains=search) if search else found


class AppointmentViewSet(viewsets.ModelViewSet[Appointment]):
    serializer_class = AppointmentSerializer

    def get_queryset(self) -> models.QuerySet[Appointment]:
        found = Appointment.objects.select_related("salon", "customer").order_by("appointment_time")
        day = self.request.query_params.get("date", "")
        return found.filter(appointment_time__date=day) if day else found


router = routers.DefaultRouter()
router.register("salons", SalonViewSet)
router.register("customers", CustomerViewSet, basename="customer")
router.register("appointments", AppointmentViewSet, basename="appointment")
urlpatterns = [path("", include(router.urls))]
application = get_wsgi_application()


def make(customers: int) -> str:
    """Make its tables, one salon with customers, and a user; that user's token."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from rest_framework_simplejwt.tokens import AccessToken

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Salon, Customer, Appointment):
            editor.create_model(model)
    salon = Salon.objects.create(name="Salon 1")
    Customer.objects.bulk_create(
        (
            Customer(full_name=f"Customer {number}", phone_number=f"+447400{number:06}", salon=salon)
            for number in range(100_000, 100_000 + customers)
        ),
        batch_size=5000,
    )
    return str(AccessToken.for_user(User.objects.create_user("owner")))


if __name__ == "__main__":
    print(make(int(sys.argv[1])))
