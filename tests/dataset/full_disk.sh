#!/bin/sh
# Packing onto a disk that is full, at many sizes of disk: one message, no crash, no half file.
# Needs a root that may mount a small tmpfs; test_full_disk itself does the same with a limit on file sizes.
set -eu
driver="$PR_BUILD/tests/dataset/test_full_disk"
disk=$(mktemp -d)
trap 'umount "$disk" 2>/dev/null || true; rmdir "$disk"' EXIT
if ! mount -t tmpfs -o size=4k tmpfs "$disk" 2>/dev/null; then
    echo "skipped: a tmpfs cannot be mounted here"
    exit 0
fi
umount "$disk"
n_full=0
n_done=0
for kib in 4 8 12 16 20 24 28 32 36 40 48 56 64 80 96; do
    mount -t tmpfs -o size=${kib}k tmpfs "$disk"
    code=0
    message=$("$driver" "$disk" 2>&1) || code=$?
    left=$(find "$disk" -name '*.tmp' | wc -l)
    umount "$disk"
    case $code in
    0) n_done=$((n_done + 1)) ;;
    3) n_full=$((n_full + 1)) ;;
    *)
        echo "on a disk of $kib KiB: exit code $code: $message"
        exit 1
        ;;
    esac
    if [ "$left" -ne 0 ]; then
        echo "on a disk of $kib KiB: $left temporary files are left"
        exit 1
    fi
done
echo "$n_full full disks, $n_done large enough"
[ "$n_full" -ge 3 ] && [ "$n_done" -ge 1 ]
