import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")

application = get_wsgi_application()

from booking_api.checks import check_or_exit  # noqa: E402

check_or_exit()
