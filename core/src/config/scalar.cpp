// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/scalar.hpp"

#include "config/network.hpp"
#include "config/text.hpp"
#include "config/units.hpp"
#include "model/glob.hpp"
#include "model/zones.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace mesura::config {
namespace {

constexpr std::size_t kLongestName = 64;

bool digit(char c) { return c >= '0' && c <= '9'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool name_character(char c) { return lower(c) || digit(c) || c == '_'; }

Scalar good(Value value) { return {std::move(value), {}}; }

Scalar bad(const Schema& schema, std::string code, std::string message, std::string hint = {}) {
  return {{}, Problem{std::move(code), std::move(message), expectation(schema), std::move(hint)}};
}

bool out_of_range(const Schema& schema, double value) {
  return (schema.min && value < *schema.min) || (schema.max && value > *schema.max);
}

Scalar range_problem(const Schema& schema, double value) {
  return bad(schema, "cfg-range", schema.min && value < *schema.min ? "is too small" : "is too large");
}

/// True for texts that YAML 1.1 readers take for a boolean.
bool yaml11_boolean(std::string_view text) {
  constexpr std::array<std::string_view, 8> kWords{"yes", "no", "on", "off", "y", "n", "true", "false"};
  std::string folded(text);
  std::transform(folded.begin(), folded.end(), folded.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return std::find(kWords.begin(), kWords.end(), folded) != kWords.end();
}

Scalar read_boolean(const Schema& schema, std::string_view text, bool bare) {
  if (bare && (text == "true" || text == "false")) return good(Value{text == "true"});
  return bad(schema, "cfg-type", "is no boolean", yaml11_boolean(text) ? "write true or false, without quotes" : "");
}

/// Decimal, without the leading zeros that some YAML readers take for octal.
bool decimal_integer(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  if (text.empty() || !std::all_of(text.begin(), text.end(), digit)) return false;
  return text.size() == 1 || text.front() != '0';
}

bool leading_zero(std::string_view text) {
  return text.size() > 1 && text.front() == '0' && std::all_of(text.begin(), text.end(), digit);
}

std::string number_hint(std::string_view text, bool bare) {
  if (!bare && (decimal_integer(text) || leading_zero(text))) return "leave out the quotes";
  if (leading_zero(text)) return "no leading zeros: some YAML readers take them for octal";
  if (text.size() > 2 && text.front() == '0' && (text[1] == 'x' || text[1] == 'o')) return "write it in decimal";
  return {};
}

Scalar read_integer(const Schema& schema, std::string_view text, bool bare) {
  if (!bare || !decimal_integer(text)) return bad(schema, "cfg-type", "is no whole number", number_hint(text, bare));
  std::int64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{})
    return bad(schema, "cfg-range", text.front() == '-' ? "is too small" : "is too large");
  if (out_of_range(schema, static_cast<double>(value))) return range_problem(schema, static_cast<double>(value));
  return good(Value{value});
}

Scalar read_number(const Schema& schema, std::string_view text, bool bare) {
  const std::string_view digits = !text.empty() && text.front() == '-' ? text.substr(1) : text;
  const bool begins_well = !digits.empty() && (digit(digits.front()) || digits.front() == '.');
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size();
  if (bare && begins_well && whole && error == std::errc::result_out_of_range)
    return bad(schema, "cfg-range", "does not fit a double");
  if (!bare || !begins_well || !whole || error != std::errc{} || leading_zero(digits.substr(0, digits.find('.')))) {
    const std::string hint =
        text.find(',') != std::string_view::npos ? "the decimal sign is a point" : number_hint(text, bare);
    return bad(schema, "cfg-type", "is no number", hint);
  }
  if (out_of_range(schema, value)) return range_problem(schema, value);
  return good(Value{value});
}

/// `form`: the type's name and units, and what to write in place of a bare number.
struct UnitForm {
  std::string_view what;
  std::string_view units;
  std::string_view usual;
};

Scalar read_with_unit(const Schema& schema, std::string_view text, std::int64_t value, std::optional<UnitError> error,
                      const UnitForm& form) {
  if (error) {
    switch (*error) {
      case UnitError::no_unit:
        return bad(schema, "cfg-unit", "has no unit", fmt::format("write {}{}, for example", text, form.usual));
      case UnitError::unknown_unit:
        return bad(schema, "cfg-unit", "has an unknown unit", fmt::format("units: {}", form.units));
      case UnitError::too_large: return bad(schema, "cfg-range", "is too large");
      case UnitError::malformed: break;
    }
    return bad(schema, "cfg-type", fmt::format("is no {}", form.what),
               fmt::format("a number and a unit: {}", form.units));
  }
  if (out_of_range(schema, static_cast<double>(value))) return range_problem(schema, static_cast<double>(value));
  return good(Value{value});
}

Scalar read_duration(const Schema& schema, std::string_view text) {
  const auto parsed = parse_duration(text);
  return read_with_unit(schema, text, parsed.value.count(), parsed.error, {"duration", "ns us ms s m h d w", "s"});
}

Scalar read_size(const Schema& schema, std::string_view text) {
  const auto parsed = parse_size(text);
  return read_with_unit(schema, text, parsed.value, parsed.error, {"size", "B KB KiB MB MiB GB GiB TB TiB", "MiB"});
}

Scalar read_enumeration(const Schema& schema, std::string_view text) {
  if (std::find(schema.values.begin(), schema.values.end(), text) != schema.values.end())
    return good(Value{std::string(text)});
  for (const auto& refusal : schema.refused)
    if (refusal.name == text) return bad(schema, "cfg-refused-value", "can't be that: " + refusal.reason);
  return bad(schema, "cfg-enum", "is not one of its values", did_you_mean(text, schema.values));
}

/// The digits that "hex32" asks for, 0 if the format is none of these.
std::size_t hex_digits(std::string_view format) {
  std::size_t n = 0;
  if (format.substr(0, 3) != "hex") return 0;
  const auto [end, error] = std::from_chars(format.data() + 3, format.data() + format.size(), n);
  return error == std::errc{} && end == format.data() + format.size() && n <= 4096 ? n : 0;
}

bool hex_digit(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

Scalar read_text(const Schema& schema, std::string_view text) {
  if (const std::size_t n = hex_digits(schema.format); n > 0) {
    if (text.size() != n || !std::all_of(text.begin(), text.end(), hex_digit))
      return bad(schema, "cfg-format", fmt::format("is not made of {} hexadecimal digits", n),
                 text.size() == n ? "" : fmt::format("it has {} characters", count_characters(text)));
  }
  if (schema.format == "ascii" && !std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }))
    return bad(schema, "cfg-format", "has characters that are not printable ASCII");
  if (schema.format == "word" && !std::all_of(text.begin(), text.end(), [](char c) {
        return digit(c) || lower(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
      }))
    return bad(schema, "cfg-format", "has characters that are neither letters nor digits nor '_' nor '-'");
  if (out_of_range(schema, static_cast<double>(count_characters(text))))
    return bad(schema, "cfg-range",
               fmt::format("is too {}",
                           schema.max && static_cast<double>(count_characters(text)) > *schema.max ? "long" : "short"),
               fmt::format("it has {} characters", count_characters(text)));
  return good(Value{std::string(text)});
}

Scalar read_path(const Schema& schema, std::string_view text) {
  if (first_bad_byte(text) || text.find_first_of("\n\r") != std::string_view::npos)
    return bad(schema, "cfg-path", "has a control character in it");
  return good(Value{std::string(text)});
}

Scalar read_name(const Schema& schema, std::string_view text) {
  if (lower(text.front()) && text.size() <= kLongestName && std::all_of(text.begin(), text.end(), name_character))
    return good(Value{std::string(text)});
  std::string fixed;
  bool previous_lower = false;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      if (previous_lower) fixed += '_';  // MainMeter -> main_meter, but P1 -> p1
      fixed += static_cast<char>(c - 'A' + 'a');
    } else if (name_character(c)) {
      fixed += c;
    } else if (!fixed.empty() && fixed.back() != '_') {
      fixed += '_';
    }
    previous_lower = lower(c);
  }
  while (!fixed.empty() && fixed.back() == '_') fixed.pop_back();
  // What is left of a word with other letters in it is no good advice.
  const bool ascii =
      std::none_of(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; });
  const bool usable = ascii && !fixed.empty() && lower(fixed.front()) && fixed.size() <= kLongestName;
  return bad(schema, "cfg-name", "is no snake_case name", usable ? fmt::format("for example '{}'", fixed) : "");
}

