from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False  # customers stay writable while the index is built

    dependencies = [("customer", "0003_search_by_part_of_name")]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=GinIndex(
                OpClass("phone_number", name="gin_trgm_ops"), name="customer_by_part_of_number", fastupdate=False
            ),
        ),
    ]
