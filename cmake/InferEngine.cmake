# Engines: third-party libraries that a plugin links statically, built once outside this build by cmake/engine.py.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

# infer_engine(TARGET ENGINE name TITLE text SOURCE directory OPTION option INCLUDE dir... LIBRARIES lib...
#   [BACKEND backend] [LIBS lib...])
# builds the engine, or finds it in the cache, and makes the interface target with what a plugin links. SOURCE: a tree
# instead of the pinned one, or empty. OPTION: the switch that leaves the plugin out, for the message where it cannot be
# built. LIBRARIES: archives of lib/, in the order of linking, before those of ggml. BACKEND: cuda, metal or vulkan, which
# is computed with beside the processor; LIBS: what that one wants of the system. Sets TARGET_DIR.
function(infer_engine target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ENGINE;TITLE;SOURCE;OPTION;BACKEND" "INCLUDE;LIBRARIES;LIBS")
  set(command ${Python3_EXECUTABLE} "${PROJECT_SOURCE_DIR}/cmake/engine.py" ${arg_ENGINE}
    --cc "${CMAKE_C_COMPILER}" --cxx "${CMAKE_CXX_COMPILER}" --cmake "${CMAKE_COMMAND}")
  if(arg_SOURCE)
    list(APPEND command --source "${arg_SOURCE}")
  endif()
  if(arg_BACKEND)
    string(TOUPPER "GGML_${arg_BACKEND}=ON" switch)
    list(APPEND command --define "${switch}")
  endif()
  # Progress goes to stderr and is seen; the directory is the last line of stdout.
  execute_process(COMMAND ${command} OUTPUT_VARIABLE output RESULT_VARIABLE result OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT result EQUAL 0)
    string(TOUPPER "${arg_OPTION}_${arg_BACKEND}" option)
    string(REGEX REPLACE "_$" "" option "${option}")
    message(FATAL_ERROR "${arg_TITLE} could not be built (the reason is above). -D${option}=OFF leaves the plugin out.")
  endif()
  string(REGEX REPLACE ".*\n" "" directory "${output}")
  message(STATUS "${arg_TITLE} ${arg_BACKEND}: ${directory}")
  set(libraries ${arg_LIBRARIES} ggml)
  if(arg_BACKEND)
    list(APPEND libraries ggml-${arg_BACKEND})
  endif()
  list(APPEND libraries ggml-cpu ggml-base)
  list(TRANSFORM libraries PREPEND "${directory}/lib/lib")
  list(TRANSFORM libraries APPEND ".a")
  list(TRANSFORM arg_INCLUDE PREPEND "${directory}/")
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${arg_INCLUDE})
  target_link_libraries(${target} INTERFACE ${libraries} ${arg_LIBS} Threads::Threads ${CMAKE_DL_LIBS} m)
  set(${target}_DIR "${directory}" PARENT_SCOPE)
endfunction()

# infer_engine_version(VARIABLE SOURCE directory): what the plugin calls its engine's version, by the pin in source.txt.
function(infer_engine_version variable source)
  set(version "source")
  if(NOT source)
    file(READ source.txt pin)
    string(REGEX MATCH "commit ([0-9a-f]+)" _ "${pin}")
    set(commit "${CMAKE_MATCH_1}")
    string(REGEX MATCH "[a-z-]+==([0-9.]+)" _ "${pin}")
    set(version "${CMAKE_MATCH_1}")
    if(commit)
      string(APPEND version "+${commit}")
    endif()
  endif()
  set(${variable} "${version}" PARENT_SCOPE)
endfunction()

# infer_engine_plugin(NAME ENGINE target OBJECTS target SOURCES file... DEFINITIONS definition...): the plugin of this name,
# from plugin.cc and from objects that tests of its pieces link too.
function(infer_engine_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ENGINE;OBJECTS" "SOURCES;DEFINITIONS")
  add_library(${arg_OBJECTS} STATIC ${arg_SOURCES})
  target_include_directories(${arg_OBJECTS} PUBLIC "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
  target_link_libraries(${arg_OBJECTS} PUBLIC infer_engine_common ${arg_ENGINE})
  set_target_properties(${arg_OBJECTS} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  infer_own_target(${arg_OBJECTS})
  infer_batched_target(${arg_OBJECTS})

  string(REPLACE "-" "_" target "${name}")
  infer_add_plugin(${target} SOURCES plugin.cc LIBS ${arg_OBJECTS})
  set_target_properties(infer_${target} PROPERTIES OUTPUT_NAME "infer-${name}")
  target_compile_definitions(infer_${target} PRIVATE ${arg_DEFINITIONS})
  target_include_directories(infer_${target} PRIVATE "${PROJECT_SOURCE_DIR}")
endfunction()

# infer_engine_flavours(CALL OPTION): calls CALL(backend libs...) for each kind of graphics processor that is switched on by
# OPTION_CUDA and so on.
function(infer_engine_flavours call option)
  if(${option}_CUDA)
    find_package(CUDAToolkit REQUIRED)
    cmake_language(CALL ${call} cuda CUDA::cudart_static CUDA::cublas CUDA::cublasLt CUDA::cuda_driver)
  endif()
  if(${option}_METAL)
    cmake_language(CALL ${call} metal "-framework Foundation" "-framework Metal" "-framework MetalKit")
  endif()
  if(${option}_VULKAN)
    find_package(Vulkan REQUIRED COMPONENTS glslc)
    cmake_language(CALL ${call} vulkan Vulkan::Vulkan)
  endif()
endfunction()

# infer_engine_plugin_tests(NAME DIRECTORY): what holds of every engine's plugin: exactly one symbol, whatever the engine
# beneath it defines, and no code of the engine that runs before the processor was looked at.
function(infer_engine_plugin_tests name directory)
  if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    return()
  endif()
  find_program(INFER_NM nm)
  if(INFER_NM)
    add_test(NAME ${name}/one_symbol COMMAND ${CMAKE_COMMAND} -DNM=${INFER_NM} -DFILE=$<TARGET_FILE:infer_${name}>
      -P "${PROJECT_SOURCE_DIR}/engines/common/one_symbol_test.cmake")
    set_tests_properties(${name}/one_symbol PROPERTIES LABELS ${name})
  endif()
  find_program(INFER_OBJDUMP objdump)
  if(INFER_OBJDUMP)
    add_test(NAME ${name}/no_early_code COMMAND ${CMAKE_COMMAND} -DOBJDUMP=${INFER_OBJDUMP}
      -DLIBRARY=${directory}/lib/libggml-cpu.a -P "${PROJECT_SOURCE_DIR}/engines/common/no_early_code_test.cmake")
    set_tests_properties(${name}/no_early_code PROPERTIES LABELS ${name})
  endif()
endfunction()
