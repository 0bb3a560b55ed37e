// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/mount.hpp"

#include "http/compat/godenerg/routes.hpp"
#include "http/compat/p1_monitor/routes.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace mesura::http::compat {
namespace {

constexpr std::size_t kMaxStarts = 100;
/// Where the reference monitor is at home; its clients know no other zone.
constexpr const char* kMeterZone = "Europe/Brussels";

model::Zone zone_named(const std::string& name) { return model::Zone::find(name).value_or(model::Zone::utc()); }

const config::DeviceConfig* find_device(const config::Configuration& configuration, std::string_view plugin,
                                        const std::optional<std::string>& name) {
  const config::DeviceConfig* found = nullptr;
  for (const config::DeviceConfig& device : configuration.devices) {
    if (!device.enabled || device.fleet || (name ? device.name != *name : device.plugin != plugin)) continue;
    if (found != nullptr) return nullptr;
    found = &device;
  }
  return found;
}

std::optional<Mount> mount(const config::Configuration& configuration, System system, std::string_view plugin,
                           const std::optional<config::CompatConfig>& wish) {
  const auto* device = find_device(configuration, plugin, wish ? wish->device : std::nullopt);
  if (device == nullptr) return std::nullopt;
  Mount m;
  m.system = system;
  m.device = device->name;
  const bool p1 = system == System::p1_monitor;
  m.zone = zone_named(p1 && configuration.site_zone.empty() ? kMeterZone : configuration.timezone);
  m.stale_after = device->stale_after;
  if (const config::Value& interval = device->options["interval"]; interval) m.interval = interval.duration();
  if (wish) {
    m.listen = wish->listen;
    m.auth = wish->auth;
  }
  return m;
}

}  // namespace

std::vector<Mount> compat_mounts(const config::Configuration& configuration) {
  std::vector<Mount> mounts;
  if (!configuration.http) return mounts;
  const config::HttpCompatConfig& compat = configuration.http->compat;
  if (auto m = mount(configuration, System::p1_monitor, "dsmr_p1", compat.p1_monitor)) mounts.push_back(std::move(*m));
  if (auto m = mount(configuration, System::godenerg, "axpert", compat.godenerg)) mounts.push_back(std::move(*m));
  return mounts;
}

std::vector<Route> compat_routes(const Mount& mount, const Surroundings& around, bool own_port) {
  Context context{.device = mount.device,
                  .live = around.live,
                  .stores = around.stores,
                  .zone = mount.zone,
                  .clock = around.clock,
                  .starts_ns = around.starts_ns,
                  .stale_after = mount.stale_after,
                  .role = own_port && mount.auth == "off" ? Role::none : Role::read,
                  .own_port = own_port};
  if (mount.interval.count() > 0) context.interval = mount.interval;
  return mount.system == System::p1_monitor ? p1_monitor_routes(context) : godenerg_routes(context);
}

std::vector<std::int64_t> note_start(const std::string& path, std::int64_t now_ns) {
  std::vector<std::int64_t> starts;
  const runtime::UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
  if (fd) {
    // A line of seconds since 1970 for each.
    std::array<char, 64 * (kMaxStarts + 1)> text{};
    const auto size = ::read(fd.get(), text.data(), text.size() - 1);
    const char* at = text.data();
    while (size > 0 && *at != '\0') {
      char* end = nullptr;
      const long long seconds = std::strtoll(at, &end, 10);
      if (end == at) break;
      if (seconds > 0 && seconds <= now_ns / 1'000'000'000) starts.push_back(seconds * 1'000'000'000);
      at = end + (*end == '\n' ? 1 : 0);
    }
  }
  starts.push_back(now_ns);
  if (starts.size() > kMaxStarts) starts.erase(starts.begin(), starts.end() - kMaxStarts);
  if (fd) {
    std::string text;
    for (const std::int64_t start : starts) text += fmt::format("{}\n", start / 1'000'000'000);
    if (::ftruncate(fd.get(), 0) == 0) (void)!::pwrite(fd.get(), text.data(), text.size(), 0);
  }
  return starts;
}

}  // namespace mesura::http::compat
