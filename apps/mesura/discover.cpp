// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura discover: which devices are here, and how they are addressed.
#include "discover_report.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "collector/device_setup.hpp"
#include "config/address.hpp"
#include "doctor/mdns.hpp"
#include "doctor/port_guess.hpp"
#include "doctor/port_probe.hpp"
#include "session/device.hpp"
#include "transport/port_holders.hpp"
#include "transport/ports.hpp"
#include "transport/serial_port.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <future>
#include <map>
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
      Found found{plugin.name, {}, health.attributes, "broadcast"};
      found.address = fmt::format("{}://{}", plugin.name, attribute(found, "address"));
      add(std::move(found));
    }
    running->stop();
  }

  /// `by`: how they became known: "host", "mdns".
  void ask(const plugin::LoadedPlugin& plugin, const std::vector<std::string>& hosts, const std::string& by) {
    const std::string& form = plugin.schema.discover.host;
    if (form.empty()) return;
    for (std::size_t begin = 0; begin < hosts.size() && !interrupted_; begin += kAtOnce) {
      if (hosts.size() > kAtOnce && ::isatty(STDERR_FILENO) != 0)
        fmt::print(stderr, "\r{}: asked {} of {} hosts, {} found ", plugin.name, begin, hosts.size(),
                   discovery_.devices.size());
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
          add({plugin.name, fmt::format("{}+{}", plugin.name, address), health.attributes, by});
        } else if (options_.ranges.empty() && by == "host") {
          // Who names a host wants to know why it is not there.
          fmt::print(stderr, "{}+{}: no answer{}{}\n", plugin.name, address, health.error.empty() ? "" : ": ",
                     health.error);
        }
        device->stop();
      }
    }
    if (hosts.size() > kAtOnce && ::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\n");
  }

  /// What announces itself; that which answers questions is asked at its address, to see that it is there.
  void announced(const doctor::Browsed& browsed) {
    if (!browsed.problem.empty()) {
      discovery_.mdns_problem = browsed.problem;
      return;
    }
    const bool by_name = doctor::resolves_local();
    for (const auto& service : browsed.services) {
      auto meaning = doctor::meaning(service, by_name);
      if (meaning.what.empty()) continue;
      const auto* plugin = meaning.plugin.empty() ? nullptr : plugins_.find(meaning.plugin);
      if (plugin == nullptr)
        discovery_.others.push_back({service, std::move(meaning)});
      else if (wanted(meaning.plugin))
        confirm(*plugin, service, meaning);
    }
  }

  [[nodiscard]] bool wanted(const std::string& plugin) const {
    return options_.plugins.empty() ||
           std::find(options_.plugins.begin(), options_.plugins.end(), plugin) != options_.plugins.end();
  }

  void ports() {
    for (auto& port : transport::list_ports()) {
      PortFound found;
      found.guess = doctor::guess(port);
      const std::string node = transport::resolve_path(port.node);
      found.holders = transport::port_holders(node.empty() ? port.node : node);
      std::erase_if(found.holders, [](const auto& holder) { return holder.far_end; });
      found.port = std::move(port);
      discovery_.ports.push_back(std::move(found));
    }
  }

  /// Opens the ports that are free and ours to open, and sees who is there.
  void probe_ports() {
    doctor::ProbeContext context{loop_, log_, plugins_, catalog_};
    context.listen = options_.listen;
    context.only = options_.plugins;
    std::vector<std::unique_ptr<doctor::PortProbe>> probes;
    std::vector<PortFound*> probed;
    for (auto& found : discovery_.ports) {
      found.probe = why_not(found);
      if (!found.probe.empty()) continue;
      probes.push_back(std::make_unique<doctor::PortProbe>(context, found.port, [this] { loop_.stop(); }));
      probed.push_back(&found);
    }
    if (!probes.empty() && ::isatty(STDERR_FILENO) != 0)
      fmt::print(stderr, "listening on {} ports ...\n", probes.size());
    doctor::run_probes(loop_, probes, [this] { return interrupted_; });
    for (std::size_t i = 0; i < probes.size(); ++i) tell(*probes[i], *probed[i]);
  }

  [[nodiscard]] Discovery& discovery() { return discovery_; }
  [[nodiscard]] const config::Catalog& catalog() const { return catalog_; }
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
    auto& devices = discovery_.devices;
    const auto same = std::find_if(devices.begin(), devices.end(), [&](const Found& f) {
      const std::string serial = attribute(f, "serial");
      return f.plugin == found.plugin &&
             (f.address == found.address || (!serial.empty() && serial == attribute(found, "serial")));
    });
    if (same == devices.end()) devices.push_back(std::move(found));
  }

  void confirm(const plugin::LoadedPlugin& plugin, const doctor::Service& service, const doctor::Announced& meaning) {
    auto& devices = discovery_.devices;
    // One device announces several services.
    for (const auto& f : devices)
      if (f.plugin == meaning.plugin && f.address == meaning.address) return;
    const auto before = devices.size();
    if (!plugin.schema.discover.host.empty()) ask(plugin, {service.address}, "mdns");
    if (devices.size() > before) {
      devices.back().address = meaning.address;
      devices.back().note = service.host;
      return;
    }
    // Without a question that could be asked, the announcement is all that is known.
    const bool asked = !plugin.schema.discover.host.empty();
    Found found{plugin.name, meaning.address, {}, "mdns", false};
    found.attributes["unit_name"] = service.name;
    found.note = asked          ? meaning.what + ", did not answer"
                 : meaning.sure ? meaning.what
                                : meaning.what + ", by its name";
    add(std::move(found));
  }

  /// Empty: it may be opened.
  static std::string why_not(const PortFound& found) {
    if (!found.holders.empty()) return "not opened: in use";
    if (!found.port.readable) return "not opened: no permission (`mesura doctor`)";
    if (!found.guess.stranger.empty()) return "not opened: none of ours";
    // Any keyboard is a HID device.
    if (found.port.kind == "hid" && found.guess.guesses.empty()) return "not opened: nothing speaks for a meter";
    return {};
  }

  static void tell(const doctor::PortProbe& probe, PortFound& found) {
    found.probed = probe.found();
    if (found.probed)
      found.probe = "answers as " + found.probed->plugin;
    else if (!probe.done())
      found.probe = "interrupted";
    else if (!probe.error().empty())
      found.probe = probe.error().substr(0, probe.error().find('\n'));
    else
      found.probe =
          probe.bytes() > 0 ? fmt::format("sends {} bytes that no plugin understands", probe.bytes()) : "silent";
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
  Discovery discovery_;
};

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
  // Who names hosts wants those.
  const bool everything = hosts->empty();
  std::future<doctor::Browsed> browsed;
  if (everything && options.mdns)
    browsed = std::async(std::launch::async, [&options] {
      return doctor::browse(doctor::known_types(), std::chrono::duration_cast<std::chrono::milliseconds>(options.wait));
    });
  for (const auto& plugin : plugins.loaded()) {
    if (!search.wanted(plugin.name)) continue;
    if (everything) search.broadcast(plugin);
    search.ask(plugin, *hosts, "host");
  }
  if (browsed.valid()) search.announced(browsed.get());
  if (options.ports && everything) search.ports();
  if (options.probe) search.probe_ports();
  const Discovery& found = search.discovery();
  if (options.format == Format::json)
    print_discovery_json(found, search.catalog());
  else
    print_discovery_table(found, search.catalog());
  if (found.mdns_problem) fmt::print(stderr, "mesura discover: mDNS is left out: {}\n", *found.mdns_problem);
  if (search.interrupted()) {
    fmt::print(stderr, "mesura discover: error[cli-interrupted]: stopped before everything was asked\n");
    return kPartial;
  }
  return found.devices.empty() && found.ports.empty() && found.others.empty() ? kFailed : kDone;
}

}  // namespace mesura::app
