// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The endpoints, one file each. `newest`, `live text` and caches are shared between requests: they live in what the
// handlers hold.
#pragma once

#include "http/api/endpoint.hpp"
#include "http/api/texts.hpp"

#include <memory>
#include <vector>

namespace mesura::http::api {

class LiveDemand;

[[nodiscard]] Endpoint index_endpoint(const std::vector<Endpoint>& all);
[[nodiscard]] Endpoint openapi_endpoint(std::vector<Endpoint> all);
[[nodiscard]] Endpoint devices_endpoint();
[[nodiscard]] Endpoint device_endpoint(std::shared_ptr<Newest> newest);
[[nodiscard]] Endpoint series_endpoint(std::shared_ptr<Newest> newest);
[[nodiscard]] Endpoint latest_endpoint(std::shared_ptr<Newest> newest);
[[nodiscard]] Endpoint query_endpoint(const Limits& limits);
[[nodiscard]] Endpoint energy_endpoint();
[[nodiscard]] Endpoint checks_endpoint();
[[nodiscard]] Endpoint demand_endpoint(std::shared_ptr<const LiveDemand> live);
[[nodiscard]] Endpoint alerts_endpoint();
[[nodiscard]] Endpoint live_endpoint();
[[nodiscard]] Endpoint waveform_endpoint();
[[nodiscard]] Endpoint sinks_endpoint();
[[nodiscard]] Endpoint spool_endpoint();
[[nodiscard]] Endpoint config_endpoint();
[[nodiscard]] Endpoint commands_endpoint();
[[nodiscard]] Endpoint command_endpoint();
[[nodiscard]] Endpoint jobs_endpoint();
[[nodiscard]] Endpoint job_endpoint();
[[nodiscard]] Endpoint cancel_endpoint();
[[nodiscard]] Endpoint audit_endpoint();
[[nodiscard]] Endpoint metrics_endpoint(std::shared_ptr<Newest> newest);
[[nodiscard]] Endpoint health_endpoint();
[[nodiscard]] Endpoint ready_endpoint();

}  // namespace mesura::http::api
