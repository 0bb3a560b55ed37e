// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/topic.hpp"

#include <fmt/format.h>
#include <mosquitto.h>

#include <algorithm>

namespace mesura::sinks::mqtt {

void append_level(std::string& out, std::string_view name) {
  const bool utf8 =
      name.empty() || ::mosquitto_validate_utf8(name.data(), static_cast<int>(name.size())) == MOSQ_ERR_SUCCESS;
  const std::size_t begin = out.size();
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool special = byte < 0x20 || byte == 0x7f || c == '/' || c == '+' || c == '#' || c == '%' ||
                         (c == '$' && out.size() == begin) || (byte >= 0x80 && !utf8);
    if (special) {
      out += fmt::format("%{:02X}", byte);
    } else {
      out += c;
    }
  }
}

std::optional<TopicTemplate::Field> TopicTemplate::field_of(std::string_view name) {
  if (name == "device") return Field::device;
  if (name == "fleet") return Field::fleet;
  if (name == "channel") return Field::channel;
  if (name == "quantity") return Field::quantity;
  if (name == "name") return Field::name;
  if (name == "label") return Field::label;
  if (name == "role") return Field::role;
  return std::nullopt;
}

bool TopicTemplate::has(Field field) const {
  return std::any_of(parts_.begin(), parts_.end(), [field](const Part& part) { return part.field == field; });
}

std::optional<TopicTemplate> TopicTemplate::parse(std::string_view text, std::string& problem) {
  TopicTemplate out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto open = rest.find('{');
    if (open != 0) {
      out.parts_.push_back({Field::literal, std::string{rest.substr(0, open)}});
      rest.remove_prefix(open == std::string_view::npos ? rest.size() : open);
      continue;
    }
    const auto close = rest.find('}');
    const auto field = close == std::string_view::npos ? std::optional<Field>{} : field_of(rest.substr(1, close - 1));
    if (!field) {
      problem = fmt::format(
          "sink-option: `topic` '{}' has an unknown part '{}'\n  expected  {{device}}, {{fleet}}, {{channel}}, "
          "{{quantity}}, {{name}}, {{label}} or {{role}}",
          text, rest.substr(0, close == std::string_view::npos ? close : close + 1));
      return std::nullopt;
    }
    out.parts_.push_back({*field, {}});
    out.per_measurement_ = out.per_measurement_ || (*field != Field::device && *field != Field::fleet);
    rest.remove_prefix(close + 1);
  }
  for (const Part& part : out.parts_) {
    if (part.field != Field::literal) continue;
    if (::mosquitto_pub_topic_check2(part.text.data(), part.text.size()) == MOSQ_ERR_SUCCESS &&
        ::mosquitto_validate_utf8(part.text.data(), static_cast<int>(part.text.size())) == MOSQ_ERR_SUCCESS)
      continue;
    problem = fmt::format(
        "sink-option: `topic` '{}' cannot be published to\n  hint      UTF-8 without control characters, + and #",
        text);
    return std::nullopt;
  }
  if (!text.empty()) return out;
  problem = "sink-option: `topic` is empty";
  return std::nullopt;
}

std::string TopicTemplate::render(const SeriesInfo& series) const {
  std::string out;
  const auto or_else = [](const std::string& value, std::string_view otherwise) {
    return value.empty() ? otherwise : std::string_view{value};
  };
  for (const Part& part : parts_) {
    switch (part.field) {
      case Field::literal: out += part.text; break;
      case Field::device: append_level(out, series.device); break;
      case Field::fleet: append_level(out, or_else(series.fleet, "none")); break;
      case Field::channel: append_level(out, series.channel); break;
      case Field::quantity: append_level(out, series.quantity); break;
      case Field::name: append_level(out, series.flat_name); break;
      case Field::label: append_level(out, or_else(series.label, series.channel)); break;
      case Field::role: append_level(out, or_else(series.role, "none")); break;
    }
  }
  return out;
}

}  // namespace mesura::sinks::mqtt
