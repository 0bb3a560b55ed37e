// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "device_output.hpp"

#include "command/audit.hpp"
#include "config/text.hpp"
#include "model/text.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

namespace mesura::app {

namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Rows = std::vector<std::vector<std::string>>;

/// What no file or terminal should get as it is.
std::string shown(std::string_view text) { return model::printable(text); }

std::string scalar(const Element& value) {
  if (value.is_null()) return "-";
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return shown(text);
  return simdjson::minify(value);
}

bool is_scalar(const Element& value) { return !value.is_array() && !value.is_object(); }

std::string member(const Object& object, std::string_view key) {
  Element value;
  return object[key].get(value) == simdjson::SUCCESS ? scalar(value) : std::string{};
}

/// {"value":53.0,"unit":"V"}
bool is_quantity(const Element& value) {
  Object object;
  Element inner;
  if (value.get(object) != simdjson::SUCCESS || object["value"].get(inner) != simdjson::SUCCESS) return false;
  return is_scalar(inner) && object.size() <= 2 && (object.size() == 1 || object["unit"].error() == simdjson::SUCCESS);
}

void flatten(Rows& rows, const std::string& name, const Element& value) {
  if (Object object; is_quantity(value) && value.get(object) == simdjson::SUCCESS) {
    rows.push_back({name, member(object, "value"), member(object, "unit")});
    return;
  }
  if (Object object; value.get(object) == simdjson::SUCCESS) {
    for (const auto& [key, inner] : object)
      flatten(rows, name.empty() ? shown(key) : fmt::format("{}.{}", name, shown(key)), inner);
    return;
  }
  if (simdjson::dom::array array; value.get(array) == simdjson::SUCCESS) {
    std::vector<std::string> words;
    std::size_t n = 0;
    bool plain = true;
    for (const auto inner : array) plain = plain && is_scalar(inner);
    for (const auto inner : array) {
      ++n;
      if (plain)
        words.push_back(scalar(inner));
      else
        flatten(rows, fmt::format("{}{}{}", name, name.empty() ? "" : ".", n), inner);
    }
    if (plain) rows.push_back({name, config::joined(words), ""});
    return;
  }
  rows.push_back({name, scalar(value), ""});
}

/// Rows of what was before and is now.
void compare(Rows& rows, const std::string& name, const Element& before, const Element& after,
             const std::string& unit) {
  Object was;
  Object is;
  if (!is_quantity(after) && before.get(was) == simdjson::SUCCESS && after.get(is) == simdjson::SUCCESS) {
    for (const auto& [key, now] : is) {
      Element old;
      const bool known = was[key].get(old) == simdjson::SUCCESS;
      // Of many values those that changed are news.
      if (known && is.size() > 1 && simdjson::minify(old) == simdjson::minify(now)) continue;
      if (known)
        compare(rows, name.empty() ? shown(key) : fmt::format("{}.{}", name, shown(key)), old, now, unit);
      else
        flatten(rows, shown(key), now);
    }
    return;
  }
  const auto text = [](const Element& value) {
    Rows values;
    flatten(values, "", value);
    std::vector<std::string> words;
    for (const auto& row : values) words.push_back(row[0].empty() ? row[1] : row[0] + "=" + row[1]);
    return config::joined(words);
  };
  rows.push_back({name.empty() ? "value" : name, fmt::format("{} -> {}", text(before), text(after)), unit});
}

/// The value that a change is about: its name from the command "set_float_voltage", if it is that kind.
std::string subject(const command::Result& result) {
  const std::string_view name = result.command;
  return name.starts_with("set_") ? std::string{name.substr(4)} : std::string{};
}

Rows value_rows(const std::string& json, const std::string& subject, bool planned = false) {
  Rows rows;
  simdjson::dom::parser parser;
  Element root;
  if (json.empty() || parser.parse(simdjson::padded_string{json}).get(root) != simdjson::SUCCESS) return rows;
  Object object;
  Element before;
  Element after;
  const bool change = root.get(object) == simdjson::SUCCESS && object["before"].get(before) == simdjson::SUCCESS &&
                      object["after"].get(after) == simdjson::SUCCESS;
  if (!change) {
    flatten(rows, "", root);
    return rows;
  }
  if (after.is_null() && planned)
    rows.push_back(
        {"now", is_scalar(before) ? scalar(before) : shown(simdjson::minify(before)), member(object, "unit")});
  else
    compare(rows, subject, before, after, member(object, "unit"));
  for (const auto& [key, value] : object)
    if (key != "before" && key != "after" && key != "unit") flatten(rows, shown(key), value);
  return rows;
}

std::string rows_text(const Rows& rows) {
  if (rows.size() == 1 && rows[0][0].empty()) return rows[0][1] + (rows[0][2].empty() ? "\n" : " " + rows[0][2] + "\n");
  Rows joined;
  for (const auto& row : rows) joined.push_back({row[0], row[2].empty() ? row[1] : row[1] + " " + row[2]});
  return aligned(joined);
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{}{:02x}", out.empty() ? "" : " ", static_cast<unsigned char>(c));
  return out;
}

}  // namespace

