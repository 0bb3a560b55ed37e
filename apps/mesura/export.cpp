// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura export: everything that a sink has stored of some series, to a file that can be continued.
#include "interrupt.hpp"
#include "past.hpp"
#include "progress.hpp"
#include "verbs.hpp"

#include "config/text.hpp"
#include "store/export.hpp"
#include "store/export_file.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace mesura::app {
namespace {

store::ExportForm form_of(const ExportOptions& options) {
  const bool json = options.format != "csv";
  if (options.layout == "godenerg") return json ? store::ExportForm::godenerg_json : store::ExportForm::godenerg_csv;
  if (json) return store::ExportForm::jsonl;
  return options.by_line ? store::ExportForm::lines : store::ExportForm::wide;
}

store::Resolution resolution_from(const std::string& word) {
  using store::Resolution;
  for (const auto r : {Resolution::minute, Resolution::quarter_hour, Resolution::hour, Resolution::day})
    if (store::to_string(r) == word) return r;
  return Resolution::raw;
}

store::ExportOptions settings_of(const ExportOptions& options, const Past& past) {
  store::ExportOptions settings;
  settings.form = form_of(options);
  settings.resolution = resolution_from(options.resolution);
  if (options.local) settings.local = past.zone;
  if (!options.layout.empty()) {
    settings.old_columns = options.columns;
    return settings;
  }
  for (const std::string& word : options.columns) {
    const auto part = store::part_from(word);
    if (!part) {
      const std::vector<std::string> words{"mean", "min", "max", "last", "delta", "count"};
      const auto hint = config::did_you_mean(word, words);
      throw VerbError{kUsage,
                      fmt::format("cli-usage]: --columns: no column {}\n  expected  {}{}{}", config::quote(word),
                                  config::joined(words), hint.empty() ? "" : "\n  hint      ", hint)};
    }
    settings.parts.push_back(*part);
  }
  return settings;
}

}  // namespace

int export_series(const ExportOptions& options) {
  return tell_errors("export", [&] {
    if (options.format == "f32" || (options.format == "json" && options.layout.empty()))
      throw VerbError{kUsage,
                      fmt::format("cli-usage]: --format {} goes with {}\n  expected  csv or jsonl", options.format,
                                  options.format == "f32" ? "--recording" : "--layout godenerg")};
    if (options.resume && options.output == "-")
      throw VerbError{kUsage, "cli-usage]: --resume goes with --output FILE: standard output can't be continued"};
    if (options.resume && options.force)
      throw VerbError{kUsage, "cli-usage]: --resume goes on with a file, --force writes it anew: give one of them"};
    Past past = Past::open(options.common, options.sink);
    const store::TimeRange range = past.range(options.from.empty() ? "1970-01-01T00:00:00Z" : options.from, options.to);
    past.check_series(options.series);
    store::Export what{past.store->archive(), past.store->series(options.series), range, settings_of(options, past)};
    std::optional<store::ExportFile> file;
    if (options.output != "-") {
      using Mode = store::ExportFile::Mode;
      file.emplace(options.output, what, options.resume ? Mode::resume : options.force ? Mode::replace : Mode::fresh);
    }
    const Interrupt interrupt;
    Out out;
    bool broken = false;
    std::uint64_t values = 0;
    bool whole = false;
    {
      Progress progress{options.progress, "values"};
      whole = what.run(
          file ? file->place() : std::nullopt,
          [&](const store::Export::Step& step) {
            if (file)
              file->write(step.lines);
            else
              broken = !out.write(step.lines);
            values = step.values;
            // How many there will be is known only by the part of the time that is done.
            const auto total = step.part > 0 ? static_cast<double>(values) / step.part : 0.0;
            progress.show("exporting", values, std::max(values, static_cast<std::uint64_t>(total)));
            return !broken;
          },
          [] { return Interrupt::requested(); });
    }
    if (file) file->finish();
    const int written = out.exit_code(kDone);
    if (written != kDone) return written;
    if (whole) {
      if (file) std::printf("%s\n", fmt::format("{}: {} values", options.output, values).c_str());
      return static_cast<int>(kDone);
    }
    if (broken) return static_cast<int>(kDone);  // a closed pipe is its reader's wish
    std::fputs(fmt::format("mesura export: interrupted after {} values{}\n", values,
                           file && what.resumable()
                               ? fmt::format("; {} ends in a whole line: the same command with --resume goes on",
                                             options.output)
                               : std::string{})
                   .c_str(),
               stderr);
    return static_cast<int>(kPartial);
  });
}

}  // namespace mesura::app
