// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emitter.hpp"
#include "json.hpp"
#include "settings.hpp"

#include <mesura/plugin.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace mesura::smartmeter {

/// SmartMeters behind an MQTT broker: their periodic states, answers and slow sampling, as messages.
class Broker {
 public:
  static constexpr std::int64_t kNever = INT64_MAX;
  /// Gives the emitter of the device that calls itself so; null if it is not wanted.
  using Namer = std::function<Emitter*(std::string_view name)>;

  Broker(Host host, const Settings& settings, Namer namer);

  void opened(std::int64_t now_ns);
  void closed();
  void message(std::string_view topic, Bytes payload, std::int64_t received_ns);
  void tick(std::int64_t now_ns);
  [[nodiscard]] std::int64_t due() const { return due_; }

 private:
  struct Unit {
    Emitter* emitter = nullptr;
    std::int64_t row_ns = 0;  ///< when its last row of sampling came
  };

  void on_state(std::string_view text, Unit& unit, std::int64_t received_ns);
  void on_info(std::string_view text, Unit& unit, std::int64_t received_ns);
  void on_switch(std::string_view text, Unit& unit, std::int64_t received_ns);
  void on_reply(Unit& unit, std::int64_t received_ns);
  void publish(std::string_view kind, std::string_view payload);
  void ask();
  void sample(std::int64_t now_ns);
  [[nodiscard]] bool rows_come(std::int64_t now_ns) const;
  void bad_message(std::string_view expected, std::string_view text);

  Host host_;
  const Settings& settings_;
  Namer namer_;
  JsonObject json_;
  std::map<std::string, Unit, std::less<>> units_;
  std::int64_t due_ = kNever;
  std::string topic_;  ///< of the message at hand
};

}  // namespace mesura::smartmeter
