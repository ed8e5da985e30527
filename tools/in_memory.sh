#!/usr/bin/env bash
# Run a command whose temporary files are flushed by the thousand: in memory, where
# there is room for them, and removed at its end; else where they always are.
#
#     tools/in_memory.sh COMMAND [ARGUMENT...]
set -euo pipefail

# Kilobytes: several times what the tests leave.
room=4000000

free_in() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'; }
free_memory() { awk '/^MemAvailable:/ { print $2 }' /proc/meminfo 2>/dev/null; }

if [ -w /dev/shm ] && [ "$(free_in /dev/shm)" -ge $room ] &&
    [ "$(free_memory || echo 0)" -ge $room ]; then
    # A short name: the path of a socket in it may have 107 characters.
    TMPDIR=$(mktemp -d /dev/shm/gk-XXXXXX)
    export TMPDIR
    trap 'rm -rf "$TMPDIR"' EXIT
    # Servers that tests start as somebody else have their folders in it.
    chmod 711 "$TMPDIR"
fi
"$@"
