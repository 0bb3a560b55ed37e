// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/mqtt/door.hpp"

#include "command/arguments.hpp"
#include "command/envelope.hpp"
#include "command/mqtt/replies.hpp"
#include "config/text.hpp"
#include "model/glob.hpp"
#include "runtime/backoff.hpp"
#include "sinks/mqtt/options.hpp"
#include "transport/mqtt_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

namespace mesura::command::mqtt {

namespace {

constexpr std::size_t kMostPayload = 256 * 1024;
constexpr std::size_t kMostAtWork = 64;
/// Answers that wait for a broker that is away.
constexpr std::size_t kMostWaiting = 100;
/// Topics whose retained messages have been told of.
constexpr std::size_t kMostTold = 100;

std::string text_of(const config::Value& value) { return value ? value.text() : std::string{}; }

transport::MqttOptions client_options(const config::MqttCommandsConfig& config) {
  const config::Value& v = config.section;
  sinks::mqtt::Options url;
  url.url = v["url"].text();
  const auto address = sinks::mqtt::address_of(url);
  transport::MqttOptions o;
  o.host = address.host;
  o.port = address.port;
  o.tls = address.tls;
  o.client_id = text_of(v["client_id"]);
  o.username = text_of(v["username"]);
  o.password = text_of(v["password"]);
  o.ca_file = text_of(v["ca_file"]);
  o.cert_file = text_of(v["cert_file"]);
  o.key_file = text_of(v["key_file"]);
  o.insecure = v["insecure"] && v["insecure"].boolean();
  o.keepalive = v["keepalive"] ? std::chrono::duration_cast<std::chrono::seconds>(v["keepalive"].duration())
                               : std::chrono::seconds{30};
  o.timeout = v["connect_timeout"] ? v["connect_timeout"].duration() : std::chrono::seconds{10};
  o.qos = 1;
  std::string topic = config.topic;
  topic.replace(topic.find(config::kDevicePlace), config::kDevicePlace.size(), "+");
  o.topics = {std::move(topic)};
  return o;
}

std::string filled(std::string topic, const std::string& device) {
  for (std::size_t at = 0; (at = topic.find(config::kDevicePlace, at)) != std::string::npos; at += device.size())
    topic.replace(at, config::kDevicePlace.size(), device);
  return topic;
}

}  // namespace

class Door::State : public std::enable_shared_from_this<State> {
 public:
  State(runtime::EventLoop& loop, runtime::Logger log, collector::CommandBackend backend,
        const config::MqttCommandsConfig& config, Options options)
      : loop_(loop),
        log_(std::move(log)),
        context_{loop, log_},
        backend_(std::move(backend)),
        config_(config),
        options_(client_options(config)),
        what_("mqtt " + options_.host + ":" + std::to_string(options_.port)),
        backoff_({.first = options.first_delay, .ceiling = options.longest_delay},
                 static_cast<std::uint64_t>(loop.clock().wall_ns())) {}

  void connect() {
    transport::MqttClient::Handlers handlers;
    // We own the client, which lets go of them with itself.
    handlers.on_open = [this] { on_open(); };
    handlers.on_message = [this](std::string_view topic, transport::Bytes payload) {
      on_message(std::string{topic}, {reinterpret_cast<const char*>(payload.data()), payload.size()});
    };
    handlers.on_end = [this](const transport::Reason& reason) { on_end(reason.message); };
    handlers.accept = [this](std::string_view topic, bool retained) { return !retained || tell_retained(topic); };
    try {
      client_ = std::make_unique<transport::MqttClient>(context_, options_, what_, std::move(handlers));
    } catch (const std::system_error& error) {
      on_end(error.code().message());
    }
  }

  void stop() {
    loop_.cancel(std::exchange(timer_, 0));
    client_.reset();
  }

 private:
  struct Caller {
    std::string device;
    std::string id;
    std::string key;  ///< in done_; empty: nobody will know whether it comes again
  };

  void on_open() {
    backoff_.reset();
    open_ = true;
    log_.info("cmd-mqtt", "{}: takes commands from {}{}", what_, config_.topic, away_ ? ", again" : "");
    away_ = false;
    for (auto& [topic, text] : std::exchange(waiting_, {})) publish(topic, text);
  }

