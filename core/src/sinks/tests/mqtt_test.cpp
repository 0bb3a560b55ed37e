// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The mqtt sink's own: topics, payloads, protocols. What all sinks promise is in contract_test.cpp.
#include "config/reader.hpp"
#include "sinks/kinds.hpp"
#include "sinks/mqtt/topic.hpp"
#include "sinks/tests/mqtt_far_end.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

using namespace mesura;
using namespace mesura::sinks::test;
using mesura::sinks::mqtt::MqttSink;
using mesura::sinks::mqtt::Options;
using mesura::sinks::mqtt::Payload;
using mesura::sinks::mqtt::Protocol;
using mesura::sinks::mqtt::TopicTemplate;
using mesura::test::Broker;

namespace {

using Messages = std::vector<Subscriber::Message>;

Options options_for(const Broker& broker) {
  Options o;
  o.url = fmt::format("mqtt://127.0.0.1:{}", broker.port());
  o.availability = "none";
  return o;
}

// What arrives when this is written.
Messages published(const Options& options, const Feed& feed, const std::vector<BatchPtr>& batches, Broker& broker) {
  Subscriber subscriber{broker.port(), "#"};
  MqttSink sink{options, feed.table(), {}};
  const auto done = attempt(sink, batches);
  INFO(done.reason);
  REQUIRE(done.committed);
  return subscriber.everything();
}

std::string refused(const Options& options) {
  const SeriesTable none;
  MqttSink sink{options, none, {}};
  try {
    sink.open();
  } catch (const SinkError& e) {
    return e.what();
  }
  return "opened";
}

SeriesInfo solar() {
  SeriesInfo info;
  info.device = "roof";
  info.fleet = "units";
  info.channel = "ct2";
  info.quantity = "active_power";
  info.unit = "W";
  info.flat_name = "ct2_active_power_w";
  info.label = "Solar / süd";
  info.role = "solar";
  info.decimals = 1;
  return info;
}

std::string rendered(std::string_view text, const SeriesInfo& info) {
  std::string problem;
  const auto topic = TopicTemplate::parse(text, problem);
  return topic ? topic->render(info) : problem;
}

}  // namespace

TEST_CASE("mqtt: topics are made of names, which cannot break them") {
  SeriesInfo info = solar();
  CHECK(rendered("mesura/{device}", info) == "mesura/roof");
  CHECK(rendered("{fleet}/{device}/{channel}/{quantity}", info) == "units/roof/ct2/active_power");
  CHECK(rendered("x/{name}/y", info) == "x/ct2_active_power_w/y");
  CHECK(rendered("{label}/{role}", info) == "Solar %2F süd/solar");
  info.device = "a+b/c#d%e$f\n\x01";
  CHECK(rendered("{device}", info) == "a%2Bb%2Fc%23d%25e$f%0A%01");
  info.device = "$SYS";
  CHECK(rendered("{device}", info) == "%24SYS");
  info.device = std::string{"nul\0", 4} + "\xff";
  CHECK(rendered("{device}", info) == "nul%00%FF");
  info.label = info.role = info.fleet = "";
  CHECK(rendered("{fleet}/{label}/{role}", info) == "none/ct2/none");
}

