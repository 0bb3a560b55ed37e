// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/doctor.hpp"

#include "doctor/clock_check.hpp"
#include "doctor/device_trial.hpp"
#include "doctor/limit_check.hpp"
#include "doctor/link_check.hpp"
#include "doctor/place_check.hpp"
#include "doctor/port_check.hpp"
#include "doctor/port_guess.hpp"
#include "doctor/server_check.hpp"
#include "doctor/service_status.hpp"
#include "doctor/state_check.hpp"
#include "doctor/tasks.hpp"
#include "runtime/clock.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace mesura::doctor {
namespace {

/// Within the patience for others' answers there is time to read so much of a database.
constexpr std::chrono::seconds kReadDatabase{20};

class Examination {
 public:
  Examination(const Subject& subject, const Options& options) : subject_(subject), options_(options) {}

  Report run() {
    configuration();
    plugins();
    if (!subject_.state.empty()) service_ = running_service(subject_.state);
    if (whole()) machine();
    start_servers();
    links();
    files();
    ports();
    if (service_ > 0) check_service(subject_.state, named(), out_);
    if (options_.probe) probe();
    tasks_.collect(kReadDatabase + options_.patience, out_);
    sort(out_);
    return {std::move(out_), tasks_.left_behind()};
  }

 private:
  [[nodiscard]] bool whole() const { return subject_.devices.empty(); }

  [[nodiscard]] std::vector<std::string> named() const {
    std::vector<std::string> names;
    for (const auto& device : subject_.devices) names.push_back(device.name);
    return names;
  }

  [[nodiscard]] std::vector<config::DeviceConfig> devices() const {
    if (!whole()) return subject_.devices;
    std::vector<config::DeviceConfig> enabled;
    if (subject_.configuration != nullptr)
      for (const auto& device : subject_.configuration->devices)
        if (device.enabled) enabled.push_back(device);
    return enabled;
  }

  void configuration() {
    for (const auto& d : subject_.diagnostics.list()) {
      const Severity severity = d.severity == config::Severity::error ? Severity::error : Severity::warning;
      std::string where = d.file;
      if (d.mark.line > 0) where += fmt::format(":{}:{}", d.mark.line, d.mark.column);
      out_.push_back({severity, d.code, std::move(where), d.message, d.expected, d.got, d.hint});
    }
    if (subject_.configuration != nullptr && !subject_.diagnostics.has_errors() && whole())
      out_.push_back({Severity::good, "doc-configuration", "configuration",
                      fmt::format("{} devices, {} sinks", subject_.configuration->devices.size(),
                                  subject_.configuration->sinks.size())});
  }

  void plugins() {
    if (!whole()) return;
    for (const auto& refused : subject_.plugins.refused())
      out_.push_back({Severity::error,
                      refused.code,
                      refused.path.string(),
                      "this plugin is refused: " + refused.reason,
                      {},
                      {},
                      refused.remedy});
    for (const auto& plugin : subject_.plugins.loaded())
      for (const auto& warning : plugin.warnings) out_.push_back({Severity::warning, "plg-odd", plugin.name, warning});
  }

  void machine() {
    config::ClockConfig clock{"auto", {}};
    std::string zone;
    if (subject_.configuration != nullptr) {
      clock = subject_.configuration->clock;
      zone = subject_.configuration->timezone;
      check_places(places_of(*subject_.configuration), out_);
      check_descriptors(options_.system.descriptors, *subject_.configuration, out_);
    }
    check_clock(options_.system.clock, clock, out_);
    check_zones(zone, out_);
    if (!subject_.state.empty()) check_state(subject_.state, service_, {}, out_);
  }

  void start_servers() {
    if (!whole() || subject_.configuration == nullptr) return;
    for (const auto& sink : subject_.configuration->sinks) {
      check_server(sink, options_.patience, tasks_);
      if (sink.kind != "sqlite") continue;
      const std::string where = "sink " + sink.name, file = sink.options["path"].text();
      tasks_.add(where, [where, file] {
        Findings found;
        check_sqlite(where, file, static_cast<int>(kReadDatabase.count()), found);
        return found;
      });
    }
  }

  /// While a service runs it has these connections, and some devices only take one.
  void links() {
    if (service_ != 0) return;
    const runtime::SystemClock clock;
    runtime::EventLoop loop{clock};
    LinkChecks checks{loop};
    for (const auto& device : devices()) checks.add(device);
    if (whole() && subject_.configuration != nullptr && subject_.configuration->http)
      for (const auto& address : subject_.configuration->http->listen) checks.add_listener("http", address);
    checks.run(options_.patience, out_);
  }

  /// Recordings in place of devices, and certificates.
  void files() {
    for (const auto& device : devices())
      for (const auto& link : device.links)
        if ((link.kind == "file" || link.kind == "replay") && link.options["path"].text() != "-")
          check_file("device " + device.name, link.options["path"].text(), out_);
    if (!whole() || subject_.configuration == nullptr || !subject_.configuration->http) return;
    for (const auto* file : {&subject_.configuration->http->certificate, &subject_.configuration->http->key})
      if (!file->empty()) check_file("http", *file, out_);
  }

  void ports() {
    const PortCheck check{options_.system, service_, out_};
    for (const auto& device : devices())
      for (const auto& link : device.links) {
        const std::string where = "device " + device.name;
        const bool serial = link.kind == "serial";
        if (!serial && link.kind != "hid") continue;
        const bool free =
            serial ? check_serial(check, where, link.options["path"].text()) : check_hid(check, where, link.options);
        if (!free) closed_.insert(device.name);
      }
    // Without a configuration, all that might be a meter's.
    if (!whole() || subject_.configuration != nullptr) return;
    for (const auto& port : transport::list_ports(options_.system.root)) {
      const auto what = guess(port);
      if (!what.stranger.empty() || (port.usb_id.empty() || (port.kind == "hid" && what.guesses.empty()))) continue;
      (void)check_port(check, "port " + port.path, port);
    }
  }

  void probe() {
    if (service_ != 0) {
      out_.push_back({Severity::note, "doc-probe", "probe", "left out: the running service has the devices"});
      return;
    }
    std::vector<config::DeviceConfig> free;
    for (const auto& device : devices())
      if (!closed_.contains(device.name)) free.push_back(device);
    try_devices(free, subject_, options_, out_);
  }

  const Subject& subject_;
  const Options& options_;
  int service_ = 0;
  std::set<std::string> closed_;  ///< devices whose port can't be opened
  Tasks tasks_;
  Findings out_;
};

}  // namespace

Report examine(const Subject& subject, const Options& options) { return Examination{subject, options}.run(); }

}  // namespace mesura::doctor
