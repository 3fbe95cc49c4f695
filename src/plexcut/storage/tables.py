"""The tables of the database, as the newest migration leaves them. Times are seconds since the epoch."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

selections = Table(
    "selections",
    metadata,
    Column("client", String, primary_key=True),
    Column("ids", JSON, nullable=False),
    Column("saved_at", Float, nullable=False, index=True),
)

keeps = Table(
    "keeps",
    metadata,
    Column("recording", String, primary_key=True),
    Column("keep", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("fingerprint", String, nullable=True),
    Column("saved_at", Float, nullable=False),
)

keep_states = Table(
    "keep_states",
    metadata,
    Column("recording", String, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("keep", JSON, nullable=False),
    Column("fingerprint", String, nullable=True),
    Column("label", String, nullable=False),
    Column("undo_to", Integer, nullable=True),
    Column("redo_to", Integer, nullable=True),
    Column("saved_at", Float, nullable=False),
    Column("names", JSON, nullable=True),
)

span_names = Table(
    "span_names",
    metadata,
    Column("recording", String, primary_key=True),
    Column("names", JSON, nullable=False),
    Column("saved_at", Float, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

speeds = Table(
    "speeds",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False, index=True),
    Column("storage", String, nullable=False, server_default=""),
    Column("nbytes", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("job", String, primary_key=True),
    Column("data", JSON, nullable=False),
    Column("saved_at", Float, nullable=False, index=True),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("state", String, nullable=False, index=True),
    Column("recording", String, nullable=False, index=True),
    Column("created_at", Float, nullable=False, index=True),
    Column("job", JSON, nullable=False),
    Column("ordered", JSON, nullable=True),
    Column("log", JSON, nullable=True),
)

choices = Table(
    "choices",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", JSON, nullable=False),
)
