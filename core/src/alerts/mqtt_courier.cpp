// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "alerts/door.hpp"
#if MESURA_WITH_MQTT
#include "sinks/mqtt/notices.hpp"
#include "sinks/mqtt/topic.hpp"
#endif

#include <utility>

namespace mesura::alerts {

#if MESURA_WITH_MQTT
namespace {

class MqttCourier final : public Courier {
 public:
  MqttCourier(const config::Value& options, const config::Value& sink, runtime::Logger log)
      : topic_(options["topic"].text()), notices_(sink, std::move(log)) {}

  Outcome deliver(const Alert& alert, const std::string& json) override {
    std::string topic = topic_ + "/";
    sinks::mqtt::append_level(topic, alert.rule);
    // The parts of a series are levels of their own; a path is one.
    const bool path = alert.kind == "disk_low";
    std::string_view rest = alert.subject;
    for (bool more = true; more;) {
      const std::size_t slash = path ? std::string_view::npos : rest.find('/');
      topic += '/';
      sinks::mqtt::append_level(topic, rest.substr(0, slash));
      more = slash != std::string_view::npos;
      if (more) rest.remove_prefix(slash + 1);
    }
    const auto outcome = notices_.publish(topic, json);
    return {outcome.problem, outcome.refused};
  }

  void cancel() override { notices_.cancel(); }
  /// Retained: each message takes the place of the one before.
  [[nodiscard]] bool newest_only() const override { return true; }

 private:
  std::string topic_;
  sinks::mqtt::Notices notices_;
};

}  // namespace
#endif

std::unique_ptr<Courier> make_mqtt_courier([[maybe_unused]] const config::Value& options,
                                           [[maybe_unused]] const config::Value& sink,
                                           [[maybe_unused]] const runtime::Logger& log) {
#if MESURA_WITH_MQTT
  return std::make_unique<MqttCourier>(options, sink, log);
#else
  return nullptr;
#endif
}

}  // namespace mesura::alerts
