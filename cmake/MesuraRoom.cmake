# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# mesura_add_room(NAME SOURCES a.cpp ... [ROOMS other ...] [LIBS lib ...])
#   A room of the core (a folder of core/src) as the static library mesura_NAME. ROOMS are the rooms that it may know:
#   linking only those keeps the architecture true. Include files as "room/file.hpp".
function(mesura_add_room NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;ROOMS;LIBS")
  add_library(mesura_${NAME} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_ROOMS PREPEND mesura_)
  target_include_directories(mesura_${NAME} PUBLIC "${PROJECT_SOURCE_DIR}/core/src")
  target_link_libraries(mesura_${NAME} PUBLIC mesura_sdk ${ARG_ROOMS} PRIVATE mesura_product ${ARG_LIBS})
  mesura_precompile(mesura_${NAME} PRODUCT)
  set_property(GLOBAL APPEND PROPERTY MESURA_ROOMS mesura_${NAME})
endfunction()