std::string aligned(const Rows& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], config::count_characters(row[i]));
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - config::count_characters(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string values_text(const std::string& json) { return rows_text(value_rows(json, {})); }

std::string plan_text(const command::Result& result) {
  if (result.plan.empty()) return "nothing would be sent\n";
  std::string out;
  for (const auto& planned : result.plan) {
    Rows rows{{"link", planned.link}};
    if (!planned.to.empty()) rows.push_back({"to", shown(planned.to)});
    if (!planned.bytes.empty()) rows.push_back({"hex", hex(planned.bytes)});
    if (!planned.bytes.empty()) rows.push_back({"text", command::printable(planned.bytes)});
    out += (out.empty() ? "" : "\n") + aligned(rows);
  }
  return out;
}

std::string result_text(const command::Result& result) {
  std::string out;
  if (result.status == command::Status::plan) out += plan_text(result);
  const auto rows = value_rows(result.json, subject(result), result.status == command::Status::plan);
  // Of what was not done there is nothing to show but the reason.
  const bool done = result.wrote || command::good(result.status);
  if (!rows.empty() && done) out += (out.empty() ? "" : "\n") + rows_text(rows);
  if (!result.bytes.empty() && rows.empty() && result.status != command::Status::plan) {
    out += command::printable(result.bytes);
    out += '\n';
  }
  if (command::good(result.status)) {
    if (!result.message.empty()) out += shown(result.message) + "\n";
    if (!result.hint.empty()) out += "hint: " + shown(result.hint) + "\n";
    if (out.empty()) out = "done\n";
  }
  return out;
}

std::string error_text(const command::Result& result) {
  std::string out = fmt::format("mesura device: error[cmd-{}]: {}: {}\n", to_string(result.status), result.device,
                                result.message.empty() ? std::string{to_string(result.status)} : shown(result.message));
  if (!result.hint.empty()) out += "  hint      " + shown(result.hint) + "\n";
  return out;
}

std::string results_table(const std::vector<command::Result>& results) {
  Rows rows{{"device", "status", "before", "after", "message"}};
  for (const auto& result : results) {
    std::string before;
    std::string after;
    std::string message = shown(result.message);
    simdjson::dom::parser parser;
    Object object;
    if (!result.json.empty() && parser.parse(simdjson::padded_string{result.json}).get(object) == simdjson::SUCCESS) {
      Element value;
      const std::string unit = member(object, "unit");
      const auto cell = [&](std::string_view key) {
        if (object[key].get(value) != simdjson::SUCCESS) return std::string{};
        if (value.is_null()) return std::string{"-"};
        return (is_scalar(value) ? scalar(value) : shown(simdjson::minify(value))) + (unit.empty() ? "" : " " + unit);
      };
      before = cell("before");
      after = cell("after");
    }
    if (result.status == command::Status::plan)
      for (const auto& planned : result.plan)
        message += fmt::format("{}{}", message.empty() ? "" : "; ", command::printable(planned.bytes));
    if (before.empty() && after.empty() && message.empty())
      for (const auto& row : value_rows(result.json, {}))
        message +=
            fmt::format("{}{}={}{}", message.empty() ? "" : " ", row[0], row[1], row[2].empty() ? "" : " " + row[2]);
    rows.push_back({result.device, std::string{to_string(result.status)}, before, after, message});
  }
  return aligned(rows);
}

int exit_code(const std::vector<command::Result>& results) {
  std::size_t good = 0;
  std::size_t usage = 0;
  for (const auto& result : results) {
    if (command::good(result.status)) ++good;
    switch (result.status) {
      case command::Status::unknown:
      case command::Status::arguments:
      case command::Status::forbidden:
      case command::Status::unconfirmed: ++usage; break;
      default: break;
    }
  }
  if (good == results.size()) return kDone;
  if (good > 0) return kPartial;
  return usage == results.size() ? kUsage : kFailed;
}

}  // namespace mesura::app
