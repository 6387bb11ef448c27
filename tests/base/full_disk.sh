#!/bin/sh
# The file layer on a disk that is really full: a small tmpfs, which needs a root that may mount.
# Usage: full_disk.sh TEST_FS
set -eu
disk=$(mktemp -d)
trap 'umount "$disk" 2>/dev/null || true; rmdir "$disk"' EXIT
if ! mount -t tmpfs -o size=256k tmpfs "$disk" 2>/dev/null; then
    echo "skipped: a tmpfs cannot be mounted here"
    exit 0
fi
"$1" "$disk"
