// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/device_trial.hpp"

#include "doctor/port_probe.hpp"
#include "doctor/snippet.hpp"
#include "runtime/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace mesura::doctor {
namespace {

const config::LinkConfig* serial_link(const config::DeviceConfig& device) {
  const auto found =
      std::find_if(device.links.begin(), device.links.end(), [](const auto& link) { return link.kind == "serial"; });
  return found == device.links.end() ? nullptr : &*found;
}

Finding silent(const config::DeviceConfig& device, const session::Health& health) {
  Finding finding{Severity::error, "doc-device-silent", "device " + device.name, {}};
  if (!health.error.empty()) {
    take_message(finding, health.error);
    return finding;
  }
  const bool noise = health.bytes > 0;
  finding.message = fmt::format("{} says nothing that plugin {} understands", health.link, device.plugin);
  finding.expected = "a good frame";
  finding.got =
      noise ? fmt::format("{} bytes, {} frames rejected", health.bytes, health.frames_rejected) : "not a single byte";
  finding.remedy =
      noise ? fmt::format("`mesura probe {} -vv` shows its bytes", device.name)
            : "is it on, is the cable right (a P1 port wants RTS high, and is to be switched on at the meter)?";
  return finding;
}

/// The configured device is silent: what else may be there.
void add_found(const PortProbe::Found& found, const config::DeviceConfig& device, const Subject& subject,
               Finding& finding) {
  const bool same = found.plugin == device.plugin;
  finding.code = same ? "doc-port-rate" : "doc-port-other";
  finding.message = same ? "it answers, but with other settings of the port than the configured ones"
                         : fmt::format("another device answers there: plugin {}", found.plugin);
  finding.expected = "what is configured";
  finding.got = found.address;
  finding.remedy = "configure it so:\n" + device_snippet(device.name, found.address, subject.catalog, found.options);
}

struct Run {
  const config::DeviceConfig* device;
  std::unique_ptr<Trial> trial;
  bool done = false;
};

}  // namespace

void try_devices(const std::vector<config::DeviceConfig>& devices, const Subject& subject, const Options& options,
                 Findings& out) {
  const runtime::SystemClock clock;
  runtime::EventLoop loop{clock};
  ProbeContext context{loop, options.log, subject.plugins, subject.catalog};
  context.listen = options.listen;
  std::vector<Run> runs(devices.size());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    runs[i].device = &devices[i];
    runs[i].trial = std::make_unique<Trial>(context, devices[i], options.listen, [&, i] {
      runs[i].done = true;
      loop.stop();
    });
  }
  while (std::any_of(runs.begin(), runs.end(), [](const Run& r) { return !r.done; })) loop.run();

  std::vector<std::unique_ptr<PortProbe>> probes;
  std::vector<std::pair<const config::DeviceConfig*, Finding>> findings;
  for (auto& run : runs) {
    const session::Health health = run.trial->health();
    run.trial.reset();  // its port is free again
    if (health.frames > 0) {
      out.push_back({Severity::good, "doc-device", "device " + run.device->name, health.link + " sends good frames"});
      continue;
    }
    const auto* link = serial_link(*run.device);
    if (link == nullptr || !health.error.empty()) {
      out.push_back(silent(*run.device, health));
      continue;
    }
    transport::Port port;
    port.kind = "serial";
    port.path = port.node = link->options["path"].text();
    probes.push_back(std::make_unique<PortProbe>(context, port, [&loop] { loop.stop(); }));
    findings.emplace_back(run.device, silent(*run.device, health));
  }
  run_probes(loop, probes, [] { return false; });
  for (std::size_t i = 0; i < probes.size(); ++i) {
    auto& [device, finding] = findings[i];
    if (probes[i]->found()) add_found(*probes[i]->found(), *device, subject, finding);
    out.push_back(std::move(finding));
  }
}

}  // namespace mesura::doctor
