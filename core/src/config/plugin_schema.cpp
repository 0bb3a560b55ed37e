// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/plugin_schema.hpp"

#include "config/reader.hpp"
#include "config/scalar.hpp"
#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace mesura::config {
namespace {

struct OptionType {
  std::string_view name;
  Type type;
};

constexpr std::array<OptionType, 17> kOptionTypes{{{"bool", Type::boolean},
                                                   {"integer", Type::integer},
                                                   {"number", Type::number},
                                                   {"text", Type::text},
                                                   {"enum", Type::enumeration},
                                                   {"duration", Type::duration},
                                                   {"size", Type::size},
                                                   {"zone", Type::zone},
                                                   {"secret", Type::secret},
                                                   {"path", Type::path},
                                                   {"host", Type::host},
                                                   {"port", Type::port},
                                                   {"address", Type::address},
                                                   {"list", Type::list},
                                                   {"map", Type::map},
                                                   // Of commands only:
                                                   {"file", Type::file},
                                                   {"tree", Type::tree}}};

std::vector<std::string> option_type_names() {
  std::vector<std::string> names;
  for (const auto& t : kOptionTypes) names.emplace_back(t.name);
  return names;
}

Schema at_least_one(Schema s) {
  s.min = 1;
  return s;
}

Schema with_noun(Schema s, std::string noun) {
  s.noun = std::move(noun);
  return s;
}

Schema options_schema(std::string noun) {
  return named(
      object(
          {required("type", enumeration(option_type_names(), "what its values are")),
           optional("default", of(Type::any, "the value when none is configured")),
           optional("required", boolean("must be configured"), "false"),
           optional("min", text("the smallest value, with its unit")),
           optional("max", text("the largest value, with its unit")),
           optional("values",
                    at_least_one(list(text("a word"), "the words of an enum; of a list or map: of its elements"))),
           optional("refused", map(text("why, and what to write instead"),
                                   "words of an enum that people expect, and that mean nothing good")),
           optional("format", text("what a text or secret is made of: hexN for N hexadecimal digits; ascii: printable "
                                   "characters; word: letters, digits, '_' and '-'")),
           optional("empty", boolean("of a command's text or secret: may be empty"), "false"),
           optional("unit", text("the unit of a number, for the documentation")),
           required("help", text("one sentence"))}),
      std::move(noun), "by name");
}

Schema file_schema() {
  Schema link =
      object({required("name", of(Type::name, "its name")),
              required("transports",
                       at_least_one(list(of(Type::name, "kind"), "kinds that may carry it, the usual one first"))),
              optional("optional", boolean("may be left unconfigured"), "false"),
              optional("defaults", map(of(Type::any, "options of that kind"), "by kind: defaults of its options")),
              optional("port", integer("of a virtual device: its fixed port, 0 for any", 0, 65535)),
              optional("broadcast", boolean("of a virtual device: on its network's broadcast address"), "false"),
              optional("help", text("one sentence"))});
  Schema quantity = object({optional("unit", text("base unit"), "\"1\""),
                            optional("kind", enumeration({"gauge", "register", "state"}, "how it behaves"), "gauge"),
                            optional("text", boolean("values are texts"), "false"),
                            optional("decimals", integer("in the base unit", 0, 9), "0"),
                            optional("channels", at_least_one(list(text("pattern"), "where it may stand")), "[total]"),
                            required("help", text("what it means"))});
  Schema command = object(
      {required("help", text("one sentence")), optional("arguments", options_schema("argument"), "{}"),
       optional("danger", enumeration({"read", "write", "dangerous", "raw"}, "what it may do"), "write"),
       optional("warning", text("of dangerous ones: what may happen")), optional("changes", text("what it changes")),
       optional("read_back", text("how that is verified")), optional("example", text("arguments that make sense")),
       optional("timeout", duration("from its turn to its end", "100ms", "1d"), "15s"),
       optional("spacing", duration("least time from one write to the next", "0s", "1h"), "0s")});
  return object({required("plugin", of(Type::name, "the plugin's name")), required("version", text("of the plugin")),
                 required("summary", text("one line")),
                 optional("stale_after", duration("usual silence until stale", "1ms")),
                 required("links", at_least_one(with_noun(list(std::move(link), "channels of bytes"), "link"))),
                 optional("roles", map(enumeration({"grid", "solar", "battery", "load"}, "role"), "by channel"), "{}"),
                 optional("export_positive", list(text("pattern"), "channels where plus is export on the wire"), "[]"),
                 optional("integrate", map(enumeration({"mean", "samples"}, "what values are"), "by channel"), "{}"),
                 optional("fleet", list(of(Type::name, "key"), "what may tell the units of a fleet apart"), "[]"),
                 optional("discover",
                          object({optional("broadcast", text("address that asks whole networks")),
                                  optional("host", text("address that asks one {host}")),
                                  optional("options", map(text("value"), "of the plugin, for it"), "{}")},
                                 "how devices are found"),
                          "{}"),
                 optional("options", options_schema("option"), "{}"),
                 optional("quantities", named(std::move(quantity), "quantity", "own quantities"), "{}"),
                 optional("commands", named(std::move(command), "command", "commands"), "{}")});
}

std::string text_or_empty(const Value& value) { return value ? value.text() : std::string{}; }

Danger danger_of(std::string_view word) {
  for (const Danger danger : {Danger::read, Danger::dangerous, Danger::raw})
    if (word == to_string(danger)) return danger;
  return Danger::write;
}

std::vector<std::string> texts(const Value& list) {
  std::vector<std::string> out;
  if (!list) return out;
  for (const auto& v : list.list()) out.push_back(v.text());
  return out;
}

/// Makes options of their descriptions and says what contradicts itself in them.
class OptionBuilder {
 public:
  OptionBuilder(std::string file, Diagnostics& out) : file_(std::move(file)), out_(out) {}

