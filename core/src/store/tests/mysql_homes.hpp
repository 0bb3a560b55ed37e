// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The mysql sink and a real server for the archives' tests.
#pragma once

#include "sinks/tests/mysql_adapter.hpp"
#include "store/tests/homes.hpp"

#include <string>

namespace mesura::store::test {

class MysqlHome final : public Home {
 public:
  [[nodiscard]] std::string kind() const override { return "mysql"; }
  [[nodiscard]] std::string yaml() const override {
    const auto login = sinks::test::mysql_login();
    return "socket: " + login.socket + "\nuser: root\ndatabase: \"" + database_.name() + "\"\n" + more;
  }
  void execute(const std::string& sql) const override { database_.connect().execute(sql); }
  [[nodiscard]] const sinks::test::MysqlDatabase& database() const { return database_; }

 private:
  sinks::test::MysqlDatabase database_;
};

}  // namespace mesura::store::test

#define MESURA_EVERY_HOME MysqlHome
