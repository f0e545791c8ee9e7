# How everything of ours is compiled, and where it goes. Nothing here changes a parent project's settings.

# -O2 -g1: speed that a library without numeric kernels can use (the engines bring their own flags), and backtraces with
# function and line at a few per cent of the size of -g.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, RelWithDebInfo, Release or MinSizeRel" FORCE)
endif()
if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

# The build tree mirrors the install tree, so that the library finds plugins and models by the same relative places.
set(INFER_BUILD_PLUGIN_DIR "${PROJECT_BINARY_DIR}/lib/infer/plugins")
set(INFER_BUILD_MODEL_DIR "${PROJECT_BINARY_DIR}/share/infer/models")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

# Relative to the prefix, also where a packager gave an absolute directory.
file(RELATIVE_PATH INFER_REL_LIBDIR "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH INFER_REL_DATADIR "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_DATADIR}")
file(RELATIVE_PATH INFER_BIN_TO_LIB "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")

add_library(infer_own_flags INTERFACE)
target_compile_options(infer_own_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow
  $<$<BOOL:${INFER_WERROR}>:-Werror>)
if(INFER_SANITIZE)
  # -fno-sanitize-recover: undefined behaviour fails the test instead of writing a line that nobody reads.
  target_compile_options(infer_own_flags INTERFACE
    -fsanitize=${INFER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    # g++ 12 sees ghosts in the checks that it puts into <regex>.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(infer_own_flags INTERFACE -fsanitize=${INFER_SANITIZE})
endif()
if(INFER_COVERAGE)
  # Atomic counters: the tests have threads.
  target_compile_options(infer_own_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(infer_own_flags INTERFACE --coverage)
endif()

# infer_batched_target(TARGET): with INFER_UNITY its files are compiled some at a time: what most of them include costs as
# much as half a dozen of them, and sixteen take less than a gigabyte of memory. The dev preset compiles each alone,
# so that a file that forgets an include is noticed.
function(infer_batched_target target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${INFER_UNITY} UNITY_BUILD_BATCH_SIZE 16)
endfunction()

# infer_own_target(TARGET [CONVERSION]): warnings, sanitizers and coverage for a target of ours, never for its users.
function(infer_own_target target)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:infer_own_flags>)
  if("CONVERSION" IN_LIST ARGN)
    target_compile_options(${target} PRIVATE -Wconversion)
  endif()
endfunction()
