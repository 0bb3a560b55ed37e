// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/envelope.hpp"

#include "config/text.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <set>
#include <utility>
#include <vector>

namespace mesura::command {

namespace {

config::Diagnostic problem(std::string code, std::string message, std::string expected = {}, std::string got = {},
                           std::string hint = {}) {
  config::Diagnostic d;
  d.code = std::move(code);
  d.message = std::move(message);
  d.expected = std::move(expected);
  d.got = std::move(got);
  d.hint = std::move(hint);
  return d;
}

std::string form(bool named) {
  return named ? R"({"command": "...", "arguments": {...}, "dry_run": false, "confirm": "DEVICE", "id": "..."})"
               : R"({"arguments": {...}, "dry_run": false, "confirm": "DEVICE"})";
}

/// What came in place of something: never itself, which may hold a password.
std::string kind_of(const simdjson::dom::element& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "a text";
  if (value.is_bool()) return "true or false";
  return value.is_null() ? "null" : "a number";
}

class Reader {
 public:
  Reader(Envelope& envelope, bool named) : out_(envelope), named_(named) {}

  std::optional<config::Diagnostic> read(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    const auto error = parser.parse(json.data(), json.size()).get(object);
    if (error != simdjson::SUCCESS)
      return problem("cmd-json", "no JSON object", form(named_), fmt::format("{} bytes", json.size()));
    // Everything first that can be taken: an answer to what is wrong has the id.
    std::optional<config::Diagnostic> first;
    for (const auto& [key, value] : object) {
      auto wrong = member(key, value);
      if (!first) first = std::move(wrong);
    }
    if (first) return first;
    if (named_ && out_.command.empty()) return problem("cmd-json", "it names no command", form(named_));
    return std::nullopt;
  }

 private:
  using Element = simdjson::dom::element;

  std::optional<config::Diagnostic> member(std::string_view key, const Element& value) {
    if (!seen_.insert(std::string{key}).second)
      return problem("cmd-json", fmt::format("{} stands there twice", config::quote(key)));
    if (key == "arguments") return arguments(value);
    if (key == "dry_run") return flag(value);
    if (key == "confirm") return text(key, value, out_.confirm, 1000);
    if (named_ && key == "command") return text(key, value, out_.command, 1000);
    if (named_ && key == "id") return text(key, value, out_.id, kMostId);
    std::vector<std::string> known{"arguments", "dry_run", "confirm"};
    if (named_) known.insert(known.end(), {"command", "id"});
    return problem("cmd-json", fmt::format("unknown member {}", config::quote(key)), config::joined(known), {},
                   config::did_you_mean(key, known));
  }

  std::optional<config::Diagnostic> arguments(const Element& value) {
    if (value.is_null()) return std::nullopt;
    if (!value.is_object())
      return problem("cmd-json", "'arguments' is no object", R"({"NAME": VALUE, ...})", kind_of(value));
    out_.arguments = simdjson::minify(value);
    return std::nullopt;
  }

  std::optional<config::Diagnostic> flag(const Element& value) {
    // Not by what looks like it: "false" as a text must not mean a real run, nor a dry one.
    if (value.get(out_.dry_run) == simdjson::SUCCESS) return std::nullopt;
    return problem("cmd-json", "'dry_run' has the wrong form", "true, false", kind_of(value));
  }

  static std::optional<config::Diagnostic> text(std::string_view key, const Element& value, std::string& into,
                                                std::size_t most) {
    std::string_view text;
    if (value.is_null()) return std::nullopt;
    if (value.get(text) != simdjson::SUCCESS || text.size() > most)
      return problem("cmd-json", fmt::format("'{}' has the wrong form", key),
                     fmt::format("a text of at most {} bytes", most), kind_of(value));
    into = text;
    return std::nullopt;
  }

  Envelope& out_;
  bool named_;
  std::set<std::string> seen_;
};

}  // namespace

EnvelopeResult read_envelope(std::string_view json, bool named) {
  EnvelopeResult result;
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos && !named) return result;
  result.problem = Reader{result.envelope, named}.read(json);
  return result;
}

std::string in_one_line(const config::Diagnostic& problem) {
  std::string line = problem.code + ": " + problem.message;
  if (!problem.expected.empty()) line += "; expected " + problem.expected;
  if (!problem.got.empty()) line += "; got " + problem.got;
  if (!problem.hint.empty()) line += "; " + problem.hint;
  return line;
}

}  // namespace mesura::command
