"""Agents are rows of their own, and the status of a ticket is a word."""

from django.db import migrations, models

FILL = """
    INSERT INTO desk_agent (name) SELECT DISTINCT assignee FROM desk_ticket WHERE assignee <> '' ORDER BY 1;
    UPDATE desk_ticket t SET agent_id = a.id FROM desk_agent a WHERE a.name = t.assignee;
    UPDATE desk_ticket SET state = CASE status WHEN 0 THEN 'open' WHEN 1 THEN 'waiting' ELSE 'closed' END;
"""


class Migration(migrations.Migration):
    """Not additive: two columns go."""

    dependencies = [("desk", "0001_initial")]
    operations = [
        migrations.CreateModel(
            "Agent", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField(unique=True))]
        ),
        migrations.AddField("Ticket", "agent", models.ForeignKey("desk.Agent", models.PROTECT, null=True)),
        migrations.AddField("Ticket", "state", models.TextField(default="")),
        migrations.RunSQL(FILL),
        # What the deferred foreign key still has to check cannot wait until the table is altered.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"),
        migrations.RemoveField("Ticket", "assignee"),
        migrations.RemoveField("Ticket", "status"),
    ]
