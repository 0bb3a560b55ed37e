// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/kinds_list.hpp"
#include "sinks/mqtt/mqtt_sink.hpp"

namespace mesura::sinks {

using config::Schema;
using config::Type;
using config::Value;

namespace {

Schema url() {
  Schema out = config::of(Type::url, "the broker: mqtt://host or mqtts://host, and its port if it is not 1883 or 8883");
  out.values = {"mqtt", "mqtts"};
  return out;
}

std::string text_of(const Value& value) { return value ? value.text() : std::string{}; }

}  // namespace

mqtt::Options mqtt::read_options(const Value& options) {
  Options o;
  o.url = options["url"].text();
  o.username = text_of(options["username"]);
  o.password = text_of(options["password"]);
  o.client_id = text_of(options["client_id"]);
  o.ca_file = text_of(options["ca_file"]);
  o.cert_file = text_of(options["cert_file"]);
  o.key_file = text_of(options["key_file"]);
  o.insecure = options["insecure"].boolean();
  o.protocol = options["protocol"].text() == "5" ? mqtt::Protocol::v5 : mqtt::Protocol::v311;
  o.topic = options["topic"].text();
  const std::string& payload = options["payload"].text();
  o.payload = payload == "influx"  ? mqtt::Payload::influx
              : payload == "value" ? mqtt::Payload::value
                                   : mqtt::Payload::json;
  o.qos = static_cast<int>(options["qos"].integer());
  o.retain = options["retain"].boolean();
  o.inflight = static_cast<std::size_t>(options["inflight"].integer());
  o.keepalive = std::chrono::duration_cast<std::chrono::seconds>(options["keepalive"].duration());
  o.connect_timeout = options["connect_timeout"].duration();
  o.confirm_timeout = options["confirm_timeout"].duration();
  o.availability = options["availability"].text();
  o.home_assistant = options["home_assistant"].boolean();
  o.discovery_prefix = options["discovery_prefix"].text();
  o.birth_topic = options["birth_topic"].text();
  return o;
}

Kind mqtt_kind() {
  Schema schema = config::object(
      {config::required("url", url()),
       config::optional("username", config::text("if the broker asks for one")),
       config::optional("password", config::secret("of the user")),
       config::optional("client_id", config::text("who we are to the broker, unique there; else made of the machine's "
                                                  "name and these options, always the same")),
       config::optional("ca_file", config::of(Type::path, "certificates to trust; else the system's")),
       config::optional("cert_file", config::of(Type::path, "our own certificate, if the broker asks for one")),
       config::optional("key_file", config::of(Type::path, "the key of our certificate")),
       config::optional("insecure", config::boolean("take a certificate made out to another name"), "false"),
       config::optional("protocol", config::enumeration({"3.1.1", "5"}, "of MQTT; only 5 says what it refuses"),
                        "3.1.1"),
       config::optional("topic",
                        config::text("where messages go; {device}, {fleet}: one message of a batch, {channel}, "
                                     "{quantity}, {name}, {label}, {role}: one of each measurement"),
                        "mesura/{device}"),
       config::optional("payload",
                        config::enumeration({"json", "value", "influx"},
                                            "what a message holds; value: the bare number or text of one measurement"),
                        "json"),
       config::optional("qos",
                        config::integer("0: counts as stored when it is written to the connection, 1: when the broker "
                                        "has it, 2: when it has it once",
                                        0, 2),
                        "1"),
       config::optional("retain", config::boolean("the broker keeps the last message of each topic"), "false"),
       config::optional("inflight",
                        config::integer("messages that may wait for the broker's answer at a time", 1, 20'000), "1000"),
       config::optional("keepalive", config::duration("a silent connection is probed so often", "5s", "1h"), "30s"),
       config::optional("connect_timeout", config::duration("how long connecting may take", "100ms", "10m"), "10s"),
       config::optional(
           "confirm_timeout",
           config::duration("the broker is given up when it acknowledges nothing for so long", "100ms", "10m"), "10s"),
       config::optional("availability",
                        config::text("topic that says online or, as the last will, offline, retained; none: no topic"),
                        "mesura/status"),
       config::optional("home_assistant", config::boolean("tell Home Assistant of every series that comes here"),
                        "false"),
       config::optional("discovery_prefix", config::text("where Home Assistant looks for new entities"),
                        "homeassistant"),
       config::optional("birth_topic", config::text("where Home Assistant says online: then it is told again"),
                        "homeassistant/status")},
      "messages of an MQTT broker");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    return std::make_unique<mqtt::MqttSink>(mqtt::read_options(options), context.series, context.log);
  };
  return {"mqtt", std::move(schema), make};
}

}  // namespace mesura::sinks
