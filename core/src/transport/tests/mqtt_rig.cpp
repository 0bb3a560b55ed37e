// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "mqtt_rig.hpp"

#include "rig.hpp"
#include "support/catch.hpp"

#include <mosquitto.h>

#include <memory>
#include <utility>

namespace mesura::transport::test {

ForeignClient::ForeignClient(std::uint16_t port, const std::string& topic)
    : client_(::mosquitto_new(nullptr, true, this)) {
  ::mosquitto_max_inflight_messages_set(client_, 0);
  ::mosquitto_subscribe_callback_set(
      client_, [](::mosquitto*, void* o, int, int, const int*) { static_cast<ForeignClient*>(o)->subscribed_ = true; });
  ::mosquitto_message_callback_set(client_, [](::mosquitto*, void* o, const mosquitto_message* m) {
    static_cast<ForeignClient*>(o)->received.push_back(
        {m->topic, {static_cast<const char*>(m->payload), static_cast<std::size_t>(m->payloadlen)}});
  });
  REQUIRE(::mosquitto_connect(client_, "127.0.0.1", port, 60) == MOSQ_ERR_SUCCESS);
  REQUIRE(::mosquitto_subscribe(client_, nullptr, topic.c_str(), 1) == MOSQ_ERR_SUCCESS);
  for (int i = 0; i < 10'000 && !subscribed_; ++i) ::mosquitto_loop(client_, 10, 1);
  REQUIRE(subscribed_);
}

ForeignClient::~ForeignClient() {
  ::mosquitto_disconnect(client_);
  ::mosquitto_destroy(client_);
}

void ForeignClient::publish(const std::string& topic, std::string_view payload, bool retain) {
  CHECK(::mosquitto_publish(client_, nullptr, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1,
                            retain) == MOSQ_ERR_SUCCESS);
  work();
}

void ForeignClient::work() {
  for (int i = 0; i < 4; ++i) ::mosquitto_loop(client_, 0, 16);
}

namespace {

class MqttRig final : public Rig {
 public:
  MqttRig() : foreign_(std::make_unique<ForeignClient>(broker_.port(), "to/test")) {
    to = "to/test";
    lingers = true;
    end_code = "vanished";
  }
  std::unique_ptr<Transport> make(const Context& context) override {
    return test::make("mqtt",
                      {{"host", value("127.0.0.1")},
                       {"port", value(broker_.port())},
                       {"topics", config::Value{config::Value::List{value("from/+")}}}},
                      context);
  }
  std::size_t say(std::string_view bytes) override {
    foreign_->publish("from/test", bytes);
    return bytes.size();
  }
  std::string hear() override {
    foreign_->work();
    std::string out;
    for (const auto& message : std::exchange(foreign_->received, {})) out += message.payload;
    return out;
  }
  void unplug() override {
    foreign_->work();
    broker_.stop();
  }

 private:
  Broker broker_;
  std::unique_ptr<ForeignClient> foreign_;
};

}  // namespace

std::unique_ptr<Rig> make_mqtt_rig() { return make_rig<MqttRig>(); }

}  // namespace mesura::transport::test
