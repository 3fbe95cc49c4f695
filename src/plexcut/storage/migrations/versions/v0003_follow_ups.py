"""What a library's server is to be told after a job."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("saved_at", sa.Float, nullable=False),
    )
    op.create_index("ix_follow_ups_saved_at", "follow_ups", ["saved_at"])


def downgrade() -> None:
    op.drop_table("follow_ups")
