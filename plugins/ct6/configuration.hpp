// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A unit's configuration: what each key may hold, in our words and the device's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mesura::ct6 {

/// A key of the unit's configuration.
struct Setting {
  enum class Kind : std::uint8_t {
    name,      ///< of a unit or port: no space . , = ? ' " and not a number
    text,      ///< the same with dots
    secret,    ///< a text that is not shown
    identity,  ///< ASYnnnn_Vxxx.xxx_SNnnnnnnnn
    integer,
    number,
    period,  ///< milliseconds; also "2s"
    flag,
    fixed  ///< not settable over the network
  };
  std::string key;   ///< the device's: "CT1_NAME"
  std::string word;  ///< ours: "ct1_name"
  Kind kind = Kind::fixed;
  double min = 0, max = 0;       ///< of numbers
  std::string_view reason = {};  ///< why it is not to be set with the others, and what to do instead
};

/// Every key that a unit can have, with up to 24 ports.
[[nodiscard]] const std::vector<Setting>& all_settings();
/// By our word or the device's key, however they are written; nullptr: unknown.
[[nodiscard]] const Setting* find_setting(std::string_view word);
/// "; did you mean ct1_name?", or nothing.
[[nodiscard]] std::string nearest_setting(std::string_view word);
/// "CT1_NAME"
[[nodiscard]] std::string port_setting(std::int64_t port, std::string_view suffix);

/// What the unit has stored. A text can have become a number, as everything that reads as one does.
struct StoredValue {
  bool is_number = false;
  double number = 0;
  std::string text;
};

class Configuration {
 public:
  /// Reads the body of /get_config or a file of the same form; nothing if it is none.
  static std::optional<Configuration> read(std::string_view json);

  [[nodiscard]] const StoredValue* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] const std::vector<std::pair<std::string, StoredValue>>& values() const { return values_; }
  /// "1 to 6"
  [[nodiscard]] int ports() const;

 private:
  std::vector<std::pair<std::string, StoredValue>> values_;
};

/// A value as it goes onto the wire, or why it does not.
struct Checked {
  std::string wire;
  std::string problem;  ///< expected and got; empty: it is good
};
[[nodiscard]] Checked check_value(const Setting& setting, std::string_view value);
/// Whether the unit has stored what `wire` says.
[[nodiscard]] bool holds(const StoredValue& stored, const Setting& setting, std::string_view wire);
/// As JSON, for people: secrets are masked, flags are flags, floats are as short as they were.
[[nodiscard]] std::string shown(const Setting& setting, const StoredValue* stored);
/// The same of a value for the wire.
[[nodiscard]] std::string shown_wire(const Setting& setting, std::string_view wire);
/// The whole of it, in our words; passwords are masked.
[[nodiscard]] std::string describe(const Configuration& configuration);

/// The keys that factory.cfg holds, for `ports` ports: 16 of a usual unit.
[[nodiscard]] std::vector<std::string> factory_keys(int ports);
/// Those of them that `configuration` has, with the device's names.
[[nodiscard]] std::string describe_factory(const Configuration& configuration);

}  // namespace mesura::ct6