Scalar read_zone(const Schema& schema, std::string_view text) {
  if (model::Zone::find(text)) return good(Value{std::string(text)});
  const auto known = model::Zone::names();
  if (known.empty())
    return bad(schema, "cfg-zone", "can't be checked: there is no time zone database", "install tzdata");
  return bad(schema, "cfg-zone", "names no time zone that this system knows", did_you_mean(text, known));
}

Scalar read_glob(const Schema& schema, std::string_view text) {
  const auto character = [](char c) { return name_character(c) || c == '*' || c == '?' || c == '/'; };
  if (!std::all_of(text.begin(), text.end(), character))
    return bad(schema, "cfg-glob", "is no glob", "names are small letters, digits and '_'");
  model::Problem problem;
  if (!model::Glob::parse(text, &problem)) return bad(schema, "cfg-glob", "is no glob", problem.hint);
  return good(Value{std::string(text)});
}

Scalar read_rate(const Schema& schema, std::string_view text, bool bare) {
  if (text == "auto") return good(Value{std::string(text)});
  Scalar read = read_integer(schema, text, bare);
  if (read.problem && read.problem->code == "cfg-type") read.problem->message = "is neither auto nor a whole number";
  return read;
}

Scalar read_network(const Schema& schema, std::string_view text) {
  std::optional<NetworkProblem> problem;
  switch (schema.type) {
    case Type::host: problem = check_host(text); break;
    case Type::address: problem = check_address(text); break;
    default: problem = check_url(text, schema.values); break;
  }
  if (problem) return bad(schema, std::move(problem->code), std::move(problem->message), std::move(problem->hint));
  return good(Value{std::string(text)});
}

