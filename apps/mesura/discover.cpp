// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura discover: which devices are here, and how they are addressed.
#include "setup.hpp"
#include "verbs.hpp"

#include "collector/device_setup.hpp"
#include "config/address.hpp"
#include "runtime/json.hpp"
#include "session/device.hpp"
#include "transport/ports.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::app {
namespace {

/// More hosts than that are a mistake in the mask.
constexpr std::uint32_t kMostHosts = 4096;
/// So many are asked at the same time.
constexpr std::size_t kAtOnce = 128;

struct Found {
  std::string plugin;
  std::string address;  ///< as every verb takes it
  std::map<std::string, std::string, std::less<>> attributes;
};

std::string attribute(const Found& found, std::string_view key) {
  const auto it = found.attributes.find(key);
  return it == found.attributes.end() ? std::string{} : it->second;
}

/// The hosts of "192.168.0.0/24", without those for the network itself and for all of it; nothing: no network.
std::optional<std::vector<std::string>> hosts_of(const std::string& range) {
  const auto slash = range.find('/');
  in_addr parsed{};
  unsigned bits = 32;
  if (::inet_pton(AF_INET, range.substr(0, slash).c_str(), &parsed) != 1) return {};
  if (slash != std::string::npos) {
    const char* const end = range.data() + range.size();
    const auto [stop, error] = std::from_chars(range.data() + slash + 1, end, bits);
    if (error != std::errc{} || stop != end || bits > 32) return {};
  }
  const std::uint32_t size_less_one = bits == 0 ? UINT32_MAX : bits == 32 ? 0 : (1U << (32 - bits)) - 1;
  if (size_less_one >= kMostHosts) return {};
  const std::uint32_t first = ntohl(parsed.s_addr) & ~size_less_one;
  std::vector<std::string> hosts;
  for (std::uint32_t i = 0; i <= size_less_one; ++i) {
    if (size_less_one > 1 && (i == 0 || i == size_less_one)) continue;
    const in_addr address{htonl(first + i)};
    char text[INET_ADDRSTRLEN];
    hosts.emplace_back(::inet_ntop(AF_INET, &address, text, sizeof text));
  }
  return hosts;
}

class Search {
 public:
  Search(const DiscoverOptions& options, const plugin::PluginSet& plugins)
      : options_(options),
        plugins_(plugins),
        catalog_(make_catalog(plugins)),
        // Without an output: what is not there is no news here.
        log_(options.common.verbose > 0 ? terminal_log(options.common) : std::make_shared<runtime::Log>()) {}

  void broadcast(const plugin::LoadedPlugin& plugin) {
    if (plugin.schema.discover.broadcast.empty() || interrupted_) return;
    auto device = device_at(plugin, plugin.schema.discover.broadcast);
    if (!device) return;
    if (!plugin.schema.fleet.empty()) device->fleet = config::FleetConfig{plugin.schema.fleet.front(), "{unit_name}"};
    auto running = start(*device);
    const auto timer = loop_.after(options_.wait, [this] { loop_.stop(); });
    loop_.run();
    loop_.cancel(timer);
    for (const auto& [name, health] : running->members()) {
      Found found{plugin.name, {}, health.attributes};
      found.address = fmt::format("{}://{}", plugin.name, attribute(found, "address"));
      add(std::move(found));
    }
    running->stop();
  }

