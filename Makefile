# A thin door: CMake does the building (CMakeLists.txt), tools/ the rest.
#
#   make demo       install what is missing, build, train RCCL on built-in data, evaluate, report
#   make test       install what is missing, build, and run the whole suite
#   make test-long  what takes hours: fold tables, many kills, many seeds
#   make fuzz       the fuzz targets, FUZZ_S seconds each (600)
#   make build      the Release build alone, in build/
#
# DEPS=off installs nothing: what is missing is listed and ends the make.
BUILD ?= build
JOBS  ?= $(shell nproc)
FUZZ_S ?= 600

.PHONY: build demo test test-long fuzz clean

build:
	tools/deps.sh build
	cmake -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=Release
	cmake --build $(BUILD) -j $(JOBS)

demo: build
	tools/demo.sh $(BUILD)

test:
	tools/deps.sh test
	tools/test.sh $(JOBS)

test-long: build
	tools/deps.sh test
	tools/test_long.sh $(BUILD)

fuzz:
	tools/deps.sh test
	tools/fuzz.sh $(FUZZ_S)

clean:
	rm -rf build build-*