TEST_CASE("mqtt: options that cannot be are told when it is opened") {
  Options o;
  o.url = "mqtt://127.0.0.1:1";
  const auto with = [&o](auto change) {
    Options changed = o;
    change(changed);
    return refused(changed);
  };
  CHECK_THAT(with([](Options& x) { x.topic = "m/{devcie}"; }),
             mesura::test::contains("sink-option: `topic` 'm/{devcie}' has an unknown part '{devcie}'"));
  CHECK_THAT(with([](Options& x) { x.topic = "m/{device"; }), mesura::test::contains("unknown part '{device'"));
  CHECK_THAT(with([](Options& x) { x.topic = "m/#/{device}"; }),
             mesura::test::contains("sink-option: `topic` 'm/#/{device}' cannot be published to"));
  CHECK_THAT(with([](Options& x) { x.payload = Payload::value; }),
             mesura::test::contains("sink-option: `payload: value` carries one measurement"));
  CHECK_THAT(with([](Options& x) {
               x.payload = Payload::influx;
               x.home_assistant = true;
             }),
             mesura::test::contains("sink-option: Home Assistant cannot read"));
  for (const char* shared : {"m/{fleet}", "m/{device}/{channel}", "m/{name}", "m/{device}/{label}/{quantity}"}) {
    CHECK_THAT(with([&](Options& x) {
                 x.topic = shared;
                 x.home_assistant = true;
               }),
               mesura::test::contains("Home Assistant cannot tell whose a message is"));
  }
  CHECK_THAT(with([](Options& x) { x.availability = "a/+"; }),
             mesura::test::contains("sink-option: `availability` must be a topic"));
  const std::string secret = with([](Options& x) { x.url = "mqtt://me:hunter2@broker"; });
  CHECK_THAT(secret, mesura::test::contains("sink-option: `url` holds a user"));
  CHECK(secret.find("hunter2") == std::string::npos);
  CHECK_THAT(with([](Options& x) { x.url = "mqtt://broker/path"; }), mesura::test::contains("has '/path'"));
  CHECK_THAT(with([](Options& x) { x.cert_file = "c.pem"; }), mesura::test::contains("go together"));
  CHECK_THAT(with([](Options&) {}), mesura::test::contains("sink-open: no broker listens at 127.0.0.1:1"));
}

TEST_CASE("mqtt: addresses of URLs, and who we are by default") {
  const auto address = [](const char* url) {
    Options o;
    o.url = url;
    const auto a = mesura::sinks::mqtt::address_of(o);
    return fmt::format("{} {}", a.text(), a.tls);
  };
  CHECK(address("mqtt://broker") == "broker:1883 false");
  CHECK(address("mqtts://broker/") == "broker:8883 true");
  CHECK(address("mqtt://[fe80::1]:1884") == "[fe80::1]:1884 false");
  Options o;
  o.url = "mqtt://broker";
  const std::string id = mesura::sinks::mqtt::client_id_of(o);
  CHECK(id == mesura::sinks::mqtt::client_id_of(o));
  CHECK(id.substr(0, 7) == "mesura-");
  o.topic = "other/{device}";
  CHECK(id != mesura::sinks::mqtt::client_id_of(o));
  o.client_id = "mine";
  CHECK(mesura::sinks::mqtt::client_id_of(o) == "mine");
}

TEST_CASE("mqtt: the JSON of a batch") {
  Broker broker;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto gas = feed.number("grid", "mbus1", "gas_volume", "m3");
  const auto text = feed.text("grid", "total", "message_text");
  const auto batch = feed.batch(kNoon, {{power, 1843.2704},
                                        {gas, 812.5, MESURA_GOOD, kNoon - 300 * kSecond},
                                        {text, std::string{"a \"b\"\n"}, MESURA_STALE}});
  CHECK(published(options_for(broker), feed, {batch}, broker) ==
        Messages{{"mesura/grid", R"({"time":"2026-06-14T12:00:00.000Z","l1_active_power_w":1843.27,)"
                                 R"("mbus1_gas_volume_m3":812.5,"total_message_text":"a \"b\"\n",)"
                                 R"("times":{"mbus1_gas_volume_m3":"2026-06-14T11:55:00.000Z"},)"
                                 R"("quality":{"total_message_text":"stale"}})"}});
}

