// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Its query, or its static initialisation, does what no plugin may: throw, or end the process.
#include <mesura/plugin_abi.h>

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace {

[[maybe_unused]] int throw_text() { throw std::runtime_error("no licence file"); }
[[maybe_unused]] int throw_number() { throw 7; }
[[maybe_unused]] int leave() { std::exit(0); }
[[maybe_unused]] int abort_now() { std::abort(); }
[[maybe_unused]] int hang() {
  for (;;) ::pause();
}

#ifdef TEST_AT_LOAD
const int at_load = TEST_AT_LOAD();
#endif

}  // namespace

extern "C" MESURA_PLUGIN_EXPORT const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*) {
#ifdef TEST_AT_QUERY
  TEST_AT_QUERY();
#endif
  return nullptr;
}
