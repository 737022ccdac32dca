from django.urls import path
from rest_framework.routers import SimpleRouter

from schedule.views import (
    ChairViewSet,
    HolidaysView,
    ServiceViewSet,
    SpecialHoursViewSet,
    TimeOffViewSet,
    WorkingHoursViewSet,
)

router = SimpleRouter()
router.register("services", ServiceViewSet)
router.register("chairs", ChairViewSet)
router.register("working-hours", WorkingHoursViewSet)
router.register("special-hours", SpecialHoursViewSet)
router.register("time-off", TimeOffViewSet)

urlpatterns = [path("salons/<int:salon_id>/holidays/", HolidaysView.as_view(), name="holidays"), *router.urls]