Scalar read_port(const Schema& schema, std::string_view text, bool bare) {
  Scalar read = read_integer(integer({}, 1, 65535), text, bare);
  if (!read.problem) return read;
  if (read.problem->code == "cfg-range") return bad(schema, "cfg-port", "is no port");
  return bad(schema, read.problem->code, "is no port", read.problem->hint);
}

}  // namespace

Scalar read_scalar(const Schema& schema, std::string_view text, bool bare) {
  if (text.empty() && schema.may_be_empty) return good(Value{std::string{}});
  if (text.empty()) return bad(schema, "cfg-empty", "is empty");
  switch (schema.type) {
    case Type::boolean: return read_boolean(schema, text, bare);
    case Type::integer: return read_integer(schema, text, bare);
    case Type::number: return read_number(schema, text, bare);
    case Type::enumeration: return read_enumeration(schema, text);
    case Type::duration: return read_duration(schema, text);
    case Type::size: return read_size(schema, text);
    case Type::zone: return read_zone(schema, text);
    case Type::host:
    case Type::address:
    case Type::url: return read_network(schema, text);
    case Type::port: return read_port(schema, text, bare);
    case Type::glob: return read_glob(schema, text);
    case Type::name: return read_name(schema, text);
    case Type::rate: return read_rate(schema, text, bare);
    case Type::path: return read_path(schema, text);
    case Type::text:
    case Type::secret: return read_text(schema, text);
    case Type::list:
    case Type::map:
    case Type::object:
    case Type::one_of:
    case Type::any:
    case Type::file:
    case Type::tree: break;
  }
  return bad(schema, "cfg-type", fmt::format("is not {}", expectation(schema)));
}

std::string describe_format(std::string_view format) {
  if (format == "ascii") return "a text of printable ASCII characters";
  if (format == "word") return "a text of letters, digits, '_' and '-'";
  const std::size_t n = hex_digits(format);
  return n > 0 ? fmt::format("{} hexadecimal digits", n) : std::string{};
}

std::string format_pattern(std::string_view format) {
  if (format == "ascii") return "^[ -~]*$";
  if (format == "word") return "^[A-Za-z0-9_-]*$";
  const std::size_t n = hex_digits(format);
  return n > 0 ? fmt::format("^[0-9A-Fa-f]{{{}}}$", n) : std::string{};
}

}  // namespace mesura::config
