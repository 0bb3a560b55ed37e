// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the tests of all sinks share: batches made by hand, a place for files, and per sink an adapter that reads back
// what is stored with other means than the sink's.
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace mesura::sinks::test {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kNoon = 1'781'438'400 * kSecond;  ///< 2026-06-14T12:00:00Z

/// A directory that is gone with its owner.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Makes series and batches.
class Feed {
 public:
  using Value = std::variant<double, std::string>;
  struct Item {
    std::uint32_t series;
    Value value;
    std::uint8_t quality = MESURA_GOOD;
    std::int64_t time_ns = INT64_MIN;  ///< the batch's
  };

  Feed() = default;
  /// All devices belong to this fleet, if it has a name.
  explicit Feed(std::string fleet) : fleet_(std::move(fleet)) {}

  std::uint32_t number(std::string device, std::string channel, std::string quantity, std::string unit);
  std::uint32_t text(std::string device, std::string channel, std::string quantity);
  std::uint32_t state(std::string device, std::string channel, std::string quantity);
  [[nodiscard]] BatchPtr batch(std::int64_t time_ns, const std::vector<Item>& items) const;
  [[nodiscard]] const SeriesTable& table() const { return table_; }
  SeriesTable& table() { return table_; }

 private:
  std::string fleet_;
  SeriesTable table_;
};

/// device, flat name, time in µs -> value and quality ("good", "suspect").
using Key = std::tuple<std::string, std::string, std::int64_t>;
using Stored = std::map<Key, std::pair<Feed::Value, std::string>>;

/// What the contract asks of each sink.
class Adapter {
 public:
  virtual ~Adapter() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  /// The fleet that all devices of the test belong to, or none.
  [[nodiscard]] virtual std::string fleet() const { return {}; }
  [[nodiscard]] virtual std::unique_ptr<Sink> make(const SeriesTable& series) const = 0;
  /// Everything stored for these devices.
  [[nodiscard]] virtual Stored read(const std::vector<std::string>& devices) const = 0;
  /// How many rows or lines these devices have: shows doubles that merging would hide.
  [[nodiscard]] virtual std::size_t rows(const std::vector<std::string>& devices) const = 0;
  /// Another program holds the far end until the returned object is gone.
  [[nodiscard]] virtual std::shared_ptr<void> lock() const = 0;
  /// The directory to which the sink writes, made by nobody yet or by the fixture.
  [[nodiscard]] const std::filesystem::path& directory() const { return dir_.path(); }

 protected:
  TempDir dir_;
};

class SqliteAdapter : public Adapter {
 public:
  [[nodiscard]] std::string name() const override { return "sqlite"; }
  [[nodiscard]] std::unique_ptr<Sink> make(const SeriesTable& series) const override;
  [[nodiscard]] Stored read(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::size_t rows(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::shared_ptr<void> lock() const override;
};

/// The same sink with one table for all devices.
class SqliteFleetAdapter final : public SqliteAdapter {
 public:
  [[nodiscard]] std::string name() const override { return "sqlite, fleet"; }
  [[nodiscard]] std::string fleet() const override { return "ct6 units"; }
};

class CsvAdapter : public Adapter {
 public:
  [[nodiscard]] Stored read(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::size_t rows(const std::vector<std::string>& devices) const override;
  [[nodiscard]] std::shared_ptr<void> lock() const override;
};

class CsvWideAdapter final : public CsvAdapter {
 public:
  [[nodiscard]] std::string name() const override { return "csv, wide"; }
  [[nodiscard]] std::unique_ptr<Sink> make(const SeriesTable& series) const override;
};

class CsvLongAdapter final : public CsvAdapter {
 public:
  [[nodiscard]] std::string name() const override { return "csv, long"; }
  [[nodiscard]] std::unique_ptr<Sink> make(const SeriesTable& series) const override;
};

/// The contract's tests run for each of these.
#define MESURA_EVERY_SINK SqliteAdapter, SqliteFleetAdapter, CsvWideAdapter, CsvLongAdapter
/// And what is about permissions and full disks for those that write files themselves.
#define MESURA_EVERY_FILE_SINK MESURA_EVERY_SINK

/// All records of a CSV text, by RFC 4180; `quoted` tells "" from nothing.
struct CsvCell {
  std::string text;
  bool quoted = false;
};
[[nodiscard]] std::vector<std::vector<CsvCell>> parse_csv(const std::string& text);
[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& text);
/// File names in a directory, sorted.
[[nodiscard]] std::vector<std::string> list_files(const std::filesystem::path& directory);

/// Makes the sink open and write; false with the reason when it did not.
struct Attempt {
  bool committed = false;
  std::string reason;
  std::vector<Rejected> rejected;
};
[[nodiscard]] Attempt attempt(Sink& sink, const std::vector<BatchPtr>& batches);

/// Root may write everywhere: tests of permissions run as somebody who may not.
class OrdinaryUser {
 public:
  OrdinaryUser();
  ~OrdinaryUser();
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  bool was_root_;
};

}  // namespace mesura::sinks::test
