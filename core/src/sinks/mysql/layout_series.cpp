// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The layout's rows: what stands in `series` and `devices`.
#include "sinks/mysql/layout.hpp"
#include "sinks/mysql/schema.hpp"
#include "sinks/names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::sinks::mysql {
namespace {

using database::mariadb::Bulk;
using database::mariadb::Parameters;
using database::mariadb::to_datetime;

constexpr std::size_t kLongestUnit = 32;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace

bool names_too_long(const SeriesInfo& info) {
  return characters(info.device) > kLongestDevice || characters(info.fleet) > kLongestDevice ||
         characters(info.channel) > kLongestWord || characters(info.quantity) > kLongestWord ||
         characters(info.unit) > kLongestUnit;
}

void Layout::put_members(std::span<Fresh*> fresh) {
  using Type = Parameters::Type;
  struct Member {
    const Fresh* who;
    std::uint32_t id;
  };
  std::vector<Member> members;
  for (Fresh* f : fresh) {
    if (f->info->fleet.empty() || f->known.slot.place != Slot::Place::wide) continue;
    const std::string key = joined({f->info->fleet, f->info->device});
    auto found = members_.find(key);
    if (found == members_.end()) {
      found = members_.emplace(key, ++last_member_).first;
      members.push_back({f, last_member_});
    }
    f->known.slot.member = found->second;
  }
  if (members.empty()) return;
  Parameters p{{Type::integer, Type::text, Type::text, Type::time}};
  p.resize(members.size());
  for (std::size_t r = 0; r < members.size(); ++r) {
    p.set(r, 0, std::int64_t{members[r].id});
    p.set(r, 1, std::string_view{members[r].who->info->device});
    p.set(r, 2, std::string_view{members[r].who->info->fleet});
    p.set_time(r, 3, to_datetime(members[r].who->wanted->time_us));
  }
  Bulk{db_, "INSERT INTO devices (id, name, fleet, first_seen) VALUES ", "(?, ?, ?, ?)", "", arrays_}.execute(p, 0,
                                                                                                              p.rows());
}

void Layout::put_series(std::span<Fresh*> fresh) {
  using Type = Parameters::Type;
  if (fresh.empty()) return;
  Parameters p{{Type::integer, Type::text, Type::text, Type::text, Type::text, Type::text, Type::text, Type::text,
                Type::text, Type::text, Type::integer, Type::integer, Type::text, Type::text, Type::time}};
  p.resize(fresh.size());
  for (std::size_t r = 0; r < fresh.size(); ++r) {
    const SeriesInfo& info = *fresh[r]->info;
    const Slot& slot = fresh[r]->known.slot;
    const bool state = slot.place == Slot::Place::state;
    const WideTable* table = state ? nullptr : &tables_[slot.table];
    p.set(r, 0, slot.id);
    std::size_t at = 0;
    for (const std::string_view part :
         {std::string_view{info.device}, std::string_view{info.channel}, std::string_view{info.quantity},
          std::string_view{info.unit}, to_string(info.kind), std::string_view{info.label}, std::string_view{info.role},
          std::string_view{info.source}, std::string_view{info.fleet}}) {
      p.set(r, ++at, part);
    }
    p.set(r, 10, std::int64_t{info.decimals});
    p.set(r, 11, std::int64_t{slot.usual});
    p.set(r, 12, state ? std::string_view{kStateTable} : std::string_view{table->name});
    p.set(r, 13, state ? std::string_view{info.flat_name} : std::string_view{table->columns[slot.column]});
    p.set_time(r, 14, to_datetime(fresh[r]->wanted->time_us));
  }
  Bulk{db_,
       "INSERT INTO series (id, device, channel, quantity, unit, kind, label, role, source, fleet, decimals, quality, "
       "table_name, column_name, first_seen) VALUES ",
       "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
       // The row is there already when a person dropped the column or the table.
       " ON DUPLICATE KEY UPDATE table_name = VALUES(table_name), column_name = VALUES(column_name), quality = "
       "VALUES(quality)",
       arrays_}
      .execute(p, 0, p.rows());
}

void Layout::update(Known& known, const SeriesInfo& info) const {
  if (known.fleet == info.fleet && known.label == info.label && known.role == info.role &&
      known.source == info.source && known.decimals == info.decimals && known.kind == info.kind) {
    return;
  }
  db_.execute(fmt::format(
      "UPDATE series SET label = {}, role = {}, source = {}, decimals = {}, kind = {}, fleet = {} WHERE id = {}",
      db_.quote(info.label), db_.quote(info.role), db_.quote(info.source), info.decimals,
      db_.quote(to_string(info.kind)), db_.quote(info.fleet), known.slot.id));
  known.fleet = info.fleet;
  known.label = info.label;
  known.role = info.role;
  known.source = info.source;
  known.decimals = info.decimals;
  known.kind = info.kind;
}

}  // namespace mesura::sinks::mysql
