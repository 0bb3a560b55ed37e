// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The API over a database in memory, asked without a socket.
#pragma once

#include "http/api/api.hpp"
#include "http/router.hpp"
#include "store/archive.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mesura::test {

inline constexpr std::int64_t kSecond = 1'000'000'000;
/// 2026-06-14T12:00:00Z, a Sunday; 14:00 in Brussels.
inline constexpr std::int64_t kNoon = 1'781'438'400 * kSecond;

/// What the tests put into the database.
struct FakeDatabase {
  std::vector<store::StoredSeries> series;
  std::map<std::uint32_t, std::vector<store::Sample>> samples;
  std::map<std::uint32_t, std::vector<store::StatePoint>> states;
  bool away = false;
  int opened = 0;

  std::uint32_t add(const SeriesInfo& info, bool state = false);
};

class Rig {
 public:
  Rig();

  /// Asks for "/path?query" as a client would.
  http::Response get(const std::string& target, const http::Fields& headers = {});
  nlohmann::json json(const std::string& target, int status = 200);
  /// All of a streamed or plain body.
  std::string body(const std::string& target);

  SeriesTable table;
  runtime::ManualClock clock{kNoon + 100 * kSecond};
  http::Live live{table, 1000};
  std::shared_ptr<http::api::LiveDemand> demand = std::make_shared<http::api::LiveDemand>(table);
  std::shared_ptr<FakeDatabase> database = std::make_shared<FakeDatabase>();
  std::shared_ptr<http::api::Snapshot> snapshot = std::make_shared<http::api::Snapshot>();
  bool collector_answers = true;
  http::api::Parts parts;
  http::Principal principal{"somebody", http::Role::read};

  /// Series of the house: power of the grid (gauge, W), its register (Wh), a text.
  std::uint32_t power, energy, text;
  /// Puts a measurement into the live values, as a batch of its own.
  void measure(std::uint32_t series, std::int64_t time_ns, double value);
  void say(std::uint32_t series, std::int64_t time_ns, const std::string& text);

 private:
  std::unique_ptr<http::Router> router_;
};

SeriesInfo info_of(const std::string& device, const std::string& channel, const std::string& quantity,
                   const std::string& unit, Kind kind = Kind::gauge);

}  // namespace mesura::test