  void on_end(const std::string& why) {
    open_ = false;
    client_.reset();
    if (!std::exchange(away_, true))
      log_.warn("cmd-mqtt-away", "commands over MQTT: {}; it is tried again", why);
    else
      log_.debug("cmd-mqtt-away", "commands over MQTT: {}", why);
    timer_ = loop_.after(backoff_.next(), [this] {
      timer_ = 0;
      connect();
    });
  }

  /// False, for accept.
  bool tell_retained(std::string_view topic) {
    if (told_.size() < kMostTold && told_.emplace(topic).second)
      log_.warn("cmd-mqtt-retained",
                "the broker keeps a command in '{}': it is not done, for it would be done again at each connection\n"
                "  hint      publish an empty retained message there, and commands without `retain`",
                topic);
    return false;
  }

  [[nodiscard]] std::string device_of(const std::string& topic) const {
    // The topic has as many levels as ours: the broker says so.
    const auto level =
        std::count(config_.topic.begin(),
                   config_.topic.begin() + static_cast<std::ptrdiff_t>(config_.topic.find(config::kDevicePlace)), '/');
    std::size_t begin = 0;
    for (std::ptrdiff_t i = 0; i < level; ++i) begin = topic.find('/', begin) + 1;
    return topic.substr(begin, topic.find('/', begin) - begin);
  }

  void on_message(const std::string& topic, std::string_view payload) {
    Caller caller{device_of(topic), {}, {}};
    if (payload.size() > kMostPayload)
      return refuse(caller, {}, Status::arguments,
                    fmt::format("the message is too long: {} bytes, at most {}", payload.size(), kMostPayload));
    auto read = read_envelope(payload, true);
    Envelope& envelope = read.envelope;
    caller.id = envelope.id;
    if (read.problem) return refuse(caller, envelope.command, Status::arguments, in_one_line(*read.problem));
    if (!caller.id.empty()) {
      caller.key = caller.device + '\n' + caller.id;
      if (done_.knows(caller.key)) return again(caller);
    }
    run(caller, envelope, topic);
  }

  void again(const Caller& caller) {
    log_.debug("cmd-mqtt-again", "{}: the message '{}' has come again; it is not done twice", caller.device, caller.id);
    if (const std::string& reply = done_.reply(caller.key); !reply.empty()) publish(reply_topic(caller.device), reply);
  }

  [[nodiscard]] bool allowed(const std::string& device, const std::string& command) const {
    return std::any_of(config_.allow.begin(), config_.allow.end(), [&](const std::string& entry) {
      const auto slash = entry.find('/');
      return model::wildcard_matches(std::string_view{entry}.substr(0, slash), device) &&
             model::wildcard_matches(std::string_view{entry}.substr(slash + 1), command);
    });
  }

  void run(const Caller& caller, const Envelope& envelope, const std::string& topic) {
    const std::string& name = envelope.command;
    if (!allowed(caller.device, name)) {
      log_.warn("cmd-mqtt-forbidden", "{} asks for {}/{}, which `commands.mqtt.allow` has not", topic,
                config::quote(caller.device), config::quote(name));
      return refuse(caller, name, Status::forbidden,
                    fmt::format("{}/{} is not among what is allowed over MQTT; nothing was sent", caller.device, name),
                    "`commands: {mqtt: {allow: [...]}}` says what is");
    }
    const auto controls = backend_.controls(caller.device);
    if (controls.schema == nullptr)
      return refuse(
          caller, name, Status::unknown,
          fmt::format("no device is named {}, or it has not been heard of yet", config::quote(caller.device)));
    const auto& commands = controls.schema->commands;
    const auto spec =
        std::find_if(commands.begin(), commands.end(), [&](const config::CommandSpec& c) { return c.name == name; });
    if (spec == commands.end()) return refuse_unknown(caller, name, *controls.schema);
    if (spec->danger == config::Danger::raw)
      return refuse(caller, name, Status::forbidden, "bytes as typed never go over MQTT; nothing was sent");
    auto arguments = read_json(*spec, envelope.arguments);
    if (!arguments.ok()) return refuse_arguments(caller, name, arguments.diagnostics);
    if (at_work_ >= kMostAtWork)
      return refuse(caller, name, Status::busy, fmt::format("{} commands are at work already", kMostAtWork),
                    "try again later");
    Request request{
        name, std::move(arguments.values), envelope.dry_run, envelope.confirm == caller.device, {topic, "mqtt", {}}};
    ++at_work_;
    if (!caller.key.empty()) done_.begin(caller.key, loop_.clock().steady_ns());
    // It may outlive us.
    (void)backend_.submit(caller.device, std::move(request),
                          [weak = weak_from_this(), caller](const Result& result) {
                            if (const auto self = weak.lock()) self->finish(caller, result);
                          },
                          {});
  }

