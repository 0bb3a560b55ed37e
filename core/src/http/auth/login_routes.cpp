// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/login, POST /api/v1/logout, GET /api/v1/session.
#include "http/auth/accounts.hpp"
#include "http/auth/authenticator.hpp"
#include "http/auth/password.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace mesura::http {
namespace {

struct Login {
  std::string user, password;
};

std::optional<Login> parse(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  std::string_view user, password;
  if (parser.parse(body).get(document) != simdjson::SUCCESS || document["user"].get(user) != simdjson::SUCCESS ||
      document["password"].get(password) != simdjson::SUCCESS)
    return std::nullopt;
  return Login{std::string{user}, std::string{password}};
}

std::string cookie_line(std::string_view value, std::chrono::seconds life, bool secure) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", kSessionCookie, value, life.count(),
                     secure ? "; Secure" : "");
}

Response describe(const Principal& principal) {
  Response response;
  response.etag = false;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("user");
  if (principal.name.empty())
    json.null();
  else
    json.string(principal.name);
  json.key("role").string(to_string(principal.role)).end_object();
  response.body += '\n';
  return response;
}

Response log_in(Authenticator& authenticator, const Request& request) {
  const auto type = request.header("Content-Type").value_or("");
  auto login = type.starts_with("application/json") ? parse(request.body) : std::nullopt;
  if (!login)
    return error_response(400, {"http-login",
                                "not a login",
                                "Content-Type: application/json with {\"user\":\"...\",\"password\":\"...\"}",
                                {},
                                {}});
  const auto identity = authenticator.check_password(login->user, login->password, request.peer);
  wipe(login->password);
  switch (identity.result) {
    case Identity::Result::known: break;
    case Identity::Result::throttled:
    case Identity::Result::busy: {
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
    default: return error_response(401, {"http-login", "wrong user or password", {}, {}, {}});
  }
  authenticator.close_session(request.headers);  // the one before: a login never goes on under an old secret
  auto response = describe(identity.principal);
  response.headers.emplace_back("Set-Cookie", cookie_line(authenticator.open_session(identity.principal),
                                                          authenticator.session_life(), request.secure));
  return response;
}

}  // namespace

std::vector<Route> Authenticator::routes() {
  return {
      {"POST", "/api/v1/login", Role::none, Route::Run::worker,
       [this](const Request& request) { return log_in(*this, request); }},
      {"POST", "/api/v1/logout", Role::none, Route::Run::front,
       [this](const Request& request) {
         close_session(request.headers);
         auto response = describe({});
         response.headers.emplace_back("Set-Cookie", cookie_line("", std::chrono::seconds{0}, request.secure));
         return response;
       }},
      {"GET", "/api/v1/session", Role::none, Route::Run::front,
       [](const Request& request) { return describe(request.principal); }},
  };
}

}  // namespace mesura::http
