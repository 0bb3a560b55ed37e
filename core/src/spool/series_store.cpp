// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "spool/series_store.hpp"

#include <atomic>
#include <string>
#include <string_view>
#include <utility>

namespace mesura::spool {
namespace {

// Some attributes (a clock's offset) change all the time, and none is worth a write of thousands each second.
constexpr auto kAttributesInterval = std::chrono::minutes{1};

constexpr std::uint32_t kMostStored = 1U << 24U;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += '\n';
    out += word;
  }
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    words.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return words;
}

// Runs of this process have small numbers; a run that comes from a file must not be taken for one of them.
std::uint64_t next_loaded_run() {
  static std::atomic<std::uint64_t> next{1ULL << 63U};
  return next++;
}

}  // namespace

void SeriesStore::create(const database::Database& db) {
  db.execute(R"sql(
CREATE TABLE series ( /* what the numbers in the batches mean */
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  fleet TEXT NOT NULL,
  channel TEXT NOT NULL,
  quantity TEXT NOT NULL,
  unit TEXT NOT NULL,
  flat_name TEXT NOT NULL,
  label TEXT NOT NULL,
  role TEXT NOT NULL,
  source TEXT NOT NULL,
  kind INTEGER NOT NULL,
  is_text INTEGER NOT NULL,
  decimals INTEGER NOT NULL,
  integration INTEGER NOT NULL,
  negated INTEGER NOT NULL
);
CREATE TABLE attributes ( /* what devices say of themselves */
  device TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (device, key)
) WITHOUT ROWID;
CREATE TABLE streams ( /* the same for runs of waveform */
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  period_ns REAL NOT NULL,
  names TEXT NOT NULL, /* one a line */
  units TEXT NOT NULL
);
)sql");
}

SeriesStore::SeriesStore(const database::Database& db, SeriesTable& table) : db_(db), table_(table) {
  database::Statement series = db_.prepare(
      "SELECT id, device, fleet, channel, quantity, unit, flat_name, label, role, source, kind, is_text, decimals, "
      "integration, negated FROM series");
  while (series.step()) {
    SeriesInfo info;
    int at = 0;
    const auto stored = static_cast<std::uint32_t>(series.integer(at));
    for (std::string* text : {&info.device, &info.fleet, &info.channel, &info.quantity, &info.unit, &info.flat_name,
                              &info.label, &info.role, &info.source}) {
      *text = series.text(++at);
    }
    info.kind = static_cast<Kind>(series.integer(++at));
    info.text = series.integer(++at) != 0;
    info.decimals = static_cast<int>(series.integer(++at));
    info.integration = static_cast<Integration>(series.integer(++at));
    info.negated = series.integer(++at) != 0;
    const std::uint32_t id = table_.add(std::move(info));
    know(stored, id);
  }
  database::Statement streams = db_.prepare("SELECT id, device, start_ns, period_ns, names, units FROM streams");
  while (streams.step()) {
    auto stream = std::make_shared<WaveformStream>();
    stream->id = next_loaded_run();
    stream->device = streams.text(1);
    stream->start_ns = streams.integer(2);
    stream->period_ns = streams.number(3);
    stream->names = split(streams.text(4));
    stream->units = split(streams.text(5));
    loaded_runs_.emplace(static_cast<std::uint32_t>(streams.integer(0)), std::move(stream));
  }
  database::Statement attributes = db_.prepare("SELECT device, key, value FROM attributes");
  while (attributes.step()) {
    const std::string device = attributes.text(0);
    const std::string key = attributes.text(1);
    // What a device has said since counts.
    if (table_.attribute(device, key).empty()) table_.set_attribute(device, key, attributes.text(2));
  }
  put_series_ = db_.prepare(
      "INSERT INTO series (device, fleet, channel, quantity, unit, flat_name, label, role, source, kind, is_text, "
      "decimals, integration, negated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) RETURNING "
      "id",
      true);
  put_stream_ = db_.prepare(
      "INSERT INTO streams (device, start_ns, period_ns, names, units) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id", true);
}

void SeriesStore::know(std::uint32_t stored, std::uint32_t series) {
  // Numbers are dense; a damaged file's may be anything.
  if (stored > kMostStored) return;
  if (stored >= loaded_.size()) loaded_.resize(stored + 1, kNobody);
  loaded_[stored] = series;
  if (series >= stored_.size()) stored_.resize(series + 1, 0);
  stored_[series] = stored;
}

