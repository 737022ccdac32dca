from rest_framework.routers import SimpleRouter

from appointment.views import AppointmentViewSet

router = SimpleRouter()
router.register("appointments", AppointmentViewSet)

urlpatterns = router.urls
