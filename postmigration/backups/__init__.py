"""What pg_dump made, restored into the embedded server with every row accounted for."""

from postmigration.backups.restore import Restored, restore

__all__ = ["Restored", "restore"]