std::uint32_t SeriesStore::store(std::uint32_t series) {
  if (series < stored_.size() && stored_[series] != 0) return stored_[series];
  const SeriesInfo& info = table_.at(series);
  int at = 0;
  for (const std::string* text : {&info.device, &info.fleet, &info.channel, &info.quantity, &info.unit, &info.flat_name,
                                  &info.label, &info.role, &info.source}) {
    put_series_.bind(++at, std::string_view{*text});
  }
  put_series_.bind(++at, static_cast<std::int64_t>(info.kind));
  put_series_.bind(++at, std::int64_t{info.text ? 1 : 0});
  put_series_.bind(++at, std::int64_t{info.decimals});
  put_series_.bind(++at, static_cast<std::int64_t>(info.integration));
  put_series_.bind(++at, std::int64_t{info.negated ? 1 : 0});
  std::uint32_t stored = 0;
  while (put_series_.step()) stored = static_cast<std::uint32_t>(put_series_.integer(0));
  put_series_.reset();
  know(stored, series);
  fresh_series_.push_back(series);
  return stored;
}

std::uint32_t SeriesStore::store(const WaveformStream& stream) {
  if (const auto known = stored_runs_.find(stream.id); known != stored_runs_.end()) return known->second;
  const std::string names = joined(stream.names);
  const std::string units = joined(stream.units);
  put_stream_.bind(1, std::string_view{stream.device});
  put_stream_.bind(2, stream.start_ns);
  put_stream_.bind(3, stream.period_ns);
  put_stream_.bind(4, std::string_view{names});
  put_stream_.bind(5, std::string_view{units});
  std::uint32_t stored = 0;
  while (put_stream_.step()) stored = static_cast<std::uint32_t>(put_stream_.integer(0));
  put_stream_.reset();
  stored_runs_.emplace(stream.id, stored);
  // A copy with the run's own number: blocks that waited and blocks that did not are of one run.
  loaded_runs_.emplace(stored, std::make_shared<WaveformStream>(stream));
  fresh_streams_.push_back(stream.id);
  return stored;
}

model::StoredIds SeriesStore::stored_ids() {
  return {[this](std::uint32_t series) { return store(series); },
          [this](const WaveformStream& stream) { return store(stream); }};
}

model::LoadedIds SeriesStore::loaded_ids() {
  return {[this](std::uint32_t stored) -> std::optional<std::uint32_t> {
            if (stored >= loaded_.size() || loaded_[stored] == kNobody) return std::nullopt;
            return loaded_[stored];
          },
          [this](std::uint32_t stored) -> std::shared_ptr<const WaveformStream> {
            const auto known = loaded_runs_.find(stored);
            return known != loaded_runs_.end() ? known->second : nullptr;
          }};
}

void SeriesStore::committed() {
  fresh_series_.clear();
  fresh_streams_.clear();
  if (!std::exchange(streams_forgotten_, false)) return;
  stored_runs_.clear();
  loaded_runs_.clear();
}

void SeriesStore::rolled_back() {
  streams_forgotten_ = false;
  // A statement that failed half-way takes no new values before.
  put_series_.reset();
  put_stream_.reset();
  for (const std::uint32_t series : fresh_series_) {
    loaded_[stored_[series]] = kNobody;
    stored_[series] = 0;
  }
  for (const std::uint64_t run : fresh_streams_) {
    loaded_runs_.erase(stored_runs_[run]);
    stored_runs_.erase(run);
  }
  committed();
}

void SeriesStore::put_attributes() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_attributes_) return;
  database::Statement put = db_.prepare(
      "INSERT INTO attributes (device, key, value) VALUES (?1, ?2, ?3) "
      "ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value");
  for (const auto& [of, value] : table_.attributes()) {
    put.bind(1, std::string_view{of.first});
    put.bind(2, std::string_view{of.second});
    put.bind(3, std::string_view{value});
    put.run();
  }
  next_attributes_ = now + kAttributesInterval;
}

void SeriesStore::forget_streams() {
  if (loaded_runs_.empty()) return;
  db_.execute("DELETE FROM streams");
  streams_forgotten_ = true;
}

}  // namespace mesura::spool
