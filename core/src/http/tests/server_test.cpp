// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the server makes of requests: methods, paths, bodies, one connection for many.
#include "rig.hpp"
#include "support/catch.hpp"

#include <string>
#include <thread>
#include <vector>

namespace {

using namespace mesura;
using namespace mesura::test;
using http::Request;
using http::Route;

std::vector<Route> echo_routes() {
  return {
      route("GET", "/hello", [](const Request&) { return text_response("hello\n"); }),
      route(
          "GET", "/worker", [](const Request&) { return text_response("worked\n"); }, Route::Run::worker),
      route(
          "POST", "/echo", [](const Request& r) { return text_response(r.body); }, Route::Run::worker),
      route("POST", "/front", [](const Request& r) { return text_response(r.body); }),
      route("GET", "/devices/{id}/{file}.json",
            [](const Request& r) { return text_response(r.captures.at(0) + "|" + r.captures.at(1)); }),
      route("GET", "/query",
            [](const Request& r) {
              std::string out;
              for (const auto& [name, value] : r.query) out += name + "=" + value + ";";
              return text_response(out);
            }),
      route(
          "GET", "/fail", [](const Request&) -> http::Response { throw std::runtime_error("disk on fire"); },
          Route::Run::worker),
  };
}

}  // namespace

TEST_CASE("requests are answered one after the other on one connection") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.get("/hello");
    CHECK(reply.status == 200);
    CHECK(reply.body == "hello\n");
    CHECK(reply.header("Content-Length") == "6");
    CHECK(reply.header("Content-Type") == "text/plain; charset=utf-8");
    CHECK(reply.header("Cache-Control") == "private, no-cache");
    CHECK(client.get("/nothing").header("Cache-Control") == "no-store");
    CHECK(reply.header("X-Content-Type-Options") == "nosniff");
    CHECK(reply.header("Date").size() == 29);
    CHECK(client.get("/worker").body == "worked\n");
  }
  CHECK(rig.server.counters().connections == 1);
  CHECK(rig.server.counters().by_class[2] == 6);
}

TEST_CASE("requests sent ahead are answered in their order, whoever works on them") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  std::string ahead;
  constexpr int kCount = 200;
  for (int i = 0; i < kCount; ++i) {
    const auto body = std::to_string(i);
    ahead += std::string{"POST "} + (i % 3 == 0 ? "/echo" : "/front") +
             " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  std::thread sender{[&] { client.send(ahead); }};
  for (int i = 0; i < kCount; ++i) {
    const auto reply = client.read_reply();
    CHECK(reply.status == 200);
    CHECK(reply.body == std::to_string(i));
  }
  sender.join();
}

TEST_CASE("a request may come in any pieces") {
  Rig rig{echo_routes()};
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: "
      "x\r\n\r\n";
  for (const std::size_t step : {1U, 2U, 7U, 1000U}) {
    auto client = rig.connect();
    for (std::size_t at = 0; at < request.size(); at += step) client.send(std::string_view{request}.substr(at, step));
    CHECK(client.read_reply().body == "hello!");
    CHECK(client.get("/hello").status == 200);
  }
}

TEST_CASE("HEAD is GET without the body") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  client.send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto reply = client.read_reply(true);
  CHECK(reply.status == 200);
  CHECK(reply.header("Content-Length") == "6");
  CHECK(client.get("/hello").body == "hello\n");
}

TEST_CASE("unknown places and methods are told apart") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  const auto nothing = client.get("/nothing");
  CHECK(nothing.status == 404);
  CHECK(nothing.body.starts_with(R"({"error":{"code":"http-not-found")"));
  const auto method = client.get("/echo");
  CHECK(method.status == 405);
  CHECK(method.header("Allow") == "POST, OPTIONS");
  client.send("OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto options = client.read_reply();
  CHECK(options.status == 204);
  CHECK(options.header("Allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("paths and queries arrive decoded") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  CHECK(client.get("/devices/k%C3%BCche/day%20one.json").body ==
        "k\xC3\xBC"
        "che|day one");
  CHECK(client.get("//devices///a/b.json/").body == "a|b");
  CHECK(client.get("/devices/a/b.csv").status == 404);
  CHECK(client.get("/query?a=1+2&b=%2B&a=%C3%BC&c").body == "a=1 2;b=+;a=\xC3\xBC;c=;");
  CHECK(client.get("http://localhost/query?x=y").body == "x=y;");
}

TEST_CASE("tricks with paths are refused") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  for (const auto* path :
       {"/../etc/passwd", "/a/./b", "/a/%2e%2e/b", "/%2E", "/a%2fb", "/a%5Cb", "/a\\b", "/%00", "/a%0d%0ab", "/%zz",
        "/%4", "/%ff", "/%c0%af", "/query?a=%ff", "/query?a=%00", "/query?%", "/a#b", "relative"}) {
    INFO(path);
    const auto reply = client.get(path);
    CHECK(reply.status == 400);
    CHECK(reply.body.starts_with(R"({"error":{"code":"http-target")"));
  }
  CHECK(client.get("/hello").status == 200);
}

