// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/csv/csv_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <map>
#include <system_error>
#include <utility>

namespace mesura::sinks::csv {
namespace {

constexpr std::size_t kMaxOpenFiles = 256;
// Of the last lines, kept to know a repeat: in all, and the least and most for one device.
constexpr std::size_t kRememberedBytes = 32 * 1024 * 1024;
constexpr std::size_t kRememberedLeast = 32 * 1024;
constexpr std::size_t kRememberedMost = 1024 * 1024;
// Compressing must not keep the queue waiting; a file takes as many turns as it needs.
constexpr auto kGzipTurn = std::chrono::milliseconds{200};

// Of each device's finished files when the sink opens: there may be years of them.
constexpr std::size_t kLookedAt = 8;
constexpr std::size_t kRememberedFiles = 3;

constexpr char kWideStart[] = "time,quality";
constexpr char kLinesHeader[] = "time,device,channel,quantity,unit,value,quality\n";
constexpr std::size_t kFixedCells = 2;  // time, quality

std::string cell(std::string_view text) {
  std::string out(text_room(text), '\0');
  out.resize(static_cast<std::size_t>(write_text(out.data(), text) - out.data()));
  return out;
}

std::size_t cell_room(const Rows::Cell& c) {
  return c.item->type == MESURA_TEXT ? text_room(c.batch->text(*c.item)) : kNumberRoom;
}

char* write_value(char* to, const Rows::Cell& c) {
  return c.item->type == MESURA_TEXT ? write_text(to, c.batch->text(*c.item)) : write_number(to, c.item->number);
}

}  // namespace

CsvSink::CsvSink(Options options, const SeriesTable& series, runtime::Logger log)
    : options_(std::move(options)), series_(series), log_(std::move(log)) {}

CsvSink::~CsvSink() = default;

std::string CsvSink::describe() const { return "csv " + options_.directory.string(); }

void CsvSink::open() {
  if (leads_to(options_.directory, directory_)) return;
  close();
  directory_ = take_directory(options_.directory, "CSV files");
  try {
    scan();
  } catch (...) {
    close();
    throw;
  }
}

// Learns what earlier runs left: files to go on with, the last finished one of each device, halves of a compression.
void CsvSink::scan() {
  struct Found {
    std::vector<std::int64_t> names;
    std::vector<std::filesystem::path> parts;  // the newest last, as in `finished`
    std::vector<std::filesystem::path> finished;
  };
  std::map<std::string, Found> found;
  std::vector<std::filesystem::path> names;
  try {
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) names.push_back(entry.path());
  } catch (const std::filesystem::filesystem_error& e) {
    throw SinkError(fmt::format("sink-io: reading directory {}: {}", options_.directory.string(), e.code().message()));
  }
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
    const auto x = parse_file_name(a.filename().string());
    const auto y = parse_file_name(b.filename().string());
    return std::pair{x ? x->time_ns : 0, a.native().size()} < std::pair{y ? y->time_ns : 0, b.native().size()};
  });
  for (const auto& path : names) {
    const auto name = parse_file_name(path.filename().string());
    if (!name) continue;
    Found& f = found[name->stem];
    f.names.push_back(name->time_ns);
    if (name->ending == ".csv.part") {
      f.parts.push_back(path);
    } else if (name->ending == ".csv") {
      // The compressed file gets its name when it is whole: this one is what should have gone next.
      if (std::error_code ignored; std::filesystem::exists(path.string() + ".gz", ignored)) {
        ::unlink(path.c_str());
      } else {
        f.finished.push_back(path);
      }
    } else if (name->ending == ".csv.gz.part") {
      ::unlink(path.c_str());
    }
  }
  const auto time_of = [](const std::filesystem::path& path) {
    return parse_file_name(path.filename().string())->time_ns;
  };
  for (const auto& [stem, f] : found) {
    DeviceFiles& files = devices_[device_of_stem(stem)]->files;
    for (const std::int64_t name : f.names) files.follow(name);
    for (auto part = f.parts.rbegin(); part != f.parts.rend(); ++part) {
      if (files.adopt(time_of(*part), *part)) continue;
      DeviceFile orphan{options_.directory, stem, {}, kRememberedLeast};
      orphan.adopt(*part);
      orphan.recover({});
      if (orphan.in_progress()) orphan.finish();
    }
    if (f.finished.empty()) continue;
    // What was written last, and may come again: in the newest file, and in those of late data that were finished last.
    // Several, because one write may have finished several and a file system's clock cannot tell them apart.
    std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> last;
    const auto some = std::min<std::size_t>(f.finished.size(), kLookedAt);
    for (auto path = f.finished.end() - static_cast<std::ptrdiff_t>(some); path != f.finished.end(); ++path) {
      std::error_code ignored;
      last.emplace_back(std::filesystem::last_write_time(*path, ignored), *path);
    }
    std::sort(last.begin(), last.end());
    files.remember(time_of(f.finished.back()), f.finished.back());
    for (auto path = last.end() - static_cast<std::ptrdiff_t>(std::min(last.size(), kRememberedFiles));
         path != last.end(); ++path) {
      files.remember(time_of(path->second), path->second);
    }
  }
}

