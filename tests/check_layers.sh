#!/bin/sh
# A module may include itself and the modules that its row names; a row names only rows above it, so
# there are no cycles. The longest row that matches a file's path is the file's module. Foreign
# libraries are held to their modules too.
# Usage: check_layers.sh SOURCE_ROOT
set -eu
cd "$1"
find engine models dataset sampler memory_bank trainer report launch tests -type f \
    \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' \) -exec awk '
    BEGIN {
        allow("engine/base", "")
        allow("engine/comm", "engine/base")
        allow("engine/core", "engine/base")
        allow("engine/ops", "engine/base engine/core")
        allow("engine/ref", "engine/base engine/core")
        allow("engine/cpu", "engine/base engine/core")
        allow("engine/cuda", "engine/base engine/core")
        allow("models", "engine/base engine/core")
        allow("dataset", "engine/base")
        allow("sampler", "engine/base dataset")
        allow("memory_bank", "engine/base engine/comm engine/core")
        allow("trainer", "engine/base engine/comm engine/core engine/cpu models dataset sampler memory_bank")
        allow("report", "engine/base engine/comm engine/core models dataset sampler memory_bank trainer")
        allow("launch", "engine/base engine/comm report trainer dataset")
        only("<mpi.h>", "^(engine/comm|tests)/")
        only("<nccl.h>", "^engine/comm/")
        only("<hdf5.h>", "^(dataset/|trainer/(checkpoint|trace)|tests/)")
        only("<jpeglib.h>", "^(dataset|tests)/")
        only("<sqlite3.h>", "^launch/sweep_db")
        only("<spng.h>", "^(dataset|tests)/")
        only("<dnnl.h>", "^engine/cpu/")
        only("<cuda_runtime.h>", "^engine/cuda/")
    }
    function allow(module, others, i, n, names) {
        known[module] = 1
        may[module, module] = 1
        n = split(others, names, " ")
        for (i = 1; i <= n; i++) {
            if (!(names[i] in known)) {
                print "check_layers.sh: " module " names " names[i] ", which stands below it"
                n_bad++
            }
            may[module, names[i]] = 1
        }
    }
    function only(header, paths) { where[header] = paths }
    function module_of(path) {
        while (sub("/[^/]*$", "", path)) {
            if (path in known) {
                return path
            }
        }
        return ""
    }
    match($0, /^#include "[^"]*"/) {
        from = module_of(FILENAME)
        to = module_of(substr($0, RSTART + 10, RLENGTH - 11))
        # The sampler knows what a sample, a view and the shape of a face are, no more of the dataset.
        if (from == "sampler" && to == "dataset" && $0 !~ /"dataset\/(samples|shape|view)\.h"/) {
            print FILENAME ":" FNR ": the sampler may include samples.h, shape.h and view.h of the dataset only"
            n_bad++
        }
        if (from != "" && to != "" && !((from, to) in may)) {
            print FILENAME ":" FNR ": " from " may not include " to
            n_bad++
        }
    }
    match($0, /^#include <[^>]*>/) {
        header = substr($0, RSTART + 9, RLENGTH - 9)
        if (header in where && FILENAME !~ where[header]) {
            print FILENAME ":" FNR ": " header " is not for this module"
            n_bad++
        }
    }
    END { exit n_bad > 0 }
' {} +
