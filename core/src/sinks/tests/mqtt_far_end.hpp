// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The far end of the mqtt sink: a real broker, and what a subscriber of its own makes of the messages.
#pragma once

#include "sinks/mqtt/mqtt_sink.hpp"
#include "sinks/tests/sink_fixtures.hpp"
#include "support/broker.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

struct mosquitto;

namespace mesura::sinks::test {

/// Another program at the broker: plain libmosquitto, without anything of ours. It works while it waits.
class Subscriber {
 public:
  struct Message {
    std::string topic;
    std::string payload;
    bool retained = false;
    bool operator==(const Message&) const = default;
  };
  /// With an id its session outlives its connections.
  Subscriber(std::uint16_t port, const std::string& topic, const std::string& id = {});
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  /// All until now, once everything has come that the broker had before this call.
  const std::vector<Message>& everything();
  /// Works until this holds; fails the test when it does not come.
  void wait(const std::function<bool(const std::vector<Message>&)>& until);
  /// The payload of the last message of a topic.
  [[nodiscard]] std::string last(const std::string& topic) const;
  void publish(const std::string& topic, const std::string& payload, bool retain = false);
  /// To a broker that was away.
  void reconnect();
  void forget() { messages_.clear(); }

 private:
  void work(const std::function<bool()>& until);

  ::mosquitto* client_;
  std::string marker_;
  std::uint16_t port_;
  std::vector<Message> messages_;
  bool connected_ = false;
  bool subscribed_ = false;
  int marks_sent_ = 0;
  int marks_seen_ = 0;
};

/// Undoes %XX.
[[nodiscard]] std::string level_to_name(const std::string& level);

/// A point of the line protocol, as its description says it, by a parser that shares nothing with the sink.
struct InfluxPoint {
  std::string measurement;
  std::map<std::string, std::string> tags;
  std::map<std::string, Feed::Value> fields;
  std::int64_t time_ns = 0;
};
[[nodiscard]] std::vector<InfluxPoint> parse_influx(const std::string& text);

class MqttAdapter : public Adapter {
 public:
  MqttAdapter();
  [[nodiscard]] std::unique_ptr<Sink> make(const SeriesTable& series) const override;
  [[nodiscard]] Stored read(const std::vector<std::string>& devices) const override;
  /// Instants of devices.
  [[nodiscard]] std::size_t rows(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::shared_ptr<void> lock() const override;

 protected:
  [[nodiscard]] virtual mqtt::Options options() const;
  /// Adds what one message says.
  virtual void collect(const Subscriber::Message& message, Stored& out) const = 0;

 private:
  mutable mesura::test::Broker broker_;
  mutable Subscriber subscriber_;
  mutable std::size_t collected_ = 0;
  mutable Stored stored_;
};

/// One message of a batch.
class MqttBatchAdapter final : public MqttAdapter {
 public:
  [[nodiscard]] std::string name() const override { return "mqtt, a message of a batch"; }

 private:
  void collect(const Subscriber::Message& message, Stored& out) const override;
};

/// One message of each measurement.
class MqttEachAdapter final : public MqttAdapter {
 public:
  [[nodiscard]] std::string name() const override { return "mqtt, a message of each measurement"; }

 private:
  [[nodiscard]] mqtt::Options options() const override;
  void collect(const Subscriber::Message& message, Stored& out) const override;
};

class MqttInfluxAdapter final : public MqttAdapter {
 public:
  [[nodiscard]] std::string name() const override { return "mqtt, influx"; }

 private:
  [[nodiscard]] mqtt::Options options() const override;
  void collect(const Subscriber::Message& message, Stored& out) const override;
};

}  // namespace mesura::sinks::test
