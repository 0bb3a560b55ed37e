// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Needs what no library has.
#include <mesura/plugin_abi.h>

namespace meter {
int decode(const char* telegram);
}

extern "C" MESURA_PLUGIN_EXPORT const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*) {
  return meter::decode("") != 0 ? nullptr : nullptr;
}
