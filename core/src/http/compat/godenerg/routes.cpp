// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/godenerg/routes.hpp"

#include "http/compat/godenerg/commands.hpp"
#include "http/compat/godenerg/graph.hpp"
#include "http/compat/godenerg/viewer.hpp"

#include <memory>

namespace mesura::http::compat {

std::vector<Route> godenerg_routes(const Context& context) {
  const auto shared = std::make_shared<const Context>(context);
  const Role role = context.role;
  std::vector<Route> routes;
  routes.push_back({"GET", "/cmds", role, Route::Run::worker,
                    [shared](const Request& request) { return godenerg::commands(*shared, request); }});
  routes.push_back({"GET", "/graph", role, Route::Run::worker, [shared](const Request& request) {
                      try {
                        return godenerg::graph(*shared, request);
                      } catch (const store::StoreError& error) {
                        return text_response(503, first_line(error.what()));
                      }
                    }});
  routes.push_back({"GET", "/viewer", role, Route::Run::worker, [](const Request&) {
                      Response response;
                      response.content_type = "text/html; charset=utf-8";
                      response.body = godenerg::viewer_page();
                      return response;
                    }});
  if (context.own_port)
    routes.push_back({"GET", "/{rest*}", role, Route::Run::worker,
                      [](const Request&) { return text_response(404, "Route not found"); }});
  return routes;
}

}  // namespace mesura::http::compat
