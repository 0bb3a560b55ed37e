// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "config/value.hpp"
#include "model/glob.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::alerts {

/// The subjects of a rule that watches series: which one a measurement belongs to, by number, so that most of them cost
/// one look-up.
template <class Subject>
class SeriesWatch {
 public:
  /// `accept`: whether a series that a glob matches is one.
  SeriesWatch(const SeriesTable& series, const config::Value& globs, std::function<bool(const SeriesInfo&)> accept)
      : series_(series), accept_(std::move(accept)) {
    for (const auto& text : globs.list())
      if (auto glob = model::Glob::parse(text.text())) globs_.push_back(std::move(*glob));
  }

  /// Null: not watched. `Subject` has a `name`; several series of one name (a label was changed) are one subject.
  Subject* find(std::uint32_t series) {
    if (series >= slots_.size()) slots_.resize(std::max<std::size_t>(series + 1, slots_.size() * 2), kUnknown);
    if (slots_[series] == kUnknown) slots_[series] = resolve(series_.at(series));
    return slots_[series] == kNone ? nullptr : subjects_[static_cast<std::size_t>(slots_[series])].get();
  }

 private:
  static constexpr std::int32_t kUnknown = -2;
  static constexpr std::int32_t kNone = -1;

  std::int32_t resolve(const SeriesInfo& info) {
    if (!accept_(info)) return kNone;
    if (std::none_of(globs_.begin(), globs_.end(), [&](const model::Glob& g) { return g.matches(info); })) return kNone;
    const std::string name = info.name();
    for (std::size_t i = 0; i < subjects_.size(); ++i)
      if (subjects_[i]->name == name) return static_cast<std::int32_t>(i);
    subjects_.push_back(std::make_unique<Subject>());
    subjects_.back()->name = name;
    return static_cast<std::int32_t>(subjects_.size() - 1);
  }

  const SeriesTable& series_;
  std::function<bool(const SeriesInfo&)> accept_;
  std::vector<model::Glob> globs_;
  std::vector<std::int32_t> slots_;  ///< by series
  std::vector<std::unique_ptr<Subject>> subjects_;
};

}  // namespace mesura::alerts