TEST_CASE("mqtt: a topic that devices share has them in its messages") {
  Broker broker;
  Feed feed{"units"};
  const auto roof = feed.number("roof", "l1", "voltage", "V");
  const auto shed = feed.number("it's \"shed\"", "l1", "voltage", "V");
  auto o = options_for(broker);
  o.topic = "m/{fleet}";
  CHECK(published(o, feed, {feed.batch(kNoon, {{roof, 230.0}, {shed, 231.5}})}, broker) ==
        Messages{{"m/units", R"({"time":"2026-06-14T12:00:00.000Z","device":"roof","l1_voltage_v":230})"},
                 {"m/units", R"({"time":"2026-06-14T12:00:00.000Z","device":"it's \"shed\"","l1_voltage_v":231.5})"}});
}

TEST_CASE("mqtt: a value that comes twice in a batch needs a second message") {
  Broker broker;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto batch = feed.batch(kNoon, {{power, 1.0, MESURA_GOOD, kNoon - kSecond}, {power, 2.0}});
  CHECK(published(options_for(broker), feed, {batch}, broker) ==
        Messages{{"mesura/grid", R"({"time":"2026-06-14T11:59:59.000Z","l1_active_power_w":1})"},
                 {"mesura/grid", R"({"time":"2026-06-14T12:00:00.000Z","l1_active_power_w":2})"}});
}

TEST_CASE("mqtt: a message of each measurement, as JSON and bare") {
  Broker broker;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto text = feed.text("grid", "total", "message_text");
  const auto batch = feed.batch(kNoon, {{power, 1843.27}, {text, std::string{"hello"}, MESURA_STALE}});
  auto o = options_for(broker);
  o.topic = "m/{device}/{channel}/{quantity}";
  CHECK(published(o, feed, {batch}, broker) ==
        Messages{{"m/grid/l1/active_power",
                  R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W",)"
                  R"("time":"2026-06-14T12:00:00.000Z","received":"2026-06-14T12:00:00.000Z","value":1843.27})"},
                 {"m/grid/total/message_text",
                  R"({"device":"grid","channel":"total","quantity":"message_text","unit":"1",)"
                  R"("time":"2026-06-14T12:00:00.000Z","received":"2026-06-14T12:00:00.000Z","text":"hello",)"
                  R"("quality":"stale"})"}});
  o.payload = Payload::value;
  o.topic = "m/{name}";
  CHECK(published(o, feed, {batch}, broker) ==
        Messages{{"m/l1_active_power_w", "1843.27"}, {"m/total_message_text", "hello"}});
}

TEST_CASE("mqtt: line protocol") {
  Broker broker;
  Feed feed{"my units"};
  const std::string device = "a b,c=d\\e\n\\";
  const auto power = feed.number(device, "l1", "active_power", "W");
  const auto odd = feed.number(device, "l1", "odd =,name", "1");
  const auto text = feed.text(device, "total", "message_text");
  const std::string words = "say \"hi\", x=1 \\ \n#";
  const auto batch = feed.batch(
      kNoon + 7, {{power, -0.5, MESURA_SUSPECT}, {odd, 100000.0}, {text, words, MESURA_GOOD, kNoon - kSecond}});
  auto o = options_for(broker);
  o.payload = Payload::influx;
  const auto messages = published(o, feed, {batch}, broker);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].payload.substr(0, messages[0].payload.find('\n')) ==
        R"(mesura,device=a\ b\,c\=d\\e\n\\,fleet=my\ units l1_active_power_w=-0.5,l1_active_power_w_quality="suspect",)"
        R"(l1_odd\ \=\,name=100000 1781438400000000007)");
  const auto points = parse_influx(messages[0].payload);
  REQUIRE(points.size() == 2);
  const std::map<std::string, std::string> tags{{"device", device}, {"fleet", "my units"}};
  for (const auto& point : points) {
    CHECK(point.measurement == "mesura");
    CHECK(point.tags == tags);
  }
  CHECK(points[0].time_ns == kNoon + 7);
  CHECK(points[0].fields == std::map<std::string, Feed::Value>{{"l1_active_power_w", -0.5},
                                                               {"l1_active_power_w_quality", std::string{"suspect"}},
                                                               {"l1_odd =,name", 100000.0}});
  CHECK(points[1].time_ns == kNoon - kSecond);
  CHECK(points[1].fields == std::map<std::string, Feed::Value>{{"total_message_text", words}});
}

TEST_CASE("mqtt: each quality of service, retained, in both protocols") {
  Broker broker;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  std::vector<BatchPtr> batches;
  for (int i = 0; i < 2500; ++i) batches.push_back(feed.batch(kNoon + i * kSecond, {{power, static_cast<double>(i)}}));
  auto o = options_for(broker);
  o.qos = GENERATE(0, 1, 2);
  o.protocol = GENERATE(Protocol::v311, Protocol::v5);
  o.inflight = 100;
  o.retain = true;
  CAPTURE(o.qos, o.protocol == Protocol::v5);
  Subscriber subscriber{broker.port(), "mesura/#"};
  MqttSink sink{o, feed.table(), {}};
  const auto done = attempt(sink, batches);
  INFO(done.reason);
  REQUIRE(done.committed);
  // With QoS 0 and 2 they may still be on their way.
  subscriber.wait([](const auto& all) { return all.size() == 2500; });
  const auto& messages = subscriber.everything();
  REQUIRE(messages.size() == 2500);
  std::size_t disordered = 0;
  for (std::size_t i = 0; i < messages.size(); ++i)
    if (messages[i].payload.find(fmt::format(R"("l1_active_power_w":{}}})", i)) == std::string::npos) ++disordered;
  CHECK(disordered == 0);
  Subscriber late{broker.port(), "mesura/#"};
  const auto& kept = late.everything();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].retained);
  CHECK_THAT(kept[0].payload, mesura::test::contains(R"("l1_active_power_w":2499)"));
}

