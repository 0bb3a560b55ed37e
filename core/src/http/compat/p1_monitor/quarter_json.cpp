// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/p1_monitor/quarters.hpp"

#include "runtime/json.hpp"

namespace mesura::http::compat::p1_monitor {
namespace {

using Slots = std::array<std::optional<std::int64_t>, Quarter::kSlots>;

void append(std::string& out, const Quarter& quarter, std::size_t used) {
  const auto array = [&](runtime::JsonWriter& json, const Slots& slots, std::int64_t sign) {
    json.begin_array();
    for (std::size_t i = 0; i < used; ++i) {
      if (slots[i])
        json.integer(sign * *slots[i]);
      else
        json.null();
    }
    json.end_array();
  };
  runtime::JsonWriter json{out};
  json.begin_object();
  json.key("quarter_id").integer(quarter.id);
  json.key("consumed_power_avg").integer(quarter.average);
  json.key("interval_secs").integer(5);
  array(json.key("consumed_power_interval_avgs"), quarter.imported, 1);
  array(json.key("produced_power_interval_avgs"), quarter.exported, -1);
  json.end_object();
}

}  // namespace

std::string to_json(const Quarter& quarter) {
  // Clients read both by the same index.
  std::size_t used = Quarter::kSlots;
  while (used > 0 && !quarter.imported[used - 1] && !quarter.exported[used - 1]) --used;
  std::string out;
  append(out, quarter, used);
  return out;
}

std::string empty_json() {
  std::string out;
  append(out, Quarter{}, 0);
  return out;
}

}  // namespace mesura::http::compat::p1_monitor
