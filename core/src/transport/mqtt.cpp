// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/socket_address.hpp"
#include "transport/kinds.hpp"
#include "transport/mqtt_client.hpp"
#include "transport/reason.hpp"

#include <mosquitto.h>

#include <optional>
#include <system_error>
#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;

std::string text_of(const config::Value& value) { return value ? value.text() : std::string{}; }

MqttOptions read_options(const config::Value& options) {
  MqttOptions out;
  out.host = options["host"].text();
  out.tls = options["tls"].boolean();
  out.port = options["port"] ? static_cast<std::uint16_t>(options["port"].integer()) : std::uint16_t{1883};
  out.client_id = text_of(options["client_id"]);
  out.username = text_of(options["username"]);
  out.password = text_of(options["password"]);
  if (options["topics"])
    for (const auto& topic : options["topics"].list()) out.topics.push_back(topic.text());
  out.qos = static_cast<int>(options["qos"].integer());
  out.keepalive = std::chrono::duration_cast<std::chrono::seconds>(options["keepalive"].duration());
  out.timeout = options["connect_timeout"].duration();
  out.ca_file = text_of(options["ca_file"]);
  out.cert_file = text_of(options["cert_file"]);
  out.key_file = text_of(options["key_file"]);
  out.insecure = options["insecure"].boolean();
  return out;
}

/// Messages of a broker: each that comes is one on_bytes with its topic, each send() one to the topic `to`.
class Mqtt final : public Transport {
 public:
  Mqtt(const config::Value& options, const Context& context) : context_(context), options_(read_options(options)) {}
  ~Mqtt() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      start();
    });
  }

  void close() override {
    if (timer_ != 0) context_.loop.cancel(std::exchange(timer_, 0));
    client_.reset();
    listener_ = nullptr;
  }

  bool send(Bytes bytes, std::string_view to) override { return client_ && client_->publish(to, bytes); }
  [[nodiscard]] std::string describe() const override {
    return "mqtt " + runtime::join_host_port(options_.host, options_.port);
  }

 private:
  void start() {
    for (const auto& topic : options_.topics)
      if (::mosquitto_sub_topic_check(topic.c_str()) != MOSQ_ERR_SUCCESS) {
        fail(make_reason("open-failed", describe(), "topics like p1/+/telegram or p1/#", "'" + topic + "'",
                         "+ and # stand alone between the slashes, # only at the end"));
        return;
      }
    MqttClient::Handlers handlers;
    handlers.on_open = [this] { listener_->on_open(); };
    handlers.on_message = [this](std::string_view topic, Bytes payload) {
      const Meta meta{.received_ns = context_.loop.clock().wall_ns(), .offset = offset_, .topic = topic};
      offset_ += payload.size();
      listener_->on_bytes(payload, meta);
    };
    handlers.on_end = [this](const Reason& reason) { fail(reason); };
    try {
      client_ = std::make_unique<MqttClient>(context_, options_, describe(), std::move(handlers));
    } catch (const std::system_error& error) {
      fail(make_reason("open-failed", describe(), "a thread to connect on", error.code().message()));
    }
  }

  void fail(const Reason& reason) {
    auto* const listener = listener_;
    close();
    listener->on_closed(reason, false);
  }

  Context context_;
  MqttOptions options_;
  Listener* listener_ = nullptr;
  runtime::EventLoop::TimerId timer_ = 0;
  std::unique_ptr<MqttClient> client_;
  std::uint64_t offset_ = 0;
};

}  // namespace

Kind mqtt_kind() {
  using config::Type;
  return {
      "mqtt",
      config::object(
          {config::required("host", config::of(Type::host, "name or address of the broker")),
           config::optional("port", config::of(Type::port, "its TCP port; with TLS usually 8883"), "1883"),
           config::optional("topics", config::list(config::text("a topic, with + and # as wildcards"),
                                                   "whose messages are the device's", true)),
           config::optional("client_id", config::text("who we are to the broker, unique there; else made up")),
           config::optional("username", config::text("if the broker asks for one")),
           config::optional("password", config::secret("of the user")),
           config::optional("qos",
                            config::integer("quality of service, of subscriptions and of what is sent: 0 at "
                                            "most once, 1 at least once, 2 exactly once",
                                            0, 2),
                            "1"),
           config::optional("keepalive", config::duration("a silent connection is probed so often", "5s", "1h"), "30s"),
           config::optional("connect_timeout",
                            config::duration("how long connecting and subscribing may take", "100ms", "10m"), "10s"),
           config::optional("tls", config::boolean("encrypted, with the broker's certificate checked"), "false"),
           config::optional("ca_file", config::of(Type::path, "certificates to trust; else the system's")),
           config::optional("cert_file", config::of(Type::path, "our own certificate, if the broker asks for one")),
           config::optional("key_file", config::of(Type::path, "the key of our certificate")),
           config::optional("insecure", config::boolean("take a certificate made out to another name"), "false")},
          "messages of an MQTT broker"),
      [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
        return std::make_unique<Mqtt>(options, context);
      }};
}

}  // namespace mesura::transport
