// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/broadcast.hpp"

#include "fixture.hpp"
#include "runtime/socket_address.hpp"
#include "support/catch.hpp"
#include "transport/address_filter.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace mesura::transport::test {
namespace {

using runtime::SocketAddress;

config::Value texts(const std::vector<std::string>& all) {
  config::Value::List list;
  for (const auto& text : all) list.emplace_back(text);
  return config::Value{std::move(list)};
}

bool wants(const AddressFilter& filter, const char* host) {
  const auto address = SocketAddress::parse(host, 5);
  REQUIRE(address.has_value());
  return filter.wants(address->data(), address->size());
}

std::string port_in(const std::string& description) { return description.substr(description.rfind(':') + 1); }

struct Opened {
  Recorder recorder;
  std::unique_ptr<Transport> transport;
  Opened(Fixture& f, const Pairs& given) : transport(make("udp", given, f.context)) {
    transport->open(recorder);
    REQUIRE(until(f.loop, [&] { return recorder.opened + recorder.closed > 0; }));
    INFO(recorder.reason.message);
    REQUIRE(recorder.opened == 1);
  }
};

}  // namespace

TEST_CASE("address filter: addresses and networks of both families") {
  AddressFilter filter;
  CHECK(filter.empty());
  CHECK(wants(filter, "192.0.2.1"));
  CHECK_FALSE(filter.include({"192.0.2.0/25", "198.51.100.7", "fd00::/8"}).has_value());
  CHECK_FALSE(filter.exclude({"192.0.2.9", "fd00::9/128"}).has_value());
  CHECK(wants(filter, "192.0.2.127"));
  CHECK_FALSE(wants(filter, "192.0.2.128"));
  CHECK_FALSE(wants(filter, "192.0.2.9"));
  CHECK(wants(filter, "198.51.100.7"));
  CHECK_FALSE(wants(filter, "198.51.100.8"));
  CHECK(wants(filter, "fdff::1"));
  CHECK_FALSE(wants(filter, "fd00::9"));
  CHECK_FALSE(wants(filter, "fe80::1"));
  CHECK(wants(filter, "::ffff:192.0.2.1"));
  CHECK_FALSE(wants(filter, "::ffff:192.0.2.9"));

  AddressFilter all;
  CHECK_FALSE(all.exclude({"0.0.0.0/0"}).has_value());
  CHECK_FALSE(wants(all, "203.0.113.1"));
  CHECK(wants(all, "::1"));
}

TEST_CASE("address filter: what is neither is named") {
  AddressFilter filter;
  for (const char* bad : {"", "ct6.local", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "fd00::/129", "192.0.2.1/8x"})
    CHECK(filter.include({"192.0.2.1", bad}).value_or("accepted") == bad);
}

TEST_CASE("broadcast: the loopback has an address of its own, when it is named") {
  const auto loopback = broadcast_addresses({"lo"}, 29340);
  REQUIRE(loopback.size() == 1);
  CHECK(loopback[0].to_string() == "127.255.255.255:29340");
  CHECK(is_broadcast(loopback[0]));
  CHECK_FALSE(is_broadcast(*SocketAddress::parse("127.0.0.1", 29340)));
  CHECK_FALSE(is_broadcast(*SocketAddress::parse("::1", 29340)));
  CHECK(is_broadcast(*SocketAddress::parse("255.255.255.255", 1)));
  CHECK(broadcast_addresses({"no-such-interface"}, 1).empty());
  const auto others = broadcast_addresses({}, 1);
  if (others.size() > 1)
    CHECK(std::find(others.begin(), others.end(), *SocketAddress::parse("127.255.255.255", 1)) == others.end());
}

