// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/sqlite.hpp"
#include "store/sql/session.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace mesura::store::sqlite {

/// The file of a sqlite sink, opened read-only beside its writer. A file that was moved away or made anew is opened
/// again with the next begin().
class SqliteSession final : public sql::Session {
 public:
  /// Opens nothing yet.
  explicit SqliteSession(std::filesystem::path path) : path_(std::move(path)) {}

  std::uint64_t begin() override;
  void end() noexcept override;
  [[nodiscard]] std::unique_ptr<sql::Rows> select(const std::string& sql,
                                                  std::span<const sql::Parameter> parameters) override;
  [[nodiscard]] std::vector<std::string> columns(const std::string& table) override;
  [[nodiscard]] std::string quote(std::string_view name) const override { return database::quote_name(name); }
  [[nodiscard]] std::string meta(std::string_view key) override;
  [[nodiscard]] std::string pending_end() const override { return "\"end\""; }
  [[nodiscard]] int layout() const override { return layout_; }
  [[nodiscard]] std::size_t portion() const override { return 0; }
  [[nodiscard]] std::string describe() const override { return "sqlite " + path_.string(); }

  /// The statements kept for the next select with the same text.
  using Statements = std::unordered_multimap<std::string, database::Statement>;

 private:
  void open();
  void check_owner();
  void close();
  [[nodiscard]] bool still_there() const;
  [[noreturn]] void fail(const database::Error& error);

  std::filesystem::path path_;
  // Rows that are still about hold it, too.
  std::shared_ptr<Statements> statements_;
  std::optional<database::Database> db_;
  database::Statement begin_, commit_, data_version_, content_;
  std::uint64_t device_ = 0;  // st_dev and st_ino of the open file
  std::uint64_t inode_ = 0;
  int layout_ = 0;
  std::uint64_t generation_ = 0;
  std::int64_t seen_version_ = -1;
  std::string seen_content_;
  bool broken_ = false;
};

}  // namespace mesura::store::sqlite
