// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/tests/mqtt_far_end.hpp"

#include "runtime/time_text.hpp"

#include <fmt/format.h>
#include <mosquitto.h>
#include <signal.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <stdexcept>

// Children of the tests make threads, though the test has some; ThreadSanitizer would end them for that.
extern "C" const char* __tsan_default_options();  // NOLINT(bugprone-reserved-identifier): its name
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }  // NOLINT(bugprone-reserved-identifier)

namespace mesura::sinks::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds{60};

void check(int result, const char* what) {
  if (result != MOSQ_ERR_SUCCESS) throw std::runtime_error(fmt::format("{}: {}", what, ::mosquitto_strerror(result)));
}

std::int64_t to_us(std::string_view text) {
  const auto time = runtime::parse_time(text);
  if (!time) throw std::runtime_error("no time: " + std::string{text});
  return *time / 1000;
}

Feed::Value value_of(const simdjson::dom::element& element) {
  if (element.is_string()) return std::string{element.get_string().value()};
  return element.get_double().value();
}

}  // namespace

// ---------------------------------------------------------------- Subscriber

Subscriber::Subscriber(std::uint16_t port, const std::string& topic, const std::string& id)
    : client_(::mosquitto_new(id.empty() ? nullptr : id.c_str(), id.empty(), this)),
      marker_(fmt::format("marker/{}", static_cast<void*>(this))),
      port_(port) {
  ::mosquitto_connect_callback_set(
      client_, [](::mosquitto*, void* o, int code) { static_cast<Subscriber*>(o)->connected_ = code == 0; });
  ::mosquitto_subscribe_callback_set(
      client_, [](::mosquitto*, void* o, int, int, const int*) { static_cast<Subscriber*>(o)->subscribed_ = true; });
  ::mosquitto_message_callback_set(client_, [](::mosquitto*, void* o, const mosquitto_message* m) {
    auto& self = *static_cast<Subscriber*>(o);
    if (m->topic == self.marker_) {
      ++self.marks_seen_;
      return;
    }
    self.messages_.push_back(
        {m->topic, {static_cast<const char*>(m->payload), static_cast<std::size_t>(m->payloadlen)}, m->retain});
  });
  check(::mosquitto_connect(client_, "127.0.0.1", port, 3600), "connect");
  work([this] { return connected_; });
  for (const std::string& wanted : {topic, marker_}) {
    subscribed_ = false;
    check(::mosquitto_subscribe(client_, nullptr, wanted.c_str(), 2), "subscribe");
    work([this] { return subscribed_; });
  }
}

Subscriber::~Subscriber() {
  ::mosquitto_disconnect(client_);
  ::mosquitto_destroy(client_);
}

void Subscriber::work(const std::function<bool()>& until) {
  const auto deadline = Clock::now() + kPatience;
  while (!until()) {
    check(::mosquitto_loop(client_, 10, 1), "subscriber");
    if (Clock::now() > deadline) {
      std::string all;
      for (std::size_t i = 0; i < std::min<std::size_t>(messages_.size(), 20); ++i)
        all += "\n" + messages_[i].topic + " " + messages_[i].payload;
      throw std::runtime_error(fmt::format("not within a minute; {} messages:{}", messages_.size(), all));
    }
  }
}

const std::vector<Subscriber::Message>& Subscriber::everything() {
  publish(marker_, "");
  ++marks_sent_;
  work([this] { return marks_seen_ == marks_sent_; });
  return messages_;
}

void Subscriber::wait(const std::function<bool(const std::vector<Message>&)>& until) {
  work([&] { return until(messages_); });
}

std::string Subscriber::last(const std::string& topic) const {
  const auto found =
      std::find_if(messages_.rbegin(), messages_.rend(), [&](const Message& m) { return m.topic == topic; });
  return found != messages_.rend() ? found->payload : "nothing came";
}

void Subscriber::publish(const std::string& topic, const std::string& payload, bool retain) {
  check(
      ::mosquitto_publish(client_, nullptr, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1, retain),
      "publish");
}

void Subscriber::reconnect() {
  connected_ = false;
  // It may not know yet that the old connection is gone.
  const auto deadline = Clock::now() + kPatience;
  while (::mosquitto_reconnect(client_) != MOSQ_ERR_SUCCESS)
    if (Clock::now() > deadline) throw std::runtime_error("the broker does not come back");
  work([this] { return connected_; });
}

// ---------------------------------------------------------------- parsers

std::string level_to_name(const std::string& level) {
  std::string out;
  for (std::size_t i = 0; i < level.size(); ++i) {
    unsigned byte = 0;
    if (level[i] == '%' && std::from_chars(&level[i + 1], &level[i + 3], byte, 16).ec == std::errc{}) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += level[i];
    }
  }
  return out;
}

