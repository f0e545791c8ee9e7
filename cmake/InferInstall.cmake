# What `cmake --install` lays down: headers, library, CMake package, pkg-config file, program, plugins, model, licences.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/infer")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/infer" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(TARGETS infer EXPORT inferTargets
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT inferTargets NAMESPACE infer:: DESTINATION "${package_dir}")

# A component is a target and its own file of targets: infer-NAME-targets.cmake makes infer::NAME.
foreach(component cloud conformance image)
  if(TARGET infer_${component})
    set_target_properties(infer_${component} PROPERTIES EXPORT_NAME ${component})
    install(TARGETS infer_${component} EXPORT infer-${component}-targets
      LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
      ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    install(EXPORT infer-${component}-targets NAMESPACE infer:: DESTINATION "${package_dir}")
  endif()
endforeach()

if(TARGET infer_cli)
  set_target_properties(infer_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${INFER_BIN_TO_LIB}")
  install(TARGETS infer_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

# What a static library leaves to its users to link; a shared one brings it along.
set(package_dependencies "")
set(pc_requires "")
if(NOT BUILD_SHARED_LIBS)
  if(INFER_CLOUD)
    list(APPEND package_dependencies
      "find_dependency(CURL 7.88)" "find_dependency(OpenSSL 3.0)" "find_dependency(simdjson 3.0)")
    list(APPEND pc_requires "libcurl >= 7.88" "openssl >= 3.0" "simdjson >= 3.0")
  endif()
  if(INFER_IMAGE)
    # As InferImage.cmake finds them.
    list(APPEND package_dependencies
      "find_dependency(ZLIB)" "find_dependency(PNG 1.6)" "find_dependency(JPEG)" "find_dependency(PkgConfig)"
      "pkg_check_modules(INFER_WEBP REQUIRED IMPORTED_TARGET GLOBAL \"libwebp>=1.0\")")
    list(APPEND pc_requires "libpng >= 1.6" "zlib" "libjpeg" "libwebp >= 1.0")
  endif()
  list(JOIN package_dependencies "\n" package_dependencies)
  list(JOIN pc_requires ", " pc_requires)
  if(pc_requires)
    string(PREPEND pc_requires "\nRequires: ")
  endif()
endif()
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/inferConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/cmake/inferConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/cmake/inferConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/cmake/inferConfig.cmake" "${PROJECT_BINARY_DIR}/cmake/inferConfigVersion.cmake"
  DESTINATION "${package_dir}")

# Relative to the file itself, so that a moved prefix still works.
file(RELATIVE_PATH pc_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
file(RELATIVE_PATH pc_include "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
if(BUILD_SHARED_LIBS)
  set(pc_cflags "")
  set(pc_libs "")
  set(pc_libs_private "-pthread -ldl")
else()
  set(pc_cflags " -DINFER_STATIC_DEFINE")
  set(pc_libs " -pthread -ldl")
  set(pc_libs_private "")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/infer.pc.in" "${PROJECT_BINARY_DIR}/cmake/infer.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/cmake/infer.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/THIRD_PARTY_NOTICES.md"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/infer")
