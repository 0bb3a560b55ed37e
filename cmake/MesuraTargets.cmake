# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# What every target of the tree shares.
#   mesura_product   warnings, sanitizers, hidden symbols: product code
#   mesura_check     warnings only, -O0: test code (compiling Catch2 optimised or sanitized costs minutes, finds nothing)
#   product          builds what is shipped, and nothing that needs more packages: programs and plugins

find_program(MESURA_CCACHE ccache)
if(MESURA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # It takes precompiled headers only if told that their macros and times don't matter: they are of system headers.
  set(CMAKE_C_COMPILER_LAUNCHER "${MESURA_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER /usr/bin/env CCACHE_SLOPPINESS=pch_defines,time_macros "${MESURA_CCACHE}")
endif()

add_library(mesura_warnings INTERFACE)
target_compile_options(mesura_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast>)
if(MESURA_WERROR)
  target_compile_options(mesura_warnings INTERFACE -Werror)
endif()

add_library(mesura_sanitizers INTERFACE)
if(MESURA_SANITIZE)
  target_compile_options(mesura_sanitizers INTERFACE -fsanitize=${MESURA_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  if(MESURA_SANITIZE MATCHES undefined)
    # The check of virtual tables probes memory through a pipe: where a test has used up all descriptors it sees ghosts.
    target_compile_options(mesura_sanitizers INTERFACE -fno-sanitize=vptr)
  endif()
  target_link_options(mesura_sanitizers INTERFACE -fsanitize=${MESURA_SANITIZE})
endif()

add_library(mesura_product INTERFACE)
target_link_libraries(mesura_product INTERFACE mesura_warnings mesura_sanitizers)
target_compile_options(mesura_product INTERFACE -fvisibility=hidden
  $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)

add_library(mesura_check INTERFACE)
target_link_libraries(mesura_check INTERFACE mesura_warnings)
target_compile_options(mesura_check INTERFACE -O0)
if(MESURA_SANITIZE)
  target_link_options(mesura_check INTERFACE -fsanitize=${MESURA_SANITIZE})
endif()

add_custom_target(product)

# Writes HEADER with `inline constexpr char NAME[]` holding the text of FILE; remade when FILE changes.
function(mesura_embed_text FILE NAME HEADER)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${FILE}")
  file(READ "${FILE}" text)
  # GCC accepts long literals; the standard's minimum of 65 536 characters is still kept by our files.
  string(CONCAT header "// Generated from ${NAME}'s source text.\n#pragma once\n"
    "inline constexpr char ${NAME}[] = R\"mesura(@text@)mesura\";\n")
  file(CONFIGURE OUTPUT "${HEADER}" CONTENT "${header}" @ONLY)
endfunction()
