# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# mesura-matroska.so, the part of the recording sink that knows libav: a module of its own, so that the program needs no
# libav and loads none unless a sink asks for it.
find_package(PkgConfig REQUIRED)
pkg_check_modules(libav QUIET IMPORTED_TARGET GLOBAL libavformat libavcodec libavutil)
option(MESURA_WITH_LIBAV "Recordings as WavPack in Matroska (libavformat, libavcodec)" ${libav_FOUND})

target_compile_definitions(mesura_sinks PRIVATE
  MESURA_VERSION="${PROJECT_VERSION}"
  MESURA_MODULE_DIR="${MESURA_MODULE_DIR}"
  MESURA_INSTALL_PREFIX="${CMAKE_INSTALL_PREFIX}"
  MESURA_WITH_LIBAV=$<BOOL:${MESURA_WITH_LIBAV}>)

if(MESURA_WITH_LIBAV)
  if(NOT libav_FOUND)
    message(FATAL_ERROR "MESURA_WITH_LIBAV needs libavformat, libavcodec and libavutil (packages libav*-dev)")
  endif()
  set(dir "${CMAKE_CURRENT_LIST_DIR}/matroska")
  add_library(mesura_matroska MODULE ${dir}/file.cpp ${dir}/module.cpp ${dir}/reader.cpp ${dir}/wavpack_encoder.cpp)
  target_include_directories(mesura_matroska PRIVATE "${PROJECT_SOURCE_DIR}/core/src")
  target_link_libraries(mesura_matroska PRIVATE mesura_product PkgConfig::libav)
  target_link_options(mesura_matroska PRIVATE "-Wl,--version-script=${dir}/matroska.version")
  if(NOT MESURA_SANITIZE)
    target_link_options(mesura_matroska PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(mesura_matroska PROPERTIES PREFIX "" OUTPUT_NAME mesura-matroska SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${MESURA_MODULE_DIR}")
  add_dependencies(product mesura_matroska)
  install(TARGETS mesura_matroska LIBRARY DESTINATION "${MESURA_MODULE_DIR}" COMPONENT matroska)
endif()

if(MESURA_TESTS AND MESURA_WITH_LIBAV)
  mesura_add_test(sinks_matroska_test SOURCES tests/matroska_fault_test.cpp tests/matroska_read_test.cpp
    tests/matroska_reader.cpp tests/matroska_test.cpp
    LIBS mesura_sink_fixtures mesura_sinks PkgConfig::libav LABELS soak)
  target_compile_definitions(sinks_matroska_test PRIVATE
    MESURA_TEST_MODULE_DIR="$<TARGET_FILE_DIR:mesura_matroska>")
  add_dependencies(sinks_matroska_test mesura_matroska)
endif()

if(MESURA_WITH_LIBAV)
  mesura_add_bench(bench_matroska SOURCES bench/bench_matroska.cpp LIBS mesura_sinks mesura_model)
endif()
