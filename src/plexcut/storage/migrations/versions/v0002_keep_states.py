"""What keep lists were before, for undo and redo."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "keep_states",
        sa.Column("recording", sa.String, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("keep", sa.JSON, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=True),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("undo_to", sa.Integer, nullable=True),
        sa.Column("redo_to", sa.Integer, nullable=True),
        sa.Column("saved_at", sa.Float, nullable=False),
    )
