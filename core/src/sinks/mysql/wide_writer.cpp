// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/wide_writer.hpp"

#include "sinks/mysql/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <tuple>

namespace mesura::sinks::mysql {
namespace {

using database::mariadb::Error;
using database::mariadb::to_datetime;
using Type = database::mariadb::Parameters::Type;

// The same state again is written at least this often while it is being reported, so that a row also says "still so".
constexpr std::int64_t kStateRepeatUs = 300'000'000;
constexpr std::int64_t kNever = INT64_MIN;
constexpr std::int64_t kEnd = 253'402'300'799'000'000;  // the last second of 9999

std::int64_t to_us(std::int64_t ns) {
  const std::int64_t us = ns / 1000;
  return ns % 1000 < 0 ? us - 1 : us;
}

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string refusal(const SeriesInfo& info) {
  if (names_too_long(info)) {
    return fmt::format("sink-name: {} has a name too long for table series (device and fleet {}, others {} characters)",
                       info.name(), kLongestDevice, kLongestWord);
  }
  return fmt::format("sink-columns: the table of {} '{}' has all the columns that the server takes",
                     info.fleet.empty() ? "device" : "fleet", info.fleet.empty() ? info.device : info.fleet);
}

Layout opened(const Connection& db, const SeriesTable& series, const std::string& site_zone, bool arrays) {
  Layout layout{db, series, site_zone, arrays};
  layout.open(wall_us());
  return layout;
}

}  // namespace

WideWriter::WideWriter(const Connection& db, const SeriesTable& series, const std::string& site_zone, bool arrays,
                       bool rollups)
    : db_(db),
      series_(series),
      site_zone_(site_zone),
      arrays_(arrays),
      rollups_(rollups),
      layout_(opened(db, series, site_zone, arrays)),
      upserts_(db, arrays),
      put_states_(db, "INSERT INTO states (series, time, number, text) VALUES ", "(?, ?, ?, ?)",
                  " ON DUPLICATE KEY UPDATE number = VALUES(number), text = VALUES(text)", arrays),
      put_marks_(db, "INSERT INTO quality (time, series, flags) VALUES ", "(?, ?, ?)",
                 " ON DUPLICATE KEY UPDATE flags = VALUES(flags)", arrays),
      drop_marks_(db, "DELETE FROM quality WHERE time = ? AND series = ?", "", "", arrays),
      find_state_(db,
                  "SELECT s.time, s.number, s.text, COALESCE(q.flags, ?) FROM states AS s "
                  "LEFT JOIN quality AS q ON q.time = s.time AND q.series = s.series "
                  "WHERE s.series = ? AND s.time <= ? ORDER BY s.time DESC LIMIT 1"),
      state_parameters_({Type::integer, Type::time, Type::number, Type::text}),
      mark_parameters_({Type::time, Type::integer, Type::integer}),
      drop_parameters_({Type::time, Type::integer}) {
  database::mariadb::Statement newest{db, "SELECT MAX(time) FROM quality"};
  newest.execute();
  if (newest.fetch() && !newest.is_null(0)) newest_mark_ = newest.time_us(0);
  start_rollups();
}

std::vector<Rejected> WideWriter::write(std::span<const BatchPtr> batches) {
  std::vector<Rejected> rejected;
  slots_.resize(std::max<std::size_t>(slots_.size(), series_.size()));
  while (!collect(batches, rejected)) place(batches);
  touched_.clear();
  for (const Rows::Row& row : rows_.rows()) {
    if (touched_.empty() || touched_.back() != row.table) touched_.push_back(row.table);
  }
  if (rollup_) prepare_rollups(touched_);
  Rejections rejections{batches, series_};
  transaction([&] {
    if (rollup_) store_->lock(touched_);
    upserts_.write(
        rows_, [this](std::uint32_t table) { return target(table); }, rejections);
    if (rollup_) add_to_rollups(rejections);
    write_states(rejections);
    write_marks(rejections);
  });
  rejected.insert(rejected.end(), rejections.list().begin(), rejections.list().end());
  return rejected;
}

// What the server has refused is not there.
void WideWriter::add_to_rollups(const Rejections& rejections) {
  std::vector<Rows::Cell> kept;
  rollup_->begin();
  for (const Rows::Row& row : rows_.rows()) {
    std::span<const Rows::Cell> cells = rows_.cells(row);
    if (!rejections.list().empty()) {
      kept.assign(cells.begin(), cells.end());
      std::erase_if(kept, [&](const Rows::Cell& cell) { return rejections.has(*cell.item); });
      if (kept.empty()) continue;
      cells = kept;
    }
    rollup_->add(row, cells);
  }
  rollup_->end();
  store_->flush();
}

// Lays the batches out as rows, states and marks; false when there is a series without a place.
bool WideWriter::collect(std::span<const BatchPtr> batches, std::vector<Rejected>& rejected) {
  rejected.clear();
  rows_.clear();
  states_.clear();
  marks_.clear();
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const Batch& batch = *batches[b];
    for (std::size_t i = 0; i < batch.items.size(); ++i) {
      const Measurement& item = batch.items[i];
      const std::int64_t time = to_us(item.time_ns);
      const Slot& slot = slots_[item.series];
      const bool text = item.type == MESURA_TEXT;
      if (slot.place == Slot::Place::unknown) return false;
      if (!text && !std::isfinite(item.number)) {
        rejected.push_back(
            {b, i, fmt::format("sink-value: {} is not a finite number", series_.at(item.series).name())});
        continue;
      }
      if (slot.place == Slot::Place::wide) {
        if (text) {
          rejected.push_back({b, i,
                              fmt::format("sink-type: {} is a number, got the text '{}'",
                                          series_.at(item.series).name(), batch.text(item))});
          continue;
        }
        rows_.add(slot.table, slot.column, time, item, batch, slot.member);
      } else if (slot.place == Slot::Place::state) {
        states_.push_back({time, slot.id, slot.usual, &item, &batch});
      } else {
        rejected.push_back({b, i, refusal(series_.at(item.series))});
        continue;
      }
      if (item.quality != slot.usual) {
        marks_.push_back({time, slot.id, item.quality, &item});
        newest_mark_ = std::max(newest_mark_, time);
      } else if (time <= newest_mark_) {
        marks_.push_back({time, slot.id, std::nullopt, &item});
      }
    }
  }
  rows_.finish();
  return true;
}

