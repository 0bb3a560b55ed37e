// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/kinds.hpp"

#include "sinks/kinds_list.hpp"

#include <algorithm>
#include <vector>

namespace mesura::sinks {

std::span<const Kind> kinds() {
  static const std::vector<Kind> all {
    sqlite_kind(), csv_kind(), recording_kind(), exec_kind(), stdout_kind(),
#if MESURA_WITH_MQTT
        mqtt_kind(),
#endif
#ifdef MESURA_WITH_MYSQL
        mysql_kind(),
#endif
  };
  return all;
}

const Kind* find_kind(std::string_view name) {
  const auto all = kinds();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Kind& k) { return k.name == name; });
  return found != all.end() ? &*found : nullptr;
}

}  // namespace mesura::sinks
