// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::importing {

/// What could not be taken over as it stood: counted by reason, the first of each kept with its place.
class Problems {
 public:
  struct Sample {
    std::string where;  ///< "grid.csv:17", "row 4711"
    std::string what;
  };
  struct Reason {
    std::uint64_t count = 0;
    bool lost = false;  ///< data were left out; otherwise it is only worth knowing
    std::vector<Sample> samples;
  };

  /// `keep`: how many samples of each reason are kept.
  explicit Problems(std::size_t keep = 5) : keep_(keep) {}

  /// Something was left out.
  void lost(std::string_view code, std::string where, std::string what) { add(code, true, where, what); }
  /// Everything was taken, but somebody may want to know.
  void note(std::string_view code, std::string where, std::string what) { add(code, false, where, what); }

  [[nodiscard]] const std::map<std::string, Reason, std::less<>>& reasons() const { return reasons_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  void add(std::string_view code, bool lost, std::string& where, std::string& what);

  std::size_t keep_;
  std::uint64_t lost_ = 0;
  std::map<std::string, Reason, std::less<>> reasons_;
};

}  // namespace mesura::importing
