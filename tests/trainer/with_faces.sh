#!/bin/sh
# Runs a driver on a small dataset of procedural faces: with_faces.sh DRIVER. PR_BUILD: the build.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PR_BUILD/pristine" forge --procedural --out "$folder/faces" --identities 12 --videos 1 --frames 3 \
    --size 40 >/dev/null 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
"$1" "$folder/faces"
