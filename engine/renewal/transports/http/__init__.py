"""Requests over HTTPS: the office's side (`HttpTransport`) and the authority's.

The paths and media types are those of Enrollment over Secure Transport (RFC 7030);
what differs from it, and why, is told in `protocol`.
"""

from .client import HttpTransport

__all__ = ["HttpTransport"]
