# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# mesura_precompile(TARGET PRODUCT|PROGRAM|TEST)
#   Lets a target begin with the headers that nearly every file includes, parsed once per kind: they are more than a third of what
#   compiling costs. Nothing may rely on it: presets `lint` and `fuzz` compile without. Off: MESURA_PCH=OFF.
#   Poco's targets define what the C library looks at: whoever links them has headers of that kind.
option(MESURA_PCH "Precompile the standard headers" ON)

# System headers only: what changes is never in it, and its text has no path of this tree, so that caches can be shared.
set(MESURA_PCH_STANDARD
  <algorithm> <array> <charconv> <chrono> <cmath> <cstddef> <cstdint> <cstdio> <cstring> <deque> <filesystem> <functional> <map>
  <memory> <mutex> <optional> <set> <span> <stdexcept> <string> <string_view> <system_error> <thread> <unordered_map> <utility>
  <variant> <vector> <fmt/format.h>)

# fmt is in it: whoever takes it must see fmt as it was made.
find_package(fmt REQUIRED)
add_library(mesura_pch_flags INTERFACE)
target_compile_definitions(mesura_pch_flags INTERFACE $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS>)
# ccache looks at the text, not at what was made of it.
target_compile_options(mesura_pch_flags INTERFACE
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fpch-preprocess>)

# Programs are made as such, because -fPIE and -fPIC don't share.
function(mesura_make_pch NAME FLAGS)
  set(source "${PROJECT_BINARY_DIR}/pch/${NAME}.cpp")
  if(NOT EXISTS "${source}")
    file(WRITE "${source}" "// Only there to have the headers made.\nint main() {}\n")
  endif()
  if(NAME MATCHES "^mesura_pch_test")
    add_executable(${NAME} EXCLUDE_FROM_ALL "${source}")
  else()
    add_library(${NAME} OBJECT EXCLUDE_FROM_ALL "${source}")
  endif()
  target_link_libraries(${NAME} PRIVATE mesura_pch_flags ${FLAGS})
  target_precompile_headers(${NAME} PRIVATE ${MESURA_PCH_STANDARD} ${ARGN})
endfunction()

# When its directory has been read: only then it is known what the target links.
function(mesura_precompile TARGET KIND)
  if(MESURA_PCH)
    cmake_language(EVAL CODE "cmake_language(DEFER CALL mesura_use_pch [[${TARGET}]] [[${KIND}]])")
  endif()
endfunction()

function(mesura_use_pch TARGET KIND)
  target_link_libraries(${TARGET} PRIVATE mesura_pch_flags)
  if(KIND STREQUAL "PROGRAM")
    target_precompile_headers(${TARGET} PRIVATE ${MESURA_PCH_STANDARD})
    return()
  endif()
  string(TOLOWER "mesura_pch_${KIND}" headers)
  get_target_property(libraries ${TARGET} LINK_LIBRARIES)
  if("${libraries}" MATCHES "Poco")
    string(APPEND headers "_poco")
  endif()
  target_precompile_headers(${TARGET} REUSE_FROM ${headers})
endfunction()

if(MESURA_PCH)
  find_package(Poco REQUIRED COMPONENTS Foundation Net)
  mesura_make_pch(mesura_pch_product mesura_product)
  mesura_make_pch(mesura_pch_product_poco "mesura_product;Poco::Net")
endif()
