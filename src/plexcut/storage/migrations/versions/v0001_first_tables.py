"""Selections, keep lists, secrets, speeds."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "selections",
        sa.Column("client", sa.String, primary_key=True),
        sa.Column("ids", sa.JSON, nullable=False),
        sa.Column("saved_at", sa.Float, nullable=False),
    )
    op.create_index("ix_selections_saved_at", "selections", ["saved_at"])
    op.create_table(
        "keeps",
        sa.Column("recording", sa.String, primary_key=True),
        sa.Column("keep", sa.JSON, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=True),
        sa.Column("saved_at", sa.Float, nullable=False),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "speeds",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("nbytes", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_index("ix_speeds_kind", "speeds", ["kind"])


def downgrade() -> None:
    for table in ("speeds", "secrets", "keeps", "selections"):
        op.drop_table(table)
