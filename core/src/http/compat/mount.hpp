// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which routes of the systems before us go where.
#pragma once

#include "config/configuration.hpp"
#include "http/compat/context.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mesura::http::compat {

enum class System : std::uint8_t { p1_monitor, godenerg };

/// A device that old clients of one system can be shown.
struct Mount {
  System system = System::p1_monitor;
  std::string device;
  model::Zone zone = model::Zone::utc();
  std::chrono::nanoseconds stale_after{0};
  std::chrono::nanoseconds interval{0};
  std::optional<std::string> listen;  ///< beside the main port a port of its own,
  std::string auth = "auto";          ///< and who must log in there: "auto", "required", "off"
};

/// The device that is configured for a system, else the only enabled one of its plugin; no mount where there is none or
/// several.
///
/// By plugin, not by the series that a device has: routes stand before the first telegram, and each of the old systems
/// knew one kind of device.
[[nodiscard]] std::vector<Mount> compat_mounts(const config::Configuration& configuration);

/// Its routes, for the main port or for its own. The rest of what they need as in Context.
struct Surroundings {
  Live& live;
  std::function<std::shared_ptr<store::StorePool>()> stores = {};
  const runtime::Clock& clock;
  std::vector<std::int64_t> starts_ns = {};
};
[[nodiscard]] std::vector<Route> compat_routes(const Mount& mount, const Surroundings& around, bool own_port);

/// Notes in a file that the program has started, and reads when it did before: for Context::starts_ns, the latest last,
/// at most a hundred. A file that can't be read or written costs the past, not the start.
[[nodiscard]] std::vector<std::int64_t> note_start(const std::string& path, std::int64_t now_ns);

}  // namespace mesura::http::compat
