// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/reader.hpp"

#include "runtime/files.hpp"
#include "runtime/unique_fd.hpp"
#include "sinks/files.hpp"
#include "sinks/recording/module.hpp"
#include "sinks/recording/segment.hpp"

#include <mesura/sink.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <memory>
#include <system_error>
#include <utility>

namespace mesura::sinks::recording {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBlockBytes = 1U << 20U;

/// Rows of the file that follow one another, and how many were lost before them.
struct Run {
  std::uint64_t begin;
  std::uint64_t end;
  std::uint64_t lost;
};

std::vector<Run> runs_of(const RecordedFile& file) {
  std::vector<Run> runs;
  std::uint64_t at = 0;
  std::uint64_t lost = 0;
  for (const Gap& gap : file.about.gaps) {
    if (gap.row > file.rows) break;
    if (gap.row > at) runs.push_back({at, gap.row, lost});
    at = gap.row;
    if (file.about.fill == Fill::none)
      lost += gap.missing;
    else
      at = std::min(file.rows, gap.row + gap.missing);  // fill is no measurement
  }
  if (at < file.rows) runs.push_back({at, file.rows, lost});
  return runs;
}

/// The first number at or after a time.
std::uint64_t number_at(const RecordedFile& file, std::int64_t time_ns) {
  if (time_ns <= file.about.start_ns) return 0;
  if (time_ns >= file.time_ns(file.numbers())) return UINT64_MAX;
  const double about = static_cast<double>(time_ns - file.about.start_ns) / file.about.period_ns;
  // The division may be off by one where the row's own time was rounded.
  auto number = static_cast<std::uint64_t>(std::max(0.0, std::floor(about) - 1));
  while (file.time_ns(number) < time_ns) ++number;
  return number;
}

/// Hands rows over as runs and range have them.
class Slices {
 public:
  Slices(const RecordedFile& file, std::int64_t from_ns, std::int64_t to_ns)
      : begin_(number_at(file, from_ns)), end_(number_at(file, to_ns)), runs_(runs_of(file)) {}

  /// [begin, end) of the file's rows that are wanted.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> part_of(const Run& run) const {
    const std::uint64_t from = begin_ > run.lost ? begin_ - run.lost : 0;
    const std::uint64_t to = end_ > run.lost ? end_ - run.lost : 0;
    return {std::max(run.begin, from), std::min(run.end, to)};
  }
  [[nodiscard]] const std::vector<Run>& runs() const { return runs_; }

 private:
  std::uint64_t begin_, end_;
  std::vector<Run> runs_;
};