TEST_CASE("mqtt: what cannot be a message is rejected for itself") {
  Broker broker;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto endless = feed.number(std::string(70'000, 'x'), "l1", "active_power", "W");
  MqttSink sink{options_for(broker), feed.table(), {}};
  const auto done = attempt(sink, {feed.batch(kNoon, {{endless, 1.0}}), feed.batch(kNoon, {{power, std::string{"on"}}}),
                                   feed.batch(kNoon, {{power, 1.0}})});
  REQUIRE(done.committed);
  REQUIRE(done.rejected.size() == 2);
  CHECK(done.rejected[0].batch == 0);
  CHECK_THAT(done.rejected[0].reason, Catch::Matchers::StartsWith("sink-topic: "));
  CHECK(done.rejected[1].batch == 1);
  CHECK(done.rejected[1].reason == "sink-type: grid/l1/active_power is a number, got the text 'on'");
}

TEST_CASE("mqtt: the kind makes it of a configuration") {
  const auto* kind = mesura::sinks::find_kind("mqtt");
  REQUIRE(kind != nullptr);
  CHECK_FALSE(kind->takes_waveforms);
  CHECK(config::find_field(kind->schema.fields, "password")->schema.type == config::Type::secret);
  for (const char* bad : {"{}", "{url: http://broker}", "{url: mqtt://}", "{url: mqtt://broker, protocol: 4}",
                          "{url: mqtt://broker, qos: 3}", "{url: mqtt://broker, inflight: 0}"}) {
    INFO(bad);
    CHECK_FALSE(config::read_text(bad, kind->schema).ok());
  }
  Broker broker;
  Feed feed;
  const auto power = feed.number("grid", "l1", "active_power", "W");
  const auto reading =
      config::read_text(fmt::format("{{url: 'mqtt://127.0.0.1:{}', topic: 'm/{{device}}/{{name}}', payload: value, "
                                    "protocol: 5, retain: true, availability: m/up}}",
                                    broker.port()),
                        kind->schema);
  REQUIRE(reading.ok());
  const auto sink = kind->make(reading.value, mesura::sinks::Context{feed.table(), {}, "Etc/UTC"});
  CHECK(sink->describe() == fmt::format("mqtt 127.0.0.1:{}", broker.port()));
  REQUIRE(attempt(*sink, {feed.batch(kNoon, {{power, 12.5}})}).committed);
  Subscriber late{broker.port(), "m/#"};
  late.everything();
  CHECK(late.last("m/grid/l1_active_power_w") == "12.5");
  CHECK(late.last("m/up") == "online");
  sink->close();
}
