// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plugin/listing.hpp"

#include "config/diagnostic.hpp"
#include "config/text.hpp"
#include "config/units.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace mesura::plugin {
namespace {

using runtime::JsonWriter;

/// Left-aligned columns, two blanks apart, no blanks at the end of a line.
class Table {
 public:
  explicit Table(std::string_view indent = "") : indent_(indent) {}

  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths;
    for (const auto& cells : rows_) {
      widths.resize(std::max(widths.size(), cells.size()));
      for (std::size_t i = 0; i < cells.size(); ++i)
        widths[i] = std::max(widths[i], config::count_characters(cells[i]));
    }
    std::string out;
    for (const auto& cells : rows_) {
      std::string line{indent_};
      for (std::size_t i = 0; i < cells.size(); ++i) {
        line += cells[i];
        line.append(widths[i] - config::count_characters(cells[i]) + 2, ' ');
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + "\n";
    }
    return out;
  }

 private:
  std::string_view indent_;
  std::vector<std::vector<std::string>> rows_;
};

std::string place(const std::filesystem::path& file) { return file.empty() ? "(built in)" : file.string(); }

std::string abi_text(const LoadedPlugin& p) {
  return fmt::format("{}.{}", p.descriptor->abi_major, p.descriptor->abi_minor);
}

std::vector<const LoadedPlugin*> by_name(const PluginSet& set) {
  std::vector<const LoadedPlugin*> plugins;
  for (const auto& p : set.loaded()) plugins.push_back(&p);
  std::sort(plugins.begin(), plugins.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return plugins;
}

/// The types that a plugin's schema can name.
std::string_view type_name(config::Type type) {
  switch (type) {
    case config::Type::boolean: return "bool";
    case config::Type::integer: return "integer";
    case config::Type::number: return "number";
    case config::Type::secret: return "secret";
    case config::Type::enumeration: return "enum";
    case config::Type::duration: return "duration";
    case config::Type::size: return "size";
    case config::Type::path: return "path";
    case config::Type::zone: return "zone";
    case config::Type::list: return "list";
    case config::Type::map: return "map";
    case config::Type::host: return "host";
    case config::Type::port: return "port";
    case config::Type::address: return "address";
    case config::Type::file: return "file";
    case config::Type::tree: return "folder";
    default: return "text";
  }
}

/// A limit as a person writes it: in the unit of its type.
std::string limit_text(const config::Schema& s, double limit) {
  if (s.type == config::Type::duration)
    return config::print_duration(std::chrono::nanoseconds{static_cast<std::int64_t>(limit)});
  if (s.type == config::Type::size) return config::print_size(static_cast<std::int64_t>(limit));
  return fmt::format("{}", limit);
}

/// The words of an enum, or of a list's or map's elements.
const std::vector<std::string>& words(const config::Schema& s) {
  return s.values.empty() && s.element ? s.element->values : s.values;
}

/// "enum", "duration, 1s to 1h", "number in W, at least 0"
std::string type_text(const config::Schema& s) {
  std::string text{type_name(s.type)};
  if (!s.unit.empty()) text += " in " + s.unit;
  if (s.min && s.max) return text + fmt::format(", {} to {}", limit_text(s, *s.min), limit_text(s, *s.max));
  if (s.min) return text + fmt::format(", at least {}", limit_text(s, *s.min));
  if (s.max) return text + fmt::format(", at most {}", limit_text(s, *s.max));
  return text;
}

std::string fields_text(const std::vector<config::Field>& fields, std::string_view indent) {
  Table table{indent};
  for (const auto& f : fields)
    table.row({f.name, type_text(f.schema),
               f.required   ? "required"
               : f.fallback ? "default " + *f.fallback
                            : "optional",
               // Last, because some have a dozen words, and columns are as wide as their longest cell.
               f.schema.help + (words(f.schema).empty() ? "" : " [" + config::joined(words(f.schema), "|") + "]")});
  return table.text();
}

void section(std::string& out, std::string_view title, const std::string& body) {
  if (!body.empty()) out += fmt::format("\n{}\n{}", title, body);
}

JsonWriter& file_member(JsonWriter& json, const std::filesystem::path& file) {
  json.key("file");
  return file.empty() ? json.null() : json.string(file.string());
}

void strings(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key).begin_array();
  for (const auto& text : texts) json.string(text);
  json.end_array();
}

void limit_member(JsonWriter& json, std::string_view key, const config::Schema& s, const std::optional<double>& limit) {
  if (!limit) return;
  json.key(key);
  if (s.type == config::Type::duration || s.type == config::Type::size)
    json.string(limit_text(s, *limit));
  else
    json.number(*limit);
}

void fields_member(JsonWriter& json, std::string_view key, const std::vector<config::Field>& fields) {
  json.key(key).begin_array();
  for (const auto& f : fields) {
    const auto& s = f.schema;
    json.begin_object().key("name").string(f.name).key("type").string(type_name(s.type));
    json.key("required").boolean(f.required);
    if (f.fallback) json.key("default").string(*f.fallback);
    limit_member(json, "min", s, s.min);
    limit_member(json, "max", s, s.max);
    if (!words(s).empty()) strings(json, "values", words(s));
    if (!s.unit.empty()) json.key("unit").string(s.unit);
    json.key("help").string(s.help).end_object();
  }
  json.end_array();
}

/// The members that the list and the info have in common.
void head_members(JsonWriter& json, const LoadedPlugin& p) {
  json.key("name").string(p.name).key("version").string(p.version).key("abi").string(abi_text(p));
  file_member(json, p.file).key("summary").string(p.schema.summary);
  strings(json, "warnings", p.warnings);
}

std::string links_text(const std::vector<config::LinkSpec>& links) {
  Table table{"  "};
  for (const auto& l : links)
    table.row({l.name, config::joined(l.transports) + (l.optional ? " (may be left out)" : ""), l.help});
  return table.text();
}

void links_member(JsonWriter& json, const std::vector<config::LinkSpec>& links) {
  json.key("links").begin_array();
  for (const auto& l : links) {
    json.begin_object().key("name").string(l.name);
    strings(json, "transports", l.transports);
    json.key("optional").boolean(l.optional).key("help").string(l.help);
    json.key("defaults").begin_object();
    for (const auto& [kind, defaults] : l.defaults) json.key(kind).string(defaults);
    json.end_object().end_object();
  }
  json.end_array();
}

}  // namespace

