// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API: every endpoint, as declarations and as routes for the server.
#pragma once

#include "http/api/endpoint.hpp"
#include "http/api/live_demand.hpp"

#include <memory>
#include <vector>

namespace mesura::http::api {

/// All of them; index and OpenAPI description speak of all.
[[nodiscard]] std::vector<Endpoint> endpoints(const Parts& parts, std::shared_ptr<const LiveDemand> demand);
[[nodiscard]] std::vector<Route> routes(const Parts& parts, std::shared_ptr<const LiveDemand> demand);

}  // namespace mesura::http::api
