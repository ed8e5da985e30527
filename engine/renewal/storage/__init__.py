"""Where a campaign is kept: its tables, in a file or in a PostgreSQL database.

`store.Store` is what the rest of the renewal knows; all in which the databases differ
is behind `databases.Database`.
"""
