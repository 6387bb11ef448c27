#!/bin/sh
# docs/config.md is what the rows say: `pristine train --help-config > docs/config.md` renews it.
set -eu
"$PR_BUILD/pristine" train --help-config | diff docs/config.md - || {
    echo "docs/config.md is not what the rows say (pristine train --help-config)" >&2
    exit 1
}
