// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "setup.hpp"

#include "config/reader.hpp"
#include "config/text.hpp"
#include "plugin/listing.hpp"
#include "sinks/kinds.hpp"
#include "transport/transport.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace mesura::app {

namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = handled_signals();
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0)
    throw std::system_error(error, std::generic_category(), "pthread_sigmask");
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Signals::Signals(runtime::EventLoop& loop, std::function<void(int)> callback) : loop_(loop) {
  block_signals();
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write(), not the end
  const sigset_t set = handled_signals();
  fd_ = runtime::UniqueFd{::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
  if (!fd_) throw std::system_error(errno, std::generic_category(), "signalfd");
  watch_ = loop_.watch(fd_.get(), EPOLLIN, [this, callback = std::move(callback)](std::uint32_t) {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      callback(static_cast<int>(info.ssi_signo));
  });
}

Signals::~Signals() { loop_.unwatch(watch_); }

std::shared_ptr<runtime::Log> terminal_log(const Common& common, bool quiet) {
  auto log = std::make_shared<runtime::Log>();
  log->add_output(runtime::log_to_fd(STDERR_FILENO, runtime::LogFormat::text));
  if (common.verbose >= 2)
    log->set_level(runtime::Level::trace);
  else if (common.verbose == 1)
    log->set_level(runtime::Level::debug);
  else
    log->set_level(quiet ? runtime::Level::warn : runtime::Level::info);
  for (const auto& device : common.trace) log->set_level("device." + device, runtime::Level::trace);
  return log;
}

plugin::PluginSet load_plugins(const Common& common, const std::vector<std::string>& configured) {
  std::vector<std::filesystem::path> directories;
  for (const auto& directory : common.plugin_path) directories.emplace_back(directory);
  for (const auto& directory : configured) directories.emplace_back(directory);
  return plugin::PluginSet::load(directories);
}

const plugin::LoadedPlugin* require_plugin(const plugin::PluginSet& plugins, const std::string& name) {
  if (const auto* found = plugins.find(name)) return found;
  for (const auto& refused : plugins.refused()) {
    if (refused.path.stem() != name) continue;
    std::fputs(plugin::refusal_text(refused).c_str(), stderr);
    return nullptr;
  }
  std::vector<std::string> names;
  for (const auto& p : plugins.loaded()) names.push_back(p.name);
  const auto hint = config::did_you_mean(name, names);
  std::fputs(
      fmt::format(
          "mesura: error[plg-unknown]: no plugin is named '{}'\n  expected  {}\n  got       {}\n  hint      {}\n", name,
          names.empty() ? "a plugin in one of the directories that `mesura plugin list` names" : config::joined(names),
          name, hint.empty() ? "`mesura plugin list` shows every plugin, refused ones too" : hint)
          .c_str(),
      stderr);
  return nullptr;
}

config::Catalog make_catalog(const plugin::PluginSet& plugins) {
  config::Catalog catalog;
  for (const auto& p : plugins.loaded()) catalog.plugins.push_back(p.schema);
  for (const auto& kind : transport::kinds()) catalog.transports.push_back({kind.name, kind.schema});
  for (const auto& kind : sinks::kinds()) {
    catalog.sinks.push_back({kind.name, kind.schema});
    if (kind.takes_waveforms) catalog.waveform_sinks.push_back(kind.name);
  }
  return catalog;
}

std::optional<std::string> find_configuration(const Common& common) {
  if (common.config) return common.config;
  if (const char* path = std::getenv("MESURA_CONFIG"); path != nullptr && *path != '\0') return path;
  std::vector<std::filesystem::path> places{"mesura.yaml"};
  if (const char* xdg = std::getenv("XDG_CONFIG_HOME"); xdg != nullptr && *xdg == '/')
    places.push_back(std::filesystem::path{xdg} / "mesura" / "mesura.yaml");
  else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    places.push_back(std::filesystem::path{home} / ".config" / "mesura" / "mesura.yaml");
  places.emplace_back("/etc/mesura/mesura.yaml");
  for (const auto& place : places) {
    std::error_code ignored;
    if (std::filesystem::exists(place, ignored)) return place.string();
  }
  return std::nullopt;
}

namespace {

struct Ahead {
  std::vector<std::string> plugin_path;
  std::string state = "mesura-state";
};

/// The schema depends on the plugins, and where they are stands in the file: this key is read ahead of the rest. So is
/// `state`: a file with mistakes must not keep anybody from asking the service that runs on with the last good one.
Ahead read_ahead(const std::string& file) {
  const auto reading = config::read_file(
      file, config::object({config::optional("plugin_path", config::list(config::of(config::Type::path, ""), "", true)),
                            config::optional("state", config::of(config::Type::path, ""))}));
  Ahead ahead;
  if (!reading.value.is_map()) return ahead;
  if (const auto& configured = reading.value["plugin_path"]; configured.is_list())
    for (const auto& directory : configured.list())
      if (directory.is_text()) ahead.plugin_path.push_back(directory.text());
  if (const auto& configured = reading.value["state"]; configured.is_text()) ahead.state = configured.text();
  return ahead;
}

}  // namespace

plugin::PluginSet load_configured_plugins(const Common& common) {
  const auto file = find_configuration(common);
  return load_plugins(common, file ? read_ahead(*file).plugin_path : std::vector<std::string>{});
}

std::optional<Loaded> load_configuration(const Common& common) {
  const auto file = find_configuration(common);
  if (!file) {
    std::fputs(
        "mesura: error[cfg-none]: no configuration\n"
        "  expected  --config FILE, $MESURA_CONFIG, ./mesura.yaml, $XDG_CONFIG_HOME/mesura/mesura.yaml or "
        "/etc/mesura/mesura.yaml\n"
        "  hint      `mesura demo` shows one at work; examples/ has some to start from\n",
        stderr);
    return std::nullopt;
  }
  const Ahead ahead = read_ahead(*file);
  Loaded loaded{*file, ahead.state, load_plugins(common, ahead.plugin_path), {}, {}, {}};
  loaded.catalog = make_catalog(loaded.plugins);
  auto result = config::load_configuration(*file, loaded.catalog);
  loaded.diagnostics = std::move(result.diagnostics);
  loaded.configuration = std::move(result.configuration);
  return loaded;
}

void print_diagnostics(const config::Diagnostics& diagnostics) {
  for (const auto& d : diagnostics.list()) std::fputs(config::render_text(d).c_str(), stderr);
}

}  // namespace mesura::app
