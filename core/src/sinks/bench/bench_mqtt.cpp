// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Decoded batches to a broker on this machine, beside the barest loop over libmosquitto with the same window, payloads
// of the same size and the same promise (each PUBACK awaited). In turns, medians; nobody subscribes.
#include "sinks/mqtt/mqtt_sink.hpp"
#include "support/broker.hpp"

#include <fmt/format.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace mesura;

namespace {

constexpr std::size_t kWindow = 1000;
constexpr std::size_t kFlush = 1000;
constexpr std::int64_t kStart = 1'781'438'400'000'000'000;

void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what);
}

struct Data {
  SeriesTable series;
  std::vector<BatchPtr> batches;
};

void fill(Data& data, std::size_t batches, std::size_t values) {
  std::vector<std::uint32_t> ids;
  for (std::size_t c = 0; c < values; ++c) {
    SeriesInfo info;
    info.device = "cupboard";
    info.channel = fmt::format("ct{}", c);
    info.quantity = "active_power";
    info.unit = "W";
    info.flat_name = fmt::format("ct{}_active_power_w", c);
    info.decimals = 3;
    ids.push_back(data.series.add(std::move(info)));
  }
  std::uint64_t random = 88172645463325252U;
  for (std::size_t b = 0; b < batches; ++b) {
    auto batch = std::make_shared<Batch>();
    batch->device = "cupboard";
    batch->time_ns = batch->received_ns = kStart + static_cast<std::int64_t>(b) * 1'000'000'000;
    for (const std::uint32_t id : ids) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      Measurement m{};
      m.time_ns = batch->time_ns;
      m.series = id;
      m.number = static_cast<double>(random % 9'000'000) / 1000.0;
      batch->items.push_back(m);
    }
    data.batches.push_back(std::move(batch));
  }
}

void through_sink(const Data& data, std::uint16_t port, sinks::mqtt::Options options) {
  options.url = fmt::format("mqtt://127.0.0.1:{}", port);
  options.inflight = kWindow;
  sinks::mqtt::MqttSink sink{std::move(options), data.series, {}};
  sink.open();
  for (std::size_t at = 0; at < data.batches.size(); at += kFlush) {
    const std::size_t n = std::min(kFlush, data.batches.size() - at);
    const WriteResult result = sink.write(std::span{data.batches}.subspan(at, n));
    check(result.outcome == WriteResult::Outcome::committed && result.rejected.empty(), result.reason);
  }
  sink.close();
}

// Payloads are made beforehand: publish, read acknowledgements, publish.
void bare_loop(std::size_t messages, std::size_t bytes, std::uint16_t port) {
  struct State {
    std::size_t acknowledged = 0;
    bool connected = false;
  } state;
  mosquitto* const client = ::mosquitto_new(nullptr, true, &state);
  ::mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  ::mosquitto_max_inflight_messages_set(client, kWindow);
  ::mosquitto_connect_callback_set(
      client, [](mosquitto*, void* o, int code) { static_cast<State*>(o)->connected = code == 0; });
  ::mosquitto_publish_callback_set(client, [](mosquitto*, void* o, int) { ++static_cast<State*>(o)->acknowledged; });
  check(::mosquitto_connect(client, "127.0.0.1", port, 60) == MOSQ_ERR_SUCCESS, "connect");
  const auto turn = [&] {
    const int one = 1;
    ::setsockopt(::mosquitto_socket(client), IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    const bool writing = ::mosquitto_want_write(client);
    pollfd fd{::mosquitto_socket(client), static_cast<short>(writing ? POLLIN | POLLOUT : POLLIN), 0};
    ::poll(&fd, 1, 1000);
    if ((fd.revents & POLLOUT) != 0) check(::mosquitto_loop_write(client, 1) == MOSQ_ERR_SUCCESS, "write");
    if ((fd.revents & POLLIN) != 0) check(::mosquitto_loop_read(client, 1) == MOSQ_ERR_SUCCESS, "read");
  };
  while (!state.connected) turn();
  const std::string payload(bytes, 'x');
  std::size_t sent = 0;
  while (state.acknowledged < messages) {
    for (; sent < messages && sent - state.acknowledged < kWindow; ++sent)
      check(::mosquitto_publish(client, nullptr, "mesura/cupboard", static_cast<int>(payload.size()), payload.data(), 1,
                                false) == MOSQ_ERR_SUCCESS,
            "publish");
    turn();
  }
  ::mosquitto_disconnect(client);
  ::mosquitto_destroy(client);
}

struct Cost {
  double wall = 0;  // s
  double cpu = 0;   // s of this process, kernel included
};

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

Cost measure(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  run();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), cpu_seconds() - cpu};
}

double median(const std::vector<Cost>& costs, double Cost::*member) {
  std::vector<double> v;
  for (const Cost& c : costs) v.push_back(c.*member);
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

struct Case {
  const char* name;
  std::size_t batches;
  std::size_t values;
  sinks::mqtt::Options options;
  std::size_t messages;
  std::size_t bytes;  // of a message, about
};

void compare(const Case& c, std::uint16_t port, int rounds) {
  Data data;
  fill(data, c.batches, c.values);
  std::vector<Cost> ours;
  std::vector<Cost> floor;
  for (int i = 0; i < rounds; ++i) {
    floor.push_back(measure([&] { bare_loop(c.messages, c.bytes, port); }));
    ours.push_back(measure([&] { through_sink(data, port, c.options); }));
  }
  const auto messages = static_cast<double>(c.messages) / 1e3;
  const double rate = messages / median(ours, &Cost::wall);
  const double floor_rate = messages / median(floor, &Cost::wall);
  fmt::print(
      "  {:<34} {:6.1f} k messages/s, {:7.1f} k values/s   bare loop {:6.1f} k messages/s   {:5.1f} %, by processor "
      "time {:5.1f} %\n",
      c.name, rate, static_cast<double>(c.batches * c.values) / 1e3 / median(ours, &Cost::wall), floor_rate,
      100 * rate / floor_rate, 100 * median(floor, &Cost::cpu) / median(ours, &Cost::cpu));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
    const mesura::test::Broker broker;
    sinks::mqtt::Options each;
    each.topic = "mesura/{device}/{name}";
    sinks::mqtt::Options value = each;
    value.payload = sinks::mqtt::Payload::value;
    sinks::mqtt::Options v5;
    v5.protocol = sinks::mqtt::Protocol::v5;
    sinks::mqtt::Options influx;
    influx.payload = sinks::mqtt::Payload::influx;
    fmt::print("QoS 1, {} messages in flight, {} batches a write\n", kWindow, kFlush);
    for (const Case& c : {Case{"one value a batch, json", 50'000, 1, {}, 50'000, 66},
                          Case{"36 values a batch, json", 30'000, 36, {}, 30'000, 1040},
                          Case{"36 values a batch, influx", 30'000, 36, influx, 30'000, 1040},
                          Case{"36 values a batch, json, MQTT 5", 30'000, 36, v5, 30'000, 1040},
                          Case{"a message of each value, json", 1'500, 36, each, 54'000, 190},
                          Case{"a message of each value, bare", 1'500, 36, value, 54'000, 8}})
      compare(c, broker.port(), rounds);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_mqtt: {}\n", e.what());
    return 1;
  }
  return 0;
}
