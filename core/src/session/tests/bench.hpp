// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "scripted_plugin.hpp"
#include "session/device.hpp"

#include "model/measurement_json.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mesura::test {

using namespace std::chrono_literals;
using session::State;

constexpr std::int64_t kSecond = 1'000'000'000;

/// One device on a clock and a wire that the test moves.
struct Bench {
  runtime::ManualClock clock;
  runtime::EventLoop loop{clock};
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
  std::vector<std::string> said;
  SeriesTable series;
  test::Wire wire;
  std::vector<std::string> got;  ///< "device/channel/quantity value"
  std::vector<std::shared_ptr<const Waveform>> blocks;
  std::vector<State> states;
  std::unique_ptr<session::Device> device;

  explicit Bench(const std::string& create = "well", session::SeriesBinder::ChannelRules rules = {}, bool live = true,
                 bool fleet = false, std::shared_ptr<command::AuditLog> audit = {}) {
    wire.live = live;
    log->add_output(
        [this](const runtime::LogRecord& r) { said.push_back(std::string{r.code} + ": " + std::string{r.message}); });
    session::Device::Setup setup;
    setup.name = "meter";
    setup.plugin = &test::scripted_plugin();
    setup.links.emplace("data", session::Device::Setup::Link{"serial", [this] { return wire.make(loop); }});
    setup.options = config::Value{config::Value::Map{{"create", config::Value{create}}}};
    setup.channels = std::move(rules);
    setup.stale_after = 20s;
    setup.control = command::Control::on;
    setup.audit = std::move(audit);
    if (fleet) {
      setup.fleet_key = "serial";
      setup.fleet = std::make_unique<session::FleetNames>("{unit_name}", "");
    }
    device = std::make_unique<session::Device>(
        session::Device::Context{loop, log, series, [this](std::shared_ptr<Batch> b, bool) { take(*b); }},
        std::move(setup));
    device->on_state([this](State s) { states.push_back(s); });
    device->start();
    settle();
  }
  void take(const Batch& batch) {
    if (batch.waveform) blocks.push_back(batch.waveform);
    for (const auto& m : batch.items) {
      const auto& info = series.at(m.series);
      got.push_back(info.name() + " " +
                    (m.type == MESURA_TEXT ? std::string{batch.text(m)} : std::to_string(static_cast<int>(m.number))));
    }
  }
  void settle() {
    while (loop.run_once(0ns)) {
    }
  }
  void advance(std::chrono::nanoseconds by) {
    for (auto left = by; left > 0ns; left -= 1s) {
      clock.advance(kSecond);
      settle();
    }
  }
  void line(const std::string& text) {
    wire.line(text);
    settle();
  }
  [[nodiscard]] int count(const std::string& code) const {
    int n = 0;
    for (const auto& s : said)
      if (s.rfind(code + ":", 0) == 0) ++n;
    return n;
  }
};

}  // namespace mesura::test
