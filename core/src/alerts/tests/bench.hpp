// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// An engine with a clock, devices, sinks and a disk that tests turn by hand.
#pragma once

#include "alerts/engine.hpp"
#include "config/configuration.hpp"
#include "sinks/kinds.hpp"

#include <support/catch.hpp>
#include <support/temp_dir.hpp>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace mesura::alerts {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBase = 1'700'000'000 * kSecond;

struct Bench {
  test::TempDir state;
  runtime::ManualClock clock{kBase};
  runtime::EventLoop loop{clock};
  SeriesTable series;
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
  std::mutex mutex;  // doors log from their threads
  std::vector<std::string> logged;
  std::vector<Sources::Device> devices;
  std::vector<Sources::Sink> sinks;
  Sources::Disk disk{100, 1000};
  std::size_t asked = 0;  ///< for the devices
  std::unique_ptr<Engine> engine;

  Bench() {
    log->add_output([this](const runtime::LogRecord& r) {
      const std::lock_guard lock{mutex};
      logged.push_back(std::string{r.code} + ": " + std::string{r.message});
    });
    start();
  }
  void start() {
    Sources sources;
    sources.devices = [this] {
      ++asked;
      return devices;
    };
    sources.sinks = [this] { return sinks; };
    sources.disk = [this](const std::string& path) { return path == "/nowhere" ? std::nullopt : std::optional{disk}; };
    engine = std::make_unique<Engine>(loop, series, log, std::move(sources));
  }
  void stop() {
    engine->stop(std::chrono::seconds{5});
    engine.reset();
  }
  /// `yaml`: the sections alerts, notify, capacity and others.
  void apply(const std::string& yaml) {
    config::Catalog catalog;
    for (const auto& kind : sinks::kinds()) catalog.sinks.push_back(config::required(kind.name, kind.schema));
    const auto loaded = config::load_configuration_text(
        "state: " + state.path().string() + (yaml.find("devices:") == 0 ? "\n" : "\nfleets: {any: {plugin: none}}\n") +
            yaml,
        with_plugin(std::move(catalog)));
    std::string wrong;
    for (const auto& d : loaded.diagnostics.list())
      if (d.severity == config::Severity::error) wrong += config::render_text(d);
    REQUIRE(wrong == "");
    engine->apply(*loaded.configuration);
  }
  /// Devices turn up, so that alerts may name any.
  static config::Catalog with_plugin(config::Catalog catalog) {
    auto schema = config::parse_plugin_schema(
        "{plugin: none, version: 1.0.0, summary: n, fleet: [serial], links: [{name: data, transports: [udp], optional: "
        "true}]}",
        "none");
    REQUIRE(schema.schema);
    catalog.plugins.push_back(*schema.schema);
    return catalog;
  }
  std::uint32_t add(const std::string& device, const std::string& channel = "total",
                    const std::string& quantity = "active_power", const std::string& unit = "W",
                    Kind kind = Kind::gauge) {
    SeriesInfo info;
    info.device = device;
    info.channel = channel;
    info.quantity = quantity;
    info.unit = unit;
    info.kind = kind;
    info.text = unit == "text";
    if (info.text) info.unit = "1";
    return series.add(info);
  }
  /// A telegram of now.
  void say(const std::vector<std::pair<std::uint32_t, double>>& values) {
    Batch batch;
    batch.device = series.at(values.front().first).device;
    batch.time_ns = batch.received_ns = clock.wall_ns();
    for (const auto& [id, value] : values) {
      Measurement m{};
      m.time_ns = batch.time_ns;
      m.series = id;
      m.number = value;
      batch.items.push_back(m);
    }
    engine->take(batch);
  }
  void say_text(std::uint32_t id, const std::string& text) {
    Batch batch;
    batch.device = series.at(id).device;
    batch.time_ns = batch.received_ns = clock.wall_ns();
    batch.texts = text;
    Measurement m{};
    m.time_ns = batch.time_ns;
    m.series = id;
    m.type = MESURA_TEXT;
    m.text_size = static_cast<std::uint16_t>(text.size());
    batch.items.push_back(m);
    engine->take(batch);
  }
  /// A value each second.
  void say_for(std::uint32_t id, double value, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      pass(1);
      say({{id, value}});
    }
  }
  void pass(int seconds) {
    clock.advance(seconds * kSecond);
    loop.run_once({});
  }
  /// What was told since the last call: "+rule/subject" or "-rule/subject", blanks between.
  std::string told() {
    const auto history = engine->board()->history();
    std::string text;
    for (std::size_t i = told_; i < history.size(); ++i)
      text += (text.empty() ? "" : " ") + std::string{history[i].active ? "+" : "-"} + history[i].rule + "/" +
              history[i].subject;
    told_ = history.size();
    return text;
  }
  std::string last_message() { return engine->board()->history().back().message; }
  std::string active() {
    std::string text;
    for (const auto& a : engine->board()->active()) text += (text.empty() ? "" : " ") + a.rule + "/" + a.subject;
    return text;
  }
  void forget_told() { told_ = 0; }

 private:
  std::size_t told_ = 0;
};

}  // namespace mesura::alerts