  std::vector<Field> fields(const Value& options, std::string_view noun) {
    std::vector<Field> out;
    for (const auto& [name, description] : options.map()) {
      what_ = fmt::format("{} '{}'", noun, name);
      out.push_back(field(name, description));
      const Type type = out.back().schema.type;
      if (noun == "option" && (type == Type::file || type == Type::tree))
        error(description["type"].mark, "is a file or folder, which only a command takes", "type: path");
    }
    return out;
  }

 private:
  Field field(const std::string& name, const Value& d) {
    const std::string& word = d["type"].text();
    const auto* type =
        std::find_if(kOptionTypes.begin(), kOptionTypes.end(), [&](const OptionType& t) { return t.name == word; });
    Field f{name, {}, d["required"].boolean(), {}};
    Schema& s = f.schema;
    s.type = type->type;
    s.help = d["help"].text();
    s.unit = text_or_empty(d["unit"]);
    s.values = texts(d["values"]);
    set_refused(s, d["refused"], word);
    set_format(s, d["format"], word);
    set_values(s, d, word);
    s.may_be_empty = d["empty"].boolean();
    s.min = limit(s, d["min"], word);
    s.max = limit(s, d["max"], word);
    if (s.min && s.max && *s.min > *s.max) error(d["min"].mark, "has a min above its max");
    if (const Value& value = d["default"]; value) {
      f.fallback = value.text();
      if (f.required) error(value.mark, "is required and has a default");
      check_default(f, value.mark);
    }
    return f;
  }

  void set_format(Schema& s, const Value& format, const std::string& type) {
    if (!format) return;
    s.format = format.text();
    if (s.type != Type::text && s.type != Type::secret)
      error(format.mark, fmt::format("has a format, but its type is {}", type), "type: text or secret");
    else if (format_pattern(s.format).empty())
      error(format.mark, "has an unknown format", "hexN, for example hex32", quote(s.format));
  }

  void set_refused(Schema& s, const Value& refused, const std::string& type) {
    if (!refused) return;
    if (s.type != Type::enumeration)
      error(refused.mark, fmt::format("has refused values, but its type is {}", type), "type: enum");
    for (const auto& [value, why] : refused.map()) s.refused.push_back({value, why.text(), {}});
  }

  void set_values(Schema& s, const Value& d, const std::string& type) {
    const bool collection = s.type == Type::list || s.type == Type::map;
    if (s.type == Type::enumeration && s.values.empty()) error(d["type"].mark, "has no values", "values: [a, b]");
    if (s.type != Type::enumeration && !collection && !s.values.empty())
      error(d["values"].mark, fmt::format("has values, but its type is {}", type), "type: enum, list or map");
    if (!collection) return;
    // The ABI carries texts in lists and maps.
    s.element = std::make_shared<const Schema>(s.values.empty() ? text(s.help)
                                                                : enumeration(std::exchange(s.values, {}), s.help));
    s.single = s.type == Type::list;
  }

  std::optional<double> limit(const Schema& s, const Value& value, const std::string& type) {
    if (!value) return {};
    const bool counted = s.type == Type::text || s.type == Type::secret || s.type == Type::file || s.type == Type::tree;
    if (s.type != Type::integer && s.type != Type::number && s.type != Type::duration && s.type != Type::size &&
        !counted) {
      error(value.mark, fmt::format("has a limit, but its type is {}", type),
            "type: integer, number, duration, size, text or file");
      return {};
    }
    Schema unlimited = s;
    unlimited.min = unlimited.max = {};
    if (counted) unlimited.type = s.type == Type::file || s.type == Type::tree ? Type::size : Type::integer;
    const Scalar read = read_scalar(unlimited, value.text(), true);
    if (!read.problem) return read.value.number();
    error(value.mark, "has a limit that " + read.problem->message, read.problem->expected, quote(value.text()));
    return {};
  }

