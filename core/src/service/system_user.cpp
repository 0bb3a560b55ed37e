// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/system_user.hpp"

#include <fmt/format.h>
#include <pwd.h>

#include <array>

namespace mesura::service {

std::string user_name(uid_t uid) {
  std::array<char, 4096> space{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, space.data(), space.size(), &found) == 0 && found != nullptr) return entry.pw_name;
  return fmt::format("uid {}", uid);
}

}  // namespace mesura::service
