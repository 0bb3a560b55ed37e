// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Rules about quarter hours, as the capacity tariff bills them: demand_forecast, month_peak.
#include "alerts/rule.hpp"
#include "alerts/series_watch.hpp"
#include "config/amount.hpp"
#include "energy/demand_watch.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::alerts {
namespace {

/// Feeds a DemandWatch per connection with all that its device says of it in one telegram.
class DemandRule final : public Rule {
 public:
  explicit DemandRule(Setup given)
      : Rule(std::move(given)),
        forecast_(config().kind == "demand_forecast"),
        watch_(*setup().series, options()["series"],
               [](const SeriesInfo& info) { return !info.text && info.unit == "W" && info.kind == Kind::gauge; }) {
    if (const auto& capacity = setup().capacity) {
      rules_.floor_w = capacity->floor_w;
      if (forecast_) rules_.limit_w = capacity->limit_w;
    }
    if (const config::Value& limit = options()["limit"]; limit) {
      limit_w_ = config::parse_amount(limit.text()).value_or(config::Amount{}).value;
      if (forecast_) {
        rules_.limit_w = limit_w_;
        // Who names a limit means it, below the tariff's floor as well.
        rules_.floor_w = std::min(rules_.floor_w, *limit_w_);
      }
    }
  }

  [[nodiscard]] bool wants_batches() const override { return true; }

  void take(const Batch& batch, const Now& now) override {
    for (const Measurement& m : batch.items) {
      if (m.type != MESURA_NUMBER || !std::isfinite(m.number)) continue;
      Subject* subject = watch_.find(m.series);
      if (subject == nullptr) continue;
      if (!subject->demand) begin(*subject, setup().series->at(m.series), now);
      feed(*subject, batch, m, now);
    }
  }

  /// A peak is of its month.
  void tick(const Sources& /*sources*/, const Now& now) override {
    if (forecast_) return;
    for (const Alert& alert : active())
      if (month(alert.since_ns) != month(now.wall_ns))
        judge(alert.subject, Verdict::right, now.steady_ns, now.wall_ns,
              [&] { return alert.subject + ": a new month has begun"; });
  }

 private:
  struct Subject {
    std::string name;
    std::optional<energy::DemandWatch> demand;
    std::string device;
    std::string channel;
    double peak_told_w = 0;
  };

  void begin(Subject& subject, const SeriesInfo& info, const Now& now) {
    subject.demand.emplace(rules_, setup().zone);
    subject.device = info.device;
    subject.channel = info.channel;
    // What was told before the restart is a peak to beat.
    if (!forecast_)
      for (const Alert& alert : active())
        if (alert.subject == subject.name && month(alert.since_ns) == month(now.wall_ns))
          subject.peak_told_w = told_peak(alert.message);
  }

  /// What this telegram says of the connection beside the power: its registers, its own demand and peaks.
  void feed(Subject& subject, const Batch& batch, const Measurement& power, const Now& now) {
    energy::DemandSample sample;
    sample.time_ns = power.time_ns;
    sample.power_w = std::max(power.number, 0.0);
    double tariffs = 0;
    bool has_tariffs = false;
    std::optional<Measurement> peak;
    for (const Measurement& m : batch.items) {
      if (m.type != MESURA_NUMBER) continue;
      const SeriesInfo& info = setup().series->at(m.series);
      if (info.device != subject.device || info.source == "integrated") continue;
      const bool here = info.channel == subject.channel;
      if (info.quantity == "active_energy_import" && here) {
        sample.register_wh = m.number;
      } else if (info.quantity == "active_energy_import" && subject.channel == "total" && info.channel.size() > 1 &&
                 info.channel[0] == 't' && info.channel[1] >= '1' && info.channel[1] <= '9') {
        tariffs += m.number;
        has_tariffs = true;
      } else if (info.quantity == "active_demand_import" && here) {
        sample.demand_w = m.number;
      } else if (info.quantity == "active_demand_import_month_max" && here) {
        if (!peak || m.time_ns > peak->time_ns) peak = m;
      }
    }
    if (std::isnan(sample.register_wh) && has_tariffs) sample.register_wh = tariffs;
    events_.clear();
    subject.demand->feed(sample, events_);
    if (peak) subject.demand->meter_peak(peak->time_ns, peak->number, events_);
    for (const auto& event : events_) tell(subject, event, now);
  }

  void tell(Subject& subject, const energy::DemandEvent& event, const Now& now) {
    using Kind = energy::DemandEvent::Kind;
    const auto& f = event.forecast;
    if (forecast_ && event.kind == Kind::warning) {
      judge(subject.name, Verdict::wrong, now.steady_ns, now.wall_ns, [&] {
        return fmt::format("{}: the quarter hour will end at {:.0f} W, the limit is {:.0f} W; {:.0f} W so far{}",
                           subject.name, f.forecast_w, f.limit_w, f.so_far_w,
                           std::isnan(f.allowed_w)
                               ? std::string{}
                               : fmt::format(", {:.0f} W for the rest would keep it", std::max(f.allowed_w, 0.0)));
      });
    } else if (forecast_ && event.kind == Kind::cleared) {
      judge(subject.name, Verdict::right, now.steady_ns, now.wall_ns,
            [&] { return fmt::format("{}: the forecast is {:.0f} W", subject.name, f.forecast_w); });
    } else if (forecast_ && event.kind == Kind::quarter && !subject.demand->warning()) {
      // After a restart: the one that was warned of is over.
      judge(subject.name, Verdict::right, now.steady_ns, now.wall_ns,
            [&] { return subject.name + ": the quarter hour is over"; });
    } else if (!forecast_ && event.kind == Kind::new_peak && event.above_floor) {
      new_peak(subject, event, now);
    }
  }

  /// Each peak is news of its own: the one before ends.
  void new_peak(Subject& subject, const energy::DemandEvent& event, const Now& now) {
    const double watts = event.quarter.average_w;
    if (limit_w_ && watts <= *limit_w_) return;
    if (watts <= subject.peak_told_w && is_active(subject.name)) return;
    subject.peak_told_w = watts;
    judge(subject.name, Verdict::right, now.steady_ns, now.wall_ns,
          [&] { return subject.name + ": a higher peak follows"; });
    judge(subject.name, Verdict::wrong, now.steady_ns, now.wall_ns, [&] {
      return fmt::format("{}: {:.0f} W is the month's new peak{}", subject.name, watts,
                         std::isnan(event.before_w) ? std::string{} : fmt::format(", it was {:.0f} W", event.before_w));
    });
  }

  static double told_peak(const std::string& message) {
    const auto at = message.find(": ");
    return at == std::string::npos ? 0 : std::strtod(message.c_str() + at + 2, nullptr);
  }

  [[nodiscard]] std::int64_t month(std::int64_t wall_ns) const {
    return energy::period_window(energy::Period::month, wall_ns, setup().zone).from_ns;
  }

  bool forecast_;
  std::optional<double> limit_w_;
  energy::DemandWatch::Rules rules_;
  SeriesWatch<Subject> watch_;
  std::vector<energy::DemandEvent> events_;
};

}  // namespace

std::unique_ptr<Rule> make_demand_rule(Rule::Setup setup) { return std::make_unique<DemandRule>(std::move(setup)); }

}  // namespace mesura::alerts
