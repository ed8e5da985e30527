"""What the tests of this folder share."""

from cards.fixtures import bench, in_readers

__all__ = ["bench", "in_readers"]
