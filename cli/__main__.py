"""Run the command as ``python -m gostkey.cli``."""

import sys

from . import main

sys.exit(main())
