// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/sql/session.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::store::sql {

/// Rows of one table by time over a stretch that may be long. Can let go of its SELECT and go on with another one.
class Stream {
 public:
  /// `sql`: its first column is the time; its parameters are the stretch's begin and end and, if given, the member. It
  /// is ordered by time, and a time comes once.
  Stream(Session& session, const std::string& sql, std::int64_t from_us, std::int64_t to_us,
         std::optional<std::int64_t> member)
      : session_(&session), sql_(sql), from_us_(from_us), to_us_(to_us), member_(member) {
    if (session.portion() > 0) sql_ += " LIMIT " + std::to_string(session.portion());
  }

  /// False at the end.
  bool next() {
    while (from_us_ < to_us_) {
      if (!rows_) {
        std::vector<Parameter> parameters{Time{from_us_}, Time{to_us_}};
        if (member_) parameters.emplace_back(*member_);
        rows_ = session_->select(sql_, parameters);
        taken_ = 0;
      }
      if (rows_->next()) {
        ++taken_;
        time_us_ = rows_->time_us(0);
        return live_ = true;
      }
      rows_.reset();
      if (session_->portion() == 0 || taken_ < session_->portion()) break;
      from_us_ = time_us_ + 1;
    }
    from_us_ = to_us_;
    return live_ = false;
  }
  [[nodiscard]] bool live() const { return live_; }
  [[nodiscard]] std::int64_t time_us() const { return time_us_; }
  [[nodiscard]] const Rows& row() const { return *rows_; }
  /// next() goes on with the first row later than this.
  void restart_after(std::int64_t time_us) {
    rows_.reset();
    if (from_us_ < to_us_) from_us_ = time_us + 1;
    live_ = false;
  }

  /// What the caller knows of it: its columns begin with this group's.
  std::size_t group = 0;
  std::size_t part = 0;
  /// Index in the call, whether the column is a register's; in the order of the SELECT's columns.
  std::vector<std::pair<std::size_t, bool>> columns;
  mutable std::vector<double> values;

 private:
  Session* session_;
  std::string sql_;
  std::int64_t from_us_, to_us_;
  std::optional<std::int64_t> member_;
  std::unique_ptr<Rows> rows_;
  std::size_t taken_ = 0;
  std::int64_t time_us_ = 0;
  bool live_ = false;
};

}  // namespace mesura::store::sql
