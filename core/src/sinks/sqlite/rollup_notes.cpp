// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The part of RollupStore beside the tables of levels: what is pending, and quarter hours in detail.
#include "sinks/sqlite/rollup_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::sinks::sqlite {

std::vector<rollup::Backend::Pending> RollupStore::pending() {
  std::vector<Pending> out;
  Statement list = db_.prepare("SELECT source, days, start, \"end\" FROM rollup_pending ORDER BY source, days, start");
  while (list.step()) {
    const std::string name = list.text(0);
    const auto& tables = layout_.tables();
    const auto found = std::find_if(tables.begin(), tables.end(), [&](const WideTable& t) { return t.name == name; });
    if (found == tables.end()) continue;
    out.push_back(
        {static_cast<std::uint32_t>(found - tables.begin()), {list.integer(2), list.integer(3)}, list.integer(1) != 0});
  }
  return out;
}

void RollupStore::put_pending(const Pending& pending) {
  put_pending_.bind(1, std::string_view{source(pending.table).name});
  put_pending_.bind(2, std::int64_t{pending.days});
  put_pending_.bind(3, pending.span.start);
  put_pending_.bind(4, pending.span.end);
  put_pending_.run();
}

void RollupStore::drop_pending(const Pending& pending) {
  drop_pending_.bind(1, std::string_view{source(pending.table).name});
  drop_pending_.bind(2, std::int64_t{pending.days});
  drop_pending_.bind(3, pending.span.start);
  drop_pending_.run();
}

std::uint64_t RollupStore::foreign_changes() {
  if (!data_version_) data_version_ = db_.prepare("PRAGMA data_version", true);
  const std::uint64_t version = data_version_.step() ? static_cast<std::uint64_t>(data_version_.integer(0)) : 0;
  data_version_.reset();
  return version;
}

std::span<const rollup::Backend::Demand> RollupStore::demands(std::uint32_t table) {
  return layout_.tables()[table].demands;
}

std::string RollupStore::device_of(std::uint32_t table, std::uint32_t member) {
  const WideTable& wide = layout_.tables()[table];
  if (!wide.fleet) return wide.device;
  return db_.text(fmt::format("SELECT name FROM devices WHERE id = {}", member));
}

void RollupStore::write_quarter(std::uint32_t table, std::uint32_t member, const rollup::Quarter& quarter,
                                bool unless_fuller) {
  if (!put_quarter_) {
    put_quarter_ = db_.prepare(
        "INSERT INTO quarters (device, time, quarter_id, average_w, samples, import_w, export_w) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET quarter_id = excluded.quarter_id, "
        "average_w = excluded.average_w, samples = excluded.samples, import_w = excluded.import_w, "
        "export_w = excluded.export_w WHERE excluded.samples >= samples OR NOT ?8",
        true);
  }
  const std::string device = device_of(table, member);
  const std::string imported = rollup::slots_as_json(quarter.imported);
  const std::string exported = rollup::slots_as_json(quarter.exported);
  put_quarter_.bind(1, std::string_view{device});
  put_quarter_.bind(2, quarter.start);
  put_quarter_.bind(3, std::int64_t{quarter.id});
  put_quarter_.bind(4, quarter.average);
  put_quarter_.bind(5, static_cast<std::int64_t>(quarter.samples));
  put_quarter_.bind(6, std::string_view{imported});
  put_quarter_.bind(7, std::string_view{exported});
  put_quarter_.bind(8, std::int64_t{unless_fuller});
  put_quarter_.run();
}

}  // namespace mesura::sinks::sqlite
