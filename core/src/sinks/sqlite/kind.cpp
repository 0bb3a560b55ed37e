// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/kinds_list.hpp"
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
       config::optional("rollups",
                        config::boolean("also keep means, extremes and growth by minute, 15 minutes, hour and day"),
                        "true"),
       config::optional(
           "retention",
           config::object(
               {config::optional("raw", config::duration("measurements older than this are deleted", "1m")),
                config::optional("minutes", config::duration("the same for rollups of a minute", "2d")),
                config::optional("quarter_hours", config::duration("rollups of 15 minutes", "2d")),
                config::optional("hours", config::duration("rollups of an hour", "3d")),
                config::optional("days", config::duration("rollups of a day", "2d")),
                config::optional("quarters", config::duration("quarter hours in steps of five seconds", "1h"))},
               "how long things are kept; without it for ever"))},
      "one SQLite file with a table per device or fleet");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    sqlite::Options o;
    o.path = options["path"].text();
    o.full_sync = options["synchronous"].text() == "full";
    o.rollups = options["rollups"].boolean();
    if (const Value& retention = options["retention"]; retention) {
      const auto age = [&](const char* key) {
        return retention[key] ? std::optional{retention[key].duration()} : std::nullopt;
      };
      o.keep_raw = age("raw");
      o.keep_minutes = age("minutes");
      o.keep_quarter_hours = age("quarter_hours");
      o.keep_hours = age("hours");
      o.keep_days = age("days");
      o.keep_quarters = age("quarters");
    }
    o.site_zone = context.site_zone;
    return std::make_unique<sqlite::SqliteSink>(std::move(o), context.series, context.log);
  };
  const auto integrated = [](const Value& options) { return sqlite::integrated_registers(options["path"].text()); };
  return {"sqlite", std::move(schema), make, integrated};
}

}  // namespace mesura::sinks
