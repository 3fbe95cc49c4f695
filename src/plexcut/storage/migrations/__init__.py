"""Alembic's steps from any earlier database to today's; run when the database is opened."""
