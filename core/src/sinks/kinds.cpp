// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/kinds.hpp"

#include "sinks/csv/csv_sink.hpp"
#include "sinks/recording/recording_sink.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"

#include <algorithm>
#include <array>

namespace mesura::sinks {
namespace {

using config::Type;
using config::Value;

Kind sqlite_kind() {
  config::Schema schema = config::object(
      {config::optional("path", config::of(Type::path, "the database file; its directory must exist"), "mesura.db"),
       config::optional(
           "synchronous",
           config::enumeration({"full", "normal"},
                               "normal writes less, but a power cut loses the last commits (never the file)"),
           "full"),
       config::optional(
           "retention",
           config::object({config::optional("raw", config::duration("measurements older than this are deleted", "1m"))},
                          "how long things are kept; without it for ever"))},
      "one SQLite file with a table per device or fleet");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    sqlite::Options o;
    o.path = options["path"].text();
    o.full_sync = options["synchronous"].text() == "full";
    if (const Value& retention = options["retention"]; retention && retention["raw"])
      o.keep_raw = retention["raw"].duration();
    o.site_zone = context.site_zone;
    return std::make_unique<sqlite::SqliteSink>(std::move(o), context.series, context.log);
  };
  return {"sqlite", std::move(schema), make};
}

Kind csv_kind() {
  config::Schema schema = config::object(
      {config::optional("path", config::of(Type::path, "the directory of the files; made if it does not exist"), "csv"),
       config::optional("form",
                        config::enumeration({"wide", "long"},
                                            "wide: a line per instant, a column per series; long: a line per value"),
                        "wide"),
       config::optional(
           "rotate",
           config::object({config::optional(
                               "every", config::duration("a new file at each multiple of this, UTC; 0s: never"), "1d"),
                           config::optional("size", config::size("a new file when one is this large"), "256MiB")},
                          "when a file is finished and the next one begins"),
           "{}"),
       config::optional("gzip", config::boolean("compress finished files"), "false")},
      "CSV files (RFC 4180), one series of files per device");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    csv::Options o;
    o.directory = options["path"].text();
    o.form = options["form"].text() == "long" ? csv::Form::lines : csv::Form::wide;
    o.every = options["rotate"]["every"].duration();
    o.max_bytes = static_cast<std::uint64_t>(options["rotate"]["size"].integer());
    o.gzip = options["gzip"].boolean();
    return std::make_unique<csv::CsvSink>(std::move(o), context.series, context.log);
  };
  return {"csv", std::move(schema), make};
}

Kind recording_kind() {
  config::Schema schema = config::object(
      {config::optional("path", config::of(Type::path, "the directory of the files; made if it does not exist"),
                        "recording"),
       config::optional("every",
                        config::duration("a new file where the device's clock, UTC, passes a multiple of this; "
                                         "0s: never; default 1h, or never if `rows` is given")),
       config::optional("rows", config::integer("a new file after so many rows, lost ones counted", 1)),
       config::optional(
           "gaps",
           config::enumeration({"none", "nan", "zero"},
                               "what stands in the place of lost rows; none: the next row follows, and the "
                               "file's description tells where"),
           "none")},
      "waveforms as files of float32 rows, a directory per device");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    recording::Options o;
    o.directory = options["path"].text();
    if (const Value& rows = options["rows"]) o.cuts.rows = static_cast<std::uint64_t>(rows.integer());
    if (const Value& every = options["every"]) {
      o.cuts.every_ns = every.duration().count();
    } else if (o.cuts.rows == 0) {
      o.cuts.every_ns = std::chrono::nanoseconds{std::chrono::hours{1}}.count();
    }
    const std::string gaps{options["gaps"].text()};
    o.fill = gaps == "nan" ? recording::Fill::nan : gaps == "zero" ? recording::Fill::zero : recording::Fill::none;
    return std::make_unique<recording::RecordingSink>(std::move(o), context.log);
  };
  return {"recording", std::move(schema), make, true};
}

}  // namespace

std::span<const Kind> kinds() {
  static const std::array kAll{sqlite_kind(), csv_kind(), recording_kind()};
  return kAll;
}

const Kind* find_kind(std::string_view name) {
  const auto all = kinds();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Kind& k) { return k.name == name; });
  return found != all.end() ? &*found : nullptr;
}

}  // namespace mesura::sinks