std::uint32_t CsvSink::device_of_stem(const std::string& stem) {
  const auto [at, added] = by_stem_.try_emplace(stem, static_cast<std::uint32_t>(devices_.size()));
  if (added) {
    const std::size_t remembered =
        std::clamp(kRememberedBytes / (devices_.size() + 1), kRememberedLeast, kRememberedMost);
    devices_.push_back(std::make_unique<Device>(
        DeviceFiles{options_.directory, stem, {options_.max_bytes, options_.every.count()}, remembered}));
    for (const auto& device : devices_) device->files.set_remembered(remembered);
  }
  return at->second;
}

WriteResult CsvSink::write(std::span<const BatchPtr> batches) {
  if (!directory_) return WriteResult::retry("sink-closed: " + options_.directory.string() + " is not open");
  WriteResult result;
  touched_.clear();
  const auto release = [&] {
    std::size_t open_files = 0;
    for (const auto& device : devices_) {
      device->touched = false;
      const std::size_t its = device->files.open_files();
      if (its > 0 && (open_files += its) > kMaxOpenFiles) device->files.release();
    }
  };
  try {
    collect(batches, result.rejected);
    for (const Rows::Row& row : rows_.rows()) {
      Device& device = *devices_[row.table];
      options_.form == Form::wide ? add_wide(device, row) : add_lines(device, row);
    }
    for (const std::uint32_t d : touched_) devices_[d]->files.sync();
  } catch (const SinkError& e) {
    for (const std::uint32_t d : touched_) devices_[d]->files.rollback();
    release();
    return WriteResult::retry(e.what());
  }
  for (const std::uint32_t d : touched_) devices_[d]->files.commit();
  release();
  return result;
}

void CsvSink::collect(std::span<const BatchPtr> batches, std::vector<Rejected>& rejected) {
  rows_.clear();
  slots_.resize(series_.size());
  std::uint32_t at_hand = kNoDevice;
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const Batch& batch = *batches[b];
    for (std::size_t i = 0; i < batch.items.size(); ++i) {
      const Measurement& item = batch.items[i];
      if (item.type != MESURA_TEXT && !std::isfinite(item.number)) {
        rejected.push_back(
            {b, i, fmt::format("sink-value: {} is not a finite number", series_.at(item.series).name())});
        continue;
      }
      const Slot* slot = &slots_[item.series];
      if (slot->device == kNoDevice) slot = &resolve(item.series);
      if (slot->device != at_hand) {
        at_hand = slot->device;
        if (!devices_[at_hand]->touched) touch(at_hand);
      }
      rows_.add(slot->device, slot->column, item.time_ns, item, batch);
    }
  }
  rows_.finish();
}

const CsvSink::Slot& CsvSink::resolve(std::uint32_t series) {
  const SeriesInfo& info = series_.at(series);
  const std::uint32_t index = device_of_stem(file_stem(info.device));
  Device& device = *devices_[index];
  make_ready(device);
  slots_[series] = {index, add_column(device, info)};
  return slots_[series];
}

