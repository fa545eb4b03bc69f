"""What is sampled: a small file for each family of metrics, with its SQL for each version of the server."""

from postmigration.watch.families.checkpoints import CHECKPOINTS
from postmigration.watch.families.connections import CONNECTIONS
from postmigration.watch.families.database import DATABASE
from postmigration.watch.families.io import IO
from postmigration.watch.families.locks import LOCKS
from postmigration.watch.families.replication import REPLICATION, SLOTS
from postmigration.watch.families.sizes import SIZES
from postmigration.watch.families.statements import STATEMENTS
from postmigration.watch.families.tables import INDEXES, TABLES
from postmigration.watch.families.transactions import TRANSACTIONS

# Sessions and their locks first: they are what changes while the rest is read.
FAMILIES = (
    LOCKS,
    TRANSACTIONS,
    CONNECTIONS,
    DATABASE,
    REPLICATION,
    SLOTS,
    CHECKPOINTS,
    IO,
    TABLES,
    INDEXES,
    STATEMENTS,
    SIZES,
)
