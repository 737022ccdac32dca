from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False  # customers stay writable while the index is built

    dependencies = [("customer", "0002_trigrams")]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=GinIndex(
                OpClass(Upper("full_name"), name="gin_trgm_ops"), name="customer_by_part_of_name", fastupdate=False
            ),
        ),
    ]
