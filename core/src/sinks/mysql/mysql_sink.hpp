// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "database/mariadb.hpp"
#include "runtime/log.hpp"
#include "sinks/retention.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mesura::sinks::mysql {

struct TableLayout;
class Writer;

struct Options {
  /// Of the first server; `database` is made where it is missing.
  database::mariadb::Login login;
  /// Further servers of a cluster, tried in turn when one cannot be reached or written.
  std::vector<std::pair<std::string, std::uint16_t>> more_hosts;
  /// How long another session's lock is waited for.
  std::chrono::milliseconds lock_timeout{10'000};
  bool rollups = true;  ///< of our own tables; a vendor's have what they have
  Retention keep;
  std::string site_zone;  ///< of days, quarter hours and the local time in views
  /// Somebody else's tables in place of ours; null: ours.
  std::shared_ptr<const TableLayout> tables;
  /// false: rows go in multi-row INSERTs, as to servers that take no arrays.
  bool arrays = true;
};

/// Measurements in MariaDB or MySQL: a wide table per device or fleet. The folder's README has the layout.
class MysqlSink final : public Sink {
 public:
  /// `series` must outlive the sink. Nothing is opened yet.
  MysqlSink(Options options, const SeriesTable& series, runtime::Logger log);
  ~MysqlSink() override;

  void open() override;
  WriteResult write(std::span<const BatchPtr> batches) override;
  void maintain(std::int64_t now_ns) override;
  void close() override;
  [[nodiscard]] std::string describe() const override;

 private:
  struct Session;

  [[nodiscard]] std::unique_ptr<Session> connect();
  [[nodiscard]] std::string explain(const database::mariadb::Error& error) const;
  void next_host();

  Options options_;
  const SeriesTable& series_;
  runtime::Logger log_;
  std::vector<std::pair<std::string, std::uint16_t>> hosts_;
  std::size_t host_ = 0;  // of hosts_, the one in use
  std::unique_ptr<Session> session_;
};

}  // namespace mesura::sinks::mysql
