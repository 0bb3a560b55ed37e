// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/resolver.hpp"
#include "runtime/socket_address.hpp"
#include "support/catch.hpp"

#include <sys/socket.h>

#include <optional>

using namespace std::chrono_literals;
using mesura::runtime::EventLoop;
using mesura::runtime::join_host_port;
using mesura::runtime::Resolution;
using mesura::runtime::resolve;
using mesura::runtime::Resolved;
using mesura::runtime::SocketAddress;
using mesura::runtime::SystemClock;

TEST_CASE("numeric addresses are read and written") {
  CHECK(SocketAddress::parse("192.168.0.34", 29340)->to_string() == "192.168.0.34:29340");
  CHECK(SocketAddress::parse("::1", 23)->to_string() == "[::1]:23");
  CHECK(SocketAddress::parse("::ffff:10.0.0.1", 5)->to_string() == "10.0.0.1:5");
  CHECK(SocketAddress::parse("fe80::1%lo", 1)->to_string() == "[fe80::1%lo]:1");
  CHECK_FALSE(SocketAddress::parse("localhost", 23).has_value());
  CHECK_FALSE(SocketAddress::parse("", 23).has_value());
  CHECK(SocketAddress{}.to_string().empty());
}

TEST_CASE("loopback is told from the rest") {
  for (const char* host : {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"})
    CHECK(SocketAddress::parse(host, 1)->is_loopback());
  for (const char* host : {"0.0.0.0", "128.0.0.1", "::", "::2", "::ffff:10.0.0.1"})
    CHECK_FALSE(SocketAddress::parse(host, 1)->is_loopback());
}

TEST_CASE("host and port are joined") {
  CHECK(join_host_port("::1", 8080) == "[::1]:8080");
  CHECK(join_host_port("meter", 1) == "meter:1");
}

TEST_CASE("names are resolved off the loop and delivered on it") {
  const SystemClock clock;
  EventLoop loop{clock};
  const char* const host = GENERATE("localhost", "127.0.0.1", "::1");
  std::optional<Resolved> result;
  const Resolution pending = resolve(loop, host, 4711, SOCK_STREAM, [&](Resolved r) {
    result = std::move(r);
    loop.stop();
  });
  CHECK_FALSE(result);
  loop.run();
  REQUIRE(result);
  REQUIRE_FALSE(result->addresses.empty());
  CHECK(result->addresses[0].is_loopback());
  CHECK(result->addresses[0].port() == 4711);
}

TEST_CASE("a name that cannot be gives the system's reason") {
  const SystemClock clock;
  EventLoop loop{clock};
  std::optional<Resolved> result;
  const Resolution pending = resolve(loop, "no name with blanks", 1, SOCK_STREAM, [&](Resolved r) {
    result = std::move(r);
    loop.stop();
  });
  loop.run();
  REQUIRE(result);
  CHECK(result->addresses.empty());
  CHECK_FALSE(result->error.empty());
}

TEST_CASE("a cancelled look-up never calls back, and may outlive its loop") {
  const SystemClock clock;
  int calls = 0;
  {
    EventLoop loop{clock};
    Resolution numeric = resolve(loop, "127.0.0.1", 1, SOCK_STREAM, [&](const Resolved&) { ++calls; });
    Resolution name = resolve(loop, "localhost", 1, SOCK_STREAM, [&](const Resolved&) { ++calls; });
    numeric.cancel();
    name = Resolution{};
    const Resolution last = resolve(loop, "localhost", 1, SOCK_STREAM, [&](const Resolved&) { loop.stop(); });
    loop.run();
  }
  CHECK(calls == 0);
}
