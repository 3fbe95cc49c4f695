"""Jobs with their orders and logs, settings made on the page, and the storage of speeds."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("recording", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("job", sa.JSON, nullable=False),
        sa.Column("ordered", sa.JSON, nullable=True),
        sa.Column("log", sa.JSON, nullable=True),
    )
    for column in ("state", "recording", "created_at"):
        op.create_index(f"ix_jobs_{column}", "jobs", [column])
    op.create_table(
        "choices",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
    op.add_column("speeds", sa.Column("storage", sa.String, nullable=False, server_default=""))