void WideWriter::place(std::span<const BatchPtr> batches) {
  std::vector<Wanted> wanted;
  std::vector<bool> seen(slots_.size());
  for (const BatchPtr& batch : batches) {
    for (const Measurement& item : batch->items) {
      if (slots_[item.series].place != Slot::Place::unknown || seen[item.series]) continue;
      seen[item.series] = true;
      wanted.push_back({item.series, item.quality, to_us(item.time_ns)});
    }
  }
  if (!layout_.place(wanted, slots_)) return;
  upserts_.forget();
  start_rollups();
}

Target WideWriter::target(std::uint32_t index) const {
  const WideTable& table = layout_.tables()[index];
  Target target{quote_name(table.name), "time", table.fleet ? "device_id" : "", {}, {}};
  for (const std::string& column : table.columns) target.columns.push_back(quote_name(column));
  return target;
}

void WideWriter::write_states(Rejections& rejections) {
  pending_.clear();
  for (const State& state : states_) {
    if (is_news(state, rejections)) pending_.push_back(state);
  }
  flush_states(rejections);
}

// A state equal to the one before it, not long ago, says nothing new: it is not written, so that a text sent every
// second does not fill the disk. Looking at the row before makes this the same for a repeat, for late data and after a
// restart.
bool WideWriter::is_news(const State& state, Rejections& rejections) {
  const Measurement& item = *state.item;
  const bool is_text = item.type == MESURA_TEXT;
  const std::string_view text = is_text ? state.batch->text(item) : std::string_view{};
  const StateRow* before = state_before(state, rejections);
  if (before != nullptr && before->quality == item.quality && before->is_text == is_text &&
      (is_text ? before->text == text : before->number == item.number) && state.time - before->time < kStateRepeatUs) {
    return false;
  }
  StateRow& newest = newest_state_[state.series];
  if (newest.time <= state.time) newest = {state.time, is_text, item.number, std::string{text}, item.quality};
  return true;
}

