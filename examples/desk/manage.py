"""Django's command line, on the database of DATABASE_URL."""

import os

from django.conf import settings
from django.core.management import execute_from_command_line
from psycopg.conninfo import conninfo_to_dict

place = conninfo_to_dict(os.environ["DATABASE_URL"])
settings.configure(
    INSTALLED_APPS=["desk"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": place["dbname"],
            "HOST": place.get("host", ""),
            "PORT": place.get("port", ""),
            "USER": place.get("user", ""),
            "PASSWORD": place.get("password", ""),
        }
    },
)
execute_from_command_line()