  void check_default(const Field& f, Mark mark) {
    Field wanted = f;
    wanted.required = false;
    wanted.fallback = {};
    ReadOptions options;
    options.environment = [](const std::string&) { return std::nullopt; };
    const Reading reading = read_text(fmt::format("{}: {}", f.name, *f.fallback), object({wanted}), options);
    if (reading.ok()) return;
    Diagnostic d = reading.diagnostics.list().front();
    const std::string subject = fmt::format("'{}' ", f.name);
    const bool direct = d.message.compare(0, subject.size(), subject) == 0;
    d.message =
        fmt::format("the default of {}{}", what_, direct ? d.message.substr(subject.size() - 1) : ": " + d.message);
    d.file = file_;
    d.mark = mark;
    out_.add(std::move(d));
  }

  void error(Mark mark, std::string_view predicate, std::string expected = {}, std::string got = {}) {
    out_.add({Severity::error,
              "cfg-option",
              file_,
              mark,
              fmt::format("{} {}", what_, predicate),
              std::move(expected),
              std::move(got),
              {}});
  }

  std::string file_;
  Diagnostics& out_;
  std::string what_;
};

std::vector<LinkSpec> make_links(const Value& links, const std::string& file, Diagnostics& out) {
  std::vector<LinkSpec> made;
  const auto error = [&](Mark mark, std::string message) {
    out.add({Severity::error, "cfg-link", file, mark, std::move(message), {}, {}, {}});
  };
  for (const auto& v : links.list()) {
    LinkSpec link;
    link.name = v["name"].text();
    link.help = text_or_empty(v["help"]);
    link.transports = texts(v["transports"]);
    link.optional = v["optional"].boolean();
    if (v["port"]) link.port = static_cast<int>(v["port"].integer());
    link.broadcast = v["broadcast"].boolean();
    if (std::any_of(made.begin(), made.end(), [&](const LinkSpec& l) { return l.name == link.name; }))
      error(v["name"].mark, fmt::format("two links are called '{}'", link.name));
    if (v["defaults"]) {
      for (const auto& [kind, defaults] : v["defaults"].map()) {
        if (std::find(link.transports.begin(), link.transports.end(), kind) == link.transports.end())
          error(defaults.key_mark,
                fmt::format("link '{}' has defaults for '{}', which is not one of its transports", link.name, kind));
        link.defaults.emplace_back(kind, defaults.text());
      }
    }
    made.push_back(std::move(link));
  }
  return made;
}

}  // namespace

std::string_view to_string(Danger danger) {
  switch (danger) {
    case Danger::read: return "read";
    case Danger::write: return "write";
    case Danger::dangerous: return "dangerous";
    case Danger::raw: return "raw";
  }
  return "raw";
}

PluginSchemaResult parse_plugin_schema(std::string_view yaml, const std::string& file) {
  static const Schema kSchema = file_schema();
  ReadOptions options;
  options.file = file;
  // A plugin's description must not depend on who reads it.
  options.environment = [](const std::string&) { return std::nullopt; };
  Reading reading = read_text(yaml, kSchema, options);
  PluginSchemaResult result;
  result.diagnostics = std::move(reading.diagnostics);
  if (result.diagnostics.has_errors()) return result;

  const Value& v = reading.value;
  PluginSchema schema;
  schema.name = v["plugin"].text();
  schema.version = v["version"].text();
  schema.summary = v["summary"].text();
  if (v["stale_after"]) schema.stale_after = v["stale_after"].duration();
  schema.links = make_links(v["links"], file, result.diagnostics);
  for (const auto& [channel, role] : v["roles"].map()) schema.roles.push_back({channel, role.text()});
  schema.export_positive = texts(v["export_positive"]);
  for (const auto& [channel, how] : v["integrate"].map()) schema.integrate.push_back({channel, how.text() == "mean"});
  schema.fleet = texts(v["fleet"]);
  schema.discover = {text_or_empty(v["discover"]["broadcast"]), text_or_empty(v["discover"]["host"]), {}};
  for (const auto& [name, value] : v["discover"]["options"].map())
    schema.discover.options.emplace_back(name, value.text());
  OptionBuilder builder(file, result.diagnostics);
  schema.options = builder.fields(v["options"], "option");
  for (const auto& [name, q] : v["quantities"].map())
    schema.quantities.push_back({name, q["unit"].text(), q["kind"].text(), q["text"].boolean(),
                                 static_cast<int>(q["decimals"].integer()), texts(q["channels"]), q["help"].text()});
  for (const auto& [name, c] : v["commands"].map()) {
    auto& command = schema.commands.emplace_back();
    command.name = name;
    command.help = c["help"].text();
    command.arguments = builder.fields(c["arguments"], "argument");
    command.danger = danger_of(c["danger"].text());
    command.warning = text_or_empty(c["warning"]);
    command.changes = text_or_empty(c["changes"]);
    command.read_back = text_or_empty(c["read_back"]);
    command.example = text_or_empty(c["example"]);
    command.timeout = c["timeout"].duration();
    command.spacing = c["spacing"].duration();
  }
  result.diagnostics.sort();
  if (!result.diagnostics.has_errors()) result.schema = std::move(schema);
  return result;
}

}  // namespace mesura::config
