// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/limit_check.hpp"

#include <fmt/format.h>

namespace mesura::doctor {
namespace {

/// Loop, log, control socket, libraries.
constexpr std::uint64_t kOwn = 64;
/// A database with its journal, a broker, files; and the spool.
constexpr std::uint64_t kOfSink = 16;
constexpr std::uint64_t kOfLink = 4;
constexpr std::uint64_t kOfRelay = 65;

std::uint64_t of_device(const config::DeviceConfig& device) {
  std::uint64_t sum = 0;
  for (const auto& link : device.links) {
    sum += kOfLink;
    if (const auto& peers = link.options["max_peers"]; peers) sum += static_cast<std::uint64_t>(peers.integer());
  }
  if (device.relay) sum += kOfRelay;
  if (device.capture) sum += 1;
  return sum;
}

}  // namespace

std::uint64_t descriptors_needed(const config::Configuration& configuration) {
  std::uint64_t sum = kOwn + kOfSink * configuration.sinks.size();
  for (const auto& device : configuration.devices)
    if (device.enabled) sum += of_device(device);
  if (configuration.http) sum += static_cast<std::uint64_t>(configuration.http->limits.clients);
  return sum;
}

void check_descriptors(const DescriptorLimit& limit, const config::Configuration& configuration, Findings& out) {
  const std::uint64_t needed = descriptors_needed(configuration);
  if (needed <= limit.hard) {
    out.push_back({Severity::good, "doc-descriptors", "limits",
                   fmt::format("open files: {} may be needed, {} are allowed", needed, limit.hard)});
    return;
  }
  Finding few{Severity::warning, "doc-descriptors", "limits",
              "too few open files are allowed for all peers and clients of this configuration at once"};
  few.expected = fmt::format("at least {}", needed);
  few.got = fmt::format("{} (hard limit)", limit.hard);
  few.remedy = fmt::format(
      "set LimitNOFILE={} in the unit, `ulimit -Hn` for a shell, or lower `max_peers` and `http.limits.clients`",
      needed * 2);
  out.push_back(std::move(few));
}

}  // namespace mesura::doctor
