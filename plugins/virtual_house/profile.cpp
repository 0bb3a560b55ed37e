// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "virtual_house/house.hpp"
#include "virtual_house/house_profile.hpp"
#include "virtual_house/parse.hpp"

namespace mesura::virtual_house {
namespace {

constexpr std::int64_t kFlatMilliwatts = 500'000;
constexpr std::int64_t kCountModulus = 10'000;
// What a meter of the widest dialect can show (0000.000 kW), and far from any overflow of a register.
constexpr std::int64_t kHighestMilliwatts = 9'999'999'000;

/// Whole-watt parts whose sum is the total to the milliwatt; the remainder falls to l1.
PerPhase spread(std::int64_t total_mw, int phases) {
  PerPhase parts{total_mw, 0, 0};
  if (phases == 3) {
    const std::int64_t third = total_mw / 3000 * 1000;
    parts = {total_mw - 2 * third, third, third};
  }
  return parts;
}

std::int64_t parse_milliwatts(std::string_view where, std::string_view text) {
  const auto value = parse_decimal(text, 3);
  if (!value || *value > kHighestMilliwatts || *value < -kHighestMilliwatts)
    refuse(where, "a number of watts such as 1600 or -250.5", text);
  return *value;
}

class ConstantProfile final : public Profile {
 public:
  ConstantProfile(std::int64_t milliwatts, int phases) { load_.load_mw = spread(milliwatts, phases); }
  Instant at(UtcSeconds) const override { return load_; }

 private:
  Instant load_;
};

/// Three balanced phases with a power factor of 0.9 that step once a minute, at nominal voltage and frequency.
class LabProfile final : public Profile {
 public:
  explicit LabProfile(const Setup& setup) : phases_(setup.phases), start_(floor_to(setup.start, kMinute)) {
    pv_mw_ = spread(setup.pv_watts * 1000, setup.phases);
  }
  Instant at(UtcSeconds t) const override {
    const std::int64_t minute = floor_to(t - start_, kMinute) / kMinute;
    const std::int64_t step = minute - floor_to(minute, kSteps);
    const std::int64_t load_mw = kLabMilliwatts[static_cast<std::size_t>(step)];
    Instant load;
    for (std::size_t p = 0; p < static_cast<std::size_t>(phases_); ++p) {
      load.load_mw[p] = load_mw;
      load.load_mvar[p] = load_mw * kMicroTangent / 1'000'000;
    }
    load.pv_mw = pv_mw_;
    return load;
  }

 private:
  static constexpr std::int64_t kMinute = 60;
  static constexpr std::int64_t kSteps = 4;
  static constexpr std::array<std::int64_t, kSteps> kLabMilliwatts{1'000'000, 1'500'000, 1'000'000, 500'000};
  static constexpr std::int64_t kMicroTangent = 484'322;  // of the angle whose cosine is 0.9, in millionths

  int phases_;
  UtcSeconds start_;
  PerPhase pv_mw_{};
};

class CountProfile final : public Profile {
 public:
  explicit CountProfile(const Setup& setup) : phases_(setup.phases), start_(setup.start), interval_(setup.interval) {}
  Instant at(UtcSeconds t) const override {
    const std::int64_t k = std::max<std::int64_t>(t - start_, 0) / interval_;
    Instant load;
    load.load_mw = spread(k % kCountModulus * 1000, phases_);
    return load;
  }

 private:
  int phases_;
  UtcSeconds start_;
  std::int64_t interval_;
};

class QuarterProfile final : public Profile {
 public:
  QuarterProfile(std::string_view list, const Setup& setup) : start_(floor_to(setup.start, kQuarterSeconds)) {
    for (const std::string_view watts : split(list, ',')) {
      Instant load;
      load.load_mw = spread(parse_milliwatts("profile quarter", watts), setup.phases);
      loads_.push_back(load);
    }
    if (loads_.empty()) refuse("profile quarter", "watts per quarter hour such as quarter:1600,4800", list);
  }
  Instant at(UtcSeconds t) const override {
    const std::int64_t quarter = std::max<std::int64_t>(t - start_, 0) / kQuarterSeconds;
    return loads_[static_cast<std::size_t>(quarter) % loads_.size()];
  }

