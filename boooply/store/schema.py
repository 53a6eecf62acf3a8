"""The tables, and the version they share.

A ``key`` is what the code calls a column, where that differs from the column's own name.
"""

from typing import Final

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

VERSION: Final = 2

METADATA: Final = MetaData()

# One row: the version of the schema, and an encrypted text that only the right encryption key decrypts.
STORE: Final = Table(
    "boooply_store",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("sealed_check", LargeBinary, nullable=False, key="encrypted_check"),
)

KEYS: Final = Table(
    "boooply_keys",
    METADATA,
    Column("organization_id", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False, key="encrypted"),
    Column("changed_at", Float, nullable=False),  # seconds since 1970 by the database's clock, like all times here
)

LEDGER: Final = Table(
    "boooply_ledger",
    METADATA,
    Column("organization_id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("tenant", Text, nullable=False),  # the customer as JSON, so that a worker needs only the id
    Column("run", String, nullable=True, key="claim_token"),  # the last claim
    Column("lease_ends", Float, nullable=False),  # until then nobody else may claim it
    Column("orphans", Integer, nullable=False),  # keys that may be valid although nobody has them
    Column("reason", Text, nullable=True),  # why it failed or is in doubt, for people; never a key
    Column("changed_at", Float, nullable=False),
)

LIMITS: Final = Table(
    "boooply_limits",
    METADATA,
    Column("name", String, primary_key=True),  # a digest of the key, and the rate-limit class
    Column("state", Text, nullable=False),  # the limiter, as JSON
)

EVENTS: Final = Table(
    "boooply_events",
    METADATA,
    Column("key", String, primary_key=True),  # a digest of the signed body
    Column("progress", String, nullable=False, key="status"),
    Column("turn", String, nullable=True, key="claim_token"),  # the last claim
    Column("rests_until", Float, nullable=False, key="locked_until"),  # until then nobody else may claim it
    Column("attempts", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=True, key="encrypted"),  # the body, until it is handled: it is personal
    Column("changed_at", Float, nullable=False),
    Index("boooply_events_open", "status", "locked_until"),
)
