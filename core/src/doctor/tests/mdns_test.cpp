// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/mdns.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fstream>

using namespace mesura::doctor;
using mesura::test::contains;

namespace {

Announced of(const char* type, const char* name, std::uint16_t port = 80, bool by_name = false) {
  return meaning({name, type, std::string{name} + ".local", "192.168.0.7", port, {}}, by_name);
}

}  // namespace

TEST_CASE("announcements become addresses as they would be configured") {
  CHECK(of("_elec._tcp", "smartmeter001", 54322, true).address == "smartmeter://smartmeter001.local");
  CHECK(of("_elec._tcp", "anything", 54322).address == "smartmeter://192.168.0.7");
  CHECK(of("_arduino._tcp", "powermeter15", 3232).plugin == "smartmeter");
  CHECK(of("_arduino._tcp", "doorbell", 3232).what.empty());
  CHECK(of("_telnet._tcp", "P1-Bridge", 23).address == "dsmr_p1+tcp://192.168.0.7:23");
  CHECK(of("_telnet._tcp", "esp12", 23).what.empty());
  CHECK(of("_telnet._tcp", "router", 23).what.empty());
  CHECK(of("_p1meter._tcp", "x", 2001).address == "dsmr_p1+tcp://192.168.0.7:2001");
  CHECK(!of("_http._tcp", "dsmr-reader").sure);
  CHECK(of("_http._tcp", "printer").what.empty());
  CHECK_THAT(of("_hwenergy._tcp", "p1meter-1234").what, contains("HomeWizard"));
  CHECK(of("_hwenergy._tcp", "p1meter-1234").address.empty());
  CHECK(of("_mqtt._tcp", "broker", 1883).sink == "sinks:\n  broker: {mqtt: {url: \"mqtt://192.168.0.7:1883\"}}\n");
}

TEST_CASE("a name from the network can't write configuration") {
  const Announced evil = meaning({"p1", "_telnet._tcp", "x\", evil: \"y", "192.168.0.7", 23, {}}, true);
  CHECK(evil.address == "dsmr_p1+tcp://192.168.0.7:23");
  CHECK(meaning({"p1", "_telnet._tcp", "x y", "", 23, {}}, true).what.empty());
}

TEST_CASE("whether names in .local can be looked up stands in nsswitch.conf") {
  const mesura::test::TempDir dir;
  std::filesystem::create_directories(dir / "etc");
  const auto with = [&](const char* line) {
    std::ofstream{dir / "etc/nsswitch.conf", std::ios::trunc} << "passwd: files\n" << line << '\n';
    return resolves_local(dir.path().string());
  };
  CHECK(with("hosts: files mdns4_minimal [NOTFOUND=return] dns"));
  CHECK(with("hosts: files resolve dns"));
  CHECK(!with("hosts: files dns # mdns4"));
  CHECK(!with("networks: mdns"));
}

TEST_CASE("without a daemon mDNS says so in one line, at once") {
  ::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
  const auto begin = std::chrono::steady_clock::now();
  const auto found = browse(known_types(), std::chrono::seconds{20});
  CHECK(found.services.empty());
  CHECK(!found.problem.empty());
  CHECK(found.problem.find('\n') == std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{10});
}
