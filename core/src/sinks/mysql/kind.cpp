// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/kinds_list.hpp"
#include "sinks/mysql/logins.hpp"
#include "sinks/mysql/mysql_sink.hpp"
#include "sinks/mysql/table_layout.hpp"
#include "sinks/retention.hpp"

#include <algorithm>
#include <tuple>

namespace mesura::sinks {

using config::Type;
using config::Value;

namespace {

std::chrono::milliseconds milliseconds(const Value& value) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(value.duration());
}

std::vector<std::string> layouts() {
  std::vector<std::string> names{"mesura"};
  for (const auto& layout : mysql::known_table_layouts()) names.push_back(layout->name);
  return names;
}

config::Schema schema() {
  return config::object(
      {config::optional("host", config::of(Type::host, "the server"), "localhost"),
       config::optional("port", config::of(Type::port, "its port"), "3306"),
       config::optional(
           "hosts", config::list(config::of(Type::host, "a server"),
                                 "further servers of a cluster, tried in turn when one fails; at the same port", true)),
       config::optional("socket", config::of(Type::path, "the server's Unix socket, in place of host and port")),
       config::optional("user", config::text("account on the server"), "mesura"),
       config::optional("password", config::secret("of the account")),
       config::optional("database", config::text("made where it is missing"), "mesura"),
       config::optional(
           "layout",
           config::enumeration(layouts(), "the tables: Mesura's own, or a vendor's, with a database for each device"),
           "mesura"),
       config::optional("tls",
                        config::enumeration({"off", "unverified", "on"},
                                            "on: encrypted, with the server's certificate checked; unverified: "
                                            "encrypted, whoever answers"),
                        "off"),
       config::optional("ca_file", config::of(Type::path, "certificates to trust; else the system's")),
       config::optional("cert_file", config::of(Type::path, "our own certificate, if the server asks for one")),
       config::optional("key_file", config::of(Type::path, "the key of our certificate")),
       config::optional("connect_timeout", config::duration("how long connecting may take", "1s", "10m"), "10s"),
       config::optional(
           "write_timeout",
           config::duration("how long the server may be silent before the connection counts as lost", "1s", "1h"),
           "30s"),
       config::optional("lock_timeout", config::duration("how long another session's lock is waited for", "1s", "1h"),
                        "10s"),
       rollups_option(), retention_option()},
      "MariaDB or MySQL: a table per device or fleet");
}

std::unique_ptr<Sink> make(const Value& options, const Context& context) {
  mysql::Options o;
  std::tie(o.login, o.more_hosts) = mysql::logins_of(options);
  o.lock_timeout = milliseconds(options["lock_timeout"]);
  o.rollups = options["rollups"].boolean();
  o.keep = retention_of(options);
  o.site_zone = context.site_zone;
  for (const auto& layout : mysql::known_table_layouts()) {
    if (layout->name == options["layout"].text()) o.tables = layout;
  }
  return std::make_unique<mysql::MysqlSink>(std::move(o), context.series, context.log);
}

}  // namespace

Kind mysql_kind() { return {"mysql", schema(), make}; }

}  // namespace mesura::sinks
