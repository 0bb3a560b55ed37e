// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura import SYSTEM SOURCE: what other collectors have stored, into a sink.
#include "import_report.hpp"
#include "import_sources.hpp"
#include "interrupt.hpp"
#include "progress.hpp"
#include "setup.hpp"
#include "sink_writer.hpp"
#include "verbs.hpp"

#include "import/known_series.hpp"
#include "runtime/clock.hpp"
#include "runtime/time_text.hpp"
#include "sinks/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mesura::app {

namespace {

/// A service that writes to the same file, or a server that is away for a while.
constexpr std::chrono::seconds kPatience{60};

void complain(std::string_view what) {
  const std::size_t colon = what.find(": ");
  if (colon == std::string_view::npos || what.find(' ') < colon) {
    std::fputs(fmt::format("mesura import: error[imp-failed]: {}\n", what).c_str(), stderr);
  } else {
    std::fputs(fmt::format("mesura import: error[{}]: {}\n", what.substr(0, colon), what.substr(colon + 2)).c_str(),
               stderr);
  }
}

const config::SinkConfig& find_sink(const Loaded& loaded, const std::string& name) {
  const auto& sinks = loaded.configuration->sinks;
  const auto sink = std::find_if(sinks.begin(), sinks.end(), [&](const auto& s) { return s.name == name; });
  if (sink == sinks.end()) throw ImportUsage(fmt::format("cli-sink: {} has no sink '{}'", loaded.file, name));
  if (sink->kind == "mqtt" || sink->kind == "recording")
    throw ImportUsage(fmt::format(
        "cli-sink: sink '{}' is one of kind {}, which takes no past\n  expected  a database: sqlite or mysql", name,
        sink->kind));
  return *sink;
}

/// What the sink would delete again.
void warn_of_retention(const config::SinkConfig& sink, ImportReport& report) {
  const config::Value& raw = sink.options["retention"]["raw"];
  if (!raw || report.measurements() == 0) return;
  const std::int64_t horizon = runtime::SystemClock{}.wall_ns() - raw.duration().count();
  if (report.first_ns() >= horizon) return;
  report.warnings.push_back(fmt::format(
      "sink '{}' keeps raw measurements since {} only (retention.raw): older ones are rolled up and then deleted again",
      sink.name, runtime::format_time(horizon, runtime::Precision::seconds)));
}

class Import {
 public:
  Import(const ImportOptions& options, const Loaded& loaded)
      : options_(options),
        sink_(find_sink(loaded, options.to)),
        log_(terminal_log(options.common)),
        timezone_(loaded.configuration->timezone),
        report_(series_),
        sources_(options, loaded, series_,
                 sink_.kind == "sqlite" ? importing::known_series(sink_.options["path"].text())
                                        : importing::KnownSeriesMap{},
                 problems_) {
    report_.sink = fmt::format("sink '{}'", sink_.name);
    report_.dry_run = options.dry_run;
  }

  int run() {
    const auto makes = sources_.make();
    report_.source = sources_.source();
    if (!options_.dry_run)
      writer_.emplace(
          sinks::find_kind(sink_.kind)
              ->make(sink_.options, sinks::Context{series_, runtime::Logger{log_, "sink." + sink_.name}, timezone_}),
          kPatience);
    std::string failure;
    bool interrupted = false;
    try {
      Progress progress{options_.progress, unit_of(options_.system)};
      const Interrupt interrupt;
      for (const auto& make : makes)
        if (!Interrupt::requested()) read(*make(), progress);
      interrupted = Interrupt::requested();
    } catch (const std::exception& e) {
      if (!writer_) throw;
      failure = e.what();  // what was read before the fault counts
    }
    if (writer_) {
      writer_->close();
      report_.committed = writer_->committed();
      report_.refused = writer_->rejected();
      report_.refusals = writer_->reasons();
    }
    warn_of_retention(sink_, report_);
    const std::string text = options_.format == Format::json ? report_.as_json(problems_) : report_.as_table(problems_);
    std::fputs(text.c_str(), stdout);
    if (!failure.empty()) {
      complain(failure);
      return kFailed;
    }
    if (interrupted) {
      std::fputs(
          "mesura import: interrupted\n  hint      the same command writes the rest; what is there already does not "
          "change\n",
          stderr);
      return kPartial;
    }
    return problems_.lost() > 0 || report_.refused > 0 ? kPartial : kDone;
  }

 private:
  static std::string unit_of(const std::string& system) {
    return system == "csv" ? "B" : system == "p1-monitor" ? "days" : "rows";
  }
  void read(importing::Importer& importer, Progress& progress) {
    const std::uint64_t before = report_.records;
    std::vector<BatchPtr> batches;
    for (bool more = true; more && !Interrupt::requested();) {
      batches.clear();
      more = importer.next(batches);
      report_.records = before + importer.records();
      for (const BatchPtr& batch : batches) {
        if (!sources_.range().contains(batch->time_ns)) continue;
        report_.count(*batch);
        if (writer_) writer_->add(batch);
      }
      const auto position = importer.position();
      progress.show(position.stage, position.done, position.total);
    }
  }

  const ImportOptions& options_;
  const config::SinkConfig& sink_;
  std::shared_ptr<runtime::Log> log_;
  std::string timezone_;
  SeriesTable series_;
  importing::Problems problems_;
  ImportReport report_;
  ImportSources sources_;
  std::optional<SinkWriter> writer_;
};

}  // namespace

int import(const ImportOptions& options) {
  const auto loaded = load_configuration(options.common);
  if (!loaded) return kUsage;
  print_diagnostics(loaded->diagnostics);
  if (!loaded->configuration) return kUsage;
  try {
    return Import{options, *loaded}.run();
  } catch (const ImportUsage& e) {
    complain(e.what());
    return kUsage;
  } catch (const std::exception& e) {
    complain(e.what());
    return kFailed;
  }
}

}  // namespace mesura::app
