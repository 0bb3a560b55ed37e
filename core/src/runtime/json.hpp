// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::runtime {

/// Appends JSON text to a string; sets the commas itself, checks nothing else. No allocation but the string's own.
///
///     JsonWriter json{out};
///     json.begin_object().key("value").fixed(1843.27, 2).end_object();
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  /// Invalid UTF-8 becomes U+FFFD, one for each maximal part that could begin a character.
  JsonWriter& string(std::string_view text);
  JsonWriter& integer(std::int64_t value);
  JsonWriter& unsigned_integer(std::uint64_t value);
  /// The shortest text that reads back as the same double; NaN and infinities, which JSON has not, become null.
  JsonWriter& number(double value);
  /// With exactly so many decimals (0..17), never "-0.0"; NaN and infinities become null.
  JsonWriter& fixed(double value, int decimals);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// A value that is JSON already.
  JsonWriter& raw(std::string_view json);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool comma_ = false;
};

/// Appends `text` as a JSON string, quotes included; invalid UTF-8 as in JsonWriter::string.
void append_json_string(std::string& out, std::string_view text);
/// Appends `value` with exactly so many decimals (0..17), never "-0.0". `value` must be finite.
void append_fixed(std::string& out, double value, int decimals);

}  // namespace mesura::runtime
