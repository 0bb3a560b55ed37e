// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "config/configuration.hpp"
#include "model/zones.hpp"
#include "pipeline/alert.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::alerts {

using pipeline::Alert;

/// What rules see of the running program. The callbacks are asked at most about once a second, and only if some rule
/// needs them.
struct Sources {
  struct Device {
    std::string name;
    bool silent = false;  ///< stale or failed
    bool well = false;    ///< live, or at its end; neither: it is still connecting
    std::int64_t since_ns = 0;
    std::int64_t last_frame_ns = 0;  ///< 0: never
    std::string error;
  };
  struct Sink {
    std::string name;
    bool failing = false;
    bool well = false;
    std::string error;
    std::uint64_t spooled = 0;  ///< measurements
    std::uint64_t spool_bytes = 0;
  };
  struct Disk {
    std::uint64_t free = 0;  ///< bytes that we may use
    std::uint64_t size = 0;
  };
  std::function<std::vector<Device>()> devices;
  std::function<std::vector<Sink>()> sinks;
  std::function<std::optional<Disk>(const std::string& path)> disk;  ///< nothing: there is no such place
};

struct Now {
  std::int64_t steady_ns = 0;
  std::int64_t wall_ns = 0;
};

enum class Verdict : std::uint8_t {
  wrong,    ///< beyond the limit
  between,  ///< not beyond it, but not back far enough either: what is active stays active
  right
};

/// One rule of the configuration and what it thinks of each of its subjects. Belongs to the loop's thread.
class Rule {
 public:
  /// What a rule is made with.
  struct Setup {
    config::AlertConfig config;
    std::string state;  ///< the state directory
    std::optional<config::CapacityConfig> capacity;
    model::Zone zone = model::Zone::utc();
    const SeriesTable* series = nullptr;
    std::function<void(const Rule&, const Alert&)> changed;
  };

  explicit Rule(Setup setup) : setup_(std::move(setup)) {
    const config::Value& lasting = setup_.config.options["for"];
    if (lasting) for_ns_ = lasting.duration().count();
  }
  virtual ~Rule() = default;
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;

  /// A live batch.
  virtual void take(const Batch& /*batch*/, const Now& /*now*/) {}
  [[nodiscard]] virtual bool wants_batches() const { return false; }
  /// About once a second.
  virtual void tick(const Sources& /*sources*/, const Now& /*now*/) {}

  [[nodiscard]] const config::AlertConfig& config() const { return setup_.config; }
  /// The doors may change while the rule goes on.
  void set_doors(std::vector<std::string> to) { setup_.config.to = std::move(to); }

  [[nodiscard]] std::vector<Alert> active() const;
  /// Active at the end of an earlier run: not told again.
  void restore(const Alert& alert, const Now& now);
  /// Ends what is active for series of devices that are not there any more: nothing would ever end it.
  void end_without_device(const std::function<bool(std::string_view device)>& exists, std::int64_t wall_ns);
  /// The rule goes, or is made anew: nobody will see the end of what is active.
  void end_all(std::int64_t wall_ns, std::string_view why);

 protected:
  /// `at_ns`: by the clock that `for` is measured with, which may be that of the data.
  void judge(const std::string& subject, Verdict verdict, std::int64_t at_ns, std::int64_t wall_ns,
             const std::function<std::string()>& message);
  /// What was seen so far proves nothing any more (a gap).
  void interrupt(const std::string& subject);
  /// Ends what is active for subjects that are not among these. What an earlier run has left gets a quarter of an hour:
  /// a fleet's devices have to turn up first.
  void keep_only(const std::vector<std::string>& subjects, const Now& now);
  [[nodiscard]] bool is_active(const std::string& subject) const;
  [[nodiscard]] const config::Value& options() const { return setup_.config.options; }
  [[nodiscard]] const Setup& setup() const { return setup_; }
  [[nodiscard]] std::int64_t for_ns() const { return for_ns_; }

 private:
  struct Condition {
    std::optional<std::int64_t> wrong_since;
    bool active = false;
    std::int64_t since_ns = 0;
    std::string message;
    std::optional<std::int64_t> patience_ns;  ///< left by an earlier run and not judged yet: steady time of its end
  };
  void change(const std::string& subject, Condition& condition, bool active, std::int64_t wall_ns, std::string message);
  [[nodiscard]] Alert alert(const std::string& subject, const Condition& condition) const;

  Setup setup_;
  std::int64_t for_ns_ = 0;
  std::map<std::string, Condition, std::less<>> conditions_;
};

/// A rule of any kind. The configuration was checked.
[[nodiscard]] std::unique_ptr<Rule> make_rule(Rule::Setup setup);

// The kinds, each where it is at home.
[[nodiscard]] std::unique_ptr<Rule> make_threshold_rule(Rule::Setup setup);  ///< above, below
[[nodiscard]] std::unique_ptr<Rule> make_stuck_rule(Rule::Setup setup);
[[nodiscard]] std::unique_ptr<Rule> make_demand_rule(Rule::Setup setup);  ///< demand_forecast, month_peak
[[nodiscard]] std::unique_ptr<Rule> make_stale_rule(Rule::Setup setup);
[[nodiscard]] std::unique_ptr<Rule> make_disk_rule(Rule::Setup setup);
[[nodiscard]] std::unique_ptr<Rule> make_sink_rule(Rule::Setup setup);  ///< sink_away, spool_growing

/// "5 s", "12 min", "3 h": for messages.
[[nodiscard]] std::string lasting(std::int64_t ns);
/// "1.5 GiB": for messages.
[[nodiscard]] std::string bytes(std::uint64_t count);

}  // namespace mesura::alerts
