// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/logins.hpp"

#include <chrono>

namespace mesura::sinks::mysql {
namespace {

using config::Value;
using database::mariadb::TlsMode;

std::string text_of(const Value& value) { return value ? value.text() : std::string{}; }

std::chrono::milliseconds milliseconds(const Value& value) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(value.duration());
}

}  // namespace

std::pair<database::mariadb::Login, std::vector<std::pair<std::string, std::uint16_t>>> logins_of(
    const Value& options) {
  database::mariadb::Login login;
  std::vector<std::pair<std::string, std::uint16_t>> more;
  login.host = options["host"].text();
  login.port = static_cast<std::uint16_t>(options["port"].integer());
  if (const Value& hosts = options["hosts"]; hosts) {
    for (const Value& host : hosts.list()) more.emplace_back(host.text(), login.port);
    // Without `host` the list is all there is.
    if (options["host"].defaulted && !more.empty()) {
      login.host = more.front().first;
      more.erase(more.begin());
    }
  }
  login.socket = text_of(options["socket"]);
  login.user = options["user"].text();
  login.password = text_of(options["password"]);
  login.database = options["database"].text();
  const std::string& tls = options["tls"].text();
  login.tls.mode = tls == "on" ? TlsMode::on : tls == "unverified" ? TlsMode::unverified : TlsMode::off;
  login.tls.ca_file = text_of(options["ca_file"]);
  login.tls.cert_file = text_of(options["cert_file"]);
  login.tls.key_file = text_of(options["key_file"]);
  login.connect_timeout = milliseconds(options["connect_timeout"]);
  login.answer_timeout = milliseconds(options["write_timeout"]);
  return {std::move(login), std::move(more)};
}

}  // namespace mesura::sinks::mysql
