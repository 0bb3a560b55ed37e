# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# mesura_add_test(NAME SOURCES a.cpp ... [LIBS lib ...] [LABELS label] [TOGETHER])
#   A Catch2 (2 or 3) test program in <build>/tests/bin, one ctest per case; TOGETHER: one for all of them, where they
#   share a server that takes longer to start than they take. Label `soak`: also run by `./dev soak`, with
#   MESURA_SOAK=1 in its environment; every line "SOAK | name | count | result" that it prints enters docs/soak.md.
# mesura_add_bench(NAME SOURCES a.cpp ... [LIBS lib ...])
#   A benchmark in <build>/bench, built optimised and run by `./dev bench`.
# mesura_add_fuzzer(NAME SOURCES a.cpp ... [LIBS lib ...] [CORPUS dir])
#   A libFuzzer target in <build>/fuzz (preset `fuzz`), run by `./dev fuzz` from the seeds in CORPUS (searched through).
if(MESURA_TESTS)
  find_package(Catch2 REQUIRED)
  include(Catch)
endif()

# Time limits stand in the test presets: they differ between release, sanitizers and soak.
function(mesura_add_test NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "TOGETHER" "" "SOURCES;LIBS;LABELS")
  if(NOT MESURA_TESTS)
    return()
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE mesura_check mesura_catch ${ARG_LIBS})
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/bin")
  # Catch's script expands the properties once more: an empty value would vanish there, and a list fall apart.
  list(LENGTH ARG_LABELS labels)
  if(labels GREATER 1)
    message(FATAL_ERROR "mesura_add_test(${NAME}): at most one label can be handed through Catch2, got ${ARG_LABELS}")
  elseif(labels EQUAL 1)
    set(properties PROPERTIES LABELS "${ARG_LABELS}")
  else()
    set(properties "")
  endif()
  if(ARG_TOGETHER)
    add_test(NAME "${NAME}" COMMAND ${NAME})
    if(labels EQUAL 1)
      set_tests_properties("${NAME}" PROPERTIES LABELS "${ARG_LABELS}")
    endif()
    return()
  endif()
  catch_discover_tests(${NAME} TEST_PREFIX "${NAME}: " ${properties})
endfunction()

function(mesura_add_bench NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;LIBS")
  if(NOT MESURA_BENCH)
    return()
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE mesura_product ${ARG_LIBS})
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  add_dependencies(benches ${NAME})
endfunction()

function(mesura_add_fuzzer NAME)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "CORPUS" "SOURCES;LIBS")
  if(NOT MESURA_FUZZ)
    return()
  endif()
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE mesura_product ${ARG_LIBS})
  target_compile_options(${NAME} PRIVATE -fsanitize=fuzzer)
  target_link_options(${NAME} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
  if(ARG_CORPUS)
    cmake_path(ABSOLUTE_PATH ARG_CORPUS BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}" NORMALIZE)
  endif()
  set_property(GLOBAL APPEND PROPERTY MESURA_FUZZERS "${NAME}|${ARG_CORPUS}")
  add_dependencies(fuzzers ${NAME})
endfunction()

add_custom_target(benches)
add_custom_target(fuzzers)

# fuzz/fuzzers.txt, one "name|corpus" a line, for `./dev fuzz`: written when the whole tree has been read.
function(mesura_write_fuzzers)
  get_property(fuzzers GLOBAL PROPERTY MESURA_FUZZERS)
  list(JOIN fuzzers "\n" lines)
  file(WRITE "${PROJECT_BINARY_DIR}/fuzz/fuzzers.txt" "${lines}\n")
endfunction()
if(MESURA_FUZZ)
  cmake_language(DEFER DIRECTORY "${PROJECT_SOURCE_DIR}" CALL mesura_write_fuzzers)
endif()
