// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/sql/archive.hpp"

#include "store/sql/call.hpp"
#include "store/sql/stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>

namespace mesura::store::sql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// A reader that stays keeps the writer's WAL growing.
constexpr auto kLongestTransaction = std::chrono::seconds{1};
constexpr std::size_t kRowsBetweenLooks = 256;

constexpr std::array kOfRegister{"_delta", "_count"};
constexpr std::array kOfGauge{"_min", "_max", "_last", "_count"};

std::size_t width(bool reg) { return reg ? 3 : 5; }

Level level_of(Resolution resolution) {
  switch (resolution) {
    case Resolution::minute: return Level::minute;
    case Resolution::quarter_hour: return Level::quarter_hour;
    case Resolution::hour: return Level::hour;
    case Resolution::day: return Level::day;
    case Resolution::raw: break;
  }
  throw StoreError(StoreError::Cause::question, "store-resolution: raw rows are no rollups");
}

// Two devices' tables have rows of the same window when a device has moved from one to the other in it.
void add(Cell& into, const Cell& cell) {
  if (cell.count == 0) return;
  if (into.count == 0) {
    into = cell;
    return;
  }
  const auto before = static_cast<double>(into.count);
  const auto now = static_cast<double>(cell.count);
  into.mean = (into.mean * before + cell.mean * now) / (before + now);
  into.min = std::min(into.min, cell.min);
  into.max = std::max(into.max, cell.max);
  into.last = cell.last;
  into.delta += cell.delta;
  into.count += cell.count;
}

}  // namespace

SqlArchive::SqlArchive(std::unique_ptr<Session> session, std::string site_zone)
    : session_(std::move(session)), catalog_(std::move(site_zone)), calendar_(model::Zone::utc()) {}

SqlArchive::~SqlArchive() = default;

const std::vector<StoredSeries>& SqlArchive::series() {
  const Call call{*this};
  return catalog_.series();
}

const model::Zone& SqlArchive::site_zone() {
  const Call call{*this};
  return catalog_.zone();
}

void SqlArchive::check_numbers(std::span<const std::uint32_t> series) const {
  for (const std::uint32_t id : series) {
    if (id >= catalog_.series().size())
      throw StoreError(StoreError::Cause::unknown, fmt::format("store-series: there is no series number {}", id));
    if (catalog_.series()[id].stored_as_state) {
      throw StoreError(
          StoreError::Cause::question,
          fmt::format("store-state: {} is a state, which has no numbers to sum up", catalog_.series()[id].info.name()));
    }
  }
}

std::vector<SqlArchive::Group> SqlArchive::groups(std::span<const std::uint32_t> series) {
  check_numbers(series);
  std::vector<Group> out;
  for (std::size_t i = 0; i < series.size(); ++i) {
    for (const Place& place : catalog_.entry(series[i]).places) {
      const Table& table = catalog_.table(*session_, place.table);
      // A person may have dropped it.
      if (!table.columns.contains(sinks::folded(place.column))) continue;
      auto group = std::find_if(out.begin(), out.end(),
                                [&](const Group& g) { return g.table == place.table && g.member == place.member; });
      if (group == out.end()) group = out.insert(out.end(), Group{place.table, place.member, {}});
      group->columns.emplace_back(i, place.column);
    }
  }
  return out;
}

std::string SqlArchive::from_where(const Table& table, const std::string& name) const {
  return fmt::format(" FROM {} WHERE time >= ? AND time < ?{} ORDER BY time", session_->quote(name),
                     table.fleet ? " AND device_id = ?" : "");
}

// Steps through all streams by time; `at` sees those that have a row then.
void SqlArchive::follow(std::vector<Stream>& streams, const std::function<bool(std::int64_t time_us)>& at) {
  auto began = std::chrono::steady_clock::now();
  for (Stream& s : streams) s.next();
  for (std::size_t rows = 1;; ++rows) {
    std::int64_t time = INT64_MAX;
    bool any = false;
    for (const Stream& s : streams) {
      if (!s.live()) continue;
      any = true;
      time = std::min(time, s.time_us());
    }
    if (!any || !at(time)) return;
    if (rows % kRowsBetweenLooks == 0 && depth_ == 1 &&
        std::chrono::steady_clock::now() - began > kLongestTransaction) {
      for (Stream& s : streams) s.restart_after(time);
      session_->end();
      // Whatever is new is for the next call to know.
      if (session_->begin() != loaded_) loaded_.reset();
      began = std::chrono::steady_clock::now();
      for (Stream& s : streams) s.next();
      continue;
    }
    for (Stream& s : streams)
      if (s.live() && s.time_us() == time) s.next();
  }
}

