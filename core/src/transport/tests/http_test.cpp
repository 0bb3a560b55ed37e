// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fixture.hpp"
#include "http_rig.hpp"
#include "support/catch.hpp"
#include "support/certificate.hpp"
#include "transport/http_exchange.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace mesura::transport::test {
namespace {

using runtime::UniqueFd;

struct Answer {
  std::string topic;
  int status;
  std::string body;
  std::string peer;
  bool operator==(const Answer&) const = default;
};

class Answers final : public Listener {
 public:
  void on_open() override { opened = true; }
  void on_bytes(Bytes bytes, const Meta& meta) override {
    CHECK(meta.offset == offset);
    offset += bytes.size();
    all.push_back({std::string{meta.topic}, meta.status, {bytes.begin(), bytes.end()}, std::string{meta.peer}});
    if (then) then();
  }
  void on_closed(const Reason& why, bool /*final*/) override { FAIL_CHECK(why.message); }
  bool opened = false;
  std::uint64_t offset = 0;
  std::vector<Answer> all;
  std::function<void()> then;
};

struct Opened {
  Answers answers;
  std::unique_ptr<Transport> transport;
  Opened(Fixture& f, const Pairs& given) : transport(make("http", given, f.context)) {
    transport->open(answers);
    CHECK_FALSE(transport->send({}, "GET /too-early"));
    REQUIRE(until(f.loop, [&] { return answers.opened; }));
  }
  Answer ask(Fixture& f, std::string_view to, std::string_view body = {}) {
    answers.all.clear();
    CHECK(transport->send(as_bytes(body), to));
    REQUIRE(until(f.loop, [&] { return !answers.all.empty(); }));
    return answers.all.front();
  }
};

config::Value ms(int n) { return config::Value{std::int64_t{n} * 1'000'000}; }

/// A server that says what it is told, byte for byte.
class RawServer {
 public:
  std::uint16_t port() const { return port_of(server_.get()); }
  void accept(Fixture& f) {
    REQUIRE(until(f.loop, [&] {
      peer_ = UniqueFd{::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
      return static_cast<bool>(peer_);
    }));
  }
  std::string request(Fixture& f) {
    std::string all;
    REQUIRE(until(f.loop, [&] { return (all += read_now(peer_.get())).find("\r\n\r\n") != std::string::npos; }));
    return all;
  }
  void say(std::string_view text) const { CHECK(write_now(peer_.get(), text) == text.size()); }
  [[nodiscard]] bool try_say(std::string_view text) const { return write_now(peer_.get(), text) == text.size(); }
  void hang_up() { peer_.reset(); }

 private:
  UniqueFd server_ = make_server("127.0.0.1", SOCK_STREAM);
  UniqueFd peer_;
};

std::string where(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

TEST_CASE("http: what is asked for is read strictly") {
  HttpRequest standard;
  standard.host = "meter.local";
  standard.port = 8080;
  const auto read = [&](std::string_view to) {
    const auto request = parse_http_request(to, standard);
    return request ? request->describe() : std::string{"refused"};
  };
  CHECK(read("GET /get_stats?x=1&y=%20") == "GET http://meter.local:8080/get_stats?x=1&y=%20");
  CHECK(read("POST http://192.0.2.7/set") == "POST http://192.0.2.7:80/set");
  CHECK(read("GET http://192.0.2.7:81") == "GET http://192.0.2.7:81/");
  CHECK(read("GET http://192.0.2.7?x") == "GET http://192.0.2.7:80/?x");
  CHECK(read("GET https://[2001:db8::1]/") == "GET https://[2001:db8::1]:443/");
  for (const std::string bad :
       {"", "GET", "GET ", "get /", "/get", "GET get", "GET ftp://host/", "GET http:///x", "GET http://host:0/x",
        "GET /a b", "GET /a\r\nHost: evil", "GET /\x7F", "GET http://host:99999/", "VERYLONGMETHODNAME /"})
    CHECK(read(bad) == "refused");
  standard.host.clear();
  CHECK(read("GET /x") == "refused");
  CHECK(read("GET http://h/x") == "GET http://h:80/x");
}

TEST_CASE("http: answers bear their request, their status and who gave them") {
  Fixture f;
  std::mutex mutex;
  std::vector<WebRequest> seen;
  const WebServer server{[&](const WebRequest& request) {
    const std::lock_guard lock{mutex};
    seen.push_back(request);
    return request.uri == "/missing" ? WebAnswer{404, "no such page"} : WebAnswer{200, "{\"v\":230}"};
  }};
  const auto place = where(server.port());
  Opened line{f, {{"host", value("127.0.0.1")}, {"port", value(server.port())}}};
  CHECK(line.transport->describe() == "http " + place);
  CHECK(line.ask(f, "GET /get_stats") == Answer{"GET /get_stats", 200, "{\"v\":230}", place});
  CHECK(line.ask(f, "GET /missing") == Answer{"GET /missing", 404, "no such page", place});
  CHECK(line.ask(f, "POST /set", "{\"relay\":1}").status == 200);
  CHECK(line.ask(f, "GET http://localhost:" + std::to_string(server.port()) + "/").peer ==
        "localhost:" + std::to_string(server.port()));
  CHECK_FALSE(line.transport->send({}, "GET"));
  CHECK_FALSE(line.transport->send({}, {}));
  const std::lock_guard lock{mutex};
  REQUIRE(seen.size() == 4);
  CHECK(seen[0].method == "GET");
  CHECK(seen[2].method == "POST");
  CHECK(seen[2].body == "{\"relay\":1}");
  CHECK(seen[2].content_type == "application/json");
}

TEST_CASE("http: without a host, each request names its own") {
  Fixture f;
  const WebServer one{[](const WebRequest&) { return WebAnswer{200, "one"}; }};
  const WebServer two{[](const WebRequest&) { return WebAnswer{200, "two"}; }};
  Opened line{f, {}};
  CHECK_FALSE(line.transport->send({}, "GET /"));
  CHECK(line.transport->send({}, "GET http://" + where(one.port()) + "/"));
  CHECK(line.transport->send({}, "GET http://" + where(two.port()) + "/"));
  REQUIRE(until(f.loop, [&] { return line.answers.all.size() == 2; }));
  for (const auto& answer : line.answers.all) CHECK(answer.body == (answer.peer == where(one.port()) ? "one" : "two"));
}

TEST_CASE("http: what goes wrong is an answer of its own") {
  Fixture f;
  const auto nobody = port_of(make_server("127.0.0.1", SOCK_STREAM).get());
  Opened line{f, {{"timeout", ms(150)}}};
  const auto to = [](std::uint16_t port) { return "GET http://" + where(port) + "/x"; };

  const auto refused = line.ask(f, to(nobody));
  CHECK(refused.status == -1);
  CHECK(refused.body.find("GET http://" + where(nobody) +
                          "/x: expected a connection, got Connection refused\n  hint") == 0);

  CHECK(line.ask(f, "GET http://no_such_host.invalid/").status == -1);

  RawServer raw;
  SECTION("a server that says nothing") {
    const auto silent = line.ask(f, to(raw.port()));
    CHECK(silent.status == -1);
    CHECK(silent.body.find(": expected a whole answer, got none within 150 ms") != std::string::npos);
  }
  SECTION("a server that drips") {
    line.answers.all.clear();
    REQUIRE(line.transport->send({}, to(raw.port())));
    raw.accept(f);
    raw.say("HTTP/1.1 200 OK\r\nX: ");
    REQUIRE(until(f.loop, [&] {
      (void)raw.try_say("x");
      return !line.answers.all.empty();
    }));
    CHECK(line.answers.all[0].status == -1);
    CHECK(line.answers.all[0].body.find("none within 150 ms") != std::string::npos);
  }
  const auto answered = [&](std::string_view text) {
    line.answers.all.clear();
    REQUIRE(line.transport->send({}, to(raw.port())));
    raw.accept(f);
    raw.request(f);
    raw.say(text);
    raw.hang_up();
    REQUIRE(until(f.loop, [&] { return !line.answers.all.empty(); }));
    return line.answers.all.front();
  };
  SECTION("an answer that is cut off") {
    const auto cut = answered("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    CHECK(cut.status == -1);
    CHECK(cut.body.find("expected 10 bytes, got only 4 before") != std::string::npos);
  }
  SECTION("no answer at all") {
    CHECK(answered("").body.find("expected an answer, got the end of the connection") != std::string::npos);
  }
  SECTION("no HTTP") { CHECK(answered("SSH-2.0-OpenSSH_9.2\r\n\r\n").status == -1); }
  SECTION("an old server that ends its answer by hanging up") {
    const auto old = answered("HTTP/1.0 200 OK\r\nServer: lwIP\r\n\r\n{\"v\":1}");
    CHECK(old.status == 200);
    CHECK(old.body == "{\"v\":1}");
  }
  SECTION("pieces") {
    CHECK(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").body ==
          "abcde");
  }
  SECTION("nothing to say") {
    CHECK(answered("HTTP/1.1 204 No Content\r\n\r\n") == Answer{to(raw.port()), 204, "", where(raw.port())});
  }
}

TEST_CASE("http: a FILE request is its bytes and nothing else") {
  Fixture f;
  Opened line{f, {{"timeout", ms(2000)}}};
  RawServer raw;
  const auto to = "FILE http://" + where(raw.port()) + "/app2/a.mpy";
  const std::string sent =
      std::string{"FILE a.mpy /app2 4 abcd HTTP/1.1\n"} + std::string{"\x00\r\n\xFF", 4} + "\r\n\r\n";
  const auto exchange_with = [&](std::string_view text) {
    line.answers.all.clear();
    REQUIRE(line.transport->send(as_bytes(sent), to));
    raw.accept(f);
    CHECK(raw.request(f) == sent);
    raw.say(text);
    raw.hang_up();
    REQUIRE(until(f.loop, [&] { return !line.answers.all.empty(); }));
    CHECK(line.answers.all.front().topic == to);
    return line.answers.all.front();
  };
  const auto good = exchange_with("HTTP/1.0 200 OK\r\nContent-type: application/json\r\n\r\n{\"OK\": true}");
  CHECK(good.status == 200);
  CHECK(good.body == "{\"OK\": true}");
  // Two headers, one behind the other: the first counts, the second is left to whoever knows the device.
  const auto twice = exchange_with("HTTP/1.0 500 Internal Server Error\r\n\r\nHTTP/1.0 200 OK\r\n\r\n{\"ERROR\": 1}");
  CHECK(twice.status == 500);
  CHECK(twice.body == "HTTP/1.0 200 OK\r\n\r\n{\"ERROR\": 1}");
  const auto nothing = exchange_with("");
  CHECK(nothing.status == -1);
  CHECK(nothing.body.find("expected an answer, got the end of the connection") != std::string::npos);
  CHECK(exchange_with("SSH-2.0-OpenSSH_9.2\r\n\r\n").status == -1);
}

TEST_CASE("http: much to send takes longer") {
  CHECK(time_to_send(4095) == 0s);
  CHECK(time_to_send(100 * 1024) == 25s);
  Fixture f;
  Opened line{f, {{"timeout", ms(100)}}};
  RawServer raw;
  // Nobody answers: what ends it is the time for 4 KiB, not the 100 ms alone.
  REQUIRE(line.transport->send(as_bytes(std::string(4096, 'x')), "FILE http://" + where(raw.port()) + "/x"));
  raw.accept(f);
  REQUIRE(until(f.loop, [&] { return !line.answers.all.empty(); }));
  CHECK(line.answers.all[0].body.find("none within 1100 ms") != std::string::npos);
}

TEST_CASE("http: an answer may be large, but not endless") {
  Fixture f;
  const WebServer server{[](const WebRequest& request) {
    return WebAnswer{200, std::string(static_cast<std::size_t>(std::stoul(request.uri.substr(1))), 'x')};
  }};
  Opened line{f, {{"host", value("127.0.0.1")}, {"port", value(server.port())}}};
  CHECK(line.ask(f, "GET /1048576").body.size() == 1'048'576);
  const auto more = line.ask(f, "GET /1048577");
  CHECK(more.status == -1);
  CHECK(more.body.find("expected an answer of at most 1 MiB, got more") != std::string::npos);
}

TEST_CASE("http: dead servers hold up only as many as may be asked at once, and 256 may wait") {
  Fixture f;
  const WebServer server{[](const WebRequest&) { return WebAnswer{200, "alive"}; }};
  const RawServer dead;
  Opened line{f, {{"timeout", ms(300)}, {"parallel", value(3)}}};
  const auto to_dead = "GET http://" + where(dead.port()) + "/";
  const auto to_live = "GET http://" + where(server.port()) + "/";
  // Two of three threads wait for the dead one; the third serves the others meanwhile.
  for (int i = 0; i < 2; ++i) REQUIRE(line.transport->send({}, to_dead));
  for (int i = 0; i < 20; ++i) REQUIRE(line.transport->send({}, to_live));
  REQUIRE(until(f.loop, [&] { return line.answers.all.size() == 22; }));
  CHECK(std::count_if(line.answers.all.begin(), line.answers.all.end(),
                      [](const Answer& a) { return a.status == 200; }) == 20);
  for (std::size_t i = 0; i < 20; ++i) CHECK(line.answers.all[i].body == "alive");

  int taken = 0;
  while (taken < 1000 && line.transport->send({}, to_dead)) ++taken;
  CHECK(taken == 256);
  line.transport->close();
  CHECK_FALSE(line.transport->send({}, to_live));
}

TEST_CASE("http: closed with requests in flight, it waits for nothing and says nothing") {
  Fixture f;
  RawServer slow;
  const int before = open_descriptors();
  {
    Opened line{f, {{"host", value("127.0.0.1")}, {"port", value(slow.port())}, {"timeout", ms(600'000)}}};
    REQUIRE(line.transport->send({}, "GET /"));
    slow.accept(f);
    slow.request(f);
    line.transport->close();
    slow.hang_up();
    for (int i = 0; i < 5; ++i) f.loop.run_once(1ms);
    CHECK(line.answers.all.empty());
  }
  // Its thread gives up long before the ten minutes.
  CHECK(until(f.loop, [&] { return open_descriptors() <= before; }));
}

TEST_CASE("http: it may be closed, and asked again, in an answer") {
  Fixture f;
  const WebServer server{[](const WebRequest& request) { return WebAnswer{200, request.uri}; }};
  Opened line{f, {{"host", value("127.0.0.1")}, {"port", value(server.port())}}};
  line.answers.then = [&] {
    if (line.answers.all.size() == 1) CHECK(line.transport->send({}, "GET /second"));
    if (line.answers.all.size() == 2) line.transport->close();
  };
  REQUIRE(line.transport->send({}, "GET /first"));
  REQUIRE(until(f.loop, [&] { return line.answers.all.size() == 2; }));
  CHECK(line.answers.all[1].body == "/second");
}

TEST_CASE("http: TLS with a certificate that is vouched for, and without") {
  Fixture f;
  const TempDir dir;
  mesura::test::make_certificate(dir.file("cert.pem"), dir.file("key.pem"));
  mesura::test::make_certificate(dir.file("other.pem"), dir.file("other.key"));
  const WebServer server{[](const WebRequest&) {
                           return WebAnswer{200, "secret"};
                         },
                         dir.file("cert.pem"), dir.file("key.pem")};
  const auto ask = [&](Pairs given) {
    given.emplace_back("port", value(server.port()));
    given.emplace_back("tls", config::Value{true});
    Opened line{f, given};
    return line.ask(f, "GET /").body;
  };
  const std::pair<std::string, config::Value> localhost{"host", value("localhost")};
  const std::pair<std::string, config::Value> trusted{"ca_file", value(dir.file("cert.pem"))};
  CHECK(ask({localhost, trusted}) == "secret");
  CHECK(ask({{"host", value("127.0.0.1")}, trusted}) == "secret");
  CHECK(ask({localhost}).find(": expected an answer, got ") != std::string::npos);
  CHECK(ask({localhost, {"ca_file", value(dir.file("other.pem"))}}).find("expected an answer, got ") !=
        std::string::npos);
  CHECK(ask({localhost, {"ca_file", value(dir.file("missing.pem"))}}).find("expected an answer, got ") !=
        std::string::npos);
  // Made out to another name.
  CHECK(ask({{"host", value("127.0.0.2")}, trusted}).find("https://127.0.0.2:") != std::string::npos);
  CHECK(ask({localhost, {"insecure", config::Value{true}}}) == "secret");
}

TEST_CASE("http: who speaks no TLS is told apart") {
  Fixture f;
  const WebServer server{[](const WebRequest&) { return WebAnswer{200, "plain"}; }};
  Opened line{f, {{"timeout", ms(2000)}}};
  const auto answer = line.ask(f, "GET https://" + where(server.port()) + "/");
  CHECK(answer.status == -1);
  CHECK(answer.body.find("GET https://" + where(server.port()) + "/: expected a") == 0);
}

}  // namespace mesura::transport::test
