// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace mesura::http {

/// Who has logged in, by what their cookie says. In memory: a restart ends them. Not thread-safe.
class Sessions {
 public:
  struct Session {
    std::string user;
    std::string hash;  ///< of the password then: a changed one ends the session
    std::int64_t began_ns = 0;
    std::int64_t used_ns = 0;
  };

  Sessions(std::chrono::nanoseconds idle, std::chrono::nanoseconds life, std::size_t most)
      : idle_(idle), life_(life), most_(most) {}

  /// The secret that names it. The one used longest ago makes room; one user has at most a quarter of them.
  [[nodiscard]] std::string open(const std::string& user, const std::string& hash, std::int64_t now_ns);
  /// Null when there is none, or no longer. Counts as use.
  [[nodiscard]] const Session* find(const std::string& secret, std::int64_t now_ns);
  bool close(const std::string& secret);
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  [[nodiscard]] bool is_over(const Session& session, std::int64_t now_ns) const {
    return now_ns - session.used_ns > idle_.count() || now_ns - session.began_ns > life_.count();
  }
  void make_room(const std::string& user, std::int64_t now_ns);

  std::chrono::nanoseconds idle_;
  std::chrono::nanoseconds life_;
  std::size_t most_;
  std::unordered_map<std::string, Session> sessions_;  ///< by the hash of the secret: look-up tells nothing by its time
};

}  // namespace mesura::http