void CsvSink::make_ready(Device& device) {
  if (device.ready) return;
  if (const std::uint64_t cut = device.files.recover(); cut > 0) {
    log_.warn("csv-torn", "{}: an interrupted write left {} bytes that are no whole line; they were cut off",
              describe(), cut);
  }
  device.header = options_.form == Form::wide ? std::string{kWideStart} + "\n" : kLinesHeader;
  const std::vector<std::string>& header = device.files.header();
  if (options_.form == Form::wide && header.size() > kFixedCells && header[0] == "time" && header[1] == "quality") {
    device.header.pop_back();
    for (std::size_t i = kFixedCells; i < header.size(); ++i) {
      device.columns.push_back({header[i], {}});
      device.header += "," + cell(header[i]);
    }
    device.header += '\n';
  }
  device.ready = true;
}

std::uint32_t CsvSink::add_column(Device& device, const SeriesInfo& info) {
  const std::string key = info.channel + '\0' + info.quantity + '\0' + info.unit;
  if (const auto found = device.by_series.find(key); found != device.by_series.end()) return found->second;

  const auto claimed = [&](std::size_t column) {
    return std::any_of(device.by_series.begin(), device.by_series.end(),
                       [&](const auto& s) { return s.second == column; });
  };
  // A column of the file that goes on, unless another series of this run has the same name.
  std::string name = info.flat_name;
  for (int n = 2;; ++n) {
    const auto at =
        std::find_if(device.columns.begin(), device.columns.end(), [&](const Column& c) { return c.header == name; });
    const auto index = static_cast<std::size_t>(at - device.columns.begin());
    if (at == device.columns.end()) {
      const std::string prefix =
          cell(info.device) + "," + cell(info.channel) + "," + cell(info.quantity) + "," + cell(info.unit) + ",";
      device.columns.push_back({name, prefix});
      if (options_.form == Form::wide) {
        device.header.pop_back();
        device.header += "," + cell(name) + "\n";
      }
    }
    if (at == device.columns.end() || !claimed(index)) {
      device.by_series.emplace(key, static_cast<std::uint32_t>(index));
      return static_cast<std::uint32_t>(index);
    }
    name = fmt::format("{}_{}", info.flat_name, n);
  }
}

void CsvSink::touch(std::uint32_t index) {
  Device& device = *devices_[index];
  // First: what mark() may have begun is rolled back with the rest.
  device.touched = true;
  touched_.push_back(index);
  device.files.mark();
}

void CsvSink::add_wide(Device& device, const Rows::Row& row) {
  std::span<const Rows::Cell> cells = rows_.cells(row);
  const auto by_column = [](const Rows::Cell& a, const Rows::Cell& b) { return a.column < b.column; };
  if (!std::is_sorted(cells.begin(), cells.end(), by_column)) {
    sorted_.assign(cells.begin(), cells.end());
    std::sort(sorted_.begin(), sorted_.end(), by_column);
    cells = sorted_;
  }
  line_.clear();
  std::uint8_t quality = 0;
  std::size_t room = device.columns.size();
  for (const Rows::Cell& c : cells) {
    quality |= c.item->quality;
    room += cell_room(c);
  }
  line_.end(times_.write(line_.room(kNumberRoom), row.time));
  line_.append(',');
  if ((quality & ~MESURA_DERIVED) != 0) write_quality(device, cells);

  char* to = line_.room(room);
  std::uint32_t column = 0;
  for (const Rows::Cell& c : cells) {
    while (column <= c.column) {
      *to++ = ',';
      ++column;
    }
    to = write_value(to, c);
  }
  while (column < device.columns.size()) {
    *to++ = ',';
    ++column;
  }
  line_.end(to);
  DeviceFile& file = device.files.at(row.time);
  if (file.recent().maybe(row.time) && known_wide(file, row.time)) return;
  device.files.prepare(file, row.time, device.header);
  file.add(row.time, line_.view());
}

