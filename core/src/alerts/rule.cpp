// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "alerts/rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace mesura::alerts {
namespace {

constexpr std::int64_t kPatience = 15LL * 60 * 1'000'000'000;

}  // namespace

Alert Rule::alert(const std::string& subject, const Condition& condition) const {
  return {config().name, subject, config().kind, condition.active, condition.since_ns, condition.message};
}

std::vector<Alert> Rule::active() const {
  std::vector<Alert> list;
  for (const auto& [subject, condition] : conditions_)
    if (condition.active) list.push_back(alert(subject, condition));
  return list;
}

void Rule::restore(const Alert& alert, const Now& now) {
  Condition& condition = conditions_[alert.subject];
  condition.active = true;
  condition.since_ns = alert.since_ns;
  condition.message = alert.message;
  condition.patience_ns = now.steady_ns + kPatience;
}

void Rule::end_without_device(const std::function<bool(std::string_view device)>& exists, std::int64_t wall_ns) {
  if (!wants_batches()) return;
  for (auto& [subject, condition] : conditions_)
    if (condition.active && !exists(std::string_view{subject}.substr(0, subject.find('/'))))
      change(subject, condition, false, wall_ns, subject + ": its device is not there any more");
}

bool Rule::is_active(const std::string& subject) const {
  const auto found = conditions_.find(subject);
  return found != conditions_.end() && found->second.active;
}

void Rule::change(const std::string& subject, Condition& condition, bool active, std::int64_t wall_ns,
                  std::string message) {
  condition.active = active;
  condition.since_ns = wall_ns;
  condition.message = std::move(message);
  setup_.changed(*this, alert(subject, condition));
}

void Rule::judge(const std::string& subject, Verdict verdict, std::int64_t at_ns, std::int64_t wall_ns,
                 const std::function<std::string()>& message) {
  const auto found = conditions_.find(subject);
  if (found == conditions_.end() && verdict != Verdict::wrong) return;
  Condition& condition = found != conditions_.end() ? found->second : conditions_[subject];
  condition.patience_ns.reset();
  if (verdict != Verdict::wrong) {
    condition.wrong_since.reset();
    if (verdict == Verdict::right && condition.active)
      change(subject, condition, false, wall_ns,
             fmt::format("{} (after {})", message(), lasting(wall_ns - condition.since_ns)));
    return;
  }
  if (condition.active) return;
  // A clock that was set back starts the count anew.
  if (!condition.wrong_since || *condition.wrong_since > at_ns) condition.wrong_since = at_ns;
  if (at_ns - *condition.wrong_since >= for_ns_) change(subject, condition, true, wall_ns, message());
}

void Rule::interrupt(const std::string& subject) {
  if (const auto found = conditions_.find(subject); found != conditions_.end()) found->second.wrong_since.reset();
}

void Rule::keep_only(const std::vector<std::string>& subjects, const Now& now) {
  for (auto& [subject, condition] : conditions_) {
    if (!condition.active || (condition.patience_ns && now.steady_ns < *condition.patience_ns)) continue;
    if (std::find(subjects.begin(), subjects.end(), subject) == subjects.end())
      change(subject, condition, false, now.wall_ns, subject + " is not there any more");
  }
}

void Rule::end_all(std::int64_t wall_ns, std::string_view why) {
  for (auto& [subject, condition] : conditions_)
    if (condition.active) change(subject, condition, false, wall_ns, fmt::format("{}: {}", subject, why));
}

std::unique_ptr<Rule> make_rule(Rule::Setup setup) {
  const std::string& kind = setup.config.kind;
  if (kind == "above" || kind == "below") return make_threshold_rule(std::move(setup));
  if (kind == "stuck") return make_stuck_rule(std::move(setup));
  if (kind == "demand_forecast" || kind == "month_peak") return make_demand_rule(std::move(setup));
  if (kind == "stale") return make_stale_rule(std::move(setup));
  if (kind == "disk_low") return make_disk_rule(std::move(setup));
  if (kind == "sink_away" || kind == "spool_growing") return make_sink_rule(std::move(setup));
  throw std::logic_error("alert kind '" + kind + "' passed the check but does not exist");
}

std::string lasting(std::int64_t ns) {
  const std::int64_t seconds = std::max<std::int64_t>(ns / 1'000'000'000, 0);
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172'800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86'400);
}

std::string bytes(std::uint64_t count) {
  constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(count);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", count) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace mesura::alerts
