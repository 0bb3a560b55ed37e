// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/server_check.hpp"

#include <mesura/sink.hpp>

#include "doctor/finding.hpp"
#ifdef MESURA_WITH_MYSQL
#include "sinks/mysql/explain.hpp"
#include "sinks/mysql/logins.hpp"
#endif
#ifdef MESURA_WITH_MQTT
#include "sinks/mqtt/client.hpp"
#include "sinks/mqtt/options.hpp"
#endif

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mesura::doctor {
namespace {

Finding failure(std::string code, const std::string& where, std::string_view message) {
  Finding finding{Severity::error, std::move(code), where, {}};
  take_message(finding, message);
  return finding;
}

#ifdef MESURA_WITH_MQTT
/// "sink-access: ..." and "the broker refused": whatever the client says, with a code of ours.
Findings ask_broker(const std::string& where, const sinks::mqtt::Options& options) {
  const std::string address = sinks::mqtt::address_of(options).text();
  if (const std::string problem = sinks::mqtt::problem_of(options); !problem.empty())
    return {failure("doc-broker", where, problem)};
  sinks::mqtt::Client client{options,
                             {.on_up = [] {},
                              .on_published = [](int, int) {},
                              .on_message = [](std::string_view, bool, std::string_view) {},
                              .on_turn = [] {}},
                             runtime::Logger{std::make_shared<runtime::Log>(), "doctor"}};
  try {
    client.connect();
    client.close();
  } catch (const SinkError& e) {
    return {failure("doc-broker", where, e.what())};
  }
  return {{Severity::good, "doc-broker", where, fmt::format("the broker at {} lets us in", address)}};
}

void check_broker(const config::SinkConfig& sink, std::chrono::milliseconds patience, Tasks& tasks) {
  auto options = sinks::mqtt::read_options(sink.options);
  // One of the same name would throw the running sink out; and its last will is its own.
  options.client_id = sinks::mqtt::client_id_of(options) + "-doctor";
  options.availability = sinks::mqtt::kNoAvailability;
  options.home_assistant = false;
  options.connect_timeout = std::min<std::chrono::nanoseconds>(options.connect_timeout, patience);
  const std::string where = "sink " + sink.name;
  tasks.add(where, [where, options = std::move(options)] { return ask_broker(where, options); });
}
#endif

#ifdef MESURA_WITH_MYSQL
using database::mariadb::Connection;
using database::mariadb::Login;

constexpr std::array kNeeded{"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX", "DROP", "CREATE VIEW"};

/// Privileges on all databases and on this one, also if it does not exist yet.
std::vector<std::string> missing_privileges(const Connection& db, const std::string& database) {
  const std::string account = R"(CONCAT("'", REPLACE(CURRENT_USER(), "@", "'@'"), "'"))";
  std::set<std::string, std::less<>> granted;
  for (const auto& row :
       db.query(fmt::format("SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = {0} UNION "
                            "SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = {0} AND "
                            "{1} LIKE TABLE_SCHEMA",
                            account, db.quote(database))))
    if (!row.empty() && row.front()) granted.insert(*row.front());
  std::vector<std::string> missing;
  for (const char* const name : kNeeded)
    if (!granted.contains(name)) missing.emplace_back(name);
  return missing;
}

bool has_role(const Connection& db) {
  const std::string role = db.text("SELECT CURRENT_ROLE()");
  return !role.empty() && role != "NONE";
}

/// 'mesura'@'127.0.0.1', as GRANT takes it.
std::string account_of(const Connection& db) {
  return db.text(R"(SELECT CONCAT("'", REPLACE(CURRENT_USER(), "@", "'@'"), "'"))");
}

Findings ask_database(const std::string& where, const Login& login, const std::string& database) {
  try {
    const Connection db{login};
    Findings out;
    // What a role grants stands elsewhere, and differs between servers.
    const auto missing = has_role(db) ? std::vector<std::string>{} : missing_privileges(db, database);
    if (!missing.empty())
      out.push_back(
          {Severity::error,
           "doc-database-privileges",
           where,
           fmt::format("user '{}' may not do all that the sink does in database '{}'", login.user, database),
           fmt::format("{}", fmt::join(kNeeded, ", ")),
           "not granted: " + fmt::format("{}", fmt::join(missing, ", ")),
           "grant it, as an administrator of the server",
           {"sudo mariadb -e " + shell_word(fmt::format("GRANT {} ON {}.* TO {}", fmt::join(kNeeded, ", "),
                                                        database::mariadb::quote_name(database), account_of(db)))}});
    if (db.text("SELECT @@global.read_only") == "1")
      out.push_back({Severity::error, "doc-database-read-only", where,
                     "the server at " + login.where() + " is read-only", "a server that takes writes", "read_only=1",
                     "is it a replica? the sink must write to the primary"});
    if (out.empty())
      out.push_back({Severity::good, "doc-database", where,
                     fmt::format("{} at {} lets '{}' in", db.version(), login.where(), login.user)});
    return out;
  } catch (const database::mariadb::Error& e) {
    return {failure("doc-database", where, sinks::mysql::explain("mysql " + login.where(), login.user, e))};
  }
}

void check_database(const config::SinkConfig& sink, std::chrono::milliseconds patience, Tasks& tasks) {
  auto [login, more] = sinks::mysql::logins_of(sink.options);
  // A vendor's tables have a database for each device.
  const std::string database = sink.options["layout"].text() == "mesura" ? login.database : "mesura_doctor";
  login.database.clear();  // the sink makes it where it is missing
  login.connect_timeout = std::min(login.connect_timeout, patience);
  login.answer_timeout = std::min(login.answer_timeout, patience);
  const std::string where = "sink " + sink.name;
  const auto ask = [&](const Login& one) {
    tasks.add(where, [where, one, database] { return ask_database(where, one, database); });
  };
  ask(login);
  for (const auto& [host, port] : more) {
    Login other = login;
    other.host = host;
    other.port = port;
    ask(other);
  }
}
#endif

}  // namespace

void check_server(const config::SinkConfig& sink, std::chrono::milliseconds patience, Tasks& tasks) {
#ifdef MESURA_WITH_MQTT
  if (sink.kind == "mqtt") check_broker(sink, patience, tasks);
#endif
#ifdef MESURA_WITH_MYSQL
  if (sink.kind == "mysql") check_database(sink, patience, tasks);
#endif
}

}  // namespace mesura::doctor
