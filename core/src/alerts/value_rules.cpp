// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Rules about values: above, below, stuck.
#include "alerts/rule.hpp"
#include "alerts/series_watch.hpp"
#include "config/amount.hpp"
#include "pipeline/cadence.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

namespace mesura::alerts {
namespace {

using pipeline::Cadence;

/// `for` is measured in the time of the data, and only over data: while nothing comes, nothing is known.
class ThresholdRule final : public Rule {
 public:
  explicit ThresholdRule(Setup given)
      : Rule(std::move(given)),
        limit_(config::parse_amount(options()["limit"].text()).value_or(config::Amount{})),
        above_(config().kind == "above"),
        watch_(*setup().series, options()["series"],
               [unit = limit_.unit](const SeriesInfo& info) { return !info.text && info.unit == unit; }) {
    double back = 0;
    if (const config::Value& hysteresis = options()["hysteresis"]; hysteresis)
      back = config::parse_amount(hysteresis.text()).value_or(config::Amount{}).value;
    end_ = above_ ? limit_.value - back : limit_.value + back;
  }

  [[nodiscard]] bool wants_batches() const override { return true; }

  void take(const Batch& batch, const Now& now) override {
    for (const Measurement& m : batch.items) {
      if (m.type != MESURA_NUMBER || !std::isfinite(m.number)) continue;
      Subject* subject = watch_.find(m.series);
      if (subject == nullptr) continue;
      const auto step = subject->cadence.next(m.time_ns);
      if (step == Cadence::Step::late) continue;
      if (step != Cadence::Step::regular) interrupt(subject->name);
      const bool wrong = above_ ? m.number > limit_.value : m.number < limit_.value;
      const bool right = above_ ? m.number <= end_ : m.number >= end_;
      judge(subject->name,
            wrong   ? Verdict::wrong
            : right ? Verdict::right
                    : Verdict::between,
            m.time_ns, now.wall_ns, [&] { return message(*subject, m, wrong); });
    }
  }

 private:
  struct Subject {
    std::string name;
    Cadence cadence;
  };

  [[nodiscard]] std::string message(const Subject& subject, const Measurement& m, bool wrong) const {
    const std::string value = config::print_amount(
        std::stod(fmt::format("{:.{}f}", m.number, setup().series->at(m.series).decimals)), limit_.unit);
    const std::string limit = config::print_amount(limit_.value, limit_.unit);
    if (!wrong) return fmt::format("{} is {}, not {} {} any more", subject.name, value, config().kind, limit);
    return fmt::format("{} is {}, {} {}{}", subject.name, value, config().kind, limit,
                       for_ns() > 0 ? " for " + lasting(for_ns()) : "");
  }

  config::Amount limit_;
  bool above_;
  double end_ = 0;
  SeriesWatch<Subject> watch_;
};

class StuckRule final : public Rule {
 public:
  explicit StuckRule(Setup given)
      : Rule(std::move(given)),
        ignore_zero_(options()["ignore_zero"].boolean()),
        watch_(*setup().series, options()["series"], [](const SeriesInfo&) { return true; }) {}

  [[nodiscard]] bool wants_batches() const override { return true; }

  void take(const Batch& batch, const Now& now) override {
    for (const Measurement& m : batch.items) {
      Subject* subject = watch_.find(m.series);
      if (subject == nullptr) continue;
      const auto step = subject->cadence.next(m.time_ns);
      if (step == Cadence::Step::late) continue;
      const bool is_text = m.type == MESURA_TEXT;
      const bool same = subject->known && (is_text ? batch.text(m) == subject->text : m.number == subject->number);
      subject->known = true;
      subject->number = m.number;
      if (!same && is_text) subject->text = batch.text(m);
      // Across a gap nobody knows; the first value after a restart ends nothing either.
      if (step != Cadence::Step::regular) {
        interrupt(subject->name);
        continue;
      }
      const bool zero = ignore_zero_ && !is_text && m.number == 0;
      judge(subject->name, same && !zero ? Verdict::wrong : Verdict::right, m.time_ns, now.wall_ns, [&] {
        const SeriesInfo& info = setup().series->at(m.series);
        const std::string value =
            is_text ? fmt::format("'{}'", subject->text) : config::print_amount(m.number, info.unit);
        return same ? fmt::format("{} has been {} for {}", subject->name, value, lasting(for_ns()))
                    : fmt::format("{} changes again: {}", subject->name, value);
      });
    }
  }

 private:
  struct Subject {
    std::string name;
    Cadence cadence;
    bool known = false;
    double number = 0;
    std::string text;
  };

  bool ignore_zero_;
  SeriesWatch<Subject> watch_;
};

}  // namespace

std::unique_ptr<Rule> make_threshold_rule(Rule::Setup setup) {
  return std::make_unique<ThresholdRule>(std::move(setup));
}
std::unique_ptr<Rule> make_stuck_rule(Rule::Setup setup) { return std::make_unique<StuckRule>(std::move(setup)); }

}  // namespace mesura::alerts
