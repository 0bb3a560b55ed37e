// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Rules about the program's surroundings: stale, disk_low, sink_away, spool_growing.
#include "alerts/rule.hpp"
#include "config/units.hpp"
#include "model/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace mesura::alerts {
namespace {

std::vector<std::string> patterns_of(const config::Value& list) {
  std::vector<std::string> patterns;
  for (const auto& pattern : list.list()) patterns.push_back(pattern.text());
  return patterns;
}

bool any_matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& p) { return model::wildcard_matches(p, name); });
}

class StaleRule final : public Rule {
 public:
  explicit StaleRule(Setup given) : Rule(std::move(given)), devices_(patterns_of(options()["device"])) {}

  void tick(const Sources& sources, const Now& now) override {
    std::vector<std::string> seen;
    for (const auto& device : sources.devices()) {
      if (!any_matches(devices_, device.name)) continue;
      seen.push_back(device.name);
      const Verdict verdict = device.silent ? Verdict::wrong : device.well ? Verdict::right : Verdict::between;
      judge(device.name, verdict, now.steady_ns, now.wall_ns, [&] {
        if (!device.silent) return fmt::format("{} sends again", device.name);
        const std::string why = device.error.empty() ? "" : ": " + device.error.substr(0, device.error.find('\n'));
        return device.last_frame_ns == 0 ? fmt::format("{} has sent nothing yet{}", device.name, why)
                                         : fmt::format("{} has sent nothing for {}{}", device.name,
                                                       lasting(now.wall_ns - device.last_frame_ns), why);
      });
    }
    keep_only(seen, now);
  }

 private:
  std::vector<std::string> devices_;
};

class DiskRule final : public Rule {
 public:
  explicit DiskRule(Setup given)
      : Rule(std::move(given)), path_(options()["path"] ? options()["path"].text() : setup().state) {
    const std::string& free = options()["free"].text();
    if (!free.empty() && free.back() == '%')
      share_ = std::strtod(free.c_str(), nullptr) / 100;
    else
      bytes_ = static_cast<double>(config::parse_size(free).value);
  }

  void tick(const Sources& sources, const Now& now) override {
    if (looked_ns_ != 0 && now.steady_ns - looked_ns_ < kEvery) return;
    looked_ns_ = now.steady_ns;
    const auto disk = sources.disk(path_);
    if (!disk || disk->size == 0) return;
    const auto free = static_cast<double>(disk->free);
    const double limit = share_ > 0 ? share_ * static_cast<double>(disk->size) : bytes_;
    // A tenth more than the limit, so that a file more or less does not ring each time.
    const Verdict verdict = free < limit ? Verdict::wrong : free >= limit * 1.1 ? Verdict::right : Verdict::between;
    judge(path_, verdict, now.steady_ns, now.wall_ns, [&] {
      return fmt::format(
          "{} has {} free of {}{}", path_, bytes(disk->free), bytes(disk->size),
          verdict == Verdict::wrong ? fmt::format(", less than {}", options()["free"].text()) : std::string{});
    });
  }

 private:
  static constexpr std::int64_t kEvery = 15LL * 1'000'000'000;
  std::string path_;
  double share_ = 0;
  double bytes_ = 0;
  std::int64_t looked_ns_ = 0;
};

class SinkRule final : public Rule {
 public:
  explicit SinkRule(Setup given)
      : Rule(std::move(given)), away_(config().kind == "sink_away"), sinks_(patterns_of(options()["sink"])) {
    if (const config::Value& most = options()["measurements"]; most)
      measurements_ = static_cast<double>(most.integer());
    if (const config::Value& most = options()["size"]; most) bytes_ = static_cast<double>(most.integer());
  }

  void tick(const Sources& sources, const Now& now) override {
    std::vector<std::string> seen;
    for (const auto& sink : sources.sinks()) {
      if (!any_matches(sinks_, sink.name)) continue;
      seen.push_back(sink.name);
      if (away_)
        judge_away(sink, now);
      else
        judge_spool(sink, now);
    }
    keep_only(seen, now);
  }

 private:
  void judge_away(const Sources::Sink& sink, const Now& now) {
    const Verdict verdict = sink.failing ? Verdict::wrong : sink.well ? Verdict::right : Verdict::between;
    judge(sink.name, verdict, now.steady_ns, now.wall_ns, [&] {
      if (!sink.failing) return fmt::format("sink {} takes measurements again", sink.name);
      return fmt::format("sink {} has taken nothing for {}: {}", sink.name, lasting(for_ns()),
                         sink.error.substr(0, sink.error.find('\n')));
    });
  }

  void judge_spool(const Sources::Sink& sink, const Now& now) {
    const auto count = static_cast<double>(sink.spooled);
    // A file does not shrink when it is emptied: its size counts only while something waits in it.
    const double size = sink.spooled > 0 ? static_cast<double>(sink.spool_bytes) : 0;
    const bool wrong = count > measurements_ || size > bytes_;
    const bool right = count < measurements_ * 0.9 && size < bytes_ * 0.9;
    judge(sink.name,
          wrong   ? Verdict::wrong
          : right ? Verdict::right
                  : Verdict::between,
          now.steady_ns, now.wall_ns, [&] {
            return fmt::format("{} measurements wait for sink {} on disk, {}", sink.spooled, sink.name,
                               bytes(sink.spool_bytes));
          });
  }

  bool away_;
  std::vector<std::string> sinks_;
  double measurements_ = INFINITY;
  double bytes_ = INFINITY;
};

}  // namespace

std::unique_ptr<Rule> make_stale_rule(Rule::Setup setup) { return std::make_unique<StaleRule>(std::move(setup)); }
std::unique_ptr<Rule> make_disk_rule(Rule::Setup setup) { return std::make_unique<DiskRule>(std::move(setup)); }
std::unique_ptr<Rule> make_sink_rule(Rule::Setup setup) { return std::make_unique<SinkRule>(std::move(setup)); }

}  // namespace mesura::alerts
