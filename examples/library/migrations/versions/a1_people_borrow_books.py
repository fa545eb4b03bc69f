"""People borrow books."""

from alembic import op

revision = "a1"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE person (
            id int PRIMARY KEY, full_name text NOT NULL, email text NOT NULL UNIQUE, street text, city text
        );
        CREATE TABLE loan (
            id int PRIMARY KEY, person_id int NOT NULL REFERENCES person, book text NOT NULL,
            returned smallint NOT NULL DEFAULT 0
        );
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE loan; DROP TABLE person")
