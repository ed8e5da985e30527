#!/bin/sh
# Print the path of a Python to use: $PYTHON, or the first of 3.10 to 3.13.
if [ -n "${PYTHON:-}" ]; then
    command -v "$PYTHON" && exit 0
    echo "PYTHON=$PYTHON: there is no such command" >&2
    exit 1
fi
for name in python3.11 python3 python3.12 python3.13 python3.10; do
    # Asked for its own path, because a command may be a version manager's shim.
    "$name" -c '
import sys
if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    sys.exit(1)
print(sys.executable)' 2>/dev/null && exit 0
done
echo "no Python 3.10 to 3.13 found; set PYTHON=/path/to/python" >&2
exit 1
