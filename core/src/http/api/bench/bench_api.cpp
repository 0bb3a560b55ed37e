// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// /api/v1/latest of a house, while it is being measured, beside Poco's HTTPServer answering a constant of the same size
// to the same client in the same run; and 200 readers of /api/v1/live.
#include "http/api/api.hpp"
#include "http/bench/poco_constant.hpp"
#include "http/server.hpp"
#include "runtime/socket_address.hpp"
#include "runtime/unique_fd.hpp"

#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/ThreadPool.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace mesura;
using Clock = std::chrono::steady_clock;

constexpr int kChannels = 10;
constexpr int kQuantities = 6;
constexpr std::chrono::milliseconds kRound{700};
constexpr int kRounds = 3;

runtime::UniqueFd ask(std::uint16_t port, std::string_view target) {
  const auto address = runtime::SocketAddress::parse("127.0.0.1", port).value();
  runtime::UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (::connect(fd.get(), address.data(), address.size()) != 0) std::abort();
  const std::string request = "GET " + std::string{target} + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), 0) < 0) std::abort();
  return fd;
}

/// One request at a time on each of `count` connections, by one thread.
double requests_per_second(std::uint16_t port, std::size_t count) {
  constexpr std::string_view kRequest = "GET /api/v1/latest HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::vector<runtime::UniqueFd> fds;
  std::vector<pollfd> polls;
  std::vector<std::size_t> left(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    fds.push_back(ask(port, "/api/v1/latest"));
    polls.push_back({fds.back().get(), POLLIN, 0});
  }
  std::vector<char> block(262'144);
  std::uint64_t answered = 0;
  const auto begin = Clock::now();
  while (Clock::now() - begin < kRound) {
    ::poll(polls.data(), polls.size(), 100);
    for (std::size_t i = 0; i < count; ++i) {
      if ((polls[i].revents & POLLIN) == 0) continue;
      const auto n = ::recv(polls[i].fd, block.data(), block.size(), MSG_DONTWAIT);
      if (n <= 0) std::abort();
      auto got = static_cast<std::size_t>(n);
      if (left[i] == 0) {
        const std::string_view head{block.data(), got};
        const auto end = head.find("\r\n\r\n");
        const auto length = head.find("Content-Length: ");
        if (end == std::string_view::npos || length == std::string_view::npos) std::abort();
        left[i] = end + 4 + static_cast<std::size_t>(std::atol(head.data() + length + 16));
      }
      left[i] -= std::min(got, left[i]);
      if (left[i] > 0) continue;
      ++answered;
      if (::send(polls[i].fd, kRequest.data(), kRequest.size(), 0) < 0) std::abort();
    }
  }
  return static_cast<double>(answered) / std::chrono::duration<double>(Clock::now() - begin).count();
}

/// A device of so many series that sends them all, again and again.
class House {
 public:
  House(SeriesTable& table, http::Live& live) : live_(live) {
    for (int c = 0; c < kChannels; ++c)
      for (int q = 0; q < kQuantities; ++q) {
        SeriesInfo info;
        info.device = "cupboard";
        info.channel = "ct" + std::to_string(c);
        info.quantity = "quantity_" + std::to_string(q);
        info.unit = "W";
        info.decimals = 1;
        ids_.push_back(table.add(info));
      }
  }
  /// A telegram of `count` measurements.
  void send(std::size_t count) {
    auto batch = std::make_shared<Batch>();
    batch->device = "cupboard";
    batch->time_ns = batch->received_ns = runtime::SystemClock{}.wall_ns();
    for (std::size_t i = 0; i < count; ++i)
      batch->items.push_back({batch->time_ns, static_cast<double>(++sent_ % 5000), ids_[sent_ % ids_.size()], 0, 0,
                              MESURA_NUMBER, MESURA_GOOD});
    live_.take(batch);
  }
  [[nodiscard]] std::size_t size() const { return ids_.size(); }

 private:
  http::Live& live_;
  std::vector<std::uint32_t> ids_;
  std::uint64_t sent_ = 0;
};

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Service {
  SeriesTable table;
  http::Live live{table};
  House house{table, live};
  runtime::SystemClock clock;
  http::Server server{{}, nullptr, {}};

  Service() {
    http::api::Parts parts;
    parts.live = &live;
    parts.clock = &clock;
    parts.snapshot = [snapshot = std::make_shared<const http::api::Snapshot>()](bool) { return snapshot; };
    http::ListenerOptions listener;
    listener.listen = {"127.0.0.1:0"};
    server.add_listener(listener, http::api::routes(parts, std::make_shared<http::api::LiveDemand>(table)));
  }
};

std::string body_of(const http::Live& live) {
  std::string body(live.series().size() * 165, 'x');
  return body;
}

void latest() {
  Service service;
  service.house.send(service.house.size());
  service.server.start();
  const std::string body = body_of(service.live);
  Poco::ThreadPool threads{2, 80};
  auto* parameters = new Poco::Net::HTTPServerParams;  // Poco counts references to it
  parameters->setKeepAlive(true);
  parameters->setMaxKeepAliveRequests(0);
  parameters->setMaxThreads(72);
  Poco::Net::ServerSocket socket{Poco::Net::SocketAddress{"127.0.0.1", 0}};
  Poco::Net::HTTPServer poco{new bench::Constants{body}, threads, socket, parameters};
  poco.start();
  std::atomic<bool> stop = false;
  std::thread meter{[&] {
    while (!stop) {
      service.house.send(service.house.size());
      std::this_thread::sleep_for(std::chrono::seconds{1});
    }
  }};
  for (const std::size_t count : {1U, 16U, 64U}) {
    double ours = 0;
    double theirs = 0;
    for (int round = 0; round < kRounds; ++round) {
      ours = std::max(ours, requests_per_second(service.server.port(), count));
      theirs = std::max(theirs, requests_per_second(socket.address().port(), count));
    }
    std::printf(
        "api, latest of %zu series (%zu bytes), %2zu connections: %8.0f requests/s; Poco's HTTPServer, a constant: "
        "%8.0f; %3.0f %%\n",
        service.house.size(), body.size(), count, ours, theirs, 100 * ours / theirs);
  }
  stop = true;
  meter.join();
  poco.stopAll(true);
}

/// The readers are a process of their own, so that the processor time is the server's.
void live() {
  constexpr std::size_t kReaders = 200;
  constexpr double kSeconds = 5;
  Service service;
  const auto port = service.server.port();
  const auto child = ::fork();  // before any thread
  if (child == 0) {
    std::vector<runtime::UniqueFd> readers;
    std::vector<pollfd> polls;
    for (std::size_t i = 0; i < kReaders; ++i) {
      readers.push_back(ask(port, "/api/v1/live"));
      polls.push_back({readers.back().get(), POLLIN, 0});
    }
    std::vector<char> block(65536);
    for (;;) {
      ::poll(polls.data(), polls.size(), -1);
      for (const auto& p : polls)
        if (p.revents != 0 && ::recv(p.fd, block.data(), block.size(), MSG_DONTWAIT) == 0) std::_Exit(0);
    }
  }
  service.server.start();
  while (service.server.counters().event_streams < kReaders) std::this_thread::sleep_for(std::chrono::milliseconds{10});
  const auto begin = Clock::now();
  const double before = cpu_seconds();
  std::uint64_t sent = 0;
  double seconds = 0;
  while ((seconds = std::chrono::duration<double>(Clock::now() - begin).count()) < kSeconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
    for (; sent < static_cast<std::uint64_t>(seconds * 100); ++sent) service.house.send(1);
  }
  std::printf("api, %zu readers of live, %.0f measurements/s: %.1f %% of a core\n", kReaders,
              static_cast<double>(sent) / seconds, 100 * (cpu_seconds() - before) / seconds);
  service.server.stop(std::chrono::milliseconds{500});
}

}  // namespace

int main() {
  live();
  latest();
}
