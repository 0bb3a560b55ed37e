// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/csv/csv_sink.hpp"
#include "sinks/kinds_list.hpp"

namespace mesura::sinks {

using config::Type;
using config::Value;

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

}  // namespace mesura::sinks
