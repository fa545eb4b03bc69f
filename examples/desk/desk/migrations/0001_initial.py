"""Tickets name who answers them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The first one."""

    initial = True
    operations = [
        migrations.CreateModel(
            "Ticket",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.TextField()),
                ("status", models.SmallIntegerField()),
                ("assignee", models.TextField(blank=True)),
            ],
        )
    ]
