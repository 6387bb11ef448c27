# Every library the project stands on, each as one target pr_dep_<name>. ARCHITECTURE.md says why
# each is there; tools/deps.sh installs the Debian packages.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)

function(pr_dependency name)
  pkg_check_modules(PR_${name} REQUIRED IMPORTED_TARGET ${ARGN})
  add_library(pr_dep_${name} INTERFACE)
  target_link_libraries(pr_dep_${name} INTERFACE PkgConfig::PR_${name})
endfunction()

pr_dependency(yaml yaml-0.1)
pr_dependency(xxhash libxxhash)
pr_dependency(jansson jansson)
pr_dependency(sqlite sqlite3)
pr_dependency(jpeg libjpeg)
pr_dependency(spng spng)
pr_dependency(video libavcodec libavutil libswscale)

# Debian's serial HDF5 has a pkg-config file of its own; other systems name it plainly.
pkg_search_module(PR_hdf5 REQUIRED IMPORTED_TARGET hdf5-serial hdf5)
add_library(pr_dep_hdf5 INTERFACE)
target_link_libraries(pr_dep_hdf5 INTERFACE PkgConfig::PR_hdf5)

# oneDNN: Debian 12 ships the 2.6 C API, newer systems 3.x. engine/cpu compiles against both.
find_path(PR_DNNL_INCLUDE dnnl.h REQUIRED)
find_library(PR_DNNL_LIBRARY dnnl REQUIRED)
add_library(pr_dep_dnnl INTERFACE)
target_include_directories(pr_dep_dnnl SYSTEM INTERFACE ${PR_DNNL_INCLUDE})
# The OpenMP runtime that it runs on: engine/cpu/thread.c sets a computing thread's team there.
find_library(PR_OPENMP_LIBRARY NAMES libgomp.so.1 gomp REQUIRED)
target_link_libraries(pr_dep_dnnl INTERFACE ${PR_DNNL_LIBRARY} ${PR_OPENMP_LIBRARY})
