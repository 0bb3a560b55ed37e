// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/tls.hpp"
#include "rig.hpp"
#include "support/catch.hpp"
#include "support/certificate.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace mesura;
using namespace mesura::test;
using http::Request;
using http::Route;

struct TlsRig {
  TempDir dir;
  std::string certificate = (dir / "cert.pem").string(), key = (dir / "key.pem").string();
  std::unique_ptr<Rig> rig;

  explicit TlsRig(http::ServerOptions options = {}) {
    make_certificate(certificate, key);
    http::ListenerOptions listener;
    listener.tls = http::TlsFiles{certificate, key};
    rig = std::make_unique<Rig>(
        std::vector<Route>{
            route("GET", "/hello", [](const Request& r) { return text_response(r.secure ? "secure\n" : "plain\n"); }),
            route("GET", "/big", [](const Request&) { return text_response(std::string(3'000'000, 'x')); }),
            route(
                "POST", "/echo", [](const Request& r) { return text_response(r.body); }, Route::Run::worker)},
        options, listener);
  }
};

}  // namespace

TEST_CASE("requests over TLS") {
  const TlsRig tls;
  auto client = tls.rig->connect();
  client.start_tls();
  CHECK(client.get("/hello").body == "secure\n");
  CHECK(client.get("/big").body == std::string(3'000'000, 'x'));
  const std::string body(900'000, 'y');
  CHECK(client.post("/echo", body).body == body);
  // Sent ahead: what TLS has read, the socket no longer tells of.
  std::string ahead;
  for (int i = 0; i < 100; ++i) ahead += "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send(ahead);
  for (int i = 0; i < 100; ++i) CHECK(client.read_reply().body == "secure\n");
}

TEST_CASE("who speaks plain HTTP to a TLS port is told so, and rubbish costs nobody anything") {
  http::ServerOptions options;
  options.header_time = std::chrono::milliseconds{200};
  const TlsRig tls{options};
  auto plain = tls.rig->connect();
  const auto reply = plain.get("/hello");
  CHECK(reply.status == 400);
  CHECK_THAT(reply.body, contains("https://"));
  auto rubbish = tls.rig->connect();
  rubbish.send(std::string("\x16\x03\x01\xff\xff\x00\x00\x00 rubbish", 16));
  CHECK(rubbish.wait_closed());
  auto silent = tls.rig->connect();
  CHECK(silent.wait_closed());
  auto good = tls.rig->connect();
  good.start_tls();
  CHECK(good.get("/hello").status == 200);
  CHECK(tls.rig->server.counters().tls_failures >= 1);
}

TEST_CASE("a changed certificate is taken once it fits its key") {
  const TlsRig tls;
  LogLines log;
  http::TlsContext context{{tls.certificate, tls.key}, log.logger()};
  const auto before = context.make();
  REQUIRE(before);
  std::filesystem::remove(tls.key);
  std::ofstream{tls.key} << "no key";
  context.reload();
  CHECK_THAT(log.text(), contains("warn http-tls: changed certificate or key not taken, the old ones go on"));
  const auto between = context.make();
  CHECK(::SSL_get_SSL_CTX(between.get()) == ::SSL_get_SSL_CTX(before.get()));
  std::filesystem::remove(tls.key);
  std::filesystem::remove(tls.certificate);
  make_certificate(tls.certificate, tls.key);
  context.reload();
  const auto after = context.make();
  CHECK(::SSL_get_SSL_CTX(after.get()) != ::SSL_get_SSL_CTX(before.get()));
  CHECK_THAT(log.text(), contains("info http-tls-reload"));
}

TEST_CASE("a listener without usable certificate is refused at once") {
  const TempDir dir;
  LogLines log;
  http::Server server{{}, nullptr, log.logger()};
  http::ListenerOptions listener;
  listener.listen = {"127.0.0.1:0"};
  listener.tls = http::TlsFiles{(dir / "none.pem").string(), (dir / "none.key").string()};
  try {
    server.add_listener(listener, {});
    FAIL("no error");
  } catch (const http::ListenError& e) {
    CHECK(e.code() == "http-tls");
    CHECK_THAT(e.what(), contains("none.pem") && contains("hint"));
  }
}