// "clock_suspect" when all values of the line have it, else "l1_voltage_v=suspect;l2_voltage_v=stale". Derived is how a
// value comes about, every second anew: the wide form leaves it out.
void CsvSink::write_quality(const Device& device, std::span<const Rows::Cell> cells) {
  const auto flags = [](const Rows::Cell& c) { return static_cast<std::uint8_t>(c.item->quality & ~MESURA_DERIVED); };
  std::string text;
  if (std::all_of(cells.begin(), cells.end(), [&](const Rows::Cell& c) { return flags(c) == flags(cells.front()); })) {
    text = quality_to_string(flags(cells.front()));
  } else {
    for (const Rows::Cell& c : cells) {
      if (flags(c) == MESURA_GOOD) continue;
      text += (text.empty() ? "" : ";") + device.columns[c.column].header + "=" + quality_to_string(flags(c));
    }
  }
  line_.end(write_text(line_.room(text_room(text)), text));
}

// Whether the lines of the same instant say all that line_ says: for each of its cells the youngest that has one says
// the same.
bool CsvSink::known_wide(const DeviceFile& file, std::int64_t time) const {
  const std::vector<std::string_view> cells = split_raw(line_.view());
  std::vector<std::size_t> open;
  for (std::size_t i = kFixedCells; i < cells.size(); ++i) {
    if (!cells[i].empty()) open.push_back(i);
  }
  bool differs = false;
  file.recent().any(time, [&](std::string_view line) {
    const std::vector<std::string_view> old = split_raw(line);
    std::erase_if(open, [&](std::size_t i) {
      if (i >= old.size() || old[i].empty()) return false;
      differs = differs || old[i] != cells[i] || old[1] != cells[1];
      return true;
    });
    return differs || open.empty();
  });
  return !differs && open.empty();
}

void CsvSink::add_lines(Device& device, const Rows::Row& row) {
  DeviceFile& file = device.files.at(row.time);
  const bool perhaps = file.recent().maybe(row.time);
  for (const Rows::Cell& c : rows_.cells(row)) {
    const std::string& prefix = device.columns[c.column].prefix;
    const std::string quality = c.item->quality == MESURA_GOOD ? std::string{} : quality_to_string(c.item->quality);
    line_.clear();
    char* to = line_.room(kNumberRoom + prefix.size() + cell_room(c) + text_room(quality) + 2);
    char* const start = to;
    to = times_.write(to, row.time);
    *to++ = ',';
    to = std::copy(prefix.begin(), prefix.end(), to);
    const auto key = static_cast<std::size_t>(to - start);
    to = write_value(to, c);
    *to++ = ',';
    if (!quality.empty()) to = write_text(to, quality);
    line_.end(to);

    const std::string_view line = line_.view();
    bool same = false;
    if (perhaps) {
      file.recent().any(row.time, [&](std::string_view old) {
        if (old.substr(0, key) != line.substr(0, key)) return false;
        same = old == line;
        return true;
      });
    }
    if (same) continue;
    device.files.prepare(file, row.time, device.header);
    file.add(row.time, line);
  }
}

void CsvSink::maintain(std::int64_t now_ns) {
  if (!directory_) return;
  for (const auto& device : devices_) device->files.maintain(now_ns);
  if (options_.gzip) compress_next();
}

void CsvSink::compress_next() {
  const auto deadline = std::chrono::steady_clock::now() + kGzipTurn;
  while (std::chrono::steady_clock::now() < deadline) {
    if (gzip_) {
      // Out of gzip_ while it works: one that failed half-way is begun anew.
      std::unique_ptr<Gzip> current = std::move(gzip_);
      if (!current->step(deadline)) {
        gzip_ = std::move(current);
        return;
      }
    }
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory, error)) {
      const auto name = parse_file_name(entry.path().filename().string());
      if (name && name->ending == ".csv") {
        gzip_ = std::make_unique<Gzip>(entry.path());
        break;
      }
    }
    if (!gzip_) return;
  }
}

void CsvSink::close() {
  gzip_.reset();
  slots_.clear();
  devices_.clear();
  by_stem_.clear();
  directory_.reset();
}

}  // namespace mesura::sinks::csv
