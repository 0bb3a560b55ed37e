// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/auth/authenticator.hpp"

#include "config/text.hpp"
#include "http/auth/accounts.hpp"
#include "http/auth/password.hpp"
#include "http/auth/sessions.hpp"
#include "http/auth/throttle.hpp"
#include "http/head.hpp"
#include "http/peer.hpp"
#include "runtime/clock.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace mesura::http {
namespace {

constexpr std::int64_t kLookEveryNs = 500'000'000;
constexpr std::int64_t kRememberNs = 300'000'000'000;  // a right Basic password
constexpr std::size_t kRemembered = 256;
constexpr std::int64_t kTellWindowNs = 10'000'000'000;
constexpr unsigned kTellPerWindow = 20;
constexpr int kMostHashing = 2;  // waiting for their turn: each holds a worker

std::string_view field(const Fields& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (equal_no_case(key, name)) return value;
  return {};
}

std::string cookie(const Fields& headers) {
  for (const auto& [key, value] : headers) {
    if (!equal_no_case(key, "Cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto end = rest.find(';');
      auto one = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
      if (one.size() > kSessionCookie.size() && one.starts_with(kSessionCookie) && one[kSessionCookie.size()] == '=')
        return std::string{one.substr(kSessionCookie.size() + 1)};
    }
  }
  return {};
}

struct UserPassword {
  std::string user, password;
};

std::optional<UserPassword> basic(const Fields& headers) {
  auto value = field(headers, "Authorization");
  if (value.size() < 6 || !equal_no_case(value.substr(0, 6), "Basic ") || value.size() > 2048) return std::nullopt;
  value.remove_prefix(6);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  std::string decoded(value.size() + 4, '\0');
  const int size =
      ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                        reinterpret_cast<const unsigned char*>(value.data()), static_cast<int>(value.size()));
  if (size <= 0) return std::nullopt;
  const auto padding = static_cast<std::size_t>(
      std::count(value.end() - std::min<std::ptrdiff_t>(2, std::ssize(value)), value.end(), '='));
  decoded.resize(static_cast<std::size_t>(size) - padding);
  const auto colon = decoded.find(':');
  if (colon == std::string::npos) return std::nullopt;
  UserPassword out{decoded.substr(0, colon), decoded.substr(colon + 1)};
  wipe(decoded);
  return out;
}

}  // namespace

struct Authenticator::Impl {
  struct Remembered {
    std::string user, hash;
    std::int64_t until_ns = 0;
  };

  AuthenticatorOptions options;
  runtime::Logger log;
  runtime::SystemClock clock;
  AccountFiles files;
  std::string pepper = random_secret();  // of the remembered passwords: nothing of them can be found out of memory
  std::mutex mutex;                      // of all below
  std::string stamp{"never"};
  std::int64_t looked_ns = 0;
  std::unordered_map<std::string, User> users;
  std::unordered_map<std::string, Token> tokens;  // by digest
  Sessions sessions;
  Throttle addresses, names;
  std::unordered_map<std::string, Remembered> remembered;
  int hashing = 0;
  std::int64_t told_ns = 0;
  unsigned told = 0;
  std::uint64_t untold = 0;
  std::mutex hash_mutex;  // one at a time: each takes 16 MB
  std::string decoy;      // under hash_mutex

  Impl(AuthenticatorOptions given, runtime::Logger logger)
      : options(std::move(given)),
        log(std::move(logger)),
        files(options.directory),
        sessions(options.session_idle, options.session_life, options.sessions),
        addresses(options.free_failures, options.first_delay, options.longest_delay),
        // Whoever fails under another's name must not keep them out for long.
        names(options.free_failures * 3, options.first_delay,
              std::min<std::chrono::seconds>(options.longest_delay, std::chrono::seconds{30})) {}

  /// `at_once`: for who is not known, who may have been added a moment ago.
  void refresh(bool at_once = false) {
    const auto now = clock.steady_ns();
    if (!at_once && looked_ns != 0 && now - looked_ns < kLookEveryNs) return;
    looked_ns = now;
    auto current = files.stamp();
    if (current == stamp) return;
    stamp = std::move(current);
    try {
      std::unordered_map<std::string, User> fresh_users;
      std::unordered_map<std::string, Token> fresh_tokens;
      for (auto& user : files.users()) fresh_users[user.name] = std::move(user);
      for (auto& token : files.tokens()) fresh_tokens[token.digest] = std::move(token);
      users = std::move(fresh_users);
      tokens = std::move(fresh_tokens);
      remembered.clear();
    } catch (const AccountError& e) {
      log.error("usr-file", "users and tokens stay as they were: {}", e.what());
    }
  }

  static Identity known(const User& user, Identity::How how) {
    return {Identity::Result::known, how, {user.name, user.role}, {}};
  }

  Identity by_token(std::string_view secret) {
    Identity refused{Identity::Result::refused, Identity::How::token, {}, {}};
    const auto digest = sha256_hex(secret);
    auto found = tokens.find(digest);
    if (found == tokens.end()) {
      refresh(true);
      found = tokens.find(digest);
    }
    if (found == tokens.end()) return refused;
    if (found->second.expires_ns && *found->second.expires_ns <= clock.wall_ns()) return refused;
    return {Identity::Result::known, Identity::How::token, {found->second.name, found->second.role}, {}};
  }

  [[nodiscard]] std::string memory_key(const UserPassword& given) const {
    return sha256_hex(pepper + given.user + '\0' + given.password);
  }

  /// Of a right password that has been seen lately, or nothing.
  std::optional<Identity> recall(const UserPassword& given) {
    const auto found = remembered.find(memory_key(given));
    if (found == remembered.end()) return std::nullopt;
    const auto user = users.find(found->second.user);
    if (user == users.end() || user->second.hash != found->second.hash || found->second.until_ns < clock.steady_ns()) {
      remembered.erase(found);
      return std::nullopt;
    }
    return known(user->second, Identity::How::password);
  }

