// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/message.hpp"
#include "runtime/log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::http {

/// What a request's own words make of who sent it.
struct Identity {
  enum class Result : std::uint8_t {
    anonymous,  ///< nothing said, or a session that is over
    known,
    refused,    ///< wrong token or password
    check,      ///< a password that must be hashed: call check_basic() on a worker
    throttled,  ///< too many wrong passwords: not even looked at
    busy        ///< too many passwords are being hashed
  };
  enum class How : std::uint8_t { nothing, token, password, session };
  Result result = Result::anonymous;
  How how = How::nothing;
  Principal principal;
  std::chrono::seconds retry_after{0};  ///< of throttled and busy
};

struct AuthenticatorOptions {
  std::filesystem::path directory;  ///< of the files `users` and `tokens`; absent files: nobody
  std::chrono::seconds session_idle{std::chrono::hours{8}};
  std::chrono::seconds session_life{std::chrono::hours{24 * 7}};
  std::size_t sessions = 1024;
  int free_failures = 3;                        ///< wrong passwords without consequence, per address and per user
  std::chrono::milliseconds first_delay{1000};  ///< after one more; doubled with each that follows
  std::chrono::seconds longest_delay{300};
};

/// Who may log in, and who has.
///
/// Users have passwords (yescrypt), which make sessions or come with each request (Basic); tokens are secrets of 256
/// bits for programs (Bearer). Both live in files that the CLI writes and this re-reads when they change. Passwords are
/// hashed one at a time; every attempt with one is logged (never the password itself).
/// thread  any
class Authenticator {
 public:
  Authenticator(AuthenticatorOptions options, runtime::Logger log);
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  /// Whether anybody could log in.
  [[nodiscard]] bool has_accounts();

  /// By Authorization, else by the session's cookie. Quick: no hashing.
  [[nodiscard]] Identity identify(const Fields& headers, const std::string& peer);
  /// By Authorization: Basic, after identify() has said `check`. Takes 20 ms and more.
  [[nodiscard]] Identity check_basic(const Fields& headers, const std::string& peer);
  /// By name and password; known, refused, throttled or busy. Takes 20 ms and more.
  [[nodiscard]] Identity check_password(const std::string& user, const std::string& password, const std::string& peer);

  /// A session of somebody known by password: the cookie's value, a secret.
  [[nodiscard]] std::string open_session(const Principal& principal);
  /// Ends it; false when there was none.
  bool close_session(const Fields& headers);
  [[nodiscard]] std::chrono::seconds session_life() const;

  /// POST /api/v1/login {"user","password"}, POST /api/v1/logout, GET /api/v1/session.
  [[nodiscard]] std::vector<Route> routes();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

inline constexpr std::string_view kSessionCookie = "mesura_session";

}  // namespace mesura::http
