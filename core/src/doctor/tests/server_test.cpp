// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Hosts, brokers, databases and listeners: real ones, that refuse.
#include "config/configuration.hpp"
#include "doctor/link_check.hpp"
#include "doctor/server_check.hpp"
#include "doctor/tests/unprivileged.hpp"
#include "runtime/clock.hpp"
#include "sinks/kinds.hpp"
#include "support/broker.hpp"
#include "support/catch.hpp"
#include "support/free_port.hpp"
#include "support/mariadb.hpp"
#include "transport/transport.hpp"

#ifdef MESURA_WITH_MYSQL
#include "database/mariadb.hpp"
#endif

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>

using namespace mesura;
using namespace mesura::doctor;
using namespace mesura::doctor::test;
using namespace std::chrono_literals;
using mesura::test::Broker;
using mesura::test::contains;
using mesura::test::free_port;

namespace {

constexpr const char* kPassword = "correct-horse-battery";

/// The sections of a configuration text, checked as ever.
config::Configuration read(const std::string& yaml) {
  config::Catalog catalog;
  for (const auto& kind : transport::kinds()) catalog.transports.push_back({kind.name, kind.schema});
  for (const auto& kind : sinks::kinds()) catalog.sinks.push_back({kind.name, kind.schema});
  config::PluginSchema plugin;
  plugin.name = "meter";
  config::LinkSpec link;
  link.name = "data";
  link.transports = {"tcp", "udp", "tcp_listen", "http", "mqtt"};
  plugin.links.push_back(link);
  catalog.plugins.push_back(plugin);
  auto loaded = config::load_configuration_text(yaml, catalog);
  for (const auto& d : loaded.diagnostics.list()) UNSCOPED_INFO(config::render_text(d));
  REQUIRE(loaded.configuration);
  return std::move(*loaded.configuration);
}

Findings servers(const std::string& sinks, std::chrono::milliseconds patience = 10s) {
  const auto configuration = read("timezone: UTC\nstate: s\nsinks:\n" + sinks);
  Tasks tasks;
  for (const auto& sink : configuration.sinks) check_server(sink, patience, tasks);
  Findings out;
  tasks.collect(patience + 5s, out);
  CHECK(!tasks.left_behind());
  return out;
}

Findings links(const std::string& devices, std::chrono::milliseconds patience = 10s) {
  const auto configuration = read("timezone: UTC\nstate: s\ndevices:\n" + devices);
  const runtime::SystemClock clock;
  runtime::EventLoop loop{clock};
  LinkChecks checks{loop};
  for (const auto& device : configuration.devices) checks.add(device);
  Findings out;
  checks.run(patience, out);
  return out;
}

std::string all_text(const Findings& findings) {
  std::string out;
  for (const auto& f : findings) {
    out += f.where + f.message + f.expected + f.got + f.remedy;
    for (const auto& command : f.commands) out += command;
  }
  return out;
}

/// A socket that holds a port of the loopback.
struct Holder {
  explicit Holder(bool listen) : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd, generic, size) == 0);
    REQUIRE(::getsockname(fd, generic, &size) == 0);
    if (listen) REQUIRE(::listen(fd, 4) == 0);
    port = ntohs(address.sin_port);
  }
  ~Holder() { ::close(fd); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  int fd;
  std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("hosts are reached or told why not, all at the same time") {
  const Holder there{true};
  const Holder closed{false};  // the port is taken, and nobody listens
  const auto found =
      links(fmt::format("  good: {{plugin: meter, transport: {{tcp: {{host: 127.0.0.1, port: {}}}}}}}\n"
                        "  shut: {{plugin: meter, transport: {{tcp: {{host: 127.0.0.1, port: {}}}}}}}\n"
                        "  web: {{plugin: meter, transport: {{http: {{host: 127.0.0.1, port: {}}}}}}}\n"
                        "  name: {{plugin: meter, transport: {{tcp: {{host: no-such-host.invalid, "
                        "port: 1}}}}}}\n",
                        there.port, closed.port, closed.port));
  REQUIRE(found.size() == 4);
  CHECK(found[0].severity == Severity::good);
  CHECK(found[1].severity == Severity::error);
  CHECK(found[1].code == "doc-host");
  CHECK(found[1].where == "device shut");
  CHECK(found[1].got == "Connection refused");
  CHECK_THAT(found[1].remedy, contains("nothing listens there"));
  CHECK(found[2].got == "Connection refused");
  CHECK(found[3].severity == Severity::error);
  CHECK_THAT(found[3].message + found[3].got,
             contains("no-such-host.invalid") || contains("not known") || contains("resolution"));
}

TEST_CASE("an address to listen on that is taken, of a device, a relay and the web server") {
  const Holder taken{true};
  const auto found = links(fmt::format(
      "  dialin: {{plugin: meter, transport: {{tcp_listen: {{listen: \"127.0.0.1:{0}\"}}}}}}\n", taken.port));
  CHECK(the(found, "doc-listen").severity == Severity::error);
  CHECK_THAT(the(found, "doc-listen").remedy, contains("ss -lntup"));
  const auto relay =
      links(fmt::format("  grid: {{plugin: meter, transport: {{tcp: {{host: 127.0.0.1, port: {0}}}}}, relay: "
                        "{{listen: \"127.0.0.1:{0}\"}}}}\n",
                        taken.port));
  CHECK(the(relay, "doc-listen").where == "device grid, relay");
  CHECK(the(relay, "doc-host").severity == Severity::good);
  const runtime::SystemClock clock;
  runtime::EventLoop loop{clock};
  LinkChecks checks{loop};
  checks.add_listener("http", fmt::format("127.0.0.1:{}", taken.port));
  checks.add_listener("http", fmt::format("localhost:{}", free_port()));
  Findings http;
  checks.run(5s, http);
  CHECK(http.at(0).severity == Severity::error);
  CHECK(http.back().severity == Severity::good);
}

#ifdef MESURA_WITH_MQTT
TEST_CASE("a broker lets in, refuses a password, or says nothing") {
  Broker open{"allow_anonymous true"};
  CHECK(the(servers(fmt::format("  b: {{mqtt: {{url: \"mqtt://127.0.0.1:{}\"}}}}\n", open.port())), "doc-broker")
            .severity == Severity::good);

  const mesura::test::TempDir dir;
  {
    // As mosquitto_passwd -c makes it; of the password 'other'.
    const auto made =
        mesura::test::run({{"mosquitto_passwd", "-b", "-c", (dir / "users").string(), "mesura", "other"}});
    REQUIRE(made.exit.code == 0);
    std::filesystem::permissions(dir.path(), std::filesystem::perms{0755});
    std::filesystem::permissions(dir / "users", std::filesystem::perms{0644});
  }
  const Broker strict{"allow_anonymous false\npassword_file " + (dir / "users").string()};
  const auto refused = servers(fmt::format(
      "  b: {{mqtt: {{url: \"mqtt://127.0.0.1:{}\", username: mesura, password: {}}}}}\n", strict.port(), kPassword));
  CHECK(the(refused, "doc-broker").severity == Severity::error);
  CHECK(the(refused, "doc-broker").where == "sink b");
  CHECK(!the(refused, "doc-broker").remedy.empty());
  CHECK(all_text(refused).find(kPassword) == std::string::npos);

  open.signal(SIGSTOP);
  const auto silent = servers(fmt::format("  b: {{mqtt: {{url: \"mqtt://127.0.0.1:{}\"}}}}\n", open.port()), 1s);
  open.signal(SIGCONT);
  CHECK_THAT(the(silent, "doc-broker").message, contains("did not answer"));

  const Holder closed{false};
  CHECK_THAT(
      the(servers(fmt::format("  b: {{mqtt: {{url: \"mqtt://127.0.0.1:{}\"}}}}\n", closed.port)), "doc-broker").message,
      contains("refused"));
}
#endif

#ifdef MESURA_WITH_MYSQL
TEST_CASE("a database server lets in, refuses a password, or grants too little") {
  const mesura::test::MariaDb server;
  database::mariadb::Login login;
  login.socket = server.socket();
  login.user = "root";
  const database::mariadb::Connection admin{login};
  admin.execute(fmt::format("CREATE USER 'mesura'@'127.0.0.1' IDENTIFIED BY '{}'", "right"));
  admin.execute("GRANT SELECT, INSERT ON `mes%`.* TO 'mesura'@'127.0.0.1'");

  const auto ask = [&](const char* password) {
    return servers(
        fmt::format("  db: {{mysql: {{host: 127.0.0.1, port: {}, user: mesura, password: {}, database: "
                    "mesura}}}}\n",
                    server.port(), password));
  };
  const auto wrong = ask(kPassword);
  CHECK(the(wrong, "doc-database").severity == Severity::error);
  CHECK_THAT(the(wrong, "doc-database").message, contains("access denied"));
  CHECK_THAT(the(wrong, "doc-database").remedy, contains("right password"));
  CHECK(all_text(wrong).find(kPassword) == std::string::npos);

  const auto few = ask("right");
  const auto& missing = the(few, "doc-database-privileges");
  CHECK_THAT(missing.got, contains("UPDATE") && contains("CREATE VIEW") && !contains("INSERT,"));
  CHECK_THAT(missing.commands.at(0), contains("GRANT SELECT, INSERT") && contains("'mesura'@'127.0.0.1'"));

  admin.execute("GRANT ALL ON `mesura`.* TO 'mesura'@'127.0.0.1'");
  CHECK(the(ask("right"), "doc-database").severity == Severity::good);
  admin.execute("SET GLOBAL read_only=1");
  CHECK(the(ask("right"), "doc-database-read-only").severity == Severity::error);

  const auto nobody = servers(fmt::format("  db: {{mysql: {{host: 127.0.0.1, port: {}}}}}\n", free_port()));
  CHECK_THAT(the(nobody, "doc-database").message, contains("no connection"));
}
#endif
