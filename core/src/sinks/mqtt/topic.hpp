// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::sinks::mqtt {

/// Appends a name as one level of a topic (or a part of one): what topics cannot hold or what would mean something
/// there ('/', '+', '#', '%', control characters, a '$' in front, what is not UTF-8) becomes %XX. Nothing is lost:
/// undoing %XX gives the name back.
void append_level(std::string& out, std::string_view name);

/// "mesura/{device}/{name}".
class TopicTemplate {
 public:
  /// nullopt with a message when it is none.
  [[nodiscard]] static std::optional<TopicTemplate> parse(std::string_view text, std::string& problem);

  /// One message for each measurement, not for each batch: {channel}, {quantity}, {name}, {label} or {role} is in it.
  [[nodiscard]] bool per_measurement() const { return per_measurement_; }
  /// {device} is in it: no two devices share a topic.
  [[nodiscard]] bool names_device() const { return has(Field::device); }
  /// No two series share a topic.
  [[nodiscard]] bool names_series() const {
    return has(Field::device) && (has(Field::name) || (has(Field::channel) && has(Field::quantity)));
  }
  /// The topic, whatever its length.
  [[nodiscard]] std::string render(const SeriesInfo& series) const;

 private:
  enum class Field : std::uint8_t { literal, device, fleet, channel, quantity, name, label, role };
  struct Part {
    Field field = Field::literal;
    std::string text;
  };
  static std::optional<Field> field_of(std::string_view name);
  [[nodiscard]] bool has(Field field) const;

  std::vector<Part> parts_;
  bool per_measurement_ = false;
};

}  // namespace mesura::sinks::mqtt
