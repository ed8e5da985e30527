"""The office whose campaign is disturbed, and how it ends undisturbed."""

from office.conftest import mail, servers
from renewal.conftest import template, undisturbed
from renewal.https.conftest import site, tls_files

__all__ = ["mail", "servers", "site", "template", "tls_files", "undisturbed"]
