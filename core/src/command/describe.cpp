// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/describe.hpp"

#include "command/audit.hpp"
#include "command/content.hpp"
#include "config/json_schema.hpp"
#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <string_view>

namespace mesura::command {

namespace {

using runtime::JsonWriter;

bool allowed(config::Danger danger, Control control) {
  switch (danger) {
    case config::Danger::read: return true;
    case config::Danger::write:
    case config::Danger::dangerous: return control != Control::off;
    case config::Danger::raw: return control == Control::raw;
  }
  return false;
}

void optional_text(JsonWriter& json, std::string_view key, const std::string& text) {
  if (!text.empty()) json.key(key).string(text);
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{}{:02x}", out.empty() ? "" : " ", static_cast<unsigned char>(c));
  return out;
}

}  // namespace

void append_command(std::string& out, const config::CommandSpec& command, Control control) {
  JsonWriter json{out};
  json.begin_object().key("name").string(command.name).key("help").string(command.help);
  json.key("danger").string(to_string(command.danger)).key("allowed").boolean(allowed(command.danger, control));
  json.key("confirm").boolean(command.danger >= config::Danger::dangerous);
  optional_text(json, "warning", command.warning);
  optional_text(json, "changes", command.changes);
  optional_text(json, "read_back", command.read_back);
  optional_text(json, "example", command.example);
  json.key("timeout_s").number(static_cast<double>(command.timeout.count()) / 1e9);
  json.key("spacing_s").number(static_cast<double>(command.spacing.count()) / 1e9);
  json.key("order").begin_array();
  for (const auto& field : command.arguments) json.string(field.name);
  json.end_array().key("arguments").raw(config::value_schema_json(config::object(command.arguments)));
  json.end_object();
}

void append_result(std::string& out, const Result& result) {
  JsonWriter json{out};
  json.begin_object().key("device").string(result.device).key("command").string(result.command);
  json.key("status").string(to_string(result.status));
  optional_text(json, "message", result.message);
  optional_text(json, "hint", result.hint);
  if (!result.json.empty()) json.key("result").raw(result.json);
  if (!result.bytes.empty())
    json.key("content").begin_object().key("base64").string(to_base64(result.bytes)).end_object();
  if (result.status == Status::plan) {
    json.key("plan").begin_array();
    for (const auto& planned : result.plan) {
      json.begin_object().key("link").string(planned.link).key("to").string(planned.to);
      json.key("hex").string(hex(planned.bytes)).key("text").string(printable(planned.bytes)).end_object();
    }
    json.end_array();
  }
  json.key("wrote").boolean(result.wrote).key("time").string(runtime::format_time(result.time_ns));
  json.key("duration_ms").integer(result.duration_ns / 1'000'000).end_object();
}

}  // namespace mesura::command
