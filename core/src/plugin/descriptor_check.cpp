// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plugin/descriptor_check.hpp"

#include "config/text.hpp"

#include <mesura/plugin.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <string>

namespace mesura::plugin {
namespace {

constexpr std::string_view kRebuild =
    "rebuild the plugin against the headers of this Mesura, or install its newer release";
constexpr std::string_view kAuthor = "tell the plugin's author; the plugin.hpp of this Mesura fills this in by itself";

/// Up to and with its last member of minor 0: padding behind it, and what later minors append, may be absent.
constexpr std::size_t kPluginHead = offsetof(mesura_plugin, version) + sizeof(mesura_plugin::version);
constexpr std::size_t kPluginSize = offsetof(mesura_plugin, virtual_device) + sizeof(mesura_plugin::virtual_device);
constexpr std::size_t kSessionSize = offsetof(mesura_session_api, on_peer) + sizeof(mesura_session_api::on_peer);

/// "plugin 'ct6' 0.4.1", or "the plugin" while its name is not to be trusted.
std::string subject(const mesura_plugin& p) {
  if (p.struct_size < kPluginHead) return "the plugin";
  const auto name = abi::view(p.name);
  const auto version = abi::view(p.version);
  if (!is_plugin_name(name)) return "the plugin";
  if (version.empty() || version.size() > 64) return fmt::format("plugin '{}'", name);
  return fmt::format("plugin '{}' {}", name, config::first_bad_byte(version) ? config::quote(version) : version);
}

std::optional<Refusal> check_tables(const mesura_plugin& p, std::string_view who) {
  if (p.struct_size < kPluginSize)
    return Refusal{"plg-struct-size",
                   fmt::format("{}: its descriptor has {} bytes; ABI {}.0 needs {}", who, p.struct_size,
                               MESURA_ABI_MAJOR, kPluginSize),
                   std::string{kRebuild}};
  if (p.session == nullptr)
    return Refusal{"plg-function", fmt::format("{}: its descriptor has no session table", who), std::string{kAuthor}};
  const auto& s = *p.session;
  if (s.struct_size < kSessionSize)
    return Refusal{"plg-struct-size",
                   fmt::format("{}: its session table has {} bytes; ABI {}.0 needs {}", who, s.struct_size,
                               MESURA_ABI_MAJOR, kSessionSize),
                   std::string{kRebuild}};
  std::string missing;
  const auto require = [&](bool there, std::string_view function) {
    if (!there) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", function);
  };
  require(s.create != nullptr, "create");
  require(s.destroy != nullptr, "destroy");
  require(s.on_open != nullptr, "on_open");
  require(s.on_bytes != nullptr, "on_bytes");
  if (!missing.empty())
    return Refusal{"plg-function", fmt::format("{}: its session table lacks {}", who, missing), std::string{kAuthor}};
  return std::nullopt;
}

std::optional<Refusal> check_major(const mesura_plugin& p, std::string_view who) {
  if (p.abi_major == MESURA_ABI_MAJOR) return std::nullopt;
  return Refusal{"plg-abi",
                 fmt::format("{} speaks plugin ABI {}; this host accepts {}", who, p.abi_major, MESURA_ABI_MAJOR),
                 p.abi_major > MESURA_ABI_MAJOR
                     ? fmt::format("install a newer Mesura, which accepts ABI {}, or rebuild the plugin against the "
                                   "headers of this one",
                                   p.abi_major)
                     : std::string{kRebuild}};
}

}  // namespace

bool is_plugin_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() < 'a' || name.front() > 'z' || name.back() == '_') return false;
  char previous = 0;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '_' && previous != '_'))) return false;
    previous = c;
  }
  return true;
}

std::optional<Refusal> check_descriptor(const mesura_plugin& plugin) {
  const auto who = subject(plugin);
  if (auto refusal = check_major(plugin, who)) return refusal;
  if (auto refusal = check_tables(plugin, who)) return refusal;
  if (const auto name = abi::view(plugin.name); !is_plugin_name(name))
    return Refusal{"plg-name",
                   name.empty() ? "the plugin has no name"
                                : fmt::format("the plugin's name is {}; expected snake_case, 64 characters at most",
                                              config::quote(name)),
                   "tell the plugin's author: the name is the second argument of MESURA_PLUGIN"};
  if (const auto* twin = plugin.virtual_device) {
    const auto twin_who = fmt::format("the virtual device of {}", who);
    if (auto refusal = check_major(*twin, twin_who)) return refusal;
    if (auto refusal = check_tables(*twin, twin_who)) return refusal;
  }
  return std::nullopt;
}

}  // namespace mesura::plugin
