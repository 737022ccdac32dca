from django.conf import settings
from django.db import migrations

# Whatever gives occupied time up deletes its rows; once a statement, and by whatever door, this notes what became free
# where somebody waits for a time around then. A person's time is free at every salon where they work.
FORWARDS = """
CREATE FUNCTION waitlist_note_freed_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO waitlist_freedtime (salon_id, column_id, user_id, during, look_at)
    SELECT place.salon_id,
           CASE WHEN place.salon_id = gone.salon_id THEN gone.column_id END,
           gone.user_id,
           gone.during,
           statement_timestamp()
      FROM gone
      CROSS JOIN LATERAL (
           SELECT gone.salon_id
            UNION
           SELECT works.salon_id FROM user_extendeduser_salons works WHERE works.extendeduser_id = gone.user_id
      ) place
     WHERE upper(gone.during) > statement_timestamp()
       AND EXISTS (
           SELECT FROM waitlist_entry entry
            WHERE entry.salon_id = place.salon_id
              AND entry.state IN ('waiting', 'offered')
              AND entry.first_day <= (upper(gone.during) AT TIME ZONE 'UTC')::date + 1
              AND entry.last_day >= (lower(gone.during) AT TIME ZONE 'UTC')::date - 2);
    RETURN NULL;
END
$$;
CREATE TRIGGER waitlist_note_freed_time
 AFTER DELETE ON appointment_occupiedtime
 REFERENCING OLD TABLE AS gone
 FOR EACH STATEMENT EXECUTE FUNCTION waitlist_note_freed_time();
"""
BACKWARDS = """
DROP TRIGGER waitlist_note_freed_time ON appointment_occupiedtime;
DROP FUNCTION waitlist_note_freed_time();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("waitlist", "0001_initial"),
        ("appointment", "0003_occupy_what_is_booked"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
