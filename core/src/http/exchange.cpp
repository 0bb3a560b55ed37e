// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/exchange.hpp"

#include "config/text.hpp"
#include "http/listen_address.hpp"
#include "http/target.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace mesura::http {
namespace {

std::string_view without_port(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.rfind(':'));
}

/// A page of any origin can be given a name that leads to our address, and then read our answers. What it can't do is
/// to make the browser send a Host of ours.
bool is_our_host(const Rules& rules, std::string_view authority) {
  auto host = without_port(authority);
  if (is_loopback_host(host)) return true;
  const auto& names = rules.options.host_names;
  if (std::any_of(names.begin(), names.end(), [&](const auto& name) { return equal_no_case(name, host); })) return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return runtime::SocketAddress::parse(host, 0).has_value();
}

bool changes_state(const std::string& method) { return method != "GET" && method != "HEAD" && method != "OPTIONS"; }

/// Whether a browser says that one of our own pages asks. `silent`: the answer when it says nothing (no browser does
/// that across origins).
bool is_same_origin(const Request& request, bool silent) {
  if (const auto site = request.header("Sec-Fetch-Site")) return *site == "same-origin" || *site == "none";
  const auto origin = request.header("Origin");
  if (!origin) return silent;
  const auto scheme = origin->find("://");
  return scheme != std::string_view::npos &&
         equal_no_case(origin->substr(scheme + 3), request.header("Host").value_or(""));
}

Response options_response(const Router::Match& match, const Rules& rules, const Request& request) {
  Response response;
  response.status = 204;
  response.headers.emplace_back("Allow", match.allow);
  if (rules.options.cors && request.header("Access-Control-Request-Method")) {
    response.headers.emplace_back("Access-Control-Allow-Methods", match.allow);
    response.headers.emplace_back("Access-Control-Allow-Headers",
                                  "Authorization, Content-Type, If-None-Match, Last-Event-ID");
    response.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  return response;
}

Response login_required(const Request& request, const ErrorText& error) {
  auto response = error_response(401, error);
  // A page's own request must not open the browser's password box: it has a login form.
  const auto mode = request.header("Sec-Fetch-Mode");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"mesura\"");
  if (!mode || *mode == "navigate")
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"mesura\", charset=\"UTF-8\"");
  return response;
}

const char* name_of(Role role) { return role == Role::control ? "control" : "read"; }

}  // namespace

std::optional<Response> authorise(const Rules& rules, const Identity& identity, Exchange& exchange) {
  auto& request = exchange.request;
  request.principal = identity.principal;
  if (identity.result == Identity::Result::throttled || identity.result == Identity::Result::busy) {
    const bool busy = identity.result == Identity::Result::busy;
    auto response = error_response(busy ? 503 : 429, {busy ? "http-busy" : "http-throttled",
                                                      busy ? "too many logins at a time" : "too many wrong passwords",
                                                      {},
                                                      {},
                                                      "try again later"});
    response.headers.emplace_back("Retry-After",
                                  std::to_string(std::max<std::int64_t>(identity.retry_after.count(), 1)));
    return response;
  }
  if (identity.result == Identity::Result::refused)
    return login_required(request,
                          {"http-login",
                           identity.how == Identity::How::token ? "this token is unknown, revoked or has expired"
                                                                : "wrong user or password",
                           {},
                           {},
                           {}});
  if (identity.result == Identity::Result::anonymous) {
    request.principal.role = rules.options.anonymous;
    if (request.principal.role < exchange.route->role)
      return login_required(request, {"http-login",
                                      std::string{"this takes a login with role "} + name_of(exchange.route->role),
                                      {},
                                      "nobody logged in",
                                      "POST /api/v1/login, or send a token: Authorization: Bearer ..."});
  }
  if (request.principal.role < exchange.route->role)
    return error_response(403,
                          {"http-role",
                           std::string{"this takes role "} + name_of(exchange.route->role),
                           {},
                           std::string{"role "} + name_of(request.principal.role) + " of " + request.principal.name,
                           {}});
  // A token is sent by who knows it; cookies and remembered passwords are sent by browsers for whoever asks.
  const bool cookie = identity.how == Identity::How::session;
  if (changes_state(request.method) && identity.how != Identity::How::token && !is_same_origin(request, !cookie))
    return error_response(
        403, {"http-origin", "a page of another origin may not do this", "the Origin of this server",
              config::quote(request.header("Origin").value_or("none")), "programs use a token in place of a session"});
  return std::nullopt;
}

std::optional<Response> admit(const Rules& rules, const Head& head, const Peer& peer, bool secure, Exchange& exchange) {
  auto& request = exchange.request;
  exchange.shown_method = head.method;
  exchange.key = peer.key;
  request.method = head.method == "HEAD" ? "GET" : head.method;
  request.headers = head.headers;
  request.peer = peer.address;
  request.secure = secure;
  auto& facts = exchange.facts;
  facts.get = request.method == "GET";
  facts.head_only = head.method == "HEAD";
  facts.http_1_0 = head.http_1_0;
  facts.keep_alive = head.keep_alive;
  facts.cors = rules.options.cors;
  if (const auto accept = request.header("Accept-Encoding")) facts.gzip = accepts_gzip(*accept);
  if (const auto tags = request.header("If-None-Match")) facts.if_none_match = *tags;

  const bool checks_host =
      !rules.options.host_names.empty() || (rules.loopback && rules.options.anonymous != Role::none);
  if (checks_host && !head.host.empty() && !is_our_host(rules, head.host))
    return error_response(421, {"http-host",
                                "this server does not go by that name",
                                "localhost, an address, or a name of host_names",
                                config::quote(head.host),
                                {}});
  Target target;
  if (const auto error = parse_target(head.target, target)) return error_response(400, *error);
  request.path = std::move(target.path);
  request.query = std::move(target.query);

  if (request.path == "*") {
    if (request.method == "OPTIONS") return options_response({nullptr, {}, "GET, HEAD, POST, OPTIONS"}, rules, request);
    return error_response(400, {"http-target", "'*' is only for OPTIONS", {}, {}, {}});
  }
  auto match = rules.router.find(request.method, request.path);
  if (match.route == nullptr) {
    if (match.allow.empty())
      return error_response(404, {"http-not-found", "nothing is here", {}, config::quote(request.path), {}});
    if (request.method == "OPTIONS") return options_response(match, rules, request);
    auto response = error_response(405, {"http-method", "not this method here", match.allow, request.method, {}});
    response.headers.emplace_back("Allow", match.allow);
    return response;
  }
  exchange.route = match.route;
  request.captures = std::move(match.captures);

  Identity identity;
  if (rules.authenticator != nullptr && rules.options.login)
    identity = rules.authenticator->identify(request.headers, request.peer);
  exchange.check_password = identity.result == Identity::Result::check;
  if (exchange.check_password) return std::nullopt;
  return authorise(rules, identity, exchange);
}

}  // namespace mesura::http
