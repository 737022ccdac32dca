from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently, TrigramExtension
from django.db import migrations
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False  # customers stay writable while the indexes are built

    dependencies = [("customer", "0001_initial")]

    operations = [
        TrigramExtension(),
        AddIndexConcurrently(
            model_name="customer",
            index=GinIndex(
                OpClass(Upper("full_name"), name="gin_trgm_ops"), name="customer_by_part_of_name", fastupdate=False
            ),
        ),
        AddIndexConcurrently(
            model_name="customer",
            index=GinIndex(
                OpClass("phone_number", name="gin_trgm_ops"), name="customer_by_part_of_number", fastupdate=False
            ),
        ),
    ]
