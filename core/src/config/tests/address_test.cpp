// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/address.hpp"

#include "fake_catalog.hpp"

#include "support/catch.hpp"

#include <string>
#include <utility>

using namespace mesura::config;

namespace {

DeviceConfig device(const std::string& address, const std::vector<std::pair<std::string, std::string>>& options = {}) {
  AddressResult result = from_address(address, fake::catalog(), options);
  std::string all;
  for (const auto& d : result.diagnostics.list()) all += render_text(d);
  CHECK(all == "");
  REQUIRE(result.device);
  return std::move(*result.device);
}

std::string messages(const std::string& address, const std::vector<std::pair<std::string, std::string>>& options = {}) {
  const AddressResult result = from_address(address, fake::catalog(), options);
  CHECK_FALSE(result.device);
  std::string all;
  for (const auto& d : result.diagnostics.list()) all += render_text(d);
  return all;
}

}  // namespace

TEST_CASE("an address is a device with everything by default") {
  const DeviceConfig d = device("meter+serial:/dev/ttyUSB0");
  CHECK(d.name == "meter");
  CHECK(d.plugin == "meter");
  REQUIRE(d.links.size() == 1);
  CHECK(d.links[0].link == "data");
  CHECK(d.links[0].kind == "serial");
  CHECK(d.links[0].options["path"].text() == "/dev/ttyUSB0");
  CHECK(d.links[0].options["baud"].integer() == 9600);
  CHECK(d.options["retries"].integer() == 3);
  CHECK(d.stale_after == std::chrono::seconds{20});
  CHECK(d.enabled);
}

TEST_CASE("each transport finds its place in the address") {
  const auto options = [](const std::string& address) { return device(address).links[0].options; };
  CHECK(options("meter+tcp://p1.example:2001")["host"].text() == "p1.example");
  CHECK(options("meter+tcp://p1.example:2001")["port"].integer() == 2001);
  CHECK(options("meter+tcp:p1.example")["port"].integer() == 23);
  CHECK(options("meter+tcp://[::1]:2001")["host"].text() == "::1");
  CHECK(options("meter+tcp://[::1]")["host"].text() == "::1");
  CHECK(options("meter+tcp_listen:0.0.0.0:2001")["listen"].text() == "0.0.0.0:2001");
  CHECK(options("meter+file:capture of may.bin")["path"].text() == "capture of may.bin");
  CHECK(options("meter+file:-")["path"].text() == "-");
  CHECK(options("meter+file:what?")["path"].text() == "what?");
  CHECK(options("meter+serial:/dev/ttyUSB0?baud=auto&format=8N1")["baud"].text() == "auto");
  CHECK(options("meter+serial:/dev/ttyUSB0?baud=auto&format=8N1")["format"].text() == "8N1");
  CHECK(options("meter://p1.example")["port"].integer() == 23);
  CHECK(device("meter://p1.example").links[0].kind == "tcp");
}

TEST_CASE("options of the plugin go along") {
  const DeviceConfig d =
      device("meter+file:-", {{"retries", "5"}, {"fields", "[voltage, power]"}, {"greeting", "a, b: c"}});
  CHECK(d.options["retries"].integer() == 5);
  CHECK(d.options["fields"].list().size() == 2);
  CHECK(d.options["greeting"].text() == "a, b: c");
  CHECK(messages("meter+file:-", {{"retrys", "5"}}) ==
        "meter+file:-: error[cfg-unknown-key]: unknown key 'retrys' in 'options'\n"
        "  expected  enabled_registers, retries, factor, greeting, profile, every, buffer, zone, key, directory, "
        "fields, tariffs\n"
        "  got       retrys\n"
        "  hint      did you mean 'retries'?\n");
}

TEST_CASE("bad addresses say what is expected") {
  CHECK(messages("metre+tcp://p1.example:1") ==
        "metre+tcp://p1.example:1: error[cfg-plugin]: there is no plugin 'metre'\n"
        "  expected  meter, duo, units\n"
        "  hint      did you mean 'meter'?\n");
  CHECK(messages("meter+tpc://p1.example:1") ==
        "meter+tpc://p1.example:1: error[cfg-transport]: plugin 'meter' has no transport 'tpc'\n"
        "  expected  serial, tcp, tcp_listen, file\n"
        "  hint      did you mean 'tcp'?\n");
  CHECK(messages("meter+tcp://u:hunter2@p1.example:70000") ==
        "meter+tcp://u:***@p1.example:70000: error[cfg-host]: 'transport.tcp.host' is no host\n"
        "  expected  a host name or an IP address\n"
        "  got       'u:***@p1.example'\n"
        "  hint      a port goes into a key of its own\n"
        "meter+tcp://u:***@p1.example:70000: error[cfg-port]: 'transport.tcp.port' is no port\n"
        "  expected  a port from 1 to 65535\n"
        "  got       '70000'\n");
  CHECK(messages("meter+serial:") ==
        "meter+serial:: error[cfg-empty]: 'transport.serial.path' is empty\n"
        "  expected  a path\n");
  CHECK(messages("duo+tcp://a") ==
        "duo+tcp://a: error[cfg-missing-key]: there is no 'options'\n"
        "  expected  options: a map with rate\n"
        "duo+tcp://a: error[cfg-missing-key]: 'transport.tcp' has no 'port'\n"
        "  expected  port: a port from 1 to 65535\n");
  const std::string form =
      ": error[cfg-address]: this is no address of a device\n"
      "  expected  PLUGIN+TRANSPORT:..., for example dsmr_p1+tcp://host:port or dsmr_p1+serial:/dev/ttyUSB0\n";
  for (const std::string address : {"grid", "+tcp://x", "meter+://x", ":"}) CHECK(messages(address) == address + form);
  CHECK(is_address("meter://x"));
  CHECK_FALSE(is_address("grid"));
}
