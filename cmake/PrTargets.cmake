# How modules, the program, tests and the installation are made.

add_library(pr_flags INTERFACE)
target_include_directories(pr_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(pr_flags INTERFACE _POSIX_C_SOURCE=200809L _XOPEN_SOURCE=700
    _FILE_OFFSET_BITS=64 PR_SOURCE_ROOT="${CMAKE_SOURCE_DIR}"
    PR_VERSION="${PROJECT_VERSION}")
# No contraction: clang fuses a*b+c even under -std=c11, and then bits differ between compilers.
target_compile_options(pr_flags INTERFACE -ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow
    -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror)
if(PR_SANITIZE)
  target_compile_options(pr_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
      -fno-sanitize-recover=all)
  target_link_options(pr_flags INTERFACE -fsanitize=address,undefined)
endif()
if(PR_SANITIZE_THREAD)
  target_compile_options(pr_flags INTERFACE -fsanitize=thread)
  target_link_options(pr_flags INTERFACE -fsanitize=thread)
endif()
if(PR_FUZZ)
  target_compile_options(pr_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
      -fno-sanitize-recover=all)
  target_link_options(pr_flags INTERFACE -fsanitize=address,undefined)
endif()

# pr_module(name DIRS folder... [EXCLUDE file...] LINK library...): one static library a module. Which
# module may include which is in tests/check_layers.sh.
function(pr_module name)
  cmake_parse_arguments(ARG "" "" "DIRS;EXCLUDE;LINK" ${ARGN})
  set(globs ${ARG_DIRS})
  list(TRANSFORM globs PREPEND ${CMAKE_SOURCE_DIR}/)
  list(TRANSFORM globs APPEND /*.c)
  file(GLOB sources CONFIGURE_DEPENDS ${globs})
  foreach(excluded ${ARG_EXCLUDE})
    list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${excluded})
  endforeach()
  if(NOT sources)
    add_library(pr_${name} INTERFACE)
    target_link_libraries(pr_${name} INTERFACE pr_flags ${ARG_LINK})
    return()
  endif()
  add_library(pr_${name} STATIC ${sources})
  target_link_libraries(pr_${name} PUBLIC pr_flags ${ARG_LINK})
  set_property(GLOBAL APPEND PROPERTY PR_MODULES pr_${name})
endfunction()

# pr_embed(target FILE name): FILE's bytes, in TARGET as name[] and name_bytes.
function(pr_embed target file name)
  set(out ${CMAKE_BINARY_DIR}/embedded/${name}.c)
  set(script ${CMAKE_SOURCE_DIR}/cmake/PrEmbed.cmake)
  add_custom_command(OUTPUT ${out} DEPENDS ${CMAKE_SOURCE_DIR}/${file} ${script}
      COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_SOURCE_DIR}/${file} -DOUT=${out} -DNAME=${name} -P ${script})
  target_sources(${target} PRIVATE ${out})
endfunction()

# pr_program(name SOURCES file... LINK library...)
function(pr_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

set(PR_TEST_ENV "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
    "OMPI_MCA_rmaps_base_oversubscribe=1;OMPI_MCA_hwloc_base_binding_policy=none"
    "OMPI_MCA_btl_vader_single_copy_mechanism=none"
    "ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1;PR_TESTS=1")

# pr_test(name [LINK library...] [ARGS arg...] [TIMEOUT s]): tests/<folder>/test_<name>.c.
function(pr_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LINK;ARGS;SOURCES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(test_${name} test_${name}.c ${ARG_SOURCES})
  target_link_libraries(test_${name} PRIVATE ${ARG_LINK})
  add_test(NAME ${name} COMMAND test_${name} ${ARG_ARGS})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${PR_TEST_ENV}")
endfunction()

# pr_mpi_test(name RANKS n... [LINK library...]): tests/<folder>/mpi_<name>.c on each rank count.
function(pr_mpi_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "RANKS;LINK;ARGS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(mpi_${name} mpi_${name}.c)
  target_link_libraries(mpi_${name} PRIVATE ${ARG_LINK} MPI::MPI_C)
  foreach(n ${ARG_RANKS})
    add_test(NAME ${name}_${n}_ranks COMMAND ${MPIEXEC_EXECUTABLE} -q --oversubscribe
        --bind-to none -n ${n} $<TARGET_FILE:mpi_${name}> ${ARG_ARGS})
    set_tests_properties(${name}_${n}_ranks PROPERTIES TIMEOUT ${ARG_TIMEOUT} PROCESSORS 2
        ENVIRONMENT "${PR_TEST_ENV}")
  endforeach()
endfunction()

# pr_script_test(name COMMAND ...): a shell or Python test; it gets the build folder in PR_BUILD.
function(pr_script_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "COMMAND" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT}
      ENVIRONMENT "${PR_TEST_ENV};PR_BUILD=${CMAKE_BINARY_DIR}")
endfunction()

# The program, one library of all modules, headers and a pkg-config file.
function(pr_install)
  include(GNUInstallDirs)
  get_property(modules GLOBAL PROPERTY PR_MODULES)
  set(objects "")
  set(links "")
  foreach(module ${modules})
    list(APPEND objects $<TARGET_OBJECTS:${module}>)
    get_target_property(linked ${module} LINK_LIBRARIES)
    list(APPEND links ${linked})
  endforeach()
  list(FILTER links EXCLUDE REGEX "^pr_(base|comm|engine|dataset|sampler|bank|models|trainer|report|launch)$")
  list(REMOVE_DUPLICATES links)
  add_library(libpristine SHARED ${objects})
  set_target_properties(libpristine PROPERTIES OUTPUT_NAME pristine VERSION ${PROJECT_VERSION}
      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} LINKER_LANGUAGE C)
  target_link_libraries(libpristine PRIVATE ${links})
  # From where pristine.pc lies to the prefix, so that `cmake --install --prefix` may choose another.
  file(RELATIVE_PATH PR_PC_TO_PREFIX "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
  configure_file(${CMAKE_SOURCE_DIR}/cmake/pristine.pc.in pristine.pc @ONLY)
  install(TARGETS libpristine)
  install(TARGETS pristine)
  install(FILES ${CMAKE_BINARY_DIR}/pristine.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  foreach(folder engine dataset sampler memory_bank models trainer report launch)
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION
        ${CMAKE_INSTALL_INCLUDEDIR}/pristine FILES_MATCHING PATTERN "*.h")
  endforeach()
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/configs DESTINATION ${CMAKE_INSTALL_DATADIR}/pristine)
  # What the program starts ranks by (launch/files.h): run.sh, and the batch scripts' templates.
  install(PROGRAMS ${CMAKE_SOURCE_DIR}/launch/run.sh DESTINATION
      ${CMAKE_INSTALL_DATADIR}/pristine/launch)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/launch/slurm DESTINATION
      ${CMAKE_INSTALL_DATADIR}/pristine/launch OPTIONAL)
endfunction()
