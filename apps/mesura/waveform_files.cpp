// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "waveform_files.hpp"

#include "past.hpp"
#include "verbs.hpp"

#include "runtime/unique_fd.hpp"
#include "sinks/files.hpp"
#include "sinks/recording/rows_export.hpp"

#include <mesura/sink.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

namespace mesura::app {
namespace {

namespace fs = std::filesystem;
namespace rec = sinks::recording;

struct Form {
  std::string_view word, ending;
};
constexpr std::array<Form, 3> kForms{{{"plain", ".f32"}, {"mkv", ".mkv"}, {"csv", ".csv"}}};

std::string_view word_of(const fs::path& file) {
  for (const Form& form : kForms)
    if (file.extension() == form.ending) return form.word;
  return {};
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

/// A sink's message, its code in front, as the verb's errors have it.
std::string with_code(const std::string& message) {
  const auto colon = message.find(": ");
  return colon == std::string::npos ? "sink-io]: " + message : message.substr(0, colon) + "]" + message.substr(colon);
}

}  // namespace

WaveformFiles::WaveformFiles(const std::string& form, const std::string& output, bool force, bool one_device) {
  const fs::path path = output.empty() ? fs::path{"recording"} : fs::path{output};
  const std::string_view said = is_there(path) && fs::is_directory(path) ? std::string_view{} : word_of(path);
  const std::string word = !form.empty() ? form : !said.empty() ? std::string{said} : "plain";
  csv_ = word == "csv";
  options_.form = word == "mkv" ? rec::Form::matroska : rec::Form::plain;
  options_.directory = path;
  if (said.empty()) {
    if (force)
      throw VerbError{kUsage,
                      "cli-usage]: --force is for a file that is named with --output; in a directory nothing is "
                      "written over"};
    return;
  }
  if (!one_device)
    throw VerbError{
        kUsage,
        fmt::format("cli-usage]: --output: several devices need a directory\n  got       the file {}", path.string())};
  if (said != word)
    throw VerbError{kUsage, fmt::format("cli-usage]: --format {} does not go with the file {}\n  expected  a name that "
                                        "ends with .f32 (plain), .mkv or .csv as the form does",
                                        word, path.string())};
  name_file(path, force);
}

/// CSV is made at the end, of a plain recording that is called as it is.
void WaveformFiles::name_file(const fs::path& file, bool force) {
  file_ = file;
  options_.directory = file.has_parent_path() ? file.parent_path() : fs::path{"."};
  options_.name = csv_ ? file.filename().string() : file.stem().string();
  const auto beside = [&](std::string_view ending) {
    return options_.directory / (options_.name + std::string{ending});
  };
  const std::array<fs::path, 4> ours{file_, beside(".json"), beside(csv_ ? ".f32" : file_.extension().string()),
                                     beside(".mkv.part")};
  for (const fs::path& path : ours) {
    if (!is_there(path)) continue;
    if (!force)
      throw VerbError{kUsage,
                      fmt::format("rec-exists]: {} is there already\n  hint      --force replaces it", path.string())};
    std::error_code error;
    if (!fs::remove(path, error) && error)
      throw VerbError{kFailed, fmt::format("rec-file]: {}: can't be replaced: {}", path.string(), error.message())};
  }
  for (const std::string_view other : {".f32", ".mkv"})
    if (is_there(beside(other)))
      throw VerbError{kUsage, fmt::format("rec-exists]: {} has the same description, {}, and is there already\n"
                                          "  hint      take another name",
                                          beside(other).string(), beside(".json").string())};
}

std::string WaveformFiles::open(const std::shared_ptr<runtime::Log>& log) {
  try {
    sink_ = std::make_unique<rec::RecordingSink>(options_, runtime::Logger{log, "recording"});
    sink_->open();
  } catch (const SinkError& e) {
    return with_code(e.what());
  }
  if (::access(options_.directory.c_str(), W_OK | X_OK) == 0) return {};
  return fmt::format("sink-io]: {}: {}\n  expected  a directory that can be written", options_.directory.string(),
                     std::strerror(errno));
}

std::string WaveformFiles::write(const std::vector<BatchPtr>& blocks) {
  const WriteResult result = sink_->write(blocks);
  if (result.outcome == WriteResult::Outcome::retry) return result.reason;
  return result.rejected.empty() ? std::string{} : result.rejected.front().reason;
}

void WaveformFiles::close() { sink_->close(); }

std::vector<fs::path> WaveformFiles::written(const std::string& device, std::int64_t from_ns, std::int64_t to_ns,
                                             std::string& trouble) const {
  std::vector<fs::path> paths;
  try {
    std::vector<rec::RecordedFile> files;
    if (file_.empty()) {
      files = rec::recorded_files(options_.directory, device, from_ns, to_ns);
    } else if (auto one = rec::recorded_file(options_.directory / (options_.name + ".json"))) {
      files.push_back(std::move(*one));
    }
    for (const auto& file : files) paths.push_back(file.data);
    if (csv_ && !files.empty()) return csv_of(files);
  } catch (const SinkError& e) {
    if (trouble.empty()) trouble = e.what();
  }
  return paths;
}

std::vector<fs::path> WaveformFiles::csv_of(const std::vector<rec::RecordedFile>& files) const {
  std::vector<fs::path> paths;
  for (const auto& file : files) {
    const fs::path path = file_.empty() ? fs::path{file.data}.replace_extension(".csv") : file_;
    const runtime::UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    if (!fd) sinks::fail_io(path, "making", errno);
    rec::RowsExport rows{{}, [&](std::string_view bytes) {
                           while (!bytes.empty()) {
                             const auto n = ::write(fd.get(), bytes.data(), bytes.size());
                             if (n < 0 && errno == EINTR) continue;
                             if (n < 0) sinks::fail_io(path, "writing", errno);
                             bytes.remove_prefix(static_cast<std::size_t>(n));
                           }
                           return true;
                         }};
    rows.add(file, INT64_MIN, INT64_MAX, [](std::uint64_t) { return true; });
    rows.finish();
    if (::fsync(fd.get()) != 0) sinks::fail_io(path, "syncing", errno);
    // Only now: whatever fails before leaves the plain recording.
    std::error_code ignored;
    fs::remove(file.data, ignored);
    fs::remove(fs::path{file.data}.replace_extension(".json"), ignored);
    paths.push_back(path);
  }
  return paths;
}

}  // namespace mesura::app
