"""Undoing renewals, and the copies of old containers that make it possible.

`rollback` puts an old container back and takes the new one out of use; `archives` lists
the copies in a campaign's folder and removes those that a policy allows to.
"""

from .archives import Archive, list_archives, prune_archives
from .rollback import Undone, finish_rollbacks, roll_back

__all__ = [
    "Archive",
    "Undone",
    "finish_rollbacks",
    "list_archives",
    "prune_archives",
    "roll_back",
]
