// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura export --recording DEVICE: rows of a waveform as a recording sink has written them.
#include "interrupt.hpp"
#include "past.hpp"
#include "progress.hpp"
#include "verbs.hpp"

#include "config/text.hpp"
#include "runtime/clock.hpp"
#include "runtime/time_text.hpp"
#include "sinks/recording/rows_export.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace mesura::app {
namespace {

namespace rec = sinks::recording;

/// The recording sink that is meant.
const config::SinkConfig& find_recording(const Loaded& loaded, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& sink : loaded.configuration->sinks) {
    if (sink.kind != "recording") continue;
    if (name.empty() || sink.name == name) return sink;
    names.push_back(sink.name);
  }
  throw VerbError{kUsage, name.empty() ? fmt::format("cli-sink]: {} has no sink of kind recording", loaded.file)
                                       : fmt::format("cli-sink]: {} has no sink {} of kind recording\n  expected  {}",
                                                     loaded.file, config::quote(name),
                                                     names.empty() ? "one; there is none" : config::joined(names))};
}

std::vector<std::string> recorded_devices(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at{directory, error}, end; !error && at != end; at.increment(error))
    if (at->is_directory(error)) names.push_back(at->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// A file, or stdout.
class Target {
 public:
  Target(const std::string& path, bool force) : path_(path) {
    if (path == "-") return;
    fd_ = runtime::UniqueFd{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0666)};
    if (!fd_ && errno == EEXIST)
      throw VerbError{kUsage, fmt::format("exp-exists]: {} is there already\n  hint      --force replaces it", path)};
    if (!fd_) fail("can't be written");
  }
  bool write(std::string_view bytes) {
    if (path_ == "-") return out_.write(bytes);
    while (!bytes.empty()) {
      const auto n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("can't be written");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  [[nodiscard]] int finish(int code) {
    if (path_ == "-") return out_.exit_code(code);
    if (::fsync(fd_.get()) != 0 && errno != EINVAL && errno != EROFS) fail("can't be synced");
    return code;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw VerbError{kFailed, fmt::format("exp-file]: {}: {}: {}", path_, what, std::strerror(errno))};
  }
  std::string path_;
  runtime::UniqueFd fd_;
  Out out_;
};

}  // namespace

int export_recording(const ExportRecordingOptions& options) {
  return tell_errors("export", [&] {
    if (options.format != "csv" && options.format != "f32")
      throw VerbError{kUsage, fmt::format("cli-usage]: --format: a recording is exported as csv or f32\n  got       {}",
                                          options.format)};
    const auto loaded = load_configuration(options.common);
    if (!loaded) return static_cast<int>(kUsage);
    if (!loaded->configuration) {
      print_diagnostics(loaded->diagnostics);
      return static_cast<int>(kUsage);
    }
    const auto& sink = find_recording(*loaded, options.sink);
    const model::Zone zone = model::Zone::find(loaded->configuration->timezone).value_or(model::Zone::utc());
    const store::TimeRange range = parse_range(options.from.empty() ? "1970-01-01T00:00:00Z" : options.from, options.to,
                                               runtime::SystemClock{}.wall_ns(), zone);
    const std::filesystem::path directory = sink.options["path"].text();
    const auto files = rec::recorded_files(directory, options.device, range.from_ns, range.to_ns);
    if (files.empty()) {
      const auto devices = recorded_devices(directory);
      const auto hint = config::did_you_mean(options.device, devices);
      throw VerbError{kFailed, fmt::format("rec-none]: {} has no rows of {} in this range\n  expected  {}{}{}",
                                           std::filesystem::absolute(directory).string(), config::quote(options.device),
                                           devices.empty() ? "a recording" : config::joined(devices),
                                           hint.empty() ? "" : "\n  hint      ", hint)};
    }
    std::uint64_t total = 0;
    for (const auto& file : files) {
      const double share = static_cast<double>(std::min(range.to_ns, file.time_ns(file.numbers())) -
                                               std::max(range.from_ns, file.about.start_ns)) /
                           file.about.period_ns;
      total += std::min(file.rows, static_cast<std::uint64_t>(std::max(share, 0.0)));
    }
    rec::RowsOptions form;
    form.csv = options.format == "csv";
    form.every = options.every.value_or(1);
    if (options.local) form.local = zone;
    Target target{options.output, options.force};
    rec::RowsExport rows{form, [&](std::string_view bytes) { return target.write(bytes); }};
    const Interrupt interrupt;
    bool whole = true;
    {
      Progress progress{options.progress, "rows"};
      for (const auto& file : files) {
        whole = rows.add(file, range.from_ns, range.to_ns, [&](std::uint64_t done) {
          progress.show("exporting", done, std::max(done, total));
          return !Interrupt::requested();
        });
        if (!whole) break;
      }
      (void)rows.finish();
    }
    // Bare floats don't say what they are.
    const auto& about = files.front().about;
    std::fputs(fmt::format("{}: {} rows of {} from {} on, one each {} ns{}; {} missing in {} gaps\n", options.device,
                           rows.rows(), fmt::join(about.names, ","),
                           runtime::format_time(rows.start_ns(), runtime::Precision::nanoseconds), about.period_ns,
                           form.every > 1 ? fmt::format(" (least and greatest of {} each)", form.every) : "",
                           rows.lost(), rows.gaps())
                   .c_str(),
               stderr);
    if (Interrupt::requested()) std::fputs("mesura export: interrupted; what is written is right\n", stderr);
    return target.finish(Interrupt::requested() ? kPartial : kDone);
  });
}

}  // namespace mesura::app