bool read_plain(const RecordedFile& file, const Slices& slices, const std::function<bool(const RecordedRows&)>& visit) {
  const runtime::UniqueFd fd{::open(file.data.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) fail_io(file.data, "opening", errno);
  const std::size_t channels = file.about.names.size();
  const std::uint64_t row_bytes = channels * sizeof(float);
  const std::uint64_t block = std::max<std::uint64_t>(1, kBlockBytes / row_bytes);
  std::vector<float> samples(block * channels);
  for (const Run& run : slices.runs()) {
    const auto [begin, end] = slices.part_of(run);
    for (std::uint64_t row = begin; row < end;) {
      const std::uint64_t rows = std::min(block, end - row);
      std::size_t got = 0;
      while (got < rows * row_bytes) {
        const auto n = ::pread(fd.get(), reinterpret_cast<char*>(samples.data()) + got, rows * row_bytes - got,
                               static_cast<off_t>(row * row_bytes + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail_io(file.data, "reading", errno);
        if (n == 0)
          throw SinkError(fmt::format("rec-short: {}: the file ends before its description says", file.data.string()));
        got += static_cast<std::size_t>(n);
      }
      if (!visit({row + run.lost, rows, {samples.data(), rows * channels}})) return false;
      row += rows;
    }
  }
  return true;
}

struct CloseReader {
  const mesura_matroska_module* module;
  void operator()(mesura_matroska_reader* reader) const { module->reader_close(reader); }
};

/// Rows of several streams side by side, as they become whole.
class Interleaver {
 public:
  explicit Interleaver(const RecordedFile& file) : channels_(file.about.names.size()) {
    auto streams = file.about.streams;
    if (streams.empty()) streams.push_back(file.about.names);
    for (const auto& names : streams) {
      Stream& stream = streams_.emplace_back();
      for (const std::string& name : names) {
        const auto at = std::find(file.about.names.begin(), file.about.names.end(), name);
        if (at == file.about.names.end())
          throw SinkError(fmt::format("rec-description: {}: its stream has a channel '{}' that it does not list",
                                      file.data.string(), name));
        stream.columns.push_back(static_cast<std::size_t>(at - file.about.names.begin()));
      }
    }
  }
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }
  [[nodiscard]] std::size_t channels_of(std::size_t stream) const { return streams_[stream].columns.size(); }
  void add(std::size_t stream, std::uint32_t rows, const float* const* planes) {
    Stream& s = streams_[stream];
    const std::size_t need = (s.rows + rows) * channels_;
    if (samples_.size() < need) samples_.resize(need);
    for (std::size_t c = 0; c < s.columns.size(); ++c)
      for (std::uint32_t row = 0; row < rows; ++row)
        samples_[(s.rows + row) * channels_ + s.columns[c]] = planes[c][row];
    s.rows += rows;
  }
  [[nodiscard]] std::uint64_t whole() const {
    std::uint64_t rows = UINT64_MAX;
    for (const Stream& s : streams_) rows = std::min(rows, s.rows);
    return rows;
  }
  [[nodiscard]] std::span<const float> rows(std::uint64_t first, std::uint64_t count) const {
    return std::span{samples_}.subspan(first * channels_, count * channels_);
  }
  void drop(std::uint64_t rows) {
    std::uint64_t most = 0;
    for (Stream& s : streams_) most = std::max(most, s.rows);
    std::move(samples_.begin() + static_cast<std::ptrdiff_t>(rows * channels_),
              samples_.begin() + static_cast<std::ptrdiff_t>(most * channels_), samples_.begin());
    for (Stream& s : streams_) s.rows -= rows;
  }

 private:
  struct Stream {
    std::vector<std::size_t> columns;
    std::uint64_t rows = 0;
  };
  std::size_t channels_;
  std::vector<Stream> streams_;
  std::vector<float> samples_;
};

bool read_matroska(const RecordedFile& file, const Slices& slices,
                   const std::function<bool(const RecordedRows&)>& visit) {
  const mesura_matroska_module& module = matroska_module();
  mesura_matroska_error error{};
  const auto refuse = [&] { throw SinkError(fmt::format("rec-matroska: {}: {}", file.data.string(), error.text)); };
  const std::unique_ptr<mesura_matroska_reader, CloseReader> reader{module.reader_open(file.data.c_str(), &error),
                                                                    CloseReader{&module}};
  if (!reader) refuse();
  Interleaver rows{file};
  for (std::size_t s = 0; s < rows.streams(); ++s)
    if (module.reader_channels(reader.get(), static_cast<std::uint32_t>(s)) != rows.channels_of(s))
      throw SinkError(
          fmt::format("rec-description: {}: its streams are not those of its description", file.data.string()));
  std::uint64_t row = 0;  // of the file, the first in `rows`
  std::uint64_t wanted_end = 0;
  for (const Run& run : slices.runs()) wanted_end = std::max(wanted_end, slices.part_of(run).second);
  while (row < wanted_end) {
    mesura_matroska_frame frame{};
    const int got = module.reader_next(reader.get(), &frame, &error);
    if (got < 0) refuse();
    if (got == 0) break;
    if (frame.track >= rows.streams()) continue;
    rows.add(frame.track, frame.rows, frame.planes);
    const std::uint64_t whole = rows.whole();
    if (whole < 4096 && row + whole < wanted_end) continue;
    for (const Run& run : slices.runs()) {
      const auto [begin, end] = slices.part_of(run);
      const std::uint64_t from = std::max(begin, row);
      const std::uint64_t to = std::min(end, row + whole);
      if (from < to && !visit({from + run.lost, to - from, rows.rows(from - row, to - from)})) return false;
    }
    rows.drop(whole);
    row += whole;
  }
  if (row >= wanted_end) return true;
  // A file that is being written ends where it ends; its last rows may still be on their way.
  const std::uint64_t whole = rows.whole();
  for (const Run& run : slices.runs()) {
    const auto [begin, end] = slices.part_of(run);
    const std::uint64_t from = std::max(begin, row);
    const std::uint64_t to = std::min(end, row + whole);
    if (from < to && !visit({from + run.lost, to - from, rows.rows(from - row, to - from)})) return false;
  }
  if (row + whole < std::min(wanted_end, file.about.rows))
    throw SinkError(fmt::format("rec-short: {}: {} rows can be read\n  expected  {}, as its description says",
                                file.data.string(), row + whole, file.about.rows));
  return true;
}

}  // namespace

std::optional<RecordedFile> recorded_file(const fs::path& sidecar) {
  std::optional<std::string> text;
  try {
    text = runtime::read_file(sidecar.string());
  } catch (const std::exception& e) {
    throw SinkError(fmt::format("rec-read: {}", e.what()));
  }
  if (!text) return std::nullopt;
  auto about = describe(*text);
  if (!about) return std::nullopt;
  RecordedFile file{sidecar.parent_path() / about->file, std::move(*about), 0};
  file.rows = file.about.rows;
  struct stat info {};
  if (::stat(file.data.c_str(), &info) != 0) {
    file.data += ".part";
    if (::stat(file.data.c_str(), &info) != 0) return std::nullopt;
  }
  // While it is written whole rows are right beyond those that are described.
  if (!file.about.finished && file.data.extension() == kPlainEnding)
    file.rows = static_cast<std::uint64_t>(info.st_size) / (file.about.names.size() * sizeof(float));
  return file;
}

std::uint64_t RecordedFile::numbers() const {
  std::uint64_t count = rows;
  if (about.fill == Fill::none)
    for (const Gap& gap : about.gaps) count += gap.missing;
  return count;
}

std::vector<RecordedFile> recorded_files(const fs::path& directory, const std::string& device, std::int64_t from_ns,
                                         std::int64_t to_ns) {
  std::vector<RecordedFile> files;
  std::error_code error;
  for (fs::directory_iterator at{directory / file_stem(device), error}, end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != ".json") continue;
    auto file = recorded_file(at->path());
    if (!file || file->about.device != device || file->rows == 0) continue;
    if (file->about.start_ns >= to_ns || file->time_ns(file->numbers()) <= from_ns) continue;
    files.push_back(std::move(*file));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    throw SinkError(fmt::format("rec-read: {}: {}", (directory / file_stem(device)).string(), error.message()));
  std::sort(files.begin(), files.end(), [](const RecordedFile& a, const RecordedFile& b) {
    return std::pair{a.about.start_ns, a.data} < std::pair{b.about.start_ns, b.data};
  });
  return files;
}

bool read_rows(const RecordedFile& file, std::int64_t from_ns, std::int64_t to_ns,
               const std::function<bool(const RecordedRows&)>& visit) {
  const Slices slices{file, from_ns, to_ns};
  return file.data.extension() == kPlainEnding ? read_plain(file, slices, visit) : read_matroska(file, slices, visit);
}

}  // namespace mesura::sinks::recording
