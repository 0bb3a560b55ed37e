// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A place of the API: what it takes, what it answers, who may ask. Routes, validation and the OpenAPI description are
// made of the same declaration.
#pragma once

#include "http/api/parameter.hpp"
#include "http/api/snapshot.hpp"
#include "http/live.hpp"
#include "http/message.hpp"
#include "runtime/clock.hpp"

#include <mesura/store.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::http::api {

class CommandDesk;
class Exposition;

/// What a client may ask for at once.
struct Limits {
  std::size_t points = 100'000;    ///< windows of one series
  std::size_t series = 1000;       ///< of one answer
  std::size_t values = 5'000'000;  ///< windows times series
  std::chrono::nanoseconds range = std::chrono::hours{24 * 366 * 30};
};

/// What the handlers work with. All of it is thread-safe.
struct Parts {
  const Live* live = nullptr;
  /// The newest snapshot; `fresh`: waits for one that is not old, null when the collector does not answer.
  std::function<SnapshotPtr(bool fresh)> snapshot;
  const runtime::Clock* clock = nullptr;
  Limits limits;
  /// Adds figures of the HTTP server itself.
  std::function<void(Exposition& out)> server_metrics;
  std::uint64_t boot = 0;                 ///< tells this process's event ids from those of another
  std::shared_ptr<CommandDesk> commands;  ///< null: there are none here
  std::string audit_file;                 ///< the log of what was written to devices
};

/// What `ask` makes of a store on loan; one that is away is not kept.
template <class Ask>
auto ask_store(const std::shared_ptr<store::StorePool>& pool, Ask&& ask) {
  auto lease = pool->lease();
  try {
    return std::forward<Ask>(ask)(*lease);
  } catch (const store::StoreError& e) {
    if (e.cause() == store::StoreError::Cause::unavailable) lease.discard();
    throw;
  }
}

/// One request at a handler.
struct Call {
  const Parts& parts;
  const Request& request;
  const Arguments& arguments;
  std::int64_t now_ns;
  model::Zone zone;

  /// How the collector stands. Throws Refused (503) when it does not answer.
  [[nodiscard]] SnapshotPtr snapshot() const;
  /// What `ask` makes of a store on loan. Throws Refused (503) when no sink can be read back, StoreError.
  template <class Ask>
  auto with_store(Ask&& ask) const {
    return ask_store(store_pool(), std::forward<Ask>(ask));
  }
  [[nodiscard]] std::shared_ptr<store::StorePool> store_pool() const;
};

struct Answer {
  int status = 200;
  std::string help;
  std::vector<std::string> types{"application/json"};
  std::string schema;  ///< JSON Schema of the JSON form; empty: any
};

struct Endpoint {
  std::string method = "GET";
  std::string path;
  std::string summary;
  std::string details;
  Role role = Role::read;
  Route::Run run = Route::Run::worker;
  std::vector<Parameter> parameters;
  std::vector<Answer> answers;  ///< the good ones; errors are everybody's
  std::vector<int> errors;      ///< beside 400 and 401
  std::string body;             ///< JSON Schema of the request's body; empty: there is none
  std::size_t body_bytes = 0;   ///< of a long body, from who may control; 0: as the server has it
  std::function<Response(const Call&)> handler;
};

/// The endpoint as the server takes it: parameters checked, errors told in our style.
[[nodiscard]] Route route_of(Endpoint endpoint, Parts parts);

/// Splits what a StoreError says: code, message, expected, got, hint.
[[nodiscard]] ErrorText split_message(std::string_view what);

}  // namespace mesura::http::api
