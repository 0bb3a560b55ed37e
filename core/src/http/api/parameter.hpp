// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What an endpoint can be asked for: one declaration feeds parsing, the error messages and the OpenAPI description.
#pragma once

#include "http/message.hpp"
#include "model/glob.hpp"
#include "model/zones.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mesura::http::api {

/// A request that can't be answered as it is; becomes an error response.
struct Refused {
  int status = 400;
  ErrorText error;
};

struct Parameter {
  enum class Type : std::uint8_t {
    string,
    glob,      ///< device/channel/quantity
    word,      ///< one of `words`
    integer,   ///< min .. max
    number,    ///< min .. max
    duration,  ///< "10s", or one of `words`; min and max in seconds
    time,      ///< RFC 3339, seconds since 1970, "-5m", "today", ...
    boolean
  };
  std::string name;
  Type type = Type::string;
  std::string help;
  std::string fallback;            ///< as a client would write it; empty: none
  std::vector<std::string> words;  ///< what else, or what at all
  std::optional<double> min;
  std::optional<double> max;
  bool repeatable = false;
  bool required = false;
  bool in_path = false;  ///< stands for a placeholder of the path, in their order
  std::string example;
};

// Builders, so that a table of parameters reads like its documentation.
[[nodiscard]] Parameter in_path(std::string name, std::string help);
[[nodiscard]] Parameter globs(std::string name, std::string help);
[[nodiscard]] Parameter text(std::string name, std::string help);
[[nodiscard]] Parameter word(std::string name, std::vector<std::string> words, std::string fallback, std::string help);
[[nodiscard]] Parameter integer(std::string name, double min, double max, std::string fallback, std::string help);
[[nodiscard]] Parameter number(std::string name, double min, double max, std::string fallback, std::string help);
[[nodiscard]] Parameter duration(std::string name, double min_s, double max_s, std::string fallback, std::string help);
[[nodiscard]] Parameter moment(std::string name, std::string fallback, std::string help);
[[nodiscard]] Parameter boolean(std::string name, std::string fallback, std::string help);
[[nodiscard]] Parameter required(Parameter parameter);
[[nodiscard]] Parameter repeatable(Parameter parameter);
/// Words that are taken beside durations.
[[nodiscard]] Parameter or_words(Parameter parameter, std::vector<std::string> words);

/// What the parameters of one request say, defaults filled in.
class Arguments {
 public:
  /// Throws Refused (400): unknown names, what is no such value, one too many.
  static Arguments parse(const std::vector<Parameter>& parameters, const Request& request, std::int64_t now_ns,
                         const model::Zone& zone);

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] const std::string& text(std::string_view name) const;         ///< "" when absent
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;  ///< of a repeatable one
  [[nodiscard]] std::vector<model::Glob> globs(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] std::optional<double> number(std::string_view name) const;
  /// Absent too when it is one of the words.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> duration(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> time_ns(std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view name) const;
  /// As the client wrote it (not the default).
  [[nodiscard]] bool given(std::string_view name) const;

 private:
  struct Item {
    std::vector<std::string> texts;
    std::int64_t integer = 0;
    double number = 0;
    bool is_word = false;
    bool given = false;
  };
  [[nodiscard]] const Item* find(std::string_view name) const;
  void read(const Parameter& parameter, const std::string& text, Item& item, std::int64_t now_ns,
            const model::Zone& zone);

  std::map<std::string, Item, std::less<>> items_;
};

/// [from, to) of the parameters of these names; `from` absent: so long before `to`. Throws Refused: reversed, empty,
/// longer than `longest`.
struct Range {
  std::int64_t from_ns;
  std::int64_t to_ns;
};
[[nodiscard]] Range range_of(const Arguments& arguments, std::chrono::nanoseconds longest);

}  // namespace mesura::http::api
