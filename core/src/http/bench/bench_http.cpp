// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Requests a second of our server beside Poco's HTTPServer, both answering 10 KB from memory, to the same clients in
// the same run; and what 200 subscribers to events cost.
#include "http/auth/authenticator.hpp"
#include "http/bench/poco_constant.hpp"
#include "http/server.hpp"
#include "runtime/socket_address.hpp"
#include "runtime/unique_fd.hpp"

#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace mesura;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBody = 10'000;
constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kRound{600};

std::string latest_like() {
  std::string out = "{\"measurements\":[";
  for (int i = 0; out.size() + 100 < kBody; ++i)
    out +=
        R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W","value":)" + std::to_string(i) + "},";
  out.resize(kBody, ' ');
  return out;
}

runtime::UniqueFd connect_to(std::uint16_t port) {
  const auto address = runtime::SocketAddress::parse("127.0.0.1", port).value();
  runtime::UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (::connect(fd.get(), address.data(), address.size()) != 0) std::abort();
  return fd;
}

/// One request at a time on each of `count` connections, by one thread.
double requests_per_second(std::uint16_t port, int count) {
  static constexpr std::string_view kRequest =
      "GET /api/v1/latest HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
  struct Connection {
    runtime::UniqueFd fd;
    std::size_t got = 0, need = 0;
  };
  std::vector<Connection> connections(static_cast<std::size_t>(count));
  const runtime::UniqueFd poll{::epoll_create1(0)};
  for (auto& connection : connections) {
    connection.fd = connect_to(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, connection.fd.get(), &event);
    if (::send(connection.fd.get(), kRequest.data(), kRequest.size(), 0) < 0) std::abort();
  }
  std::array<char, 65536> block{};
  std::array<epoll_event, 64> events{};
  std::uint64_t answered = 0;
  const auto begin = Clock::now();
  while (Clock::now() - begin < kRound) {
    const int ready = ::epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events.at(static_cast<std::size_t>(i)).data.ptr);
      const auto n = ::recv(connection.fd.get(), block.data(), block.size(), MSG_DONTWAIT);
      if (n <= 0) std::abort();
      if (connection.need == 0) {
        // The first bytes of an answer hold all of its header here.
        const std::string_view head{block.data(), static_cast<std::size_t>(n)};
        const auto end = head.find("\r\n\r\n");
        if (end == std::string_view::npos || head.substr(0, 12) != "HTTP/1.1 200") std::abort();
        connection.need = end + 4 + kBody;
      }
      connection.got += static_cast<std::size_t>(n);
      if (connection.got < connection.need) continue;
      ++answered;
      connection.got = connection.need = 0;
      if (::send(connection.fd.get(), kRequest.data(), kRequest.size(), 0) < 0) std::abort();
    }
  }
  return static_cast<double>(answered) / std::chrono::duration<double>(Clock::now() - begin).count();
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void requests(const std::string& body) {
  http::Server ours{{}, nullptr, {}};
  http::ListenerOptions listener;
  listener.listen = {"127.0.0.1:0"};
  ours.add_listener(listener, {{"GET", "/api/v1/latest", http::Role::read, http::Route::Run::front, [&](const auto&) {
                                  http::Response response;
                                  response.body = body;
                                  return response;
                                }}});
  ours.start();

  Poco::ThreadPool threads{2, 80};
  auto* parameters = new Poco::Net::HTTPServerParams;  // Poco counts references to it
  parameters->setKeepAlive(true);
  parameters->setMaxKeepAliveRequests(0);
  parameters->setMaxThreads(72);
  Poco::Net::ServerSocket socket{Poco::Net::SocketAddress{"127.0.0.1", 0}};
  Poco::Net::HTTPServer poco{new bench::Constants{body}, threads, socket, parameters};
  poco.start();

  for (const int count : {1, 16, 64}) {
    double our_best = 0, poco_best = 0;
    for (int round = 0; round < kRounds; ++round) {
      our_best = std::max(our_best, requests_per_second(ours.port(), count));
      poco_best = std::max(poco_best, requests_per_second(socket.address().port(), count));
    }
    std::printf("http, %2d connections, 10 KB: %8.0f requests/s; Poco's HTTPServer, a constant: %8.0f; %3.0f %%\n",
                count, our_best, poco_best, 100 * our_best / poco_best);
  }
  poco.stopAll(true);
}

/// 200 subscribers, 100 events/s; the readers are a process of their own, so that the processor time is the server's.
void subscribers() {
  constexpr int kSubscribers = 200;
  constexpr double kSeconds = 6, kEventsPerSecond = 100;
  http::Server server{{}, nullptr, {}};
  http::ListenerOptions listener;
  listener.listen = {"127.0.0.1:0"};
  std::atomic<std::uint64_t> newest{0};
  server.add_listener(
      listener,
      {{"GET", "/api/v1/live", http::Role::read, http::Route::Run::front, [&](const auto&) {
          http::Response response;
          response.content_type = "text/event-stream";
          response.events = [&, at = newest.load()](std::string& out) mutable {
            for (const auto now = newest.load(); at < now; ++at)
              out += "id: " + std::to_string(at) +
                     "\ndata: {\"device\":\"grid\",\"channel\":\"l1\",\"quantity\":\"active_power\",\"unit\":\"W\","
                     "\"time\":\"2026-06-14T12:45:01.000Z\",\"value\":1843.27}\n\n";
          };
          return response;
        }}});
  const auto port = server.port();
  const auto child = ::fork();  // before any thread
  if (child == 0) {
    std::vector<runtime::UniqueFd> readers;
    const runtime::UniqueFd poll{::epoll_create1(0)};
    for (int i = 0; i < kSubscribers; ++i) {
      readers.push_back(connect_to(port));
      static constexpr std::string_view kRequest = "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
      if (::send(readers.back().get(), kRequest.data(), kRequest.size(), 0) < 0) std::abort();
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = readers.back().get();
      ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, readers.back().get(), &event);
    }
    std::array<char, 65536> block{};
    std::array<epoll_event, 64> events{};
    for (;;) {
      const int ready = ::epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i)
        if (::recv(events.at(static_cast<std::size_t>(i)).data.fd, block.data(), block.size(), MSG_DONTWAIT) == 0)
          std::_Exit(0);
    }
  }
  server.start();
  while (server.counters().event_streams < kSubscribers) std::this_thread::sleep_for(std::chrono::milliseconds{10});
  const auto begin = Clock::now();
  const double before = cpu_seconds();
  const auto bytes = server.counters().bytes_sent;
  double seconds = 0;
  while ((seconds = std::chrono::duration<double>(Clock::now() - begin).count()) < kSeconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
    newest = static_cast<std::uint64_t>(seconds * kEventsPerSecond);  // also where sleeping takes longer
  }
  const auto events = newest.load();
  std::printf("http, %d subscribers, %.0f events/s, every 200 ms: %.1f %% of a core, %.1f MB/s sent\n", kSubscribers,
              static_cast<double>(events) / seconds, 100 * (cpu_seconds() - before) / seconds,
              static_cast<double>(server.counters().bytes_sent - bytes) / seconds / 1e6);
  server.stop(std::chrono::milliseconds{500});
}

}  // namespace

int main() {
  subscribers();
  const auto body = latest_like();
  requests(body);
}