void SqlArchive::raw(std::span<const std::uint32_t> series, TimeRange range, const RawVisitor& visit) {
  const Call call{*this};
  std::vector<Stream> streams;
  const std::vector<Group> places = groups(series);
  for (const Group& group : places) {
    const Table& table = catalog_.table(*session_, group.table);
    std::string sql = "SELECT time";
    for (const auto& [index, column] : group.columns) sql += ", " + session_->quote(column);
    Stream& stream =
        streams.emplace_back(*session_, sql + from_where(table, table.name), ceil_us(range.from_ns),
                             ceil_us(range.to_ns), table.fleet ? std::optional{group.member} : std::nullopt);
    for (const auto& [index, column] : group.columns) stream.columns.emplace_back(index, false);
    stream.values.resize(group.columns.size());
  }
  std::vector<double> values(series.size());
  const bool direct = streams.size() == 1 && streams[0].columns.size() == series.size();
  follow(streams, [&](std::int64_t time) {
    if (direct) {
      streams[0].row().numbers(1, values);
    } else {
      std::fill(values.begin(), values.end(), kNaN);
      for (const Stream& s : streams) {
        if (!s.live() || s.time_us() != time) continue;
        s.row().numbers(1, s.values);
        for (std::size_t i = 0; i < s.columns.size(); ++i)
          if (!std::isnan(s.values[i])) values[s.columns[i].first] = s.values[i];
      }
    }
    if (std::all_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) return true;
    return visit(RawRow{time * 1000, values});
  });
}

void SqlArchive::read_cells(std::vector<Stream>& streams, std::int64_t time_us, std::span<Cell> cells,
                            RollupRow& row) const {
  double covered = 0;
  row.count = 0;
  for (const Stream& s : streams) {
    if (!s.live() || s.time_us() != time_us) continue;
    s.row().numbers(1, s.values);
    const double count = s.values[0];
    if (s.part == 0) {
      row.count += static_cast<std::uint64_t>(count);
      covered += s.values[1];
    }
    std::size_t at = s.part == 0 ? 2 : 1;
    for (const auto& [index, reg] : s.columns) {
      const double* v = &s.values[at];
      at += width(reg);
      if (std::isnan(v[0])) continue;
      const double own = v[reg ? 2 : 4];
      Cell cell;
      cell.count = static_cast<std::uint64_t>(std::isnan(own) ? count : own);
      if (reg) {
        cell.last = cell.min = cell.max = cell.mean = v[0];
        cell.delta = v[1];
      } else {
        cell.mean = v[0];
        cell.min = v[1];
        cell.max = v[2];
        cell.last = v[3];
      }
      add(cells[index], cell);
    }
  }
  row.completeness = std::min(1.0, covered);
}

void SqlArchive::rollups(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range,
                         const RollupVisitor& visit) {
  const Level level = level_of(resolution);
  const Call call{*this};
  if (session_->layout() < 3) return;
  std::vector<Stream> streams;
  const std::vector<Group> places = groups(series);
  for (std::size_t g = 0; g < places.size(); ++g) {
    const Table& table = catalog_.table(*session_, places[g].table);
    const auto& parts = table.levels[static_cast<std::size_t>(level)];
    for (std::size_t part = 0; part < parts.size(); ++part) {
      if (parts[part].name.empty()) continue;
      std::string sql = "SELECT time, " + session_->quote("count") + (part == 0 ? ", completeness" : "");
      std::vector<std::pair<std::size_t, bool>> columns;
      for (const auto& [index, column] : places[g].columns) {
        const auto found = table.rollup_columns.find(column);
        if (found == table.rollup_columns.end() || found->second.part != part) continue;
        const RollupColumn& c = found->second;
        // Its columns are added with its first row.
        if (!parts[part].columns.contains(sinks::folded(c.name + "_count"))) continue;
        sql += ", " + session_->quote(c.name);
        for (const char* suffix : c.reg ? std::span<const char* const>{kOfRegister} : kOfGauge)
          sql += ", " + session_->quote(c.name + suffix);
        columns.emplace_back(index, c.reg);
      }
      if (part > 0 && columns.empty()) continue;
      Stream& s =
          streams.emplace_back(*session_, sql + from_where(table, parts[part].name), ceil_us(range.from_ns),
                               ceil_us(range.to_ns), table.fleet ? std::optional{places[g].member} : std::nullopt);
      s.group = g;
      s.part = part;
      std::size_t numbers = part == 0 ? 2 : 1;
      for (const auto& [index, reg] : columns) numbers += width(reg);
      s.columns = std::move(columns);
      s.values.resize(numbers);
    }
  }
  std::vector<Cell> cells(series.size());
  follow(streams, [&](std::int64_t time) {
    std::fill(cells.begin(), cells.end(), Cell{});
    RollupRow row{};
    read_cells(streams, time, cells, row);
    const sinks::rollup::Span window = calendar_.window(level, time);
    row.window = {window.start * 1000, window.end * 1000};
    row.cells = cells;
    return visit(row);
  });
}

