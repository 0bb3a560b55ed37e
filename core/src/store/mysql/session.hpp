// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/mariadb.hpp"
#include "store/sql/session.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesura::store::mysql {

/// The database of a mysql sink (layout `mesura`), in transactions that only read. A connection that was lost is made
/// anew with the next begin(), to the next host where there are several.
class MysqlSession final : public sql::Session {
 public:
  using Hosts = std::vector<std::pair<std::string, std::uint16_t>>;
  /// Connects to nothing yet.
  MysqlSession(database::mariadb::Login login, const Hosts& more_hosts);
  ~MysqlSession() override;

  std::uint64_t begin() override;
  void end() noexcept override;
  [[nodiscard]] std::unique_ptr<sql::Rows> select(const std::string& sql,
                                                  std::span<const sql::Parameter> parameters) override;
  [[nodiscard]] std::vector<std::string> columns(const std::string& table) override;
  [[nodiscard]] std::string quote(std::string_view name) const override { return database::mariadb::quote_name(name); }
  [[nodiscard]] std::string meta(std::string_view key) override;
  [[nodiscard]] std::string pending_end() const override { return "until"; }
  [[nodiscard]] int layout() const override { return layout_; }
  [[nodiscard]] std::size_t portion() const override { return 20'000; }
  [[nodiscard]] std::string describe() const override;

  /// The statements kept for the next select with the same text.
  using Statements = std::unordered_multimap<std::string, database::mariadb::Statement>;

 private:
  void connect();
  void close();
  void look();
  [[noreturn]] void fail(const database::mariadb::Error& error);

  database::mariadb::Login login_;
  Hosts hosts_;
  std::size_t host_ = 0;
  std::optional<database::mariadb::Connection> db_;
  // Rows that are still about hold it, too.
  std::shared_ptr<Statements> statements_;
  int layout_ = 0;
  std::uint64_t generation_ = 0;
  std::string seen_content_;
  bool broken_ = false;
};

}  // namespace mesura::store::mysql
