// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The mqtt door before a real broker.
#include "bench.hpp"

#include "sinks/tests/mqtt_far_end.hpp"

#include <support/broker.hpp>
#include <support/free_port.hpp>

#include <algorithm>
#include <thread>

using namespace mesura;
using namespace mesura::alerts;
using namespace std::chrono_literals;
using sinks::test::Subscriber;

namespace {

std::string house(std::uint16_t port, const std::string& more = "") {
  return "alerts: {peak: {above: {series: \"*\", limit: 1 W}}, disk: {disk_low: {path: /data, free: 50%}}}\n"
         "sinks: {broker: {mqtt: {url: \"mqtt://127.0.0.1:" +
         std::to_string(port) + "\"}}}\nnotify: {mq: {mqtt: {sink: broker" + more + "}}}\n";
}

}  // namespace

TEST_CASE("a broker keeps the newest state of each subject") {
  const test::Broker broker;
  Bench b;
  b.disk = {900, 1000};
  b.apply(house(broker.port()));
  const auto power = b.add("grid");
  b.say_for(power, 2, 1);
  b.say_for(b.add("roof", "ct1"), 2, 1);
  b.say_for(power, 0, 1);
  b.disk = {1, 1000};
  b.pass(20);
  b.engine->stop(20s);

  Subscriber late{broker.port(), "mesura/alerts/#"};
  const auto messages = late.everything();
  CHECK(messages.size() == 3);
  CHECK(std::all_of(messages.begin(), messages.end(), [](const auto& m) { return m.retained; }));
  CHECK(late.last("mesura/alerts/peak/grid/total/active_power").find(R"("state":"cleared")") != std::string::npos);
  CHECK(late.last("mesura/alerts/peak/roof/ct1/active_power").find(R"("state":"active")") != std::string::npos);
  CHECK(late.last("mesura/alerts/disk/%2Fdata").find(R"({"rule":"disk","subject":"/data")") == 0);
}

TEST_CASE("a broker that is away gets the state when it is back") {
  const auto port = test::free_port();
  Bench b;
  b.disk = {900, 1000};
  b.apply(house(port, ", topic: house/alarm"));
  b.say_for(b.add("grid"), 2, 1);
  const auto retried = [&b] {
    const std::lock_guard lock{b.mutex};
    return std::any_of(b.logged.begin(), b.logged.end(),
                       [](const std::string& line) { return line.find("alert-retry") == 0; });
  };
  while (!retried()) std::this_thread::yield();
  const test::Broker broker{"", port};
  b.engine->stop(30s);
  Subscriber late{broker.port(), "house/alarm/#"};
  CHECK(late.everything().size() == 1);
}
