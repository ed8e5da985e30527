"""The office whose campaign is disturbed, and how it ends undisturbed."""

from renewal.conftest import template, undisturbed

__all__ = ["template", "undisturbed"]
