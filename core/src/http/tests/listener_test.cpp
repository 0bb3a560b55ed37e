// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Where a server may listen, under which names, and who answers where.
#include "http/listen_address.hpp"
#include "http/router.hpp"
#include "rig.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

namespace {

using namespace mesura;
using namespace mesura::test;
using http::ListenerOptions;
using http::Request;
using http::Role;
using http::Route;

std::string refusal(ListenerOptions options) {
  const auto error = http::refuse_listener(options);
  return error ? error->code : "";
}

ListenerOptions on(std::string address) {
  ListenerOptions options;
  options.listen = {std::move(address)};
  return options;
}

}  // namespace

TEST_CASE("addresses to listen on") {
  CHECK(http::parse_listen_address("127.0.0.1:8080")->host == "127.0.0.1");
  CHECK(http::parse_listen_address("[::1]:80")->host == "::1");
  CHECK(http::parse_listen_address("[::1]:80")->port == 80);
  CHECK(http::parse_listen_address("*:0")->host == "*");
  CHECK(http::parse_listen_address(":8080")->host.empty());
  CHECK(http::parse_listen_address("localhost:8080")->host == "localhost");
  for (const auto* bad : {"", "8080", "localhost", "::1:8080", "[::1]", "[1.2.3.4]:80", "a:70000", "a:", "a:-1", "a:8x",
                          "http://a:80", "a b:80"}) {
    INFO(bad);
    CHECK(!http::parse_listen_address(bad));
  }
}

TEST_CASE("what is loopback and what only looks like it") {
  for (const auto* host :
       {"127.0.0.1", "127.255.0.3", "::1", "[::1]", "localhost", "LocalHost.", "a.localhost", "::ffff:127.0.0.1"}) {
    INFO(host);
    CHECK(http::is_loopback_host(host));
  }
  for (const auto* host : {"", "*", "0.0.0.0", "::", "192.168.0.7", "localhost.example", "127.0.0.1.example", "mesura",
                           "128.0.0.1", "fe80::1"}) {
    INFO(host);
    CHECK(!http::is_loopback_host(host));
  }
}

TEST_CASE("beyond loopback without login is refused unless it is meant") {
  CHECK(refusal(on("127.0.0.1:8080")).empty());
  CHECK(refusal(on("[::1]:8080")).empty());
  CHECK(refusal(on("0.0.0.0:8080")) == "http-open");
  CHECK(refusal(on("*:8080")) == "http-open");
  CHECK(refusal(on("meter.example:8080")) == "http-open");
  auto options = on("127.0.0.1:8080");
  options.listen.emplace_back("192.168.0.7:8080");
  CHECK(refusal(options) == "http-open");
  options.anonymous = Role::none;
  CHECK(refusal(options).empty());
  options.anonymous = Role::control;
  options.allow_unauthenticated = true;
  CHECK(refusal(options).empty());
  CHECK(http::warn_listener(options).size() == 2);
  CHECK(http::warn_listener(on("127.0.0.1:8080")).empty());
  CHECK(refusal(on("8080")) == "http-address");

  LogLines log;
  http::Server server{{}, nullptr, log.logger()};
  try {
    server.add_listener(on("0.0.0.0:0"), {});
    FAIL("no error");
  } catch (const http::ListenError& e) {
    CHECK(e.code() == "http-open");
    CHECK_THAT(e.what(), contains("0.0.0.0:0") && contains("mesura user add") && contains("allow_unauthenticated"));
  }
}

TEST_CASE("an address in use is told at once") {
  const Rig first;
  LogLines log;
  http::Server second{{}, nullptr, log.logger()};
  try {
    second.add_listener(on(first.server.address()), {});
    FAIL("no error");
  } catch (const http::ListenError& e) {
    CHECK(e.code() == "http-bind");
    CHECK_THAT(e.what(), contains(first.server.address()) && contains("in use"));
  }
}

