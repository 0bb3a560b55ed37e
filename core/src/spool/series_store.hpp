// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "database/sqlite.hpp"
#include "model/batch_codec.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace mesura::spool {

/// The descriptions of series and waveform runs in a spool's file: what the numbers in its batches mean.
class SeriesStore {
 public:
  static void create(const database::Database& db);

  /// Both must outlive the store.
  SeriesStore(const database::Database& db, SeriesTable& table);

  /// Numbers for writing; new descriptions go into the file within the caller's transaction.
  [[nodiscard]] model::StoredIds stored_ids();
  [[nodiscard]] model::LoadedIds loaded_ids();
  /// Within the caller's transaction, once a minute: what devices say of themselves, which some sinks write.
  void put_attributes();
  /// After the transaction: its new descriptions stay, or never were.
  void committed();
  void rolled_back();
  /// Drops the descriptions of waveform runs, within the caller's transaction; only while neither a batch nor a dead
  /// letter is stored.
  void forget_streams();

 private:
  static constexpr std::uint32_t kNobody = UINT32_MAX;

  void know(std::uint32_t stored, std::uint32_t series);
  std::uint32_t store(std::uint32_t series);
  std::uint32_t store(const WaveformStream& stream);

  const database::Database& db_;
  SeriesTable& table_;
  std::vector<std::uint32_t> stored_;                             ///< by series of this process; 0: not yet
  std::vector<std::uint32_t> loaded_;                             ///< by stored number; kNobody: none has it
  std::unordered_map<std::uint64_t, std::uint32_t> stored_runs_;  ///< by WaveformStream::id
  std::map<std::uint32_t, std::shared_ptr<const WaveformStream>> loaded_runs_;
  std::chrono::steady_clock::time_point next_attributes_{};
  std::vector<std::uint32_t> fresh_series_;
  std::vector<std::uint64_t> fresh_streams_;
  bool streams_forgotten_ = false;  ///< in the transaction that runs
  database::Statement put_series_;
  database::Statement put_stream_;
};

}  // namespace mesura::spool
