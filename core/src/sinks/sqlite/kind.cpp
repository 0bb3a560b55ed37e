// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/kinds_list.hpp"
#include "sinks/retention.hpp"
#include "sinks/sqlite/registers.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"

namespace mesura::sinks {

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
       rollups_option(), retention_option()},
      "one SQLite file with a table per device or fleet");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    sqlite::Options o;
    o.path = options["path"].text();
    o.full_sync = options["synchronous"].text() == "full";
    o.rollups = options["rollups"].boolean();
    const Retention keep = retention_of(options);
    o.keep_raw = keep.raw;
    o.keep_minutes = keep.minutes;
    o.keep_quarter_hours = keep.quarter_hours;
    o.keep_hours = keep.hours;
    o.keep_days = keep.days;
    o.keep_quarters = keep.quarters;
    o.site_zone = context.site_zone;
    return std::make_unique<sqlite::SqliteSink>(std::move(o), context.series, context.log);
  };
  const auto integrated = [](const Value& options) { return sqlite::integrated_registers(options["path"].text()); };
  return {"sqlite", std::move(schema), make, integrated};
}

}  // namespace mesura::sinks
