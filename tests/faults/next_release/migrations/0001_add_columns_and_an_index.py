from django.db import migrations


class Migration(migrations.Migration):
    """What an ordinary release brings, in a form that live tables bear: a column with a default, an index."""

    atomic = False  # CREATE INDEX CONCURRENTLY
    dependencies = [("sms", "0001_initial"), ("appointment", "0001_initial")]
    operations = [
        migrations.RunSQL("SET lock_timeout = '3s'", migrations.RunSQL.noop),
        migrations.RunSQL(
            "ALTER TABLE sms_message ADD COLUMN language varchar(8) NOT NULL DEFAULT 'en'",
            "ALTER TABLE sms_message DROP COLUMN language",
        ),
        migrations.RunSQL(
            "ALTER TABLE appointment_appointment ADD COLUMN source varchar(8) NOT NULL DEFAULT 'desk'",
            "ALTER TABLE appointment_appointment DROP COLUMN source",
        ),
        migrations.RunSQL(
            "ALTER TABLE salon_salon ADD COLUMN motto text NOT NULL DEFAULT ''",
            "ALTER TABLE salon_salon DROP COLUMN motto",
        ),
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY sms_message_by_language ON sms_message (language, due_at)",
            "DROP INDEX CONCURRENTLY sms_message_by_language",
        ),
    ]
