from rest_framework.routers import SimpleRouter

from salon.views import SalonViewSet

router = SimpleRouter()
router.register("salons", SalonViewSet)

urlpatterns = router.urls
