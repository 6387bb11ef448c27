#!/bin/sh
# Installs what the build needs, on Debian 12: the packages that dpkg does not know yet, with sudo
# where not root. With DEPS=off, or where there is no apt, lists what is missing and fails.
# Usage: deps.sh build|test
set -eu
build="gcc cmake make pkg-config libopenmpi-dev openmpi-bin libhdf5-dev libjpeg62-turbo-dev
    libspng-dev libdnnl-dev libyaml-dev libxxhash-dev libjansson-dev libavcodec-dev libavutil-dev
    libswscale-dev libsqlite3-dev"
tests="clang clang-format-14 clang-tidy-14 libclang-rt-14-dev hdf5-tools python3 python3-numpy
    python3-h5py python3-torch python3-torchvision python3-sklearn python3-scipy python3-pil
    python3-yaml python3-venv
    util-linux procps iproute2 slurmctld slurmd slurm-client munge"
case "${1:-build}" in
build) wanted=$build ;;
test) wanted="$build $tests" ;;
*) echo "usage: deps.sh build|test" >&2 && exit 2 ;;
esac

missing=
for package in $wanted; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

if [ "${DEPS:-on}" = off ] || ! command -v apt-get >/dev/null; then
    echo "missing packages (names of Debian 12):$missing" >&2
    exit 1
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "installing:$missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing
