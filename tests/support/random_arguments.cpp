// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "random_arguments.hpp"

#include "runtime/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mesura::test {

namespace {

using config::Schema;
using config::Type;

constexpr const char* kOdd[] = {"0",
                                "-0",
                                "1e999",
                                "-1e-999",
                                "9223372036854775808",
                                "NaN",
                                "null",
                                "true",
                                "false",
                                "[]",
                                "{}",
                                "\"\"",
                                "[[[[]]]]",
                                "\"\\u0000\"",
                                "\"\\ud800\"",
                                "0x10",
                                "1_000",
                                "\"50 V\"",
                                "\"10s\"",
                                "\"-1h\"",
                                "1e2",
                                "\"1MiB\"",
                                "{\"base64\":\"!\"}",
                                "{\"base64\":\"QQ==\"}"};

std::string quoted(std::string_view text) {
  std::string out;
  runtime::append_json_string(out, text);
  return out;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

double RandomArguments::near(const Schema& schema) {
  const double low = schema.min.value_or(-100);
  const double high = schema.max.value_or(std::max(low, 0.0) + 1000);
  switch (below(8)) {
    case 0: return low;
    case 1: return high;
    case 2: return low - 1;
    case 3: return high + 1;
    case 4: return std::nextafter(high, high + 1);
    default: return low + (high - low) * static_cast<double>(random_() % 1001) / 1000.0;
  }
}

std::string RandomArguments::word(const Schema& schema) {
  switch (schema.type) {
    case Type::boolean: return chance(50) ? "true" : "false";
    case Type::integer:
    case Type::port:
    case Type::rate: return fmt::format("{}", std::llround(near(schema)));
    case Type::number: return fmt::format("{}", near(schema));
    case Type::duration: return fmt::format("{}ms", std::llround(near(schema) / 1e6));
    case Type::size: return fmt::format("{}KiB", std::llround(near(schema) / 1024));
    case Type::enumeration: return schema.values.empty() ? "" : schema.values[below(schema.values.size())];
    case Type::host: return chance(80) ? "broker.lan" : "-bad-";
    case Type::zone: return chance(80) ? "Europe/Brussels" : "Europe/Nowhere";
    default: {
      std::string text;
      for (std::size_t n = below(20); n > 0; --n) text += static_cast<char>('a' + below(26));
      return text;
    }
  }
}

std::string RandomArguments::scalar(const Schema& schema) {
  const std::string text = word(schema);
  const bool bare = schema.type == Type::boolean || schema.type == Type::integer || schema.type == Type::number ||
                    schema.type == Type::port;
  return bare ? text : quoted(text);
}

std::string RandomArguments::value(const Schema& schema) {
  if (chance(10)) return any_value();
  switch (schema.type) {
    case Type::list: {
      std::string out = "[";
      for (std::size_t n = below(4); n > 0; --n) out += (out.size() > 1 ? "," : "") + value(*schema.element);
      return out + "]";
    }
    case Type::map: {
      std::string out = "{";
      for (std::size_t n = below(4); n > 0; --n)
        out += (out.size() > 1 ? "," : "") + quoted("key_" + std::to_string(below(5))) + ":" + value(*schema.element);
      return out + "}";
    }
    case Type::file: return chance(50) ? quoted(word(schema)) : R"({"base64":"QUJD"})";
    case Type::tree: return R"({"a/b.txt":{"base64":"QUJD"}})";
    default: return scalar(schema);
  }
}

std::string RandomArguments::any_value() {
  if (chance(50)) return kOdd[below(std::size(kOdd))];
  return quoted(garbage(12));
}

std::string RandomArguments::garbage(std::size_t most) {
  constexpr std::string_view kSigns = "{}[]\":,\\/0123456789truefalsn eE+-.\x01\x7f\xc3\x28\xff\xed\xa0\x80\n\t'`;$";
  std::string out;
  for (std::size_t n = below(most + 1); n > 0; --n)
    out += chance(80) ? kSigns[below(kSigns.size())] : static_cast<char>(random_() % 256);
  return out;
}

std::string RandomArguments::json(const config::CommandSpec& command) {
  std::string out = "{";
  const auto add = [&](const std::string& key, const std::string& text) {
    out += (out.size() > 1 ? "," : "") + quoted(key) + ":" + text;
  };
  for (const auto& field : command.arguments) {
    if (chance(field.required ? 5 : 40)) continue;
    add(field.name, value(field.schema));
    if (chance(2)) add(field.name, value(field.schema));
  }
  if (chance(5)) add(garbage(8), any_value());
  return out + "}";
}

std::vector<std::string> RandomArguments::words(const config::CommandSpec& command) {
  std::vector<std::string> out;
  for (const auto& field : command.arguments) {
    if (chance(field.required ? 5 : 40)) continue;
    std::string text = chance(8) ? garbage(12) : word(field.schema);
    std::erase(text, '\0');  // no command line can hold it
    if (chance(30)) {
      out.push_back(field.name + "=" + text);
    } else if (chance(30)) {
      out.push_back("--" + field.name);
      out.push_back(std::move(text));
    } else {
      out.push_back(std::move(text));
    }
  }
  if (chance(5)) {
    out.push_back(garbage(8));
    std::erase(out.back(), '\0');
  }
  return out;
}

std::string outside(const Schema& schema, const config::Value& value) {
  const auto ranged = [&](double number) -> std::string {
    if (!std::isfinite(number)) return "not finite";
    if (schema.min && number < *schema.min) return fmt::format("{} below {}", number, *schema.min);
    if (schema.max && number > *schema.max) return fmt::format("{} above {}", number, *schema.max);
    return {};
  };
  switch (schema.type) {
    case Type::boolean: return value.is_text() ? "a text for a boolean" : (void(value.boolean()), "");
    case Type::integer:
    case Type::port:
    case Type::duration:
    case Type::size: return ranged(static_cast<double>(value.integer()));
    case Type::number: return ranged(value.number());
    case Type::enumeration: return contains(schema.values, value.text()) ? "" : "no member: " + value.text();
    case Type::list:
      for (const auto& element : value.list())
        if (auto problem = outside(*schema.element, element); !problem.empty()) return problem;
      return {};
    case Type::map:
      for (const auto& [key, element] : value.map())
        if (auto problem = outside(*schema.element, element); !problem.empty()) return key + ": " + problem;
      return {};
    case Type::text:
    case Type::secret: {
      const std::string& text = value.text();
      if (text.empty() && !schema.may_be_empty) return "empty";
      // Characters of UTF-8 are at most four bytes.
      if (schema.max && static_cast<double>(text.size()) > *schema.max * 4) return "too long";
      if (schema.format == "ascii" && std::any_of(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }))
        return "not ASCII";
      return {};
    }
    case Type::file: return schema.max && static_cast<double>(value.text().size()) > *schema.max ? "too long" : "";
    default: return {};
  }
}

}  // namespace mesura::test