TEST_CASE("udp: one broadcast reaches all who share its address, and each can answer") {
  Fixture f;
  Opened first{f, {{"listen", value("127.255.255.255:0")}}};
  const auto port = port_in(first.transport->describe());
  Opened second{f, {{"listen", value("127.255.255.255:" + port)}}};
  Opened asking{f, {{"interfaces", texts({"lo"})}}};
  asking.recorder.single_stream = false;
  REQUIRE(asking.transport->send(as_bytes("-AYT-"), "broadcast:" + port));
  REQUIRE(until(f.loop, [&] { return !first.recorder.bytes.empty() && !second.recorder.bytes.empty(); }));
  CHECK(first.recorder.bytes == "-AYT-");
  CHECK(second.recorder.bytes == "-AYT-");
  const std::string asker = "127.0.0.1:" + port_in(asking.transport->describe());
  CHECK(first.recorder.by_peer.front().first == asker);

  // Answers come from the units' own addresses.
  Opened unit{f, {{"listen", value("127.0.0.2:0")}}};
  Opened other{f, {{"listen", value("127.0.0.3:0")}}};
  REQUIRE(unit.transport->send(as_bytes("{}"), asker));
  REQUIRE(other.transport->send(as_bytes("[]"), asker));
  REQUIRE(until(f.loop, [&] { return asking.recorder.by_peer.size() == 2; }));
  CHECK(asking.recorder.by_peer[0] == std::pair<std::string, std::string>{unit.transport->describe().substr(4), "{}"});
  CHECK(asking.recorder.by_peer[1] == std::pair<std::string, std::string>{other.transport->describe().substr(4), "[]"});
  REQUIRE(asking.transport->send(as_bytes("more"), unit.transport->describe().substr(4)));
  REQUIRE(until(f.loop, [&] { return unit.recorder.bytes == "more"; }));
}

TEST_CASE("udp: only who may broadcasts, and only to a port") {
  Fixture f;
  Opened plain{f, {{"listen", value("127.0.0.1:0")}}};
  CHECK_FALSE(plain.transport->send(as_bytes("x"), "broadcast:29340"));
  const auto device = make_server("127.0.0.1", SOCK_DGRAM);
  Opened single{
      f, {{"host", value("127.0.0.1")}, {"port", value(port_of(device.get()))}, {"broadcast", config::Value{true}}}};
  CHECK_FALSE(single.transport->send(as_bytes("x"), "broadcast:29340"));
  Opened asking{f, {{"interfaces", texts({"lo"})}}};
  for (const char* bad : {"broadcast:", "broadcast:0", "broadcast:65536", "broadcast:5x", "broadcast"})
    CHECK_FALSE(asking.transport->send(as_bytes("x"), bad));
  CHECK_FALSE(asking.transport->send(as_bytes("x"), {}));
  Opened nowhere{f, {{"interfaces", texts({"no-such-interface"})}}};
  CHECK_FALSE(nowhere.transport->send(as_bytes("x"), "broadcast:29340"));
  Opened everywhere{f, {{"broadcast", config::Value{true}}}};
  CHECK(everywhere.transport->describe().find("udp 0.0.0.0:") == 0);
  CHECK_FALSE(everywhere.recorder.ended());
}

TEST_CASE("udp: datagrams of those who are not wanted cost a line in the debug log") {
  Fixture f;
  f.log->set_level(runtime::Level::debug);
  Opened wanted{f, {{"listen", value("127.0.0.1:0")}}};
  Opened unwanted{f, {{"listen", value("127.0.0.3:0")}}};
  Opened listening{
      f, {{"listen", value("127.0.0.1:0")}, {"include", texts({"127.0.0.0/30"})}, {"exclude", texts({"127.0.0.3"})}}};
  const auto where = listening.transport->describe().substr(4);
  for (int i = 0; i < 3; ++i) REQUIRE(unwanted.transport->send(as_bytes("no"), where));
  REQUIRE(wanted.transport->send(as_bytes("yes"), where));
  REQUIRE(until(f.loop, [&] { return !listening.recorder.bytes.empty(); }));
  CHECK(listening.recorder.bytes == "yes");
  f.logged.clear();
  listening.transport->close();
  REQUIRE(f.logged.size() == 1);
  CHECK(f.logged[0].find("debug tra-ignored udp 127.0.0.1:") == 0);
  CHECK(f.logged[0].find(": 3 datagrams of others were ignored, the latest from 127.0.0.3:") != std::string::npos);

  Recorder refused;
  const auto bad = make("udp", {{"listen", value("127.0.0.1:0")}, {"exclude", texts({"kitchen"})}}, f.context);
  bad->open(refused);
  REQUIRE(until(f.loop, [&] { return refused.ended(); }));
  CHECK(refused.reason.code == "open-failed");
  CHECK(refused.reason.message.find("`include` and `exclude`, got 'kitchen'") != std::string::npos);
}

TEST_CASE("udp: the largest datagram arrives whole") {
  Fixture f;
  Opened listening{f, {{"listen", value("127.0.0.1:0")}}};
  Opened sending{f, {{"listen", value("127.0.0.1:0")}}};
  const std::string all = pattern(65'507);
  REQUIRE(sending.transport->send(as_bytes(all), listening.transport->describe().substr(4)));
  REQUIRE(until(f.loop, [&] { return !listening.recorder.bytes.empty(); }));
  CHECK(listening.recorder.bytes == all);
}

}  // namespace mesura::transport::test