bool SqlArchive::covers(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range) {
  return behind(resolution, series, range).empty();
}

std::vector<TimeRange> SqlArchive::behind(Resolution resolution, std::span<const std::uint32_t> series,
                                          TimeRange range) {
  const Call call{*this};
  std::vector<TimeRange> out;
  if (range.from_ns >= range.to_ns) return out;
  const bool raw = resolution == Resolution::raw;
  if (!raw && !catalog_.rolled_up()) return {range};
  std::int64_t from = ceil_us(range.from_ns);
  std::int64_t to = ceil_us(range.to_ns);
  const std::size_t level = raw ? kLevels : static_cast<std::size_t>(level_of(resolution));
  const auto whole = [&](std::int64_t start, std::int64_t end) {
    return raw ? sinks::rollup::Span{start, end}
               : sinks::rollup::Span{calendar_.window(level_of(resolution), start).start,
                                     calendar_.window(level_of(resolution), end - 1).end};
  };
  std::vector<sinks::rollup::Span> list;
  std::set<std::uint32_t> tables;
  for (const Group& group : groups(series)) tables.insert(group.table);
  for (const std::uint32_t table : tables) {
    const Standing standing = catalog_.standing(*session_, table);
    if (const std::int64_t expired = standing.expired_us.at(level); expired > from)
      list.push_back(whole(from, std::min(expired, to)));
    if (raw) continue;
    for (const Standing::Stretch& p : standing.pending) {
      if (p.days && resolution != Resolution::day) continue;
      const auto behind = whole(p.start_us, p.end_us);
      if (behind.start < to && behind.end > from)
        list.push_back(
            {std::max(behind.start, whole(from, from + 1).start), std::min(behind.end, whole(to - 1, to).end)});
    }
  }
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  for (const auto& span : list) {
    const TimeRange next{span.start * 1000, span.end * 1000};
    if (!out.empty() && next.from_ns <= out.back().to_ns)
      out.back().to_ns = std::max(out.back().to_ns, next.to_ns);
    else
      out.push_back(next);
  }
  return out;
}

void SqlArchive::states(std::uint32_t series, TimeRange range, const StateVisitor& visit) {
  const Call call{*this};
  if (series >= catalog_.series().size())
    throw StoreError(StoreError::Cause::unknown, fmt::format("store-series: there is no series number {}", series));
  std::optional<StatePoint> before;
  for (const SeriesRow& row : catalog_.entry(series).rows) {
    if (!row.state) continue;
    // A row also says "still so" every five minutes.
    const auto tell = [&](const Rows& rows) {
      StatePoint point{rows.time_us(0) * 1000, rows.is_null(1) ? 0 : rows.number(1), rows.text(2)};
      if (before && before->number == point.number && before->text == point.text) return true;
      before = std::move(point);
      return visit(*before);
    };
    const std::int64_t from = ceil_us(range.from_ns);
    {
      const auto held = session_->select(
          "SELECT time, number, text FROM states WHERE series = ? AND time <= ? ORDER BY time DESC LIMIT 1",
          std::array<Parameter, 2>{row.id, Time{from}});
      if (held->next() && !tell(*held)) return;
    }
    Stream stream{*session_,
                  "SELECT time, number, text FROM states WHERE time >= ? AND time < ? AND series = ? ORDER BY time",
                  from == INT64_MAX ? from : from + 1, ceil_us(range.to_ns), row.id};
    std::vector<Stream> streams;
    streams.push_back(std::move(stream));
    follow(streams, [&](std::int64_t) { return tell(streams[0].row()); });
  }
}

void SqlArchive::quarters(const std::string& device, TimeRange range,
                          const std::function<bool(const StoredQuarter& quarter)>& visit) {
  const Call call{*this};
  if (session_->layout() < 3) return;
  const auto rows = session_->select(
      "SELECT time, quarter_id, average_w, samples, import_w, export_w FROM quarters WHERE device = ? AND time >= ? "
      "AND time < ? ORDER BY time",
      std::array<Parameter, 3>{device, Time{ceil_us(range.from_ns)}, Time{ceil_us(range.to_ns)}});
  while (rows->next()) {
    if (!visit({rows->time_us(0) * 1000, static_cast<std::int32_t>(rows->integer(1)), rows->integer(2),
                static_cast<std::uint64_t>(rows->integer(3)), rows->text(4), rows->text(5)})) {
      return;
    }
  }
}

}  // namespace mesura::store::sql
