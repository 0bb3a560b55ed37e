// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/address.hpp"

#include "config/text.hpp"
#include "config/yaml_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::config {
namespace {

constexpr std::string_view kForms =
    "PLUGIN+TRANSPORT:..., for example dsmr_p1+tcp://host:port or dsmr_p1+serial:/dev/ttyUSB0";

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Parts {
  std::string_view plugin;
  std::string_view kind;  ///< empty: the plugin's choice
  std::string_view rest;  ///< without "//"
};

std::optional<Parts> split(std::string_view address) {
  const std::size_t colon = address.find(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view scheme = address.substr(0, colon);
  Parts parts{scheme, {}, address.substr(colon + 1)};
  if (const std::size_t plus = scheme.find('+'); plus != std::string_view::npos) {
    parts.plugin = scheme.substr(0, plus);
    parts.kind = scheme.substr(plus + 1);
    if (parts.kind.empty()) return {};
  }
  if (parts.rest.substr(0, 2) == "//") parts.rest.remove_prefix(2);
  return parts.plugin.empty() ? std::nullopt : std::optional{parts};
}

std::vector<std::string> names_of(const std::vector<Field>& fields) {
  std::vector<std::string> out;
  for (const auto& f : fields) out.push_back(f.name);
  return out;
}

/// "?a=b&c=d" off the end of a place; a '?' that begins no option belongs to the place (a file may be called so).
Pairs take_query(std::string_view& rest) {
  Pairs out;
  const std::size_t mark = rest.rfind('?');
  if (mark == std::string_view::npos) return out;
  std::string_view query = rest.substr(mark + 1);
  if (query.empty()) return out;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) return {};
    out.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  rest = rest.substr(0, mark);
  return out;
}

/// Puts the place itself into the options that this transport has for it.
void add_place(Pairs& options, const std::vector<Field>& fields, std::string_view rest) {
  if (find_field(fields, "path") != nullptr) {
    options.emplace_back("path", rest);
  } else if (find_field(fields, "host") != nullptr) {
    const std::size_t bracket = rest.rfind(']');
    const std::size_t colon = rest.rfind(':');
    const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
    std::string_view host = rest.substr(0, has_port ? colon : rest.size());
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    options.emplace_back("host", host);
    if (has_port) options.emplace_back("port", rest.substr(colon + 1));
  } else if (find_field(fields, "listen") != nullptr) {
    options.emplace_back("listen", rest);
  }
}

std::string flow_map(const Pairs& pairs, Diagnostics& out) {
  std::string text = "{";
  for (const auto& [key, value] : pairs) {
    std::string written = flow_scalar(value, true);
    if (!value.empty() && (value.front() == '[' || value.front() == '{')) {
      const auto document = YamlDocument::parse(value, {}, out);
      std::size_t budget = 10'000;
      if (document) written = flow_text(document->root(), budget).value_or(written);
    }
    text += fmt::format("{}{}: {}", text.size() > 1 ? ", " : "", flow_scalar(key, true), written);
  }
  return text + "}";
}

class AddressReader {
 public:
  AddressReader(std::string_view address, const Catalog& catalog)
      : address_(address), shown_(mask_user(address, address.find(':') + 1)), catalog_(catalog) {}

  AddressResult read(const Pairs& options) {
    const auto parts = split(address_);
    if (!parts) {
      error("cfg-address", "this is no address of a device", std::string(kForms));
      return std::move(result_);
    }
    if (const PluginSchema* plugin = find_plugin(parts->plugin); plugin != nullptr) {
      const Schema links = link_schema(catalog_, *plugin, plugin->links.front());
      if (const Field* transport = find_transport(*parts, *plugin, links); transport != nullptr)
        build(*plugin, *transport, parts->rest, options);
    }
    return std::move(result_);
  }

 private:
  void error(std::string code, std::string message, std::string expected = {}, std::string got = {},
             std::string hint = {}) {
    result_.diagnostics.add({Severity::error,
                             std::move(code),
                             shown_,
                             {},
                             std::move(message),
                             std::move(expected),
                             std::move(got),
                             std::move(hint)});
  }

  const PluginSchema* find_plugin(std::string_view name) {
    std::vector<std::string> known;
    for (const auto& plugin : catalog_.plugins) {
      if (plugin.name == name) return &plugin;
      known.push_back(plugin.name);
    }
    std::string hint = did_you_mean(name, known);
    if (hint.empty()) hint = "`mesura plugin list` shows what was found, and what was refused and why";
    error("cfg-plugin", fmt::format("there is no plugin {}", quote(name)), known.empty() ? "a plugin" : joined(known),
          {}, hint);
    return nullptr;
  }

  const Field* find_transport(const Parts& parts, const PluginSchema& plugin, const Schema& links) {
    const std::vector<std::string> known = names_of(links.fields);
    if (!parts.kind.empty()) {
      if (const Field* found = find_field(links.fields, parts.kind); found != nullptr) return found;
      error("cfg-transport", fmt::format("plugin '{}' has no transport {}", plugin.name, quote(parts.kind)),
            joined(known), {}, did_you_mean(parts.kind, known));
      return nullptr;
    }
    const auto with_host = std::find_if(links.fields.begin(), links.fields.end(),
                                        [](const Field& f) { return find_field(f.schema.fields, "host") != nullptr; });
    if (with_host != links.fields.end()) return &*with_host;
    error("cfg-transport", fmt::format("plugin '{}' is not reached over a network", plugin.name),
          fmt::format("{}+TRANSPORT:..., with one of {}", plugin.name, joined(known)));
    return nullptr;
  }

  void build(const PluginSchema& plugin, const Field& transport, std::string_view rest, const Pairs& options) {
    const Pairs transport_options = place_options(rest, transport.schema.fields);
    Pairs beside{{"plugin", plugin.name}};
    Pairs own;
    for (const auto& option : options) (option.first == "interval" ? beside : own).push_back(option);
    std::string section = flow_map(beside, result_.diagnostics);
    section.pop_back();
    section +=
        fmt::format(", transport: {{{}: {}}}{}}}", transport.name, flow_map(transport_options, result_.diagnostics),
                    own.empty() ? "" : ", options: " + flow_map(own, result_.diagnostics));
    Schema schema = device_schema(catalog_, plugin);
    const Reading reading = read_text(section, schema);
    for (Diagnostic d : reading.diagnostics.list()) {
      d.file = shown_;
      d.mark = {};
      result_.diagnostics.add(std::move(d));
    }
    if (!result_.diagnostics.has_errors()) result_.device = make_device(plugin.name, reading.value, plugin);
  }

  std::string address_;
  std::string shown_;  ///< in messages
  const Catalog& catalog_;
  AddressResult result_;
};

}  // namespace

Pairs place_options(std::string_view place, const std::vector<Field>& fields) {
  Pairs options;
  const Pairs query = take_query(place);
  if (!place.empty() || query.empty()) add_place(options, fields, place);
  options.insert(options.end(), query.begin(), query.end());
  return options;
}

bool is_address(std::string_view text) { return text.find(':') != std::string_view::npos; }

AddressResult from_address(std::string_view address, const Catalog& catalog, const Pairs& options) {
  return AddressReader(address, catalog).read(options);
}

}  // namespace mesura::config
