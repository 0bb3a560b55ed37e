// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/auth/sessions.hpp"

#include "http/auth/password.hpp"

#include <algorithm>

namespace mesura::http {

void Sessions::make_room(const std::string& user, std::int64_t now_ns) {
  std::erase_if(sessions_, [&](const auto& entry) { return is_over(entry.second, now_ns); });
  const auto own = static_cast<std::size_t>(
      std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) { return entry.second.user == user; }));
  const bool full = sessions_.size() >= most_;
  if (!full && own < std::max<std::size_t>(most_ / 4, 1)) return;
  auto oldest = sessions_.end();
  for (auto entry = sessions_.begin(); entry != sessions_.end(); ++entry) {
    if (!full && entry->second.user != user) continue;
    if (oldest == sessions_.end() || entry->second.used_ns < oldest->second.used_ns) oldest = entry;
  }
  if (oldest != sessions_.end()) sessions_.erase(oldest);
}

std::string Sessions::open(const std::string& user, const std::string& hash, std::int64_t now_ns) {
  make_room(user, now_ns);
  auto secret = random_secret();
  sessions_[sha256_hex(secret)] = {user, hash, now_ns, now_ns};
  return secret;
}

const Sessions::Session* Sessions::find(const std::string& secret, std::int64_t now_ns) {
  const auto found = sessions_.find(sha256_hex(secret));
  if (found == sessions_.end()) return nullptr;
  if (is_over(found->second, now_ns)) {
    sessions_.erase(found);
    return nullptr;
  }
  found->second.used_ns = now_ns;
  return &found->second;
}

bool Sessions::close(const std::string& secret) { return sessions_.erase(sha256_hex(secret)) > 0; }

}  // namespace mesura::http
