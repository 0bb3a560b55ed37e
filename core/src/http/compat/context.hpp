// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the routes of the systems before us need of the program around them.
#pragma once

#include "http/live.hpp"
#include "http/message.hpp"
#include "model/zones.hpp"
#include "runtime/clock.hpp"
#include "store/pool.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mesura::http::compat {

/// One device, as its old clients are to see it. What it refers to must outlive the routes.
struct Context {
  std::string device;
  Live& live;
  /// Of the sink that answers about the past, as it is now; null or none: only memory answers.
  std::function<std::shared_ptr<store::StorePool>()> stores = {};
  model::Zone zone = model::Zone::utc();
  const runtime::Clock& clock;
  std::vector<std::int64_t> starts_ns = {};  ///< when the program has started, the latest last
  /// Silence after which nothing is present any more.
  std::chrono::nanoseconds stale_after = std::chrono::seconds{20};
  /// From one row to the next, as configured.
  std::chrono::nanoseconds interval = std::chrono::seconds{5};
  Role role = Role::read;  ///< that the routes take
  /// The routes have a port to themselves: unknown paths get the old server's answer as well.
  bool own_port = false;
};

/// The stores of the present, or null.
[[nodiscard]] inline std::shared_ptr<store::StorePool> stores_of(const Context& context) {
  return context.stores ? context.stores() : nullptr;
}

/// An answer as text/plain.
[[nodiscard]] Response text_response(int status, std::string body);

/// Why the database does not answer, in one line without a hint.
[[nodiscard]] std::string first_line(const std::string& what);

}  // namespace mesura::http::compat