std::string refusal_text(const RefusedPlugin& r) {
  return config::render_text({config::Severity::error, r.code, place(r.path), {}, r.reason, {}, {}, r.remedy});
}

std::string list_text(const PluginSet& set) {
  std::string out;
  if (set.loaded().empty()) {
    out = "no plugins found\n";
  } else {
    Table table;
    table.row({"PLUGIN", "VERSION", "ABI", "VIRTUAL", "FILE", "SUMMARY"});
    for (const auto* p : by_name(set))
      table.row(
          {p->name, p->version, abi_text(*p), p->virtual_schema ? "yes" : "no", place(p->file), p->schema.summary});
    out = table.text();
  }
  for (const auto* p : by_name(set))
    for (const auto& warning : p->warnings)
      out += config::render_text({config::Severity::warning, "plg-odd", place(p->file), {}, warning, {}, {}, {}});
  for (const auto& r : set.refused()) out += "\n" + refusal_text(r);
  return out;
}

std::string list_json(const PluginSet& set) {
  std::string out;
  JsonWriter json{out};
  json.begin_object().key("plugins").begin_array();
  for (const auto* p : by_name(set)) {
    json.begin_object();
    head_members(json, *p);
    json.key("virtual_device").boolean(p->virtual_schema.has_value()).end_object();
  }
  json.end_array().key("refused").begin_array();
  for (const auto& r : set.refused()) {
    file_member(json.begin_object(), r.path).key("code").string(r.code);
    json.key("reason").string(r.reason).key("remedy").string(r.remedy).end_object();
  }
  json.end_array().end_object();
  return out;
}

std::string info_text(const LoadedPlugin& p) {
  const auto& s = p.schema;
  std::string out =
      fmt::format("{} {}  {}\n{}, plugin ABI {}\n", p.name, p.version, s.summary, place(p.file), abi_text(p));
  for (const auto& warning : p.warnings) out += fmt::format("warning: {}\n", warning);
  section(out, "LINKS", links_text(s.links));
  section(out, "OPTIONS", fields_text(s.options, "  "));
  if (s.stale_after) section(out, "STALE AFTER", fmt::format("  {}\n", config::print_duration(*s.stale_after)));

  Table roles{"  "};
  for (const auto& r : s.roles) roles.row({r.channel, r.role});
  section(out, "ROLES", roles.text());

  Table quantities{"  "};
  for (const auto& q : s.quantities)
    quantities.row({q.name, q.text ? "text" : q.unit, q.kind, config::joined(q.channels), q.help});
  section(out, "QUANTITIES beyond the vocabulary", quantities.text());

  std::string commands;
  for (const auto& c : s.commands)
    commands += fmt::format("  {}  ({}) {}\n{}", c.name, to_string(c.danger), c.help, fields_text(c.arguments, "    "));
  section(out, "COMMANDS", commands);

  if (p.virtual_schema) {
    out += fmt::format("\nVIRTUAL DEVICE  {}\n", p.virtual_schema->summary);
    out += links_text(p.virtual_schema->links) + fields_text(p.virtual_schema->options, "  ");
  }
  return out;
}

std::string info_json(const LoadedPlugin& p) {
  std::string out;
  JsonWriter json{out};
  const auto& s = p.schema;
  json.begin_object();
  head_members(json, p);
  if (s.stale_after) json.key("stale_after").string(config::print_duration(*s.stale_after));
  links_member(json, s.links);
  fields_member(json, "options", s.options);
  json.key("roles").begin_array();
  for (const auto& r : s.roles)
    json.begin_object().key("channel").string(r.channel).key("role").string(r.role).end_object();
  json.end_array().key("quantities").begin_array();
  for (const auto& q : s.quantities) {
    json.begin_object().key("name").string(q.name).key("unit").string(q.unit).key("kind").string(q.kind);
    json.key("text").boolean(q.text).key("decimals").integer(q.decimals);
    strings(json, "channels", q.channels);
    json.key("help").string(q.help).end_object();
  }
  json.end_array().key("commands").begin_array();
  for (const auto& c : s.commands) {
    json.begin_object().key("name").string(c.name).key("danger").string(to_string(c.danger)).key("help").string(c.help);
    fields_member(json, "arguments", c.arguments);
    json.end_object();
  }
  json.end_array().key("virtual_device");
  if (p.virtual_schema) {
    json.begin_object().key("summary").string(p.virtual_schema->summary);
    links_member(json, p.virtual_schema->links);
    fields_member(json, "options", p.virtual_schema->options);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
  return out;
}

}  // namespace mesura::plugin
