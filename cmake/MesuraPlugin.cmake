# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# mesura_add_plugin(NAME SOURCES a.cpp ... [LIBS lib ...])
#   Builds plugin NAME as <build>/<MESURA_PLUGIN_DIR>/NAME.so from its own sources, with schema.yaml (and
#   virtual_schema.yaml if there is one) embedded as `mesura_schema` in NAME_schema.hpp (`mesura_virtual_schema` in
#   NAME_virtual_schema.hpp), and NAME_objects, an object library of the same sources for tests and fuzzers.
set(MESURA_PLUGIN_VERSION_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/plugin.version")

function(mesura_add_plugin NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;LIBS")
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/generated")
  mesura_embed_text("${CMAKE_CURRENT_SOURCE_DIR}/schema.yaml" mesura_schema "${generated}/${NAME}_schema.hpp")
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/virtual_schema.yaml")
    mesura_embed_text("${CMAKE_CURRENT_SOURCE_DIR}/virtual_schema.yaml" mesura_virtual_schema
      "${generated}/${NAME}_virtual_schema.hpp")
  endif()

  add_library(${NAME}_objects OBJECT ${ARG_SOURCES})
  target_include_directories(${NAME}_objects PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}" "${generated}")
  target_link_libraries(${NAME}_objects PUBLIC mesura_sdk ${ARG_LIBS} PRIVATE mesura_product)
  mesura_precompile(${NAME}_objects PRODUCT)

  add_library(${NAME} MODULE $<TARGET_OBJECTS:${NAME}_objects>)
  target_link_libraries(${NAME} PRIVATE mesura_sdk mesura_product ${ARG_LIBS})
  # One exported symbol, everything resolved at link time: a missing one must fail the build, not the user's start.
  target_link_options(${NAME} PRIVATE "-Wl,--version-script=${MESURA_PLUGIN_VERSION_SCRIPT}")
  if(NOT MESURA_SANITIZE)
    target_link_options(${NAME} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${NAME} PROPERTIES PREFIX "" SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${MESURA_PLUGIN_DIR}")
  add_dependencies(product ${NAME})
  install(TARGETS ${NAME} LIBRARY DESTINATION "${MESURA_PLUGIN_DIR}")
endfunction()
