// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/endpoint.hpp"

#include <exception>
#include <utility>

namespace mesura::http::api {

namespace {

int status_of(store::StoreError::Cause cause) {
  switch (cause) {
    case store::StoreError::Cause::question: return 400;
    case store::StoreError::Cause::unknown: return 404;
    case store::StoreError::Cause::unavailable: break;
  }
  return 503;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

Response refused(int status, const ErrorText& error) {
  Response response = error_response(status, error);
  if (status == 503) response.headers.emplace_back("Retry-After", "5");
  return response;
}

}  // namespace

ErrorText split_message(std::string_view what) {
  ErrorText error;
  std::string* field = &error.message;
  for (bool first = true; !what.empty(); first = false) {
    const auto end = what.find('\n');
    std::string_view line = what.substr(0, end);
    what = end == std::string_view::npos ? std::string_view{} : what.substr(end + 1);
    if (first) {
      const auto colon = line.find(": ");
      const bool coded = colon != std::string_view::npos && line.substr(0, colon).find(' ') == std::string_view::npos;
      error.code = coded ? line.substr(0, colon) : "qry-store";
      error.message = coded ? line.substr(colon + 2) : line;
      continue;
    }
    line = trimmed(line);
    if (line.empty()) continue;
    const auto blank = line.find(' ');
    const std::string_view word = line.substr(0, blank);
    std::string* const next = word == "expected" ? &error.expected
                              : word == "got"    ? &error.got
                              : word == "hint"   ? &error.hint
                                                 : nullptr;
    if (next != nullptr && blank != std::string_view::npos) {
      field = next;
      *field = trimmed(line.substr(blank));
    } else {
      if (!field->empty()) *field += ' ';
      *field += line;
    }
  }
  return error;
}

SnapshotPtr Call::snapshot() const {
  auto snapshot = parts.snapshot(true);
  if (!snapshot)
    throw Refused{503,
                  {"api-busy", "the collector does not answer", "an answer within two seconds", "",
                   "ask again in a "
                   "moment"}};
  return snapshot;
}

std::shared_ptr<store::StorePool> Call::store_pool() const {
  const auto snapshot = parts.snapshot(false);
  if (!snapshot || !snapshot->stores)
    throw Refused{503,
                  {"api-no-store", "no sink of the configuration can be read back", "a sink of kind sqlite or mysql",
                   "", "add one to 'sinks', or name it in 'http: {sink: NAME}'"}};
  return snapshot->stores;
}

Route route_of(Endpoint endpoint, Parts parts) {
  Route route;
  route.method = endpoint.method;
  route.pattern = endpoint.path;
  route.role = endpoint.role;
  route.run = endpoint.run;
  route.body_bytes = endpoint.body_bytes;
  route.handler = [endpoint = std::move(endpoint), parts = std::move(parts)](const Request& request) -> Response {
    try {
      const std::int64_t now_ns = parts.clock->wall_ns();
      const auto snapshot = parts.snapshot(false);
      auto zone = snapshot ? model::Zone::find(snapshot->zone) : std::nullopt;
      if (!zone) zone = model::Zone::utc();
      const auto arguments = Arguments::parse(endpoint.parameters, request, now_ns, *zone);
      return endpoint.handler(Call{parts, request, arguments, now_ns, *zone});
    } catch (const Refused& e) {
      return refused(e.status, e.error);
    } catch (const store::StoreError& e) {
      return refused(status_of(e.cause()), split_message(e.what()));
    } catch (const std::exception& e) {
      return error_response(
          500, {"api-internal", "this should not have happened", "", e.what(), "please report it with the request"});
    }
  };
  return route;
}

}  // namespace mesura::http::api
