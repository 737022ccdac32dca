from django.db import models


class Address(models.Model):
    """A postal address; the country is ISO 3166-1 alpha-2."""

    street = models.CharField(max_length=200)
    city = models.CharField(max_length=100)
    postal_code = models.CharField(max_length=16)
    country = models.CharField(max_length=2, default="GB")

    class Meta:
        verbose_name_plural = "addresses"

    def __str__(self) -> str:
        return f"{self.street}, {self.city} {self.postal_code}"
