import django_filters

from user.models import ExtendedUser


class UserFilter(django_filters.FilterSet):
    salon = django_filters.NumberFilter(field_name="salons")

    class Meta:
        model = ExtendedUser
        fields: list[str] = []