TEST_CASE("several listeners, each with its own routes and addresses") {
  LogLines log;
  http::Server server{{}, nullptr, log.logger()};
  const auto says = [](const char* text) {
    return std::vector<Route>{route("GET", "/who", [text](const Request&) { return text_response(text); })};
  };
  auto both = on("127.0.0.1:0");
  both.listen.emplace_back("[::1]:0");
  server.add_listener(both, says("main"));
  auto compat = on("127.0.0.1:0");
  compat.cors = true;
  server.add_listener(compat, says("compat"));
  server.start();
  CHECK(Client{server.port(0)}.get("/who").body == "main");
  CHECK(Client{server.port(1), "::1"}.get("/who").body == "main");
  Client other{server.port(2)};
  const auto reply = other.get("/who", "Origin: http://elsewhere\r\n");
  CHECK(reply.body == "compat");
  CHECK(reply.header("Access-Control-Allow-Origin") == "*");
  other.send(
      "OPTIONS /who HTTP/1.1\r\nHost: localhost\r\nOrigin: http://elsewhere\r\nAccess-Control-Request-Method: "
      "GET\r\n\r\n");
  CHECK(other.read_reply().header("Access-Control-Allow-Methods") == "GET, HEAD, OPTIONS");
  CHECK(Client{server.port(0)}.get("/who").header("Access-Control-Allow-Origin").empty());
}

TEST_CASE("a name that is not ours is refused on loopback") {
  auto options = on("127.0.0.1:0");
  options.host_names = {"meter.example"};
  const Rig plain;
  const Rig named{{}, {}, options};
  const auto ask = [](const Rig& rig, const std::string& host) {
    auto client = rig.connect();
    client.send("GET /hello HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    return client.read_reply().status;
  };
  for (const auto* host : {"localhost", "localhost:8080", "127.0.0.1:80", "[::1]:80", "192.168.0.7"})
    CHECK(ask(plain, host) == 200);
  CHECK(ask(plain, "attacker.example") == 421);
  CHECK(ask(plain, "127.0.0.1.attacker.example:8080") == 421);
  CHECK(ask(named, "Meter.Example:443") == 200);
  CHECK(ask(named, "attacker.example") == 421);
}

TEST_CASE("the more literal pattern wins") {
  const auto handler = [](const Request&) { return http::Response{}; };
  const http::Router router{{{"GET", "/a/{x}", Role::read, Route::Run::front, handler},
                             {"GET", "/a/b", Role::read, Route::Run::front, handler},
                             {"GET", "/a/{x}.json", Role::read, Route::Run::front, handler},
                             {"POST", "/a/{y}", Role::read, Route::Run::front, handler},
                             {"GET", "/a/{rest*}", Role::read, Route::Run::front, handler},
                             {"GET", "/", Role::read, Route::Run::front, handler}}};
  const auto pattern = [&](const char* method, const char* path) {
    const auto match = router.find(method, path);
    return match.route != nullptr ? match.route->pattern : "none: " + match.allow;
  };
  CHECK(pattern("GET", "/a/b") == "/a/b");
  CHECK(pattern("GET", "/a/c") == "/a/{x}");
  CHECK(pattern("GET", "/a/c.json") == "/a/{x}.json");
  CHECK(pattern("GET", "/a/.json") == "/a/{x}");
  CHECK(pattern("POST", "/a/b") == "/a/{y}");
  CHECK(pattern("GET", "/a/b/c") == "/a/{rest*}");
  CHECK(pattern("GET", "/a") == "/a/{rest*}");
  CHECK(pattern("GET", "/") == "/");
  CHECK(pattern("GET", "/b") == "none: ");
  CHECK(pattern("PUT", "/a/b/c") == "none: GET, HEAD, OPTIONS");
  CHECK(router.find("GET", "/a/b/c").captures.at(0) == "b/c");
  CHECK(router.find("GET", "/a/b.c.json").captures.at(0) == "b.c");
  for (const auto* bad : {"a", "/{}", "/{a}{b}", "/{a*}/b", "/x{a*}", "/{a"}) {
    INFO(bad);
    CHECK_THROWS_AS((http::Router{{{"GET", bad, Role::read, Route::Run::front, handler}}}), http::ListenError);
  }
  CHECK_THROWS_AS((http::Router{{{"GET", "/a/{x}", Role::read, Route::Run::front, handler},
                                 {"GET", "/a/{y}", Role::read, Route::Run::front, handler}}}),
                  http::ListenError);
}