  std::optional<Identity> throttled(const std::string& user, const std::string& peer) {
    const auto now = clock.steady_ns();
    const auto wait = std::max(addresses.wait(client_key(peer), now), names.wait(user, now));
    if (wait.count() == 0) return std::nullopt;
    return Identity{
        Identity::Result::throttled, Identity::How::password, {}, std::chrono::ceil<std::chrono::seconds>(wait)};
  }

  void tell(const char* result, const std::string& user, const std::string& peer) const {
    log.info("http-login", "login {}: user {} from {}", result, config::quote(user), peer);
  }
  /// Attempts that cost us nothing: told, but not all of a flood.
  void tell_put_off(const char* result, const std::string& user, const std::string& peer) {
    const auto now = clock.steady_ns();
    if (now - told_ns >= kTellWindowNs) {
      if (untold > 0) log.info("http-login", "{} more logins put off", untold);
      told_ns = now;
      told = 0;
      untold = 0;
    }
    if (++told <= kTellPerWindow)
      tell(result, user, peer);
    else
      ++untold;
  }
};

Authenticator::Authenticator(AuthenticatorOptions options, runtime::Logger log)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(log))) {}
Authenticator::~Authenticator() = default;

bool Authenticator::has_accounts() {
  const std::lock_guard lock{impl_->mutex};
  impl_->refresh();
  return !impl_->users.empty() || !impl_->tokens.empty();
}

std::chrono::seconds Authenticator::session_life() const { return impl_->options.session_life; }

Identity Authenticator::identify(const Fields& headers, const std::string& peer) {
  auto& my = *impl_;
  const auto authorization = field(headers, "Authorization");
  const std::lock_guard lock{my.mutex};
  my.refresh();
  if (authorization.size() > 7 && equal_no_case(authorization.substr(0, 7), "Bearer ")) {
    auto secret = authorization.substr(7);
    secret.remove_prefix(std::min(secret.find_first_not_of(' '), secret.size()));
    return my.by_token(secret);
  }
  if (!authorization.empty()) {
    const auto given = basic(headers);
    if (!given) return {Identity::Result::refused, Identity::How::password, {}, {}};
    if (auto identity = my.recall(*given)) return *identity;
    if (auto identity = my.throttled(given->user, peer)) {
      my.tell_put_off("throttled", given->user, peer);
      return *identity;
    }
    return {Identity::Result::check, Identity::How::password, {}, {}};
  }
  if (const auto secret = cookie(headers); !secret.empty()) {
    if (const auto* session = my.sessions.find(secret, my.clock.steady_ns())) {
      const auto user = my.users.find(session->user);
      if (user != my.users.end() && user->second.hash == session->hash)
        return Impl::known(user->second, Identity::How::session);
      my.sessions.close(secret);
    }
  }
  return {};
}

Identity Authenticator::check_basic(const Fields& headers, const std::string& peer) {
  auto given = basic(headers);
  if (!given) return {Identity::Result::refused, Identity::How::password, {}, {}};
  auto identity = check_password(given->user, given->password, peer);
  if (identity.result == Identity::Result::known) {
    auto& my = *impl_;
    const std::lock_guard lock{my.mutex};
    if (const auto user = my.users.find(given->user); user != my.users.end()) {
      if (my.remembered.size() >= kRemembered) my.remembered.clear();
      my.remembered[my.memory_key(*given)] = {given->user, user->second.hash, my.clock.steady_ns() + kRememberNs};
    }
  }
  wipe(given->password);
  return identity;
}

Identity Authenticator::check_password(const std::string& user, const std::string& password, const std::string& peer) {
  auto& my = *impl_;
  std::string hash;
  {
    const std::lock_guard lock{my.mutex};
    my.refresh(true);
    if (auto identity = my.throttled(user, peer)) {
      my.tell_put_off("throttled", user, peer);
      return *identity;
    }
    if (my.hashing >= kMostHashing) {
      my.tell_put_off("put off", user, peer);
      return {Identity::Result::busy, Identity::How::password, {}, std::chrono::seconds{1}};
    }
    if (const auto found = my.users.find(user); found != my.users.end()) hash = found->second.hash;
    ++my.hashing;
  }
  bool right = false;
  {
    const std::lock_guard lock{my.hash_mutex};
    // Who is unknown takes as long as who is known.
    if (hash.empty() && my.decoy.empty()) my.decoy = hash_password(random_secret());
    right = verify_password(password, hash.empty() ? my.decoy : hash) && !hash.empty();
  }
  const std::lock_guard lock{my.mutex};
  --my.hashing;
  const auto found = my.users.find(user);
  right = right && found != my.users.end() && found->second.hash == hash;
  my.tell(right ? "done" : "refused", user, peer);
  if (!right) {
    const auto now = my.clock.steady_ns();
    my.addresses.failed(client_key(peer), now);
    my.names.failed(user, now);
    return {Identity::Result::refused, Identity::How::password, {}, {}};
  }
  my.addresses.succeeded(client_key(peer));
  my.names.succeeded(user);
  return Impl::known(found->second, Identity::How::password);
}

std::string Authenticator::open_session(const Principal& principal) {
  auto& my = *impl_;
  const std::lock_guard lock{my.mutex};
  const auto user = my.users.find(principal.name);
  return my.sessions.open(principal.name, user == my.users.end() ? "" : user->second.hash, my.clock.steady_ns());
}

bool Authenticator::close_session(const Fields& headers) {
  const std::lock_guard lock{impl_->mutex};
  return impl_->sessions.close(cookie(headers));
}

}  // namespace mesura::http
