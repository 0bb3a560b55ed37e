// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "virtual_house.hpp"
#include "virtual_parse.hpp"

namespace mesura::dsmr_p1::twin {
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

class ConstantLoad final : public LoadProfile {
 public:
  ConstantLoad(std::int64_t milliwatts, int phases) { load_.power_mw = spread(milliwatts, phases); }
  Load at(UtcSeconds) const override { return load_; }

 private:
  Load load_;
};

class CountLoad final : public LoadProfile {
 public:
  explicit CountLoad(const ProfileSetup& setup)
      : phases_(setup.phases), start_(setup.start), interval_(setup.interval) {}
  Load at(UtcSeconds t) const override {
    const std::int64_t k = std::max<std::int64_t>(t - start_, 0) / interval_;
    Load load;
    load.power_mw = spread(k % kCountModulus * 1000, phases_);
    return load;
  }

 private:
  int phases_;
  UtcSeconds start_;
  std::int64_t interval_;
};

class QuarterLoad final : public LoadProfile {
 public:
  QuarterLoad(std::string_view list, const ProfileSetup& setup) : start_(floor_to(setup.start, kQuarterSeconds)) {
    for (const std::string_view watts : split(list, ',')) {
      Load load;
      load.power_mw = spread(parse_milliwatts("profile quarter", watts), setup.phases);
      loads_.push_back(load);
    }
    if (loads_.empty()) refuse("profile quarter", "watts per quarter hour such as quarter:1600,4800", list);
  }
  Load at(UtcSeconds t) const override {
    const std::int64_t quarter = std::max<std::int64_t>(t - start_, 0) / kQuarterSeconds;
    return loads_[static_cast<std::size_t>(quarter) % loads_.size()];
  }

 private:
  UtcSeconds start_;
  std::vector<Load> loads_;
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

class CsvLoad final : public LoadProfile {
 public:
  CsvLoad(const std::string& path, const ProfileSetup& setup) : start_(setup.start) {
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

  Load at(UtcSeconds t) const override {
    const std::int64_t second = t - start_;
    const auto after = std::upper_bound(rows_.begin(), rows_.end(), second,
                                        [](std::int64_t s, const auto& row) { return s < row.first; });
    return after == rows_.begin() ? Load{} : std::prev(after)->second;
  }

 private:
  void add(const std::string& where, std::string_view row, int phases) {
    const auto fields = split(row, ',');
    const auto second = parse_decimal(fields.front(), 0);
    if (!second) refuse(where, "whole seconds since the start in the first column", fields.front());
    if (!rows_.empty() && *second <= rows_.back().first)
      refuse(where, "a later second than the line before", fields.front());
    Load load;
    if (fields.size() == 2) {
      load.power_mw = spread(parse_milliwatts(where, fields[1]), phases);
    } else if (fields.size() == 4 && phases == 3) {
      for (std::size_t p = 0; p < kPhases; ++p) load.power_mw[p] = parse_milliwatts(where, fields[p + 1]);
    } else {
      refuse(where, phases == 3 ? "second,watts or second,l1,l2,l3" : "second,watts", row);
    }
    rows_.emplace_back(*second, load);
  }

  UtcSeconds start_;
  std::vector<std::pair<std::int64_t, Load>> rows_;
};

}  // namespace

std::unique_ptr<LoadProfile> make_profile(std::string_view spec, const ProfileSetup& setup) {
  const std::size_t colon = spec.find(':');
  const std::string_view name = spec.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? std::string_view{} : spec.substr(colon + 1);
  if (colon == std::string_view::npos) {
    if (name == "house") return std::make_unique<HouseLoad>(setup);
    if (name == "flat") return std::make_unique<ConstantLoad>(kFlatMilliwatts, setup.phases);
    if (name == "count") return std::make_unique<CountLoad>(setup);
  } else {
    if (name == "constant")
      return std::make_unique<ConstantLoad>(parse_milliwatts("profile constant", rest), setup.phases);
    if (name == "quarter") return std::make_unique<QuarterLoad>(rest, setup);
    if (name == "csv") return std::make_unique<CsvLoad>(std::string{rest}, setup);
  }
  refuse("profile", "house, flat, count, constant:WATTS, csv:FILE or quarter:WATTS,WATTS,...", spec);
}

}  // namespace mesura::dsmr_p1::twin