// The row of the same series at the same time or before it; null when there is none.
const WideWriter::StateRow* WideWriter::state_before(const State& state, Rejections& rejections) {
  const auto find = [&](std::int64_t time, StateRow& row) {
    flush_states(rejections);
    find_state_.bind(0, std::int64_t{state.usual});
    find_state_.bind(1, state.series);
    find_state_.bind_time(2, time);
    find_state_.execute();
    const bool found = find_state_.fetch();
    if (found) {
      row.time = find_state_.time_us(0);
      row.is_text = find_state_.is_null(1);
      row.number = find_state_.number(1);
      row.text = find_state_.text(2);
      row.quality = static_cast<std::uint8_t>(find_state_.integer(3));
    }
    while (find_state_.fetch()) {
    }
    return found;
  };
  const auto newest = newest_state_.find(state.series);
  StateRow& latest = newest != newest_state_.end() ? newest->second : newest_state_[state.series];
  if (newest == newest_state_.end()) {
    latest.time = kNever;
    find(kEnd, latest);
  }
  if (latest.time == kNever) return nullptr;
  if (latest.time <= state.time) return &latest;
  return find(state.time, older_state_) ? &older_state_ : nullptr;
}

void WideWriter::flush_states(Rejections& rejections) {
  if (pending_.empty()) return;
  Parameters& p = state_parameters_;
  p.resize(pending_.size());
  for (std::size_t r = 0; r < pending_.size(); ++r) {
    const State& state = pending_[r];
    p.set(r, 0, state.series);
    p.set_time(r, 1, to_datetime(state.time));
    if (state.item->type == MESURA_TEXT) {
      p.set_null(r, 2);
      p.set(r, 3, state.batch->text(*state.item));
    } else {
      p.set(r, 2, state.item->number);
      p.set_null(r, 3);
    }
  }
  execute_but(put_states_, p, 0, pending_.size(), [&](std::size_t row, const Error& why) {
    newest_state_.erase(pending_[row].series);
    rejections.add(*pending_[row].item, *pending_[row].batch, why);
  });
  pending_.clear();
}

void WideWriter::write_marks(const Rejections& rejections) {
  const auto key = [](const Mark& m) { return std::tie(m.time, m.series); };
  if (marks_.empty()) return;
  std::stable_sort(marks_.begin(), marks_.end(), [&](const Mark& a, const Mark& b) { return key(a) < key(b); });
  mark_parameters_.resize(marks_.size());
  drop_parameters_.resize(marks_.size());
  std::size_t put = 0;
  std::size_t drop = 0;
  for (std::size_t i = 0; i < marks_.size(); ++i) {
    const Mark& mark = marks_[i];
    // The last one of an instant counts.
    if (i + 1 < marks_.size() && key(mark) == key(marks_[i + 1])) continue;
    if (rejections.has(*mark.item)) continue;
    Parameters& p = mark.flags ? mark_parameters_ : drop_parameters_;
    const std::size_t row = mark.flags ? put++ : drop++;
    p.set_time(row, 0, to_datetime(mark.time));
    p.set(row, 1, mark.series);
    if (mark.flags) p.set(row, 2, std::int64_t{*mark.flags});
  }
  put_marks_.execute(mark_parameters_, 0, put);
  drop_marks_.execute(drop_parameters_, 0, drop);
}

}  // namespace mesura::sinks::mysql
