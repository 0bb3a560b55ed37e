// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Clients that are slow, many or greedy, and that nobody else notices.
#include "rig.hpp"
#include "support/catch.hpp"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace mesura;
using namespace mesura::test;
using http::Request;
using http::Route;
using std::chrono::milliseconds;

Route hello() {
  return route("GET", "/hello", [](const Request&) { return text_response("hello\n"); });
}

}  // namespace

namespace mesura::test {

/// Binds before it connects, which Client can't.
class SourcedClient {
 public:
  SourcedClient(std::uint32_t source, std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in from{}, to{};
    from.sin_family = to.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(source);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    const timeval limit{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::bind(fd_.get(), reinterpret_cast<sockaddr*>(&from), sizeof from) != 0 ||
        ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::system_error(errno, std::system_category(), "connect");
  }
  [[nodiscard]] std::string ask(const std::string& request) const {
    char block[4096];
    if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "closed";
    const auto n = ::recv(fd_.get(), block, sizeof block, 0);
    return n <= 0 ? "closed" : std::string(block, static_cast<std::size_t>(n));
  }

 private:
  runtime::UniqueFd fd_;
};

}  // namespace mesura::test

namespace {

const std::string kHello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

}  // namespace

TEST_CASE("a client that sends a byte now and then is told that it took too long") {
  http::ServerOptions options;
  options.header_time = milliseconds{150};
  Rig rig{{hello()}, options};
  auto slow = rig.connect();
  auto other = rig.connect();
  std::atomic<bool> over{false};
  std::thread dripping{[&] {
    for (const char c : std::string(10'000, 'a')) {
      if (over || !slow.try_send({&c, 1})) break;
      std::this_thread::sleep_for(milliseconds{5});
    }
  }};
  CHECK(other.get("/hello").status == 200);
  CHECK(slow.read_reply().status == 408);
  over = true;
  dripping.join();
  CHECK(rig.connect().get("/hello").status == 200);
  CHECK(rig.server.counters().timeouts == 1);
}

TEST_CASE("a body must come at the slowest rate that is allowed, and then may take its time") {
  http::ServerOptions options;
  options.body_time = milliseconds{100};
  options.slowest_body = 1000;
  Rig rig{
      {hello(), route("POST", "/echo", [](const Request& r) { return text_response(std::to_string(r.body.size())); })},
      options};
  SECTION("too slow") {
    auto client = rig.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n1");
    CHECK(client.read_reply().status == 408);
  }
  SECTION("slow, but not too slow") {
    auto client = rig.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6000\r\n\r\n");
    for (int i = 0; i < 6; ++i) {
      client.send(std::string(1000, 'x'));
      std::this_thread::sleep_for(milliseconds{40});
    }
    CHECK(client.read_reply().body == "6000");
  }
}

TEST_CASE("idle connections are closed after a while, silent ones too") {
  http::ServerOptions options;
  options.header_time = milliseconds{100};
  options.idle_time = milliseconds{100};
  Rig rig{{hello()}, options};
  auto used = rig.connect();
  auto silent = rig.connect();
  CHECK(used.get("/hello").status == 200);
  CHECK(used.wait_closed());
  CHECK(silent.receive().empty());
}

TEST_CASE("a reader that never reads holds a bounded part of an endless answer, and is closed") {
  http::ServerOptions options;
  options.write_time = milliseconds{300};
  std::atomic<std::size_t> produced{0};
  Rig rig{{hello(), route(
                        "GET", "/endless",
                        [&](const Request&) {
                          http::Response response;
                          response.content_type = "text/csv";
                          response.stream = [&](std::string& out) {
                            out.append(10'000, 'x');
                            produced += 10'000;
                            return true;
                          };
                          return response;
                        },
                        Route::Run::worker)},
          options};
  auto client = rig.connect(4096);
  client.send("GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(eventually([&] { return rig.server.counters().streams == 1; }));
  CHECK(rig.connect().get("/hello").status == 200);
  CHECK(eventually([&] { return rig.server.counters().slow_readers == 1; }));
  CHECK(eventually([&] { return rig.server.counters().streams == 0; }));
  CHECK(produced < 2'000'000);  // its buffers and the kernel's
}

TEST_CASE("a reader that takes a few bytes now and then is not reading either") {
  http::ServerOptions options;
  options.write_time = milliseconds{200};
  options.slowest_reader = 100'000;
  Rig rig{{route("GET", "/big", [](const Request&) { return text_response(std::string(8'000'000, 'x')); })}, options};
  auto client = rig.connect(4096);
  client.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::atomic<bool> over{false};
  std::thread sipping{[&] {
    while (!over && !client.receive(100).empty()) std::this_thread::sleep_for(milliseconds{20});
  }};
  CHECK(eventually([&] { return rig.server.counters().slow_readers == 1; }));
  over = true;
  sipping.join();
}

TEST_CASE("when all places are taken the connection idle for longest makes room") {
  http::ServerOptions options;
  options.clients = 3;
  Rig rig{{hello()}, options};
  auto first = rig.connect();
  CHECK(first.get("/hello").status == 200);
  auto second = rig.connect();
  CHECK(second.get("/hello").status == 200);
  auto third = rig.connect();
  CHECK(third.get("/hello").status == 200);
  CHECK(first.get("/hello").status == 200);  // so the second is the one
  auto fourth = rig.connect();
  CHECK(fourth.get("/hello").status == 200);
  CHECK(second.wait_closed());
  CHECK(first.get("/hello").status == 200);
  CHECK(third.get("/hello").status == 200);
  CHECK(rig.server.counters().evicted_connections == 1);
}

TEST_CASE("when all places are taken by work the next is refused") {
  http::ServerOptions options;
  options.clients = 2;
  Gate go;
  Rig rig{{hello(), route(
                        "GET", "/slow",
                        [&](const Request&) {
                          go.wait();
                          return text_response("done\n");
                        },
                        Route::Run::worker)},
          options};
  auto first = rig.connect();
  auto second = rig.connect();
  for (auto* client : {&first, &second}) client->send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(eventually([&] { return rig.server.counters().clients == 2; }));
  auto third = rig.connect();
  CHECK_THAT(third.receive_all(), contains("503 Service Unavailable"));
  go.open();
  CHECK(first.read_reply().body == "done\n");
  CHECK(second.read_reply().body == "done\n");
  CHECK(rig.server.counters().refused_connections == 1);
}

TEST_CASE("an address with unfinished requests on all places loses one to another address") {
  http::ServerOptions options;
  options.clients = 20;
  options.clients_per_address = 5;
  Rig rig{{hello()}, options};
  std::deque<Client> greedy;
  for (int i = 0; i < 20; ++i) {
    greedy.push_back(rig.connect());
    greedy.back().send("GET /hel");
  }
  CHECK(eventually([&] { return rig.server.counters().bytes_received == 20 * 8; }));
  // The same address finds no room: it has more than its share and nothing that could go.
  CHECK_THAT(rig.connect().receive_all(), contains("503"));
  std::deque<SourcedClient> others;
  for (int i = 0; i < 5; ++i) {
    others.emplace_back(0x7f000002, rig.server.port());
    CHECK_THAT(others.back().ask(kHello), contains("200 OK"));
  }
  for (auto& other : others) CHECK_THAT(other.ask(kHello), contains("200 OK"));
  CHECK(rig.server.counters().evicted_connections == 5);
}

TEST_CASE("slow questions of one client hold up neither another's nor the quick ones") {
  http::ServerOptions options;
  options.workers = 2;
  options.queue = 8;
  Gate go;
  std::atomic<int> running{0};
  Rig rig{{hello(),
           route(
               "GET", "/slow",
               [&](const Request&) {
                 ++running;
                 go.wait();
                 return text_response("done\n");
               },
               Route::Run::worker),
           route(
               "GET", "/quick", [](const Request&) { return text_response("quick\n"); }, Route::Run::worker)},
          options};
  std::deque<Client> slow;
  for (int i = 0; i < 5; ++i) {
    slow.push_back(rig.connect());
    slow.back().send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(eventually([&] { return running == 1; }));
  }
  // One runs, four wait: half of the queue.
  CHECK(eventually([&] { return running == 1 && rig.server.counters().waiting == 4; }));
  const auto refused = rig.connect().get("/slow");
  CHECK(refused.status == 503);
  CHECK(!refused.header("Retry-After").empty());
  CHECK(rig.connect().get("/hello").status == 200);
  const SourcedClient other{0x7f000002, rig.server.port()};
  CHECK_THAT(other.ask("GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n"), contains("quick"));
  CHECK(running == 1);
  go.open();
  for (auto& client : slow) CHECK(client.read_reply().body == "done\n");
}

TEST_CASE("bodies and large answers of all clients together are bounded") {
  http::ServerOptions options;
  options.all_bodies_bytes = 1'000'000;
  options.all_answers_bytes = 1'000'000;
  Rig rig{{route("POST", "/echo", [](const Request& r) { return text_response(std::to_string(r.body.size())); }),
           route("GET", "/big", [](const Request&) { return text_response(std::string(900'000, 'x')); })},
          options};
  auto first = rig.connect(), second = rig.connect();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600000\r\n\r\n";
  first.send(head + std::string(599'999, 'x'));
  CHECK(eventually([&] { return rig.server.counters().bytes_received == head.size() + 599'999; }));
  second.send(head + std::string(500'000, 'x'));
  CHECK(second.read_reply().status == 503);
  first.send("x");
  CHECK(first.read_reply().body == "600000");

  auto reads_nothing = rig.connect(4096);
  reads_nothing.send("GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(eventually([&] { return rig.server.counters().bytes_sent > 4096; }));
  auto reads = rig.connect();
  CHECK(reads.get("/big").status == 503);
  CHECK(reads_nothing.read_reply().body.size() == 900'000);
  CHECK(reads.get("/big").body.size() == 900'000);
}

TEST_CASE("without file descriptors new connections wait, and the server does not spin") {
  http::ServerOptions options;
  Rig rig{{hello()}, options};
  auto before = rig.connect();
  // At work, so that it can't be closed to make room.
  before.send("GET /hel");
  CHECK(eventually([&] { return rig.server.counters().bytes_received == 8; }));
  runtime::UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::vector<runtime::UniqueFd> hoard;
  rlimit limit{}, low{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  low = limit;
  low.rlim_cur = 200;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) hoard.emplace_back(fd);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(rig.server.port());
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  CHECK(eventually([&] { return rig.server.counters().no_descriptors >= 2; }));
  const auto start = rig.server.counters().no_descriptors;
  const auto begin = std::chrono::steady_clock::now();
  CHECK(eventually([&] { return rig.server.counters().no_descriptors >= start + 3; }));
  // A pause of 100 ms before each try.
  CHECK(std::chrono::steady_clock::now() - begin >= milliseconds{150});
  before.send("lo HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(before.read_reply().status == 200);
  hoard.clear();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(::send(client.get(), kHello.data(), kHello.size(), 0) > 0);
  char block[4096];
  const auto n = ::recv(client.get(), block, sizeof block, 0);
  REQUIRE(n > 0);
  CHECK_THAT(std::string(block, static_cast<std::size_t>(n)), contains("200 OK"));
}

TEST_CASE("ten thousand connections") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  // Each of the server's ends takes a descriptor of this process too.
  const auto count = static_cast<std::size_t>(std::min<rlim_t>(10'000, limit.rlim_cur - 2'000));
  Rig rig{{hello()}};
  SourcedClient other{0x7f000002, rig.server.port()};
  CHECK_THAT(other.ask(kHello), contains("200 OK"));
  std::deque<Client> clients;
  for (std::size_t i = 0; i < count; ++i) clients.push_back(rig.connect());
  CHECK(eventually([&] { return rig.server.counters().connections == count + 1; }));
  CHECK(rig.server.counters().clients <= 1024);
  CHECK_THAT(other.ask(kHello), contains("200 OK"));  // poor, so it was never the one to go
  CHECK(rig.connect().get("/hello").status == 200);
  CHECK(clients.back().get("/hello").status == 200);
  CHECK(clients.front().wait_closed());
}

TEST_CASE("a route may take longer bodies, but only from who may control") {
  const auto longer = [] {
    Route upload =
        route("POST", "/upload", [](const Request& r) { return text_response(std::to_string(r.body.size())); });
    upload.body_bytes = 2'000'000;
    return upload;
  };
  http::ListenerOptions listener;
  listener.anonymous = http::Role::control;
  Rig rig{{longer(), route("POST", "/usual", [](const Request&) { return text_response("taken"); })}, {}, listener};
  const std::string body(1'500'000, 'x');
  CHECK(rig.connect().post("/upload", body).body == "1500000");
  CHECK(rig.connect().post("/usual", body.substr(0, 1000)).status == 200);
  const auto refused = [](const Rig& from, const std::string& path, std::size_t size) {
    auto client = from.connect();
    client.send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(size) +
                "\r\n\r\n");
    return client.read_reply();
  };
  CHECK(refused(rig, "/usual", body.size()).status == 413);
  CHECK(refused(rig, "/upload", 2'000'001).status == 413);
  Rig reading{{longer()}};
  const auto reply = refused(reading, "/upload", body.size());
  CHECK(reply.status == 413);
  CHECK_THAT(reply.body, contains("role control"));
}
