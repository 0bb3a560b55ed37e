// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/api.hpp"

#include "http/api/resources.hpp"

#include <utility>

namespace mesura::http::api {

std::vector<Endpoint> endpoints(const Parts& parts, std::shared_ptr<const LiveDemand> demand) {
  auto newest = std::make_shared<Newest>(*parts.live);
  std::vector<Endpoint> all{devices_endpoint(),
                            device_endpoint(newest),
                            series_endpoint(newest),
                            latest_endpoint(newest),
                            query_endpoint(parts.limits),
                            energy_endpoint(),
                            checks_endpoint(),
                            demand_endpoint(std::move(demand)),
                            alerts_endpoint(),
                            live_endpoint(),
                            waveform_endpoint(),
                            sinks_endpoint(),
                            spool_endpoint(),
                            config_endpoint(),
                            commands_endpoint(),
                            command_endpoint(),
                            jobs_endpoint(),
                            job_endpoint(),
                            cancel_endpoint(),
                            audit_endpoint(),
                            metrics_endpoint(newest),
                            health_endpoint(),
                            ready_endpoint()};
  Endpoint index = index_endpoint(all);
  all.insert(all.begin(), index);
  all.push_back(openapi_endpoint(all));
  return all;
}

std::vector<Route> routes(const Parts& parts, std::shared_ptr<const LiveDemand> demand) {
  std::vector<Route> routes;
  for (auto& endpoint : endpoints(parts, std::move(demand))) routes.push_back(route_of(std::move(endpoint), parts));
  return routes;
}

}  // namespace mesura::http::api
