from django.db import migrations

# Whoever overlapped before was allowed to; people were not planned yet, so none of them is held.
OCCUPY = """
    INSERT INTO appointment_occupiedtime
           (appointment_id, salon_id, column_id, user_id, during, holds_chair, holds_person)
    SELECT id, salon_id, column_id, user_id, tstzrange(appointment_time, end_time), NOT allow_overlap, false
      FROM appointment_appointment
     WHERE end_time IS NOT NULL AND status IN ('booked', 'completed')
"""


class Migration(migrations.Migration):
    dependencies = [("appointment", "0002_services_blocks_and_occupied_time")]

    operations = [migrations.RunSQL(OCCUPY, "DELETE FROM appointment_occupiedtime")]
