// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "commands_rig.hpp"

#include "command/arguments.hpp"
#include "runtime/files.hpp"

#include <chrono>
#include <future>
#include <stdexcept>

using namespace std::chrono_literals;

namespace mesura::test {

namespace {

constexpr std::string_view kSchema = R"(
plugin: bench
version: 1.0.0
summary: A bench
links: [{name: data, transports: [tcp]}]
commands:
  status: {help: "what it does", danger: read}
  slow: {help: "takes its time", danger: read, timeout: 60s}
  set_voltage:
    help: "sets it"
    arguments: {voltage: {type: number, unit: V, min: 48, max: 58.4, required: true, help: "to what"}}
    changes: battery/voltage
  set_all:
    help: "sets everything"
    arguments:
      count: {type: integer, min: -3, max: 9, required: true, help: "how many"}
      mode: {type: enum, values: [utility, solar, sbu], default: solar, help: "which"}
      active: {type: bool, help: "whether"}
      name: {type: text, max: 12, format: ascii, help: "its name"}
      every: {type: duration, min: 1s, max: 1h, help: "how often"}
      room: {type: size, max: 1MiB, help: "how much"}
      password: {type: secret, max: 20, help: "with what"}
      ports: {type: list, values: [one, two, three], help: "where"}
  end:
    help: "ends so"
    arguments:
      how: {type: enum, required: true, help: "how",
            values: [done, refused, timeout, mismatch, invalid, unreachable, unverified]}
  reset: {help: "starts anew", danger: dangerous, warning: "it forgets everything"}
  raw: {help: "as typed", danger: raw, arguments: {text: {type: text, required: true, help: "what"}}}
  put_file: {help: "stores", arguments: {content: {type: file, required: true, max: 10MiB, help: "which"}}}
  get_file: {help: "fetches", danger: read}
)";

mesura_reply_status reply_status(const std::string& word) {
  const std::map<std::string, mesura_reply_status> all{{"done", MESURA_REPLY_DONE},
                                                       {"refused", MESURA_REPLY_REFUSED},
                                                       {"timeout", MESURA_REPLY_TIMEOUT},
                                                       {"mismatch", MESURA_REPLY_MISMATCH},
                                                       {"invalid", MESURA_REPLY_INVALID},
                                                       {"unreachable", MESURA_REPLY_UNREACHABLE},
                                                       {"unverified", MESURA_REPLY_UNVERIFIED}};
  return all.at(word);
}

config::PluginSchema schema_of(std::string_view yaml) {
  auto result = config::parse_plugin_schema(yaml, "bench.yaml");
  if (!result.schema) throw std::logic_error(config::render_text(result.diagnostics.list().front()));
  return std::move(*result.schema);
}

Bytes bytes_of(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

http::Fields fields_of(const std::string& query) {
  http::Fields fields;
  for (std::size_t at = 0; at < query.size();) {
    const auto end = std::min(query.find('&', at), query.size());
    const auto equals = query.find('=', at);
    fields.emplace_back(query.substr(at, equals - at), query.substr(equals + 1, end - equals - 1));
    at = end + 1;
  }
  return fields;
}

}  // namespace

CommandHouse::CommandHouse(http::api::CommandDesk::Options options) : schema_(schema_of(kSchema)) {
  make("inverter", command::Control::on);
  make("meter", command::Control::off);
  make("bench", command::Control::raw);
  desk = std::make_shared<http::api::CommandDesk>(
      loop_,
      http::api::CommandBackend{[this](const std::string& name) -> collector::Collector::Controls {
                                  const auto found = devices_.find(name);
                                  if (found == devices_.end()) return {};
                                  return {&schema_, found->second.control};
                                },
                                [this](const std::string& name, command::Request request, command::OnResult result,
                                       command::OnProgress progress) -> collector::Collector::Ticket {
                                  return {name, devices_.at(name).executor->submit(
                                                    name, std::move(request), std::move(result), std::move(progress))};
                                },
                                [this](const collector::Collector::Ticket& ticket) {
                                  devices_.at(ticket.device).executor->cancel(ticket.id);
                                }},
      0xabc, options);
  parts.live = &live;
  parts.clock = &clock_;
  parts.boot = 0xabc;
  parts.snapshot = [](bool) { return std::make_shared<const http::api::Snapshot>(); };
  parts.commands = desk;
  parts.audit_file = (directory.path() / "audit.jsonl").string();
  router_ = std::make_unique<http::Router>(http::api::routes(parts, std::make_shared<http::api::LiveDemand>(table)));
  thread_ = std::thread{[this] { loop_.run(); }};
}

CommandHouse::~CommandHouse() {
  on_loop([this] { desk->end(); });
  loop_.stop();
  thread_.join();
}

void CommandHouse::make(const std::string& name, command::Control control) {
  Device& device = devices_[name];
  device.control = control;
  command::Executor::Parts p{
      loop_, runtime::Logger{std::make_shared<runtime::Log>(), "test"}, schema_, control, {}, {}, {}, {}};
  p.audit = std::make_shared<command::AuditLog>(directory.path() / "audit.jsonl", name);
  p.begin = [this, &device](command::CommandId id, const std::string& unit, const config::CommandSpec& spec,
                            const config::Value& arguments,
                            bool dry_run) { begin(device, unit, id, spec, arguments, dry_run); };
  p.cancel = [&device](command::CommandId id) {
    device.executor->reply(id, MESURA_REPLY_UNREACHABLE, "called off", {}, {});
  };
  p.send = [](LinkId, Bytes, std::string_view) { return true; };
  device.executor = std::make_unique<command::Executor>(std::move(p));
  device.executor->set_ready(true);
}

/// Later: a session answers when its device has.
void CommandHouse::begin(Device& device, const std::string& name, command::CommandId id,
                         const config::CommandSpec& spec, const config::Value& arguments, bool dry_run) {
  loop_.post(
      [this, &device, name, id, &spec, arguments, dry_run] { perform(device, name, id, spec, arguments, dry_run); });
}

void CommandHouse::perform(Device& device, const std::string& name, command::CommandId id,
                           const config::CommandSpec& spec, const config::Value& arguments, bool dry_run) {
  auto& executor = *device.executor;
  if (spec.name == "status")
    return executor.reply(id, MESURA_REPLY_DONE, {}, R"({"power":{"value":12.5,"unit":"W"}})", {});
  if (spec.name == "get_file") return executor.reply(id, MESURA_REPLY_DONE, {}, {}, bytes_of("content\n"));
  if (spec.name == "slow") {
    device.slow.push_back(id);
    executor.progress(id, 1, 3, "begun");
    {
      const std::scoped_lock lock{mutex_};
      ++slow_;
    }
    changed_.notify_all();
    return;
  }
  std::string wire;
  command::append_json(wire, spec, arguments, false);
  if (!executor.send_for(id, 0, bytes_of(wire), {}))
    return executor.reply(id, MESURA_REPLY_UNREACHABLE, "nothing was sent", {}, {});
  if (dry_run) return executor.reply(id, MESURA_REPLY_PLAN, {}, {}, {});
  {
    const std::scoped_lock lock{mutex_};
    sent_.push_back({name, spec.name, wire, arguments});
  }
  if (spec.name == "end") return executor.reply(id, reply_status(arguments["how"].text()), "as it was asked", {}, {});
  executor.reply(id, MESURA_REPLY_DONE, {}, R"({"before":null,"after":1})", {});
}

void CommandHouse::on_loop(const std::function<void()>& work) {
  std::promise<void> done;
  loop_.post([&] {
    work();
    done.set_value();
  });
  done.get_future().get();
}

void CommandHouse::release() {
  on_loop([this] {
    for (auto& [name, device] : devices_)
      for (const auto id : std::exchange(device.slow, {}))
        device.executor->reply(id, MESURA_REPLY_DONE, "at last", {}, {});
  });
}

void CommandHouse::wait_slow(std::size_t begun) {
  std::unique_lock lock{mutex_};
  if (!changed_.wait_for(lock, 20s, [&] { return slow_ >= begun; })) throw std::runtime_error("it has not begun");
}

std::vector<CommandHouse::Sent> CommandHouse::sent() {
  const std::scoped_lock lock{mutex_};
  return sent_;
}

std::string CommandHouse::audit() const { return runtime::read_file(parts.audit_file).value_or(""); }

http::Response CommandHouse::ask(const Ask& ask) {
  http::Request request;
  request.method = ask.method;
  const auto mark = ask.target.find('?');
  request.path = ask.target.substr(0, mark);
  if (mark != std::string::npos) request.query = fields_of(ask.target.substr(mark + 1));
  request.body = ask.body;
  request.peer = "127.0.0.1";
  if (!ask.type.empty()) request.headers.emplace_back("Content-Type", ask.type);
  request.principal = {ask.who, ask.role};
  auto match = router_->find(ask.method, request.path);
  if (match.route == nullptr) throw std::runtime_error("no route for " + ask.target);
  request.captures = std::move(match.captures);
  return match.route->handler(request);
}

http::Response CommandHouse::post(const std::string& device, const std::string& command, const std::string& body,
                                  http::Role role) {
  return ask({"POST", "/api/v1/devices/" + device + "/commands/" + command, body, role});
}

}  // namespace mesura::test
