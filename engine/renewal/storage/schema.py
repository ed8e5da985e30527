"""Tables of a campaign's store, and the version of their shape.

Nothing secret is in them: files with passwords and PINs by path, keys by their
public half, requests and certificates as they travel.  Moments are ISO 8601 text in
UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

SCHEMA_VERSION = 4

STATES = (
    "due",
    "planned",
    "keyed",
    "requested",
    "sent",
    "certified",
    "checked",
    "installed",
    "backed-up",
)
"""The states of an item, in their order; each but the first names its step."""

ROLLED_BACK = "rolled-back"
"""The state of an item whose renewal was undone; also the name of that step."""

metadata = MetaData()

campaign = Table(
    "campaign",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
    # "preparing" until the items are in, then "planned"
    Column("phase", Text, nullable=False),
    # JSON: office's zone, transport, and for a trial what it is made of
    Column("settings", Text, nullable=False),
    # which run had the campaign's lock last; of databases that several stations share
    Column("holder", Text),
)

item = Table(
    "item",
    metadata,
    # Under another name of its type SQLite keeps the rows in the order in which they
    # were put in, and not in that of their numbers.
    Column(
        "id",
        Integer().with_variant(BigInteger(), "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    # what was found and planned; never changed afterwards
    Column("source", Text, nullable=False),
    Column("container", Text, nullable=False),
    Column("container_name", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("password_file", Text),
    Column("new_password_file", Text),
    Column("pin_file", Text),
    Column("new_pin_file", Text),
    Column("owner", Text, nullable=False),
    Column("inn", Text, nullable=False),
    Column("old_begins", Text),
    Column("old_ends", Text),
    # Streebog-256 of the old certificate, in hex: by it the audit log names the key
    Column("fingerprint", Text),
    Column("curve", Text),
    Column("usage", Text),
    Column("exportable", Boolean),
    Column("destination", Text),
    Column("new_name", Text),
    # what the steps add
    Column("new_folder", Text),
    # where on a token it is written anew with its certificate, while that goes on
    Column("moving_to", Text),
    Column("public_key", LargeBinary),
    Column("request_id", Text),
    Column("sent_at", Text),
    Column("new_begins", Text),
    Column("new_ends", Text),
    Column("archive", Text),
    Column("backup", Text),
    # where it stands: the last state that was reached, and why it stopped
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("text", Text),
    Column("cure", Text),
    Column("note", Text),
    # What is long is at the end: who wants the rest does not read through it.
    Column("old_certificate", LargeBinary),
    Column("request", LargeBinary),
    Column("certificate", LargeBinary),
)
Index("item_request", item.c.request_id, unique=True)
# What is counted while a run is going on, without a look at the items themselves.
Index("item_state", item.c.state, item.c.reason, item.c.sent_at)

row_error = Table(
    "row_error",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("cure", Text, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Text, nullable=False),
    # user@host:process
    Column("who", Text, nullable=False),
    Column("item_id", Integer, ForeignKey("item.id"), nullable=False),
    Column("step", Text, nullable=False),
    # "before", then "after", "refused" or "failed"
    Column("phase", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
# A station asks for the items of its chunk.  In a file nobody does but who wants the
# history of one item, and may read the journal through: to keep the index costs more.
Index("journal_item", journal.c.item_id).ddl_if(dialect="postgresql")

# How the random numbers of each run were had: counts and verdicts, no bytes.
randomness = Table(
    "randomness",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Text, nullable=False),
    # "begin" of a run, "gamma" for each chunk of keys, "end"
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

# The signatures of the audit logs: each is a line of its log, whole.
audit_seal = Table(
    "audit_seal",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    # which log, and the number of the line in it
    Column("log", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("text", Text, nullable=False),
)
