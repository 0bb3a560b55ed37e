// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Where the archives' tests keep their data: written by the real sinks, and remembered beside.
#pragma once

#include <mesura/sink.hpp>
#include <mesura/store.hpp>

#include "config/reader.hpp"
#include "database/sqlite.hpp"
#include "sinks/kinds.hpp"
#include "sinks/tests/sink_fixtures.hpp"
#include "store/archive.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace mesura::store::test {

inline constexpr char kZone[] = "Europe/Brussels";

/// A database of its own for each test.
class Home {
 public:
  virtual ~Home() = default;
  [[nodiscard]] virtual std::string kind() const = 0;
  /// The sink's options as YAML.
  [[nodiscard]] virtual std::string yaml() const = 0;

  /// Runs a statement that both kinds understand.
  virtual void execute(const std::string& sql) const = 0;

  [[nodiscard]] std::unique_ptr<Sink> sink(const SeriesTable& series) const {
    return sinks::find_kind(kind())->make(options(), {series, runtime::Logger{}, kZone});
  }
  [[nodiscard]] std::unique_ptr<Archive> archive() const { return open_archive(kind(), options(), kZone); }
  [[nodiscard]] Store store() const { return Store{archive()}; }
  [[nodiscard]] config::Value options() const {
    auto reading = config::read_text(yaml(), sinks::find_kind(kind())->schema);
    if (!reading.ok()) throw std::logic_error("the test's options are wrong");
    return std::move(reading.value);
  }
  std::string more;  ///< further options: "retention: {raw: 1d}\n"
};

class SqliteHome final : public Home {
 public:
  [[nodiscard]] std::string kind() const override { return "sqlite"; }
  [[nodiscard]] std::string yaml() const override { return "path: " + path().string() + "\n" + more; }
  void execute(const std::string& sql) const override { database::Database{path()}.execute(sql); }
  [[nodiscard]] std::filesystem::path path() const { return dir_.path() / "store.db"; }

 private:
  sinks::test::TempDir dir_;
};

/// device/channel/quantity -> time in µs -> value, as the sink should have it.
using Truth = std::map<std::string, std::map<std::int64_t, double>>;

/// Adds to the truth what is in a batch.
inline void remember(Truth& truth, const SeriesTable& series, const Batch& batch) {
  for (const Measurement& m : batch.items)
    if (m.type == MESURA_NUMBER) truth[series.at(m.series).name()][m.time_ns / 1000] = m.number;
}

}  // namespace mesura::store::test
