# Where the libraries for picture files are: the list image_libs. GLOBAL, because a parent project that adds this one links
# them too where the library is static.
find_package(ZLIB REQUIRED GLOBAL)
find_package(PNG 1.6 REQUIRED GLOBAL)
find_package(JPEG REQUIRED GLOBAL)
# libwebp's own package files are not everywhere; its pkg-config file is.
find_package(PkgConfig REQUIRED)
pkg_check_modules(INFER_WEBP REQUIRED IMPORTED_TARGET GLOBAL libwebp>=1.0)
set(image_libs PNG::PNG ZLIB::ZLIB JPEG::JPEG PkgConfig::INFER_WEBP)
