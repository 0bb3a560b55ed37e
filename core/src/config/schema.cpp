// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/schema.hpp"

#include "config/scalar.hpp"
#include "config/text.hpp"
#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace mesura::config {
namespace {

Schema made(Type type, std::string help) {
  Schema s;
  s.type = type;
  s.help = std::move(help);
  return s;
}

[[noreturn]] void no_limit(std::string_view text) {
  throw std::logic_error(fmt::format("schema: '{}' is no limit", text));
}

std::optional<double> duration_limit(std::string_view text) {
  if (text.empty()) return {};
  const auto parsed = parse_duration(text);
  if (!parsed) no_limit(text);
  return static_cast<double>(parsed.value.count());
}

std::optional<double> size_limit(std::string_view text) {
  if (text.empty()) return {};
  const auto parsed = parse_size(text);
  if (!parsed) no_limit(text);
  return static_cast<double>(parsed.value);
}

std::vector<std::string> names(const std::vector<Field>& fields) {
  std::vector<std::string> out;
  for (const auto& f : fields) out.push_back(f.name);
  return out;
}

std::string with_range(std::string what, const Schema& s) {
  if (s.min && s.max) return fmt::format("{}, from {} to {}", what, print_limit(s, *s.min), print_limit(s, *s.max));
  if (s.min) return fmt::format("{}, at least {}", what, print_limit(s, *s.min));
  if (s.max) return fmt::format("{}, at most {}", what, print_limit(s, *s.max));
  return what;
}

std::string with_length(std::string what, const Schema& s) {
  if (s.min && s.max) return fmt::format("{}, {} to {} characters", what, *s.min, *s.max);
  if (s.min) return fmt::format("{}, at least {} characters", what, *s.min);
  if (s.max) return fmt::format("{}, at most {} characters", what, *s.max);
  return what;
}

}  // namespace

Schema boolean(std::string help) { return made(Type::boolean, std::move(help)); }

Schema integer(std::string help, std::optional<double> min, std::optional<double> max) {
  Schema s = made(Type::integer, std::move(help));
  s.min = min;
  s.max = max;
  return s;
}

Schema number(std::string help, std::optional<double> min, std::optional<double> max) {
  Schema s = integer(std::move(help), min, max);
  s.type = Type::number;
  return s;
}

Schema text(std::string help) { return made(Type::text, std::move(help)); }
Schema secret(std::string help) { return made(Type::secret, std::move(help)); }

Schema enumeration(std::vector<std::string> values, std::string help) {
  Schema s = made(Type::enumeration, std::move(help));
  s.values = std::move(values);
  return s;
}

Schema duration(std::string help, std::string_view min, std::string_view max) {
  Schema s = made(Type::duration, std::move(help));
  s.min = duration_limit(min);
  s.max = duration_limit(max);
  return s;
}

Schema size(std::string help, std::string_view min, std::string_view max) {
  Schema s = made(Type::size, std::move(help));
  s.min = size_limit(min);
  s.max = size_limit(max);
  return s;
}

Schema of(Type type, std::string help) { return made(type, std::move(help)); }

Schema list(Schema element, std::string help, bool single) {
  Schema s = made(Type::list, std::move(help));
  s.element = std::make_shared<const Schema>(std::move(element));
  s.single = single;
  return s;
}

Schema map(Schema element, std::string help) {
  Schema s = made(Type::map, std::move(help));
  s.element = std::make_shared<const Schema>(std::move(element));
  return s;
}

Schema named(Schema element, std::string noun, std::string help) {
  Schema s = map(std::move(element), std::move(help));
  s.key = std::make_shared<const Schema>(of(Type::name, fmt::format("the {}'s name", noun)));
  s.noun = std::move(noun);
  return s;
}

Schema object(std::vector<Field> fields, std::string help) {
  Schema s = made(Type::object, std::move(help));
  s.fields = std::move(fields);
  return s;
}

Schema one_of(std::vector<Field> fields, std::string help) {
  Schema s = object(std::move(fields), std::move(help));
  s.type = Type::one_of;
  return s;
}

Field required(std::string name, Schema schema) { return {std::move(name), std::move(schema), true, {}}; }

Field optional(std::string name, Schema schema, std::optional<std::string> fallback) {
  return {std::move(name), std::move(schema), false, std::move(fallback)};
}

const Field* find_field(const std::vector<Field>& fields, std::string_view name) {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  return it == fields.end() ? nullptr : &*it;
}

std::string print_limit(const Schema& schema, double limit) {
  switch (schema.type) {
    case Type::duration: return print_duration(std::chrono::nanoseconds{static_cast<std::int64_t>(limit)});
    case Type::size: return print_size(static_cast<std::int64_t>(limit));
    default: return fmt::format("{}", limit);
  }
}

std::string expectation(const Schema& s) {
  switch (s.type) {
    case Type::boolean: return "true or false";
    case Type::integer: return with_range("a whole number", s);
    case Type::number: return with_range("a number", s);
    case Type::text: return with_length(s.format.empty() ? "a text" : describe_format(s.format), s);
    case Type::secret: return s.format.empty() ? "a secret" : "a secret: " + describe_format(s.format);
    case Type::enumeration: return "one of " + joined(s.values);
    case Type::duration: return with_range("a duration with its unit (10s)", s);
    case Type::size: return with_range("a size with its unit (64MiB)", s);
    case Type::path: return "a path";
    case Type::zone: return "an IANA time zone such as Europe/Brussels";
    case Type::host: return "a host name or an IP address";
    case Type::port: return "a port from 1 to 65535";
    case Type::address: return "an address such as 127.0.0.1:8080 or [::1]:8080";
    case Type::url:
      return s.values.empty() ? "a URL such as https://host:8080/path"
                              : fmt::format("a URL that begins with {}://", joined(s.values, ":// or "));
    case Type::glob: return "device/channel/quantity, with * and ? for anything";
    case Type::name: return "a name of small letters, digits and '_' that begins with a letter, at most 64 long";
    case Type::rate: return with_range("auto or a whole number", s);
    case Type::list: return s.single ? fmt::format("{}, or a list of them", expectation(*s.element)) : "a list";
    case Type::map: return "a map";
    case Type::object: return s.fields.empty() ? "a map" : "a map with " + joined(names(s.fields));
    case Type::one_of: return fmt::format("exactly one of {}", joined(names(s.fields)));
    case Type::any: return "anything";
    case Type::file: return s.max ? "a file of at most " + print_size(static_cast<std::int64_t>(*s.max)) : "a file";
    case Type::tree: return "a folder";
  }
  return {};
}

}  // namespace mesura::config