 private:
  UtcSeconds start_;
  std::vector<Instant> loads_;
};

std::string read_whole(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr)
    throw std::invalid_argument(fmt::format("profile csv: cannot open '{}': {}", path, std::strerror(errno)));
  std::string text;
  char block[65536];
  for (std::size_t n = std::fread(block, 1, sizeof block, file); n > 0; n = std::fread(block, 1, sizeof block, file))
    text.append(block, n);
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) throw std::invalid_argument(fmt::format("profile csv: cannot read '{}'", path));
  return text;
}

class CsvProfile final : public Profile {
 public:
  CsvProfile(const std::string& path, const Setup& setup) : start_(setup.start) {
    const std::string text = read_whole(path);
    std::string_view rest = text;
    for (int line = 1; !rest.empty(); ++line) {
      const std::size_t end = rest.find('\n');
      const std::string_view row = trim(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      // A first line of column names is what every spreadsheet writes.
      const bool heading = line == 1 && !row.empty() && row.find_first_of("0123456789") != 0;
      if (!row.empty() && row.front() != '#' && !heading)
        add(fmt::format("profile csv {}:{}", path, line), row, setup.phases);
    }
    if (rows_.empty()) refuse("profile csv " + path, "lines of second,watts", "an empty file");
  }

  Instant at(UtcSeconds t) const override {
    const std::int64_t second = t - start_;
    const auto after = std::upper_bound(rows_.begin(), rows_.end(), second,
                                        [](std::int64_t s, const auto& row) { return s < row.first; });
    return after == rows_.begin() ? Instant{} : std::prev(after)->second;
  }

 private:
  void add(const std::string& where, std::string_view row, int phases) {
    const auto fields = split(row, ',');
    const auto second = parse_decimal(fields.front(), 0);
    if (!second) refuse(where, "whole seconds since the start in the first column", fields.front());
    if (!rows_.empty() && *second <= rows_.back().first)
      refuse(where, "a later second than the line before", fields.front());
    Instant load;
    if (fields.size() == 2) {
      load.load_mw = spread(parse_milliwatts(where, fields[1]), phases);
    } else if (fields.size() == 4 && phases == 3) {
      for (std::size_t p = 0; p < kPhases; ++p) load.load_mw[p] = parse_milliwatts(where, fields[p + 1]);
    } else {
      refuse(where, phases == 3 ? "second,watts or second,l1,l2,l3" : "second,watts", row);
    }
    rows_.emplace_back(*second, load);
  }

  UtcSeconds start_;
  std::vector<std::pair<std::int64_t, Instant>> rows_;
};

}  // namespace

std::unique_ptr<Profile> make_profile(std::string_view spec, const Setup& setup) {
  const std::size_t colon = spec.find(':');
  const std::string_view name = spec.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? std::string_view{} : spec.substr(colon + 1);
  if (colon == std::string_view::npos) {
    if (name == "house") return std::make_unique<HouseProfile>(setup);
    if (name == "lab") return std::make_unique<LabProfile>(setup);
    if (name == "flat") return std::make_unique<ConstantProfile>(kFlatMilliwatts, setup.phases);
    if (name == "count") return std::make_unique<CountProfile>(setup);
  } else {
    if (name == "constant")
      return std::make_unique<ConstantProfile>(parse_milliwatts("profile constant", rest), setup.phases);
    if (name == "quarter") return std::make_unique<QuarterProfile>(rest, setup);
    if (name == "csv") return std::make_unique<CsvProfile>(std::string{rest}, setup);
  }
  refuse("profile", "house, lab, flat, count, constant:WATTS, csv:FILE or quarter:WATTS,WATTS,...", spec);
}

}  // namespace mesura::virtual_house