TEST_CASE("malformed requests get a clear answer and the end of their connection") {
  Rig rig{echo_routes()};
  struct Case {
    std::string request;
    int status;
  };
  const std::string host = "Host: localhost\r\n";
  const std::vector<Case> cases{
      {"rubbish\r\n\r\n", 400},
      {"GET /hello\r\n\r\n", 400},
      {"GET  /hello HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /hello HTTP/1.1\n" + host + "\n\n", 400},
      {"GET /hello HTTP/1.1\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"GET /hello HTTP/1.1\r\n" + host + " folded\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\n" + host + "Name : x\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\n" + host + "Name: \x01\r\n\r\n", 400},
      {"GE(T /hello HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /hello HTTP/2.0\r\n" + host + "\r\n", 505},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: x\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", 400},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Type: text/plain\r\n\r\n", 411},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1048577\r\n\r\n", 413},
      {"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999\r\n\r\n", 413},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413},
      {"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n", 413},
      {"POST /echo HTTP/1.1\r\n" + host + "Expect: miracles\r\nContent-Length: 1\r\n\r\na", 417},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414},
      {"GET /" + std::string(20000, 'a'), 414},
      {"GET /hello HTTP/1.1\r\n" + host + "A: " + std::string(9000, 'a') + "\r\n\r\n", 431},
      {"GET /hello HTTP/1.1\r\n" + host + std::string(20000, 'a'), 431},
  };
  for (const auto& one : cases) {
    INFO(one.request.substr(0, 100));
    auto client = rig.connect();
    client.send(one.request);
    const auto reply = client.read_reply();
    CHECK(reply.status == one.status);
    CHECK(reply.header("Connection") == "close");
    CHECK(reply.body.starts_with(R"({"error":{"code":"http-)"));
    CHECK(client.wait_closed());
  }
  CHECK(rig.connect().get("/hello").status == 200);
}

TEST_CASE("HTTP 1.0 ends its connection unless asked to keep it") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.read_reply().header("Connection") == "keep-alive");
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  CHECK(client.read_reply().body == "hello\n");
  CHECK(client.wait_closed());
}

TEST_CASE("a client that asks first is told to go on, or not") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.read_reply().status == 100);
  client.send("abc");
  CHECK(client.read_reply().body == "abc");
  client.send("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.read_reply().status == 404);
  CHECK(client.wait_closed());
}

TEST_CASE("an exception in a handler is a 500 that keeps its reason to the log") {
  Rig rig{echo_routes()};
  auto client = rig.connect();
  const auto reply = client.get("/fail");
  CHECK(reply.status == 500);
  CHECK(reply.body.find("fire") == std::string::npos);
  CHECK_THAT(rig.log.text(), contains("error http-failed: GET /fail: disk on fire"));
  CHECK(client.get("/hello").status == 200);
  CHECK(rig.server.counters().handler_failures == 1);
}

TEST_CASE("a server stops while clients are connected, and lets what has begun finish") {
  Gate inside, go;
  auto rig = std::make_unique<Rig>(std::vector<Route>{route(
      "GET", "/slow",
      [&](const Request&) {
        inside.open();
        go.wait();
        return text_response("done\n");
      },
      Route::Run::worker)});
  auto idle = rig->connect();
  CHECK(idle.get("/nothing").status == 404);
  auto busy = rig->connect();
  busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(inside.wait());
  std::thread stopper{[&] { rig->server.stop(std::chrono::seconds{20}); }};
  CHECK(idle.wait_closed());
  go.open();
  CHECK(busy.read_reply().body == "done\n");
  CHECK(busy.wait_closed());
  stopper.join();
}
