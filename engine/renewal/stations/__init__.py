"""Several stations at one campaign, which share its PostgreSQL database.

The work is handed out by procrastinate, a job engine in the same database: a job is a
chunk of subscribers, and says no more than the chunk's number.  What is done with a
chunk is told by the journal alone, so that a job may be done again, or by somebody
else.
"""

from __future__ import annotations
