"""What people call the spans of a keep list, and where they divided them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "span_names",
        sa.Column("recording", sa.String, primary_key=True),
        sa.Column("names", sa.JSON, nullable=False),
        sa.Column("saved_at", sa.Float, nullable=False),
    )
