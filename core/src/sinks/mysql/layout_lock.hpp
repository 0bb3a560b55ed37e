// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/mariadb.hpp"

#include <string>

namespace mesura::sinks::mysql {

/// Held while tables are changed, among all programs that write into this database. Throws database::mariadb::Error.
class LayoutLock {
 public:
  explicit LayoutLock(const database::mariadb::Connection& db) : db_(db) {
    constexpr unsigned kBusy = 1205;
    if (db_.integer("SELECT GET_LOCK(" + kName + ", @@lock_wait_timeout)") != 1) {
      throw database::mariadb::Error(
          kBusy, "HY000", "another program is changing its tables (GET_LOCK of 'mesura' and the database's name)");
    }
  }
  ~LayoutLock() {
    try {
      db_.execute("DO RELEASE_LOCK(" + kName + ")");
    } catch (const database::mariadb::Error&) {
      // The connection is gone, and the lock with it.
      (void)0;
    }
  }
  LayoutLock(const LayoutLock&) = delete;
  LayoutLock& operator=(const LayoutLock&) = delete;

 private:
  // A lock's name has at most 64 characters; without a database it is NULL, which is no name.
  inline static const std::string kName = "LEFT(CONCAT('mesura ', COALESCE(DATABASE(), '')), 64)";
  const database::mariadb::Connection& db_;
};

}  // namespace mesura::sinks::mysql
