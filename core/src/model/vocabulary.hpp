// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The vocabulary (vocabulary.yaml), embedded at build time: what may be measured, in which unit, and where it may
// stand.
#pragma once

#include <mesura/measurement.hpp>

#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mesura::model {

/// What one sheet calls a quantity or attribute. `channel` is a pattern, empty for attributes.
struct WireName {
  std::string sheet;    ///< "dsmr_p1", "ct6", "axpert", "smartmeter"
  std::string channel;  ///< "l1", "ct*"
  std::string name;     ///< OBIS code, JSON key, reply and field number, ...
};

struct Quantity {
  std::string name;
  std::string unit = "1";
  Kind kind = Kind::gauge;
  bool text = false;       ///< values are texts
  int decimals = 0;        ///< in the base unit, 0..9
  bool is_signed = false;  ///< plus = import/consumption on the wire; roles and `invert` flip it
  bool trim = false;       ///< takes the channel's configured offset
  std::string opposite;    ///< what `invert` turns it into ("active_power_export"), or empty
  std::string help;
  std::vector<std::string> channels;  ///< patterns: a name, with '*' for a number
  std::vector<WireName> names;
};

struct Channel {
  std::string name;  ///< pattern: "l*"
  std::string help;
};

struct Attribute {
  std::string name;
  std::string help;
  std::vector<WireName> names;
};

/// Thrown for a vocabulary text that breaks its own rules, and for an addition that contradicts the vocabulary.
class VocabularyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A value: copy the standard one and add() to it for a plugin with quantities of its own.
///
/// find   constant time, no allocation; the pointers stay valid as long as the object and are not moved by add()
/// thread reading from any thread while nobody adds
class Vocabulary {
 public:
  /// Ours, parsed at the first call (about 15 ms, thread-safe).
  static const Vocabulary& standard();
  /// Parses a text laid out like vocabulary.yaml. Throws VocabularyError with the line.
  explicit Vocabulary(const std::string& yaml);

  /// Null if unknown.
  [[nodiscard]] const Quantity* find(std::string_view quantity) const;
  [[nodiscard]] const Attribute* find_attribute(std::string_view attribute) const;
  /// Whether `channel` has a name that the vocabulary knows, and where `quantity` may stand.
  [[nodiscard]] bool knows_channel(std::string_view channel) const;
  [[nodiscard]] static bool may_stand(const Quantity& quantity, std::string_view channel);

  /// A new quantity, or more channels for one that exists: then unit, kind, text, sign and opposite must be equal.
  /// Throws VocabularyError otherwise, and for a name, unit or channel that is none.
  void add(Quantity quantity);

  /// In the order of the text.
  [[nodiscard]] std::vector<const Quantity*> quantities() const;
  [[nodiscard]] const std::vector<Channel>& channels() const { return channels_; }
  [[nodiscard]] const std::vector<Attribute>& attributes() const { return attributes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };

  std::unordered_map<std::string, Quantity, Hash, std::equal_to<>> quantities_;
  std::vector<std::string> order_;
  std::vector<Channel> channels_;
  std::vector<Attribute> attributes_;
};

/// One of the base units: W var VA V A Hz Cel Wh varh VAh m3 GJ dBm % s deg 1.
[[nodiscard]] bool is_unit(std::string_view unit);

/// Whether `channel` is what `pattern` says: equal, with '*' standing for one to nine digits, and after an optional
/// prefix "unit<n>_" or "system_" ("unit2_ac_output" matches "ac_output"; "unit2" and "system" match "total").
[[nodiscard]] bool channel_matches(std::string_view pattern, std::string_view channel);

/// "l1_active_power_w": the name where only one word fits (columns, topics, Prometheus). The suffix is the unit in
/// lower case, except % = pct, Cel = celsius, 1 = none.
[[nodiscard]] std::string flat_name(std::string_view channel, std::string_view quantity, std::string_view unit);

}  // namespace mesura::model
