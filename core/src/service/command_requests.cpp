// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/command_requests.hpp"

#include "command/arguments.hpp"
#include "command/describe.hpp"
#include "config/text.hpp"
#include "model/glob.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace mesura::service {

namespace {

using runtime::JsonWriter;

/// What was asked for, before it is checked.
struct Asked {
  std::string device;
  command::Request request;
  std::string arguments = "{}";
};

std::optional<Asked> parse(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json).get(object) != simdjson::SUCCESS) return std::nullopt;
  Asked asked;
  std::string_view text;
  if (object["device"].get(text) != simdjson::SUCCESS) return std::nullopt;
  asked.device = text;
  if (object["command"].get(text) != simdjson::SUCCESS) return std::nullopt;
  asked.request.command = text;
  simdjson::dom::element arguments;
  if (object["arguments"].get(arguments) == simdjson::SUCCESS) asked.arguments = simdjson::minify(arguments);
  const auto flag = [&](std::string_view key) {
    bool value = false;
    return object[key].get(value) == simdjson::SUCCESS && value;
  };
  asked.request.dry_run = flag("dry_run");
  asked.request.confirmed = flag("confirmed");
  return asked;
}

void send_result(Reply& reply, const command::Result& result) {
  std::string line = "{\"result\":";
  command::append_result(line, result);
  line += "}\n";
  reply.send(line);
  reply.finish();
}

std::string all_of(const config::Diagnostics& diagnostics) {
  std::vector<std::string> texts;
  for (const auto& d : diagnostics.list())
    texts.push_back(d.message + (d.expected.empty() ? "" : ", expected " + d.expected) +
                    (d.got.empty() ? "" : ", got " + d.got));
  return config::joined(texts, "; ");
}

std::string_view word(command::Control control) {
  switch (control) {
    case command::Control::off: return "false";
    case command::Control::on: return "true";
    case command::Control::raw: return "raw";
  }
  return "false";
}

}  // namespace

bool CommandRequests::handle(const std::vector<std::string>& words, const std::shared_ptr<Reply>& reply) {
  const std::string rest = words.size() > 1 ? words[1] : std::string{};
  if (words.front() == "devices")
    devices(rest, *reply);
  else if (words.front() == "commands")
    commands(rest, *reply);
  else if (words.front() == "command")
    command(rest, reply);
  else
    return false;
  return true;
}

void CommandRequests::devices(const std::string& glob, Reply& reply) const {
  std::string out;
  for (const auto& device : collector_.devices()) {
    if (device.is_fleet || !(model::wildcard_matches(glob, device.name) || device.fleet == glob)) continue;
    JsonWriter json{out};
    json.begin_object().key("name").string(device.name).key("plugin").string(device.plugin);
    json.key("fleet").string(device.fleet).key("control").string(word(collector_.controls(device.name).control));
    json.end_object();
    out += '\n';
  }
  ok(reply, out);
}

void CommandRequests::commands(const std::string& device, Reply& reply) const {
  const auto controls = collector_.controls(device);
  if (controls.schema == nullptr) {
    error(reply,
          fmt::format("mesura: error[ctl-device]: no device is named {}\n  hint      `mesura status` shows all\n",
                      config::quote(device)));
    return;
  }
  std::string out;
  JsonWriter json{out};
  json.begin_object().key("device").string(device).key("plugin").string(controls.schema->name);
  json.key("control").string(word(controls.control)).key("commands").begin_array();
  for (const auto& spec : controls.schema->commands) {
    std::string described;
    command::append_command(described, spec, controls.control);
    json.raw(described);
  }
  json.end_array().end_object();
  out += '\n';
  ok(reply, out);
}

void CommandRequests::command(const std::string& json, const std::shared_ptr<Reply>& reply) {
  auto asked = parse(json);
  if (!asked) {
    error(*reply, "mesura: error[ctl-command]: expected a JSON object with device, command and arguments\n");
    return;
  }
  reply->send("ok\n");
  asked->request.origin = {reply->user(), "cli", {}};
  const auto controls = collector_.controls(asked->device);
  // What is unknown, the collector and the session say.
  if (controls.schema != nullptr) {
    const auto& commands = controls.schema->commands;
    const auto spec = std::find_if(commands.begin(), commands.end(),
                                   [&](const config::CommandSpec& c) { return c.name == asked->request.command; });
    if (spec != commands.end()) {
      auto arguments = command::read_json(*spec, asked->arguments);
      if (!arguments.ok()) {
        command::Result result;
        result.device = asked->device;
        result.command = asked->request.command;
        result.status = command::Status::arguments;
        result.message = all_of(arguments.diagnostics);
        send_result(*reply, result);
        return;
      }
      asked->request.arguments = std::move(arguments.values);
    }
  }
  const auto ticket = collector_.submit(
      asked->device, std::move(asked->request), [reply](const command::Result& result) { send_result(*reply, result); },
      [reply](const command::Progress& progress) {
        std::string line;
        JsonWriter out{line};
        out.begin_object().key("progress").begin_object().key("done").unsigned_integer(progress.done);
        out.key("total").unsigned_integer(progress.total).key("text").string(progress.text).end_object().end_object();
        line += '\n';
        reply->send(line);
      });
  reply->on_hangup([this, ticket] { collector_.cancel(ticket); });
}

}  // namespace mesura::service
