// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What waits for one sink, on disk: batches that the sink has not confirmed, and records that it will never take.
#pragma once

#include <mesura/measurement.hpp>

#include "database/sqlite.hpp"
#include "model/register_value.hpp"
#include "runtime/log.hpp"
#include "spool/series_store.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace mesura::spool {

/// A spool that cannot be used; the message has a stable code, what, where, and a hint.
class SpoolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where the spool of a sink lies: "<state>/spool/<sink>.spool".
[[nodiscard]] std::filesystem::path spool_path(const std::filesystem::path& state, const std::string& sink);

/// The sinks that have a spool there, sorted.
[[nodiscard]] std::vector<std::string> spool_names(const std::filesystem::path& state);

/// Where integrated energy stood in any spool of a state directory; files that cannot be read are passed over.
[[nodiscard]] std::vector<model::RegisterValue> integrated_registers(const std::filesystem::path& state);

/// A batch and its number; numbers grow with time and are never used again.
struct Entry {
  std::int64_t id = 0;
  BatchPtr batch;
  std::int64_t note = 0;  ///< of whoever put it here
};

/// A record that a sink rejected, or a batch whose bytes are damaged (no batch then).
struct DeadLetter {
  std::int64_t id = 0;
  std::int64_t rejected_ns = 0;
  std::string reason;
  BatchPtr batch;  ///< with the one record; null: damaged
  std::size_t bytes = 0;
};

struct Contents {
  std::uint64_t batches = 0;
  std::uint64_t values = 0;    ///< measurements, or samples of waveforms
  std::uint64_t bytes = 0;     ///< that count against the limit
  std::int64_t oldest_ns = 0;  ///< the earliest measurement's time, 0: none
  std::uint64_t dead = 0;      ///< dead letters
};

/// What is taken away to make room.
struct Dropped {
  std::uint64_t batches = 0;
  std::uint64_t values = 0;
};

/// One SQLite file. Survives a kill at any instant: what append() has returned for is there; a file that is damaged is
/// moved aside at the next opening, and what can be read of it is taken over.
///
/// Thread-safe. Every method throws SpoolError and then has changed nothing, unless it says otherwise.
class Spool {
 public:
  enum class Mode : std::uint8_t {
    owner,  ///< the one who fills and empties it; repairs it
    reader  ///< looks on while another one may own it
  };
  /// Dead letters beyond this number: the oldest go.
  static constexpr std::uint64_t kMaxDead = 100'000;

  /// Opens or makes the file; `table` must outlive the spool and gets the series of what is in it.
  Spool(std::filesystem::path path, SeriesTable& table, runtime::Logger log, Mode mode = Mode::owner);
  /// Marks the file as left in order.
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Never waits for the disk.
  [[nodiscard]] Contents contents() const;
  /// The greatest number ever used here.
  [[nodiscard]] std::int64_t last_id() const;

  /// Durable when it returns; all or nothing.
  void append(std::span<const Entry> entries);
  /// Where integrated energy stood with the newest batch that was ever appended.
  [[nodiscard]] std::vector<model::RegisterValue> registers() const;
  /// Words of whoever uses it; empty: none.
  [[nodiscard]] std::string meta(const std::string& key) const;
  void set_meta(const std::string& key, const std::string& value);
  /// Throws if nothing could be written just now.
  void probe();
  /// What `batch` will count against the limit.
  [[nodiscard]] static std::uint64_t cost(const Batch& batch);
  /// The first entries with numbers above `after`, until one of the bounds is reached (at least one entry). Damaged
  /// ones become dead letters on the way.
  [[nodiscard]] std::vector<Entry> read(std::int64_t after, std::size_t max_batches, std::size_t max_values);
  /// In any order, ascending ones at their fastest; unknown numbers are fine.
  void erase(std::span<const std::int64_t> ids);
  /// All with numbers up to `id`.
  void erase_up_to(std::int64_t id);
  /// Erases entries from the oldest on, but none up to `after`, until `bytes` less are stored.
  Dropped drop_oldest(std::int64_t after, std::uint64_t bytes);

  struct Rejection {
    const Batch* batch;
    std::size_t item;
    std::string_view reason;
  };
  /// Durable when it returns.
  void bury(std::span<const Rejection> rejections, std::int64_t now_ns);
  [[nodiscard]] std::vector<DeadLetter> dead_letters(std::int64_t after, std::size_t count);
  /// Dead letters become entries again, with numbers from `first_id` on; damaged ones stay. `ids` empty: all. Returns
  /// how many; `values` gets their measurements, or samples of waveforms.
  std::size_t requeue(std::span<const std::int64_t> ids, std::int64_t first_id, std::uint64_t* values = nullptr);
  void erase_dead(std::span<const std::int64_t> ids);

  /// Reads everything: what is wrong with the file, in words; empty: nothing. `progress` gets done and total batches.
  [[nodiscard]] std::vector<std::string> check(
      const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

 private:
  void open();
  void create();
  void prepare();
  void load_contents();
  static void count(const database::Database& db);
  void put_contents(const Contents& contents);
  template <class F>
  auto guarded(const char* doing, F&& f) -> decltype(f());
  template <class F>
  void transaction(F&& f);
  void rollback() noexcept;
  void bury_damaged(std::int64_t id, std::string_view reason);
  void trim_dead();
  void put(const Entry& entry);
  void put_registers(std::span<const Entry> entries);
  void erase_run(std::int64_t first, std::int64_t last, Contents& left);
  void shrink();

  std::filesystem::path path_;
  SeriesTable& table_;
  runtime::Logger log_;
  Mode mode_;
  mutable std::mutex mutex_;
  std::unique_ptr<database::Database> db_;
  std::unique_ptr<SeriesStore> series_;
  mutable std::mutex contents_mutex_;  ///< taken last
  Contents contents_;                  ///< written with both locks held
  std::int64_t last_id_ = 0;
  std::string bytes_;                    ///< scratch
  std::vector<signed char> integrated_;  ///< by series: -1 not asked yet, 0 no, 1 yes
  database::Statement begin_, commit_, put_, read_, erase_, size_, put_dead_, put_contents_;
};

}  // namespace mesura::spool
