"""What the spans of each state of a keep list were called, so that undo brings names back as well."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("keep_states", sa.Column("names", sa.JSON, nullable=True))
