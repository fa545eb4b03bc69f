"""What pg_dump made, restored into the embedded server with every row accounted for."""

from postmigration.backups.restored import Restored, restore

__all__ = ["Restored", "restore"]