std::vector<InfluxPoint> parse_influx(const std::string& text) {
  std::vector<InfluxPoint> out;
  std::size_t at = 0;
  // Up to an unescaped one of `ends`, which stays.
  const auto name = [&](std::string_view ends) {
    std::string word;
    for (; ends.find(text.at(at)) == std::string_view::npos; ++at) {
      if (text[at] != '\\') {
        word += text[at];
        continue;
      }
      const char next = text.at(++at);
      if (std::string_view{", =\\"}.find(next) != std::string_view::npos)
        word += next;
      else
        word += next == 'n' ? '\n' : next == 'r' ? '\r' : '\t';
    }
    return word;
  };
  const auto expect = [&](char c) {
    if (text.at(at++) != c) throw std::runtime_error(fmt::format("'{}' expected at {} of {}", c, at - 1, text));
  };
  while (at < text.size()) {
    InfluxPoint point;
    point.measurement = name(", ");
    while (text.at(at) == ',') {
      ++at;
      const std::string key = name("=, ");
      expect('=');
      if (!point.tags.emplace(key, name(", ")).second) throw std::runtime_error("twice: " + key);
    }
    expect(' ');
    for (;;) {
      const std::string key = name("=, ");
      expect('=');
      Feed::Value value;
      if (text.at(at) == '"') {
        std::string word;
        for (++at; text.at(at) != '"'; ++at) {
          if (text[at] == '\\' && (text.at(at + 1) == '"' || text[at + 1] == '\\')) ++at;
          word += text[at];
        }
        ++at;
        value = word;
      } else {
        double number = 0;
        const auto end = std::from_chars(&text[at], text.data() + text.size(), number);
        if (end.ec != std::errc{}) throw std::runtime_error("no number: " + text.substr(at));
        at = static_cast<std::size_t>(end.ptr - text.data());
        value = number;
      }
      if (!point.fields.emplace(key, value).second) throw std::runtime_error("twice: " + key);
      if (text.at(at) != ',') break;
      ++at;
    }
    expect(' ');
    const auto end = std::from_chars(&text[at], text.data() + text.size(), point.time_ns);
    if (end.ec != std::errc{}) throw std::runtime_error("no time: " + text.substr(at));
    at = static_cast<std::size_t>(end.ptr - text.data());
    expect('\n');
    out.push_back(std::move(point));
  }
  return out;
}

// ---------------------------------------------------------------- adapters

MqttAdapter::MqttAdapter()
    : broker_("allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"),
      subscriber_(broker_.port(), "mesura/#") {}

mqtt::Options MqttAdapter::options() const {
  mqtt::Options o;
  o.url = fmt::format("mqtt://127.0.0.1:{}", broker_.port());
  o.connect_timeout = o.confirm_timeout = std::chrono::seconds{4};
  o.availability = "mesura-status";
  return o;
}

std::unique_ptr<Sink> MqttAdapter::make(const SeriesTable& series) const {
  return std::make_unique<mqtt::MqttSink>(options(), series, runtime::Logger{});
}

Stored MqttAdapter::read(const std::vector<std::string>& devices) const {
  const auto& messages = subscriber_.everything();
  for (; collected_ < messages.size(); ++collected_) collect(messages[collected_], stored_);
  Stored out;
  for (const auto& [key, value] : stored_)
    if (std::find(devices.begin(), devices.end(), std::get<0>(key)) != devices.end()) out[key] = value;
  return out;
}

std::size_t MqttAdapter::rows(const std::vector<std::string>& devices) const {
  std::set<std::pair<std::string, std::int64_t>> instants;
  for (const auto& [key, value] : read(devices)) instants.emplace(std::get<0>(key), std::get<2>(key));
  return instants.size();
}

std::shared_ptr<void> MqttAdapter::lock() const {
  broker_.signal(SIGSTOP);
  return {static_cast<void*>(&broker_), [this](void*) { broker_.signal(SIGCONT); }};
}

void MqttBatchAdapter::collect(const Subscriber::Message& message, Stored& out) const {
  const std::string device = level_to_name(message.topic.substr(7));
  simdjson::dom::parser parser;
  const simdjson::dom::object json = parser.parse(message.payload);
  const std::int64_t time = to_us(json["time"].get_string().value());
  for (const auto field : json) {
    const std::string name{field.key};
    if (name == "time" || name == "times" || name == "quality") continue;
    std::string_view own_time;
    std::string_view quality = "good";
    if (json["times"][field.key].get(own_time) != simdjson::SUCCESS) own_time = {};
    if (json["quality"][field.key].get(quality) != simdjson::SUCCESS) quality = "good";
    out[{device, name, own_time.empty() ? time : to_us(own_time)}] = {value_of(field.value), std::string{quality}};
  }
}

mqtt::Options MqttEachAdapter::options() const {
  auto o = MqttAdapter::options();
  o.topic = "mesura/{device}/{name}";
  return o;
}

void MqttEachAdapter::collect(const Subscriber::Message& message, Stored& out) const {
  const auto slash = message.topic.rfind('/');
  simdjson::dom::parser parser;
  const simdjson::dom::object json = parser.parse(message.payload);
  const std::string device{json["device"].get_string().value()};
  if (level_to_name(message.topic.substr(7, slash - 7)) != device) throw std::runtime_error("topic " + message.topic);
  std::string_view quality;
  if (json["quality"].get(quality) != simdjson::SUCCESS) quality = "good";
  simdjson::dom::element value;
  if (json["value"].get(value) != simdjson::SUCCESS) value = json["text"].value();
  out[{device, level_to_name(message.topic.substr(slash + 1)), to_us(json["time"].get_string().value())}] = {
      value_of(value), std::string{quality}};
}

mqtt::Options MqttInfluxAdapter::options() const {
  auto o = MqttAdapter::options();
  o.payload = mqtt::Payload::influx;
  return o;
}

void MqttInfluxAdapter::collect(const Subscriber::Message& message, Stored& out) const {
  constexpr std::string_view kQuality = "_quality";
  for (const InfluxPoint& point : parse_influx(message.payload)) {
    for (const auto& [name, value] : point.fields) {
      if (name.size() > kQuality.size() && name.substr(name.size() - kQuality.size()) == kQuality) continue;
      const auto mark = point.fields.find(name + std::string{kQuality});
      out[{point.tags.at("device"), name, point.time_ns / 1000}] = {
          value, mark == point.fields.end() ? "good" : std::get<std::string>(mark->second)};
    }
  }
}

}  // namespace mesura::sinks::test