  void finish(const Caller& caller, const Result& result) {
    --at_work_;
    // Who is told to confirm it, or to come again, may do so under the same id.
    if (!result.wrote && !good(result.status)) done_.forget(caller.key);
    if (result.status != Status::unconfirmed) return reply(caller, result);
    Result told = result;
    told.hint = fmt::format("\"confirm\": \"{}\" in the message says that it is meant", caller.device);
    reply(caller, told);
  }

  void refuse_unknown(const Caller& caller, const std::string& name, const config::PluginSchema& schema) {
    std::vector<std::string> names;
    for (const auto& c : schema.commands) names.push_back(c.name);
    refuse(caller, name, Status::unknown,
           fmt::format("plugin '{}' has no command {}", schema.name, config::quote(name)),
           config::did_you_mean(name, names));
  }

  void refuse_arguments(const Caller& caller, const std::string& name, const config::Diagnostics& diagnostics) {
    std::string message;
    for (const auto& d : diagnostics.list()) message += (message.empty() ? "" : " | ") + in_one_line(d);
    refuse(caller, name, Status::arguments, std::move(message));
  }

  /// Of a command that no device was asked.
  void refuse(const Caller& caller, const std::string& command, Status status, std::string message,
              std::string hint = {}) {
    Result result;
    result.device = caller.device;
    result.command = command;
    result.status = status;
    result.message = std::move(message);
    result.hint = std::move(hint);
    result.time_ns = loop_.clock().wall_ns();
    reply(caller, result);
  }

  void reply(const Caller& caller, const Result& result) {
    const std::string text = reply_json(result, caller.id);
    if (!caller.key.empty()) done_.finish(caller.key, text);
    publish(reply_topic(caller.device), text);
  }

  [[nodiscard]] std::string reply_topic(const std::string& device) const { return filled(config_.reply, device); }

  void publish(const std::string& topic, const std::string& text) {
    if (client_ && open_ && client_->publish(topic, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}))
      return;
    if (waiting_.size() == kMostWaiting) {
      waiting_.pop_front();
      log_.warn("cmd-mqtt-reply", "{}: more than {} answers wait; the oldest is lost", what_, kMostWaiting);
    }
    waiting_.emplace_back(topic, text);
  }

  runtime::EventLoop& loop_;
  const runtime::Logger log_;
  const transport::Context context_;
  const collector::CommandBackend backend_;
  const config::MqttCommandsConfig config_;
  const transport::MqttOptions options_;
  const std::string what_;
  runtime::Backoff backoff_;
  std::unique_ptr<transport::MqttClient> client_;
  runtime::EventLoop::TimerId timer_ = 0;
  bool open_ = false;
  bool away_ = false;
  std::size_t at_work_ = 0;
  Done done_;
  std::deque<std::pair<std::string, std::string>> waiting_;  ///< topic, payload
  std::set<std::string, std::less<>> told_;
};

Door::Door(runtime::EventLoop& loop, runtime::Logger log, collector::CommandBackend backend,
           const config::MqttCommandsConfig& config, Options options)
    : state_(std::make_shared<State>(loop, std::move(log), std::move(backend), config, options)) {
  state_->connect();
}

Door::~Door() { state_->stop(); }

}  // namespace mesura::command::mqtt
