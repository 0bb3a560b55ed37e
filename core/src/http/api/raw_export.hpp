// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/archive.hpp"
#include "store/pool.hpp"

#include <mesura/store.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mesura::http::api {

/// Every stored measurement of some series, piece by piece: device after device, by time. A store is on loan only while
/// a piece is made, so that a slow reader keeps none from others.
class RawExport {
 public:
  enum class Form : std::uint8_t { csv, json_lines };

  RawExport(std::shared_ptr<store::StorePool> pool, const std::vector<store::StoredSeries>& series,
            store::TimeRange range, Form form);

  /// Appends the next piece; false after the last one. Throws store::StoreError.
  bool next(std::string& out);

 private:
  /// What is read together: the columns of one device, or one state.
  struct Group {
    std::vector<store::StoredSeries> series;
    std::vector<std::string> prefixes;
    bool states = false;
  };

  void read(store::Archive& archive, std::string& out);
  [[nodiscard]] static std::vector<std::uint32_t> ids(store::Archive& archive, const Group& group);
  void append_number(std::string& out, const Group& group, std::size_t column, const std::string& time, double value);
  void append_state(std::string& out, const Group& group, const store::StatePoint& point);

  std::shared_ptr<store::StorePool> pool_;
  store::TimeRange range_;
  Form form_;
  std::vector<Group> groups_;
  std::size_t at_ = 0;
  std::int64_t cursor_ns_;  ///< what lies before it has been told
  bool begun_ = false;
};

}  // namespace mesura::http::api
