# infer_add_test(NAME SOURCES file... [LIBS lib...] [LABELS label...] [ENV NAME=value...] [DEPENDS target...]
#   [SERIAL reason])
# makes one GoogleTest program whose every case is a ctest of its own, so that cases run beside each other, each in its
# own process. Cases are listed when the program is linked, not when ctest starts: two ctest in one tree write nothing.
# SERIAL: its cases must be alone on the machine; the reason is written where it is used.
# infer_test_code(TARGET): a program of a test's own code; infer_add_test makes its own one so.
# infer_test_environment(ctest-name... [ENV NAME=value...] [LABELS ...]) gives the same surroundings to a plain add_test.
include(GoogleTest)

set(infer_sanitizer_env)
if(INFER_SANITIZE MATCHES "address")
  list(APPEND infer_sanitizer_env
    "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:check_initialization_order=1"
    "LSAN_OPTIONS=print_suppressions=0:suppressions=${PROJECT_SOURCE_DIR}/tests/sanitizers/lsan.supp"
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1")
elseif(INFER_SANITIZE MATCHES "thread")
  list(APPEND infer_sanitizer_env
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/tests/sanitizers/tsan.supp")
endif()

# The library is tested as it is built for its users; what tests it is compiled fast instead, which is half the time of a
# whole build. Of UndefinedBehaviorSanitizer the checks that stand at every use of an object are left out of it: they
# double the code, and what they look for is in the library, which has them all.
function(infer_test_code target)
  infer_own_target(${target})
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(${target} PRIVATE -O0)
    if(INFER_SANITIZE MATCHES "undefined")
      target_compile_options(${target} PRIVATE -fno-sanitize=null,alignment,vptr,object-size)
    endif()
  endif()
endfunction()

function(infer_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SERIAL" "SOURCES;LIBS;LABELS;ENV;DEPENDS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBS} GTest::gmock GTest::gtest_main Threads::Threads ${CMAKE_DL_LIBS})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
  target_compile_definitions(${name} PRIVATE
    INFER_SOURCE_DIR="${PROJECT_SOURCE_DIR}" INFER_BUILD_DIR="${PROJECT_BINARY_DIR}")
  # One level below the build directory, as bin/ is, so that relative places hold for tests too.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/testbin")
  infer_test_code(${name})
  if(arg_DEPENDS)
    add_dependencies(${name} ${arg_DEPENDS})
  endif()
  string(REGEX REPLACE "^infer_(.*)_test$" "\\1" prefix "${name}")
  gtest_discover_tests(${name}
    TEST_PREFIX "${prefix}/"
    WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
    TEST_LIST ${name}_cases
    DISCOVERY_TIMEOUT 120)
  # Properties whose value is a list do not survive gtest_discover_tests: they are set by a file that ctest reads next.
  set(serial "")
  if(DEFINED arg_SERIAL)
    set(serial "RUN_SERIAL ON")
  endif()
  file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/${name}_properties.cmake" @ONLY CONTENT [==[
foreach(case IN LISTS @name@_cases)
  set_tests_properties(${case} PROPERTIES TIMEOUT 120 @serial@)
  set_tests_properties(${case} PROPERTIES LABELS [[@arg_LABELS@]] ENVIRONMENT [[@infer_sanitizer_env@;@arg_ENV@]])
endforeach()
]==])
  set_property(DIRECTORY APPEND PROPERTY
    TEST_INCLUDE_FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}_properties.cmake")
endfunction()

function(infer_test_environment)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "TIMEOUT;SERIAL" "LABELS;ENV")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  foreach(test IN LISTS arg_UNPARSED_ARGUMENTS)
    set_tests_properties(${test} PROPERTIES TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77)
    set_property(TEST ${test} PROPERTY LABELS ${arg_LABELS})
    set_property(TEST ${test} PROPERTY ENVIRONMENT ${infer_sanitizer_env} ${arg_ENV})
    if(DEFINED arg_SERIAL)
      set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
    endif()
  endforeach()
endfunction()
