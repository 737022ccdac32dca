from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the ledger stays writable while the index is built

    dependencies = [("sms", "0001_initial")]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                condition=models.Q(("error_code__isnull", False), ("status", "pending")),
                fields=["error_code"],
                name="sms_refused",
            ),
        ),
    ]
