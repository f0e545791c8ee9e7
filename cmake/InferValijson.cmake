# INFER_VALIJSON_INCLUDE_DIR: the headers of valijson, from an installation (vcpkg, Conan, Homebrew, apt), else where
# ./x setup has put them. Headers only, used by one file of ours: nothing of it is linked or exported.
if(INFER_VALIJSON_INCLUDE_DIR AND NOT EXISTS "${INFER_VALIJSON_INCLUDE_DIR}/valijson/validator.hpp")
  unset(INFER_VALIJSON_INCLUDE_DIR CACHE)  # a cache that was emptied since
endif()
if(NOT INFER_VALIJSON_INCLUDE_DIR)
  find_package(valijson CONFIG QUIET)
  foreach(target valijson ValiJSON::valijson valijson::valijson)
    if(TARGET ${target} AND NOT INFER_VALIJSON_INCLUDE_DIR)
      get_target_property(found ${target} INTERFACE_INCLUDE_DIRECTORIES)
      set(INFER_VALIJSON_INCLUDE_DIR "${found}" CACHE STRING "Where valijson/validator.hpp is")
    endif()
  endforeach()
endif()
if(NOT INFER_VALIJSON_INCLUDE_DIR)
  if(NOT "$ENV{INFER_BUILD_CACHE}" STREQUAL "")
    set(cache "$ENV{INFER_BUILD_CACHE}")
  elseif(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
    set(cache "$ENV{XDG_CACHE_HOME}/infer")
  else()
    set(cache "$ENV{HOME}/.cache/infer")
  endif()
  find_path(INFER_VALIJSON_INCLUDE_DIR valijson/validator.hpp PATHS "${cache}/valijson/include"
    DOC "Where valijson/validator.hpp is")
endif()
if(NOT INFER_VALIJSON_INCLUDE_DIR)
  message(FATAL_ERROR
    "valijson is not found: a library of headers that holds JSON against a schema. Run ./x setup, which fetches it; or "
    "install it (Debian: libvalijson-dev; vcpkg, Conan, Homebrew: valijson) and, if it lies in no usual place, name its "
    "prefix with -DCMAKE_PREFIX_PATH=DIR or its folder of headers with -DINFER_VALIJSON_INCLUDE_DIR=DIR")
endif()