  void ask(const plugin::LoadedPlugin& plugin, const std::vector<std::string>& hosts) {
    const std::string& form = plugin.schema.discover.host;
    if (form.empty()) return;
    for (std::size_t begin = 0; begin < hosts.size() && !interrupted_; begin += kAtOnce) {
      if (hosts.size() > kAtOnce && ::isatty(STDERR_FILENO) != 0)
        fmt::print(stderr, "\r{}: asked {} of {} hosts, {} found ", plugin.name, begin, hosts.size(), found_.size());
      std::vector<std::pair<std::string, std::unique_ptr<session::Device>>> asked;
      for (std::size_t i = begin; i < std::min(begin + kAtOnce, hosts.size()); ++i) {
        std::string address = form;
        if (const auto at = address.find("{host}"); at != std::string::npos) address.replace(at, 6, hosts[i]);
        if (auto device = device_at(plugin, address)) asked.emplace_back(address, start(*device));
      }
      const auto all_answered = [&asked](session::State) {
        return std::all_of(asked.begin(), asked.end(), [](const auto& a) { return a.second->health().frames > 0; });
      };
      for (auto& [address, device] : asked)
        device->on_state([&](session::State state) {
          if (all_answered(state)) loop_.stop();
        });
      const auto timer = loop_.after(options_.wait, [this] { loop_.stop(); });
      if (!asked.empty()) loop_.run();
      loop_.cancel(timer);
      for (auto& [address, device] : asked) {
        const auto health = device->health();
        if (health.frames > 0) {
          add({plugin.name, fmt::format("{}+{}", plugin.name, address), health.attributes});
        } else if (options_.ranges.empty()) {
          // Who names a host wants to know why it is not there.
          fmt::print(stderr, "{}+{}: no answer{}{}\n", plugin.name, address, health.error.empty() ? "" : ": ",
                     health.error);
        }
        device->stop();
      }
    }
    if (hosts.size() > kAtOnce && ::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\n");
  }

  [[nodiscard]] const std::vector<Found>& found() const { return found_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  std::optional<config::DeviceConfig> device_at(const plugin::LoadedPlugin& plugin, const std::string& place) {
    auto result =
        config::from_address(fmt::format("{}+{}", plugin.name, place), catalog_, plugin.schema.discover.options);
    print_diagnostics(result.diagnostics);
    return std::move(result.device);
  }

  std::unique_ptr<session::Device> start(const config::DeviceConfig& device) {
    const transport::Context context{loop_, runtime::Logger{log_, "discover." + device.name}};
    auto made = std::make_unique<session::Device>(
        session::Device::Context{loop_, log_, series_, [](const std::shared_ptr<Batch>&, bool) {}},
        collector::device_setup(device, {}, plugins_, context));
    made->start();
    return made;
  }

  void add(Found found) {
    const auto same = std::find_if(found_.begin(), found_.end(), [&](const Found& f) {
      const std::string serial = attribute(f, "serial");
      return f.plugin == found.plugin && !serial.empty() && serial == attribute(found, "serial");
    });
    if (same == found_.end()) found_.push_back(std::move(found));
  }

  const DiscoverOptions& options_;
  const plugin::PluginSet& plugins_;
  config::Catalog catalog_;
  runtime::SystemClock clock_;
  runtime::EventLoop loop_{clock_};
  bool interrupted_ = false;
  Signals signals_{loop_, [this](int) {
                     interrupted_ = true;
                     loop_.stop();
                   }};
  std::shared_ptr<runtime::Log> log_;
  SeriesTable series_;
  std::vector<Found> found_;
};

void print_table(const std::vector<Found>& found, const std::vector<transport::Port>& ports) {
  constexpr auto kRow = "{:<12} {:<40} {:<24} {:<28} {}\n";
  if (!found.empty()) fmt::print(fmt::runtime(kRow), "PLUGIN", "ADDRESS", "NAME", "SERIAL", "FIRMWARE");
  for (const auto& f : found)
    fmt::print(fmt::runtime(kRow), f.plugin, f.address, attribute(f, "unit_name"), attribute(f, "serial"),
               attribute(f, "firmware_version"));
  if (found.empty()) fmt::print("no device has answered\n");
  if (ports.empty()) return;
  fmt::print("\n{:<8} {:<56} {:<14} {:<10} {}\n", "PORT", "PATH", "NODE", "USB", "DESCRIPTION");
  for (const auto& p : ports)
    fmt::print("{:<8} {:<56} {:<14} {:<10} {}{}\n", p.kind, p.path, p.node, p.usb_id, p.description,
               p.readable ? "" : "  (this user may not open it)");
}

void print_json(const std::vector<Found>& found, const std::vector<transport::Port>& ports) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object().key("devices").begin_array();
  for (const auto& f : found) {
    json.begin_object().key("plugin").string(f.plugin).key("address").string(f.address);
    json.key("attributes").begin_object();
    for (const auto& [key, value] : f.attributes) json.key(key).string(value);
    json.end_object().end_object();
  }
  json.end_array().key("ports").begin_array();
  for (const auto& p : ports) {
    json.begin_object().key("kind").string(p.kind).key("path").string(p.path).key("node").string(p.node);
    json.key("usb_id").string(p.usb_id).key("description").string(p.description);
    json.key("readable").boolean(p.readable).end_object();
  }
  json.end_array().end_object();
  fmt::print("{}\n", out);
}

/// All hosts to be asked; nothing, with a message: a range that is none.
std::optional<std::vector<std::string>> all_hosts(const DiscoverOptions& options) {
  std::vector<std::string> hosts = options.hosts;
  for (const auto& range : options.ranges) {
    const auto more = hosts_of(range);
    if (!more) {
      fmt::print(stderr,
                 "mesura discover: error[cli-range]: --range: expected a network of at most {} hosts such as "
                 "192.168.0.0/24, got '{}'\n",
                 kMostHosts, range);
      return {};
    }
    hosts.insert(hosts.end(), more->begin(), more->end());
  }
  return hosts;
}

}  // namespace

int discover(const DiscoverOptions& options) {
  const auto hosts = all_hosts(options);
  if (!hosts) return kUsage;
  const auto plugins = load_plugins(options.common, {});
  for (const auto& name : options.plugins)
    if (require_plugin(plugins, name) == nullptr) return kUsage;
  Search search{options, plugins};
  for (const auto& plugin : plugins.loaded()) {
    const bool wanted = options.plugins.empty() ||
                        std::find(options.plugins.begin(), options.plugins.end(), plugin.name) != options.plugins.end();
    if (!wanted) continue;
    // Who names hosts wants those.
    if (hosts->empty()) search.broadcast(plugin);
    search.ask(plugin, *hosts);
  }
  const auto ports = options.ports && hosts->empty() ? transport::list_ports() : std::vector<transport::Port>{};
  if (options.format == Format::json)
    print_json(search.found(), ports);
  else
    print_table(search.found(), ports);
  if (search.interrupted()) {
    fmt::print(stderr, "mesura discover: error[cli-interrupted]: stopped before everything was asked\n");
    return kPartial;
  }
  return search.found().empty() && ports.empty() ? kFailed : kDone;
}

}  // namespace mesura::app
