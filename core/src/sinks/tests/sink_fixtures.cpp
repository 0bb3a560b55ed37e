// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/tests/sink_fixtures.hpp"

#include "database/sqlite.hpp"
#include "runtime/time_text.hpp"
#include "sinks/csv/csv_sink.hpp"
#include "sinks/csv/device_file.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

namespace mesura::sinks::test {
namespace {

Feed::Value value_of(const CsvCell& cell) {
  double number = 0;
  const char* end = cell.text.data() + cell.text.size();
  const auto parsed = std::from_chars(cell.text.data(), end, number);
  if (!cell.quoted && !cell.text.empty() && parsed.ptr == end && parsed.ec == std::errc{}) return number;
  return cell.text;
}

std::int64_t time_us(const std::string& text) {
  const auto time = runtime::parse_time(text);
  if (!time) throw std::runtime_error("no time: " + text);
  return *time / 1000;
}

// "l1_voltage_v=suspect;l2_voltage_v=stale" or "suspect" for all.
std::string quality_of(const std::string& cell, const std::string& name) {
  if (cell.empty()) return "good";
  if (cell.find('=') == std::string::npos) return cell;
  for (std::size_t at = 0; at < cell.size();) {
    const auto end = std::min(cell.find(';', at), cell.size());
    const std::string part = cell.substr(at, end - at);
    if (part.substr(0, part.find('=')) == name) return part.substr(part.find('=') + 1);
    at = end + 1;
  }
  return "good";
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& directory, const std::string& device) {
  std::vector<std::filesystem::path> out;
  for (const std::string& name : list_files(directory)) {
    const auto parsed = csv::parse_file_name(name);
    if (parsed && parsed->stem == file_stem(device)) out.push_back(directory / name);
  }
  return out;
}

}  // namespace

std::string suffixed(const std::string& channel, const std::string& quantity, const std::string& unit) {
  std::string out = channel + "_" + quantity;
  if (unit != "1") out += "_" + unit;
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::shared_ptr<void> Adapter::small_disk() const {
  // A limit on the size of files fails a write in the same way as a full disk does.
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  if (::getrlimit(RLIMIT_FSIZE, &before) != 0) throw std::runtime_error("getrlimit");
  rlimit small = before;
  small.rlim_cur = 300'000;
  if (::setrlimit(RLIMIT_FSIZE, &small) != 0) throw std::runtime_error("setrlimit");
  return {nullptr, [before](const void*) { ::setrlimit(RLIMIT_FSIZE, &before); }};
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "mesura-sinks-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
  std::filesystem::remove_all(path_, ignored);
}

std::uint32_t Feed::number(std::string device, std::string channel, std::string quantity, std::string unit) {
  SeriesInfo info;
  info.flat_name = suffixed(channel, quantity, unit);
  info.device = std::move(device);
  info.fleet = fleet_;
  info.channel = std::move(channel);
  info.quantity = std::move(quantity);
  info.unit = std::move(unit);
  info.decimals = 3;
  return table_.add(std::move(info));
}

std::uint32_t Feed::text(std::string device, std::string channel, std::string quantity) {
  SeriesInfo info;
  info.flat_name = suffixed(channel, quantity, "1");
  info.device = std::move(device);
  info.fleet = fleet_;
  info.channel = std::move(channel);
  info.quantity = std::move(quantity);
  info.unit = "1";
  info.kind = Kind::state;
  info.text = true;
  return table_.add(std::move(info));
}

std::uint32_t Feed::state(std::string device, std::string channel, std::string quantity) {
  SeriesInfo info;
  info.flat_name = suffixed(channel, quantity, "1");
  info.device = std::move(device);
  info.fleet = fleet_;
  info.channel = std::move(channel);
  info.quantity = std::move(quantity);
  info.unit = "1";
  info.kind = Kind::state;
  return table_.add(std::move(info));
}

BatchPtr Feed::batch(std::int64_t time_ns, const std::vector<Item>& items) const {
  auto out = std::make_shared<Batch>();
  out->time_ns = time_ns;
  out->received_ns = time_ns;
  if (!items.empty()) out->device = table_.at(items.front().series).device;
  for (const Item& item : items) {
    Measurement m{};
    m.time_ns = item.time_ns == INT64_MIN ? time_ns : item.time_ns;
    m.series = item.series;
    m.quality = item.quality;
    if (const auto* number = std::get_if<double>(&item.value)) {
      m.number = *number;
      m.type = MESURA_NUMBER;
    } else {
      const auto& text = std::get<std::string>(item.value);
      m.type = MESURA_TEXT;
      m.text_offset = static_cast<std::uint32_t>(out->texts.size());
      m.text_size = static_cast<std::uint16_t>(text.size());
      out->texts += text;
    }
    out->items.push_back(m);
  }
  return out;
}

std::unique_ptr<Sink> SqliteAdapter::make(const SeriesTable& series) const {
  return std::make_unique<sqlite::SqliteSink>(sqlite::Options{directory() / "store.db", true, {}, "Europe/Brussels"},
                                              series, runtime::Logger{});
}

Stored SqliteAdapter::read(const std::vector<std::string>& devices) const {
  Stored out;
  database::Database db{directory() / "store.db"};
  database::Statement series = db.prepare("SELECT id, device, table_name, column_name, quality, fleet FROM series");
  while (series.step()) {
    const std::string device = series.text(1);
    if (std::find(devices.begin(), devices.end(), device) == devices.end()) continue;
    const std::string column = series.text(3);
    const auto usual = static_cast<std::uint8_t>(series.integer(4));
    std::map<std::int64_t, std::uint8_t> marks;
    database::Statement quality = db.prepare("SELECT time, flags FROM quality WHERE series = ?1");
    quality.bind(1, series.integer(0));
    while (quality.step()) marks[quality.integer(0)] = static_cast<std::uint8_t>(quality.integer(1));

    const bool state = series.text(2) == "states";
    std::string sql = fmt::format("SELECT time, number, text FROM states WHERE series = {}", series.integer(0));
    if (!state) {
      sql = fmt::format("SELECT time, {0} FROM {1} WHERE {0} IS NOT NULL", database::quote_name(column),
                        database::quote_name(series.text(2)));
      if (!series.text(5).empty()) sql += " AND device_id = (SELECT id FROM devices WHERE name = ?1 AND fleet = ?2)";
    }
    database::Statement values = db.prepare(sql);
    const std::string fleet = series.text(5);
    if (!state && !fleet.empty()) {
      values.bind(1, std::string_view{device});
      values.bind(2, std::string_view{fleet});
    }
    while (values.step()) {
      const std::int64_t time = values.integer(0);
      const auto mark = marks.find(time);
      const std::string flags = quality_to_string(mark != marks.end() ? mark->second : usual);
      const Feed::Value value = values.is_null(1) ? Feed::Value{values.text(2)} : Feed::Value{values.number(1)};
      out[{device, column, time}] = {value, flags};
    }
  }
  return out;
}

std::size_t SqliteAdapter::rows(const std::vector<std::string>& devices) const {
  database::Database db{directory() / "store.db"};
  std::set<std::string> tables;
  database::Statement series = db.prepare("SELECT device, table_name FROM series");
  while (series.step()) {
    if (std::find(devices.begin(), devices.end(), series.text(0)) != devices.end()) tables.insert(series.text(1));
  }
  std::int64_t n = 0;
  for (const std::string& table : tables) n += db.integer("SELECT count(*) FROM " + database::quote_name(table));
  return static_cast<std::size_t>(n);
}

std::shared_ptr<void> SqliteAdapter::lock() const {
  auto db = std::make_shared<database::Database>(directory() / "store.db");
  db->execute("BEGIN IMMEDIATE");
  return db;
}

Stored CsvAdapter::read(const std::vector<std::string>& devices) const {
  Stored out;
  for (const std::string& device : devices) {
    for (const auto& path : files_of(directory(), device)) {
      const auto records = parse_csv(read_file(path));
      const auto& header = records.at(0);
      const bool wide = header.at(1).text == "quality";
      for (std::size_t r = 1; r < records.size(); ++r) {
        const auto& record = records[r];
        if (record.size() != header.size())
          throw std::runtime_error(fmt::format("{}: record {} is torn", path.string(), r));
        const std::int64_t time = time_us(record[0].text);
        if (!wide) {
          const std::string name = suffixed(record[2].text, record[3].text, record[4].text);
          out[{record[1].text, name, time}] = {value_of(record[5]), record[6].text.empty() ? "good" : record[6].text};
          continue;
        }
        for (std::size_t c = 2; c < record.size(); ++c) {
          if (record[c].text.empty() && !record[c].quoted) continue;
          out[{device, header[c].text, time}] = {value_of(record[c]), quality_of(record[1].text, header[c].text)};
        }
      }
    }
  }
  return out;
}

std::size_t CsvAdapter::rows(const std::vector<std::string>& devices) const {
  std::size_t n = 0;
  for (const std::string& device : devices) {
    for (const auto& path : files_of(directory(), device)) n += parse_csv(read_file(path)).size() - 1;
  }
  return n;
}

std::shared_ptr<void> CsvAdapter::lock() const {
  auto fd = std::make_shared<runtime::UniqueFd>(::open(directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) throw std::runtime_error("flock");
  return fd;
}

std::unique_ptr<Sink> CsvWideAdapter::make(const SeriesTable& series) const {
  return std::make_unique<csv::CsvSink>(csv::Options{directory(), csv::Form::wide, 0, {}, false}, series,
                                        runtime::Logger{});
}

std::unique_ptr<Sink> CsvLongAdapter::make(const SeriesTable& series) const {
  return std::make_unique<csv::CsvSink>(csv::Options{directory(), csv::Form::lines, 0, {}, false}, series,
                                        runtime::Logger{});
}

std::vector<std::vector<CsvCell>> parse_csv(const std::string& text) {
  std::vector<std::vector<CsvCell>> records;
  std::vector<CsvCell> record(1);
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside) {
      if (c != '"') {
        record.back().text += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        record.back().text += text[++i];
      } else {
        inside = false;
      }
    } else if (c == '"') {
      inside = record.back().quoted = true;
    } else if (c == ',') {
      record.emplace_back();
    } else if (c == '\n') {
      records.push_back(std::move(record));
      record.assign(1, {});
    } else {
      record.back().text += c;
    }
  }
  if (inside || record.size() > 1 || !record[0].text.empty()) throw std::runtime_error("torn line at the end");
  return records;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out{path, std::ios::binary};
  out << text;
}

std::vector<std::string> list_files(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

Attempt attempt(Sink& sink, const std::vector<BatchPtr>& batches) {
  try {
    sink.open();
  } catch (const SinkError& e) {
    return {false, e.what(), {}, {}};
  }
  WriteResult result = sink.write(batches);
  return {result.outcome == WriteResult::Outcome::committed, result.reason, result.rejected, result.done};
}

OrdinaryUser::OrdinaryUser() : was_root_(::geteuid() == 0) {
  constexpr uid_t kNobody = 65534;
  if (was_root_ && ::seteuid(kNobody) != 0) throw std::runtime_error("seteuid");
}

OrdinaryUser::~OrdinaryUser() {
  if (was_root_ && ::seteuid(0) != 0) std::abort();
}

}  // namespace mesura::sinks::test
