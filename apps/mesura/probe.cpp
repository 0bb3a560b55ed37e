// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura probe, mesura capture: live devices without sinks.
#include "chosen.hpp"
#include "printer.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "collector/device_setup.hpp"
#include "session/device.hpp"
#include "transport/capture.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mesura::app {

int probe(const ProbeOptions& options) {
  const auto chosen = choose(options.common, options.devices, options.options);
  if (!chosen) return kUsage;

  runtime::SystemClock clock;
  runtime::EventLoop loop{clock};
  const Signals signals{loop, [&](int) { loop.stop(); }};
  const auto log = terminal_log(options.common);
  SeriesTable series;
  Printer printer{series, options.format};
  std::set<std::string> heard;
  std::uint64_t batches = 0;
  std::vector<std::unique_ptr<session::Device>> devices;
  const auto stop_when_done = [&](session::State) {
    if (std::all_of(devices.begin(), devices.end(), [](const auto& d) { return d->finished(); })) loop.stop();
  };
  for (const auto& device : chosen->devices) {
    const transport::Context context{loop, runtime::Logger{log, "device." + device.name}};
    const auto print = [&, name = device.name](const std::shared_ptr<Batch>& batch, bool) {
      if (options.count != 0 && batches >= options.count) return;
      heard.insert(name);
      if (!printer.print(*batch) || ++batches == options.count) loop.stop();
    };
    devices.push_back(
        std::make_unique<session::Device>(session::Device::Context{loop, log, series, print},
                                          collector::device_setup(device, chosen->zone, chosen->plugins, context)));
    devices.back()->on_state(stop_when_done);
  }
  for (const auto& device : devices) device->start();
  const auto say_silent = loop.after(std::chrono::seconds{5}, [&] {
    for (const auto& device : devices) {
      if (heard.contains(device->name())) continue;
      const auto health = device->health();
      std::fputs(fmt::format("{}: no measurement yet; {} is {}{}{} (^C ends)\n", device->name(), health.link,
                             to_string(health.state), health.error.empty() ? "" : ": ", health.error)
                     .c_str(),
                 stderr);
    }
  });
  if (options.duration) loop.after(*options.duration, [&] { loop.stop(); });
  loop.run();
  loop.cancel(say_silent);
  for (const auto& device : devices) {
    if (heard.contains(device->name())) continue;
    const auto health = device->health();
    std::fputs(fmt::format("mesura probe: error[probe-silent]: {}: no measurement; {} is {}{}{}\n", device->name(),
                           health.link, to_string(health.state), health.error.empty() ? "" : ": ", health.error)
                   .c_str(),
               stderr);
  }
  if (heard.empty()) return kFailed;
  return printer.exit_code(heard.size() == devices.size() ? kDone : kPartial);
}

int capture(const CaptureOptions& options) {
  const auto chosen = choose(options.common, {options.device});
  if (!chosen) return kUsage;
  const config::DeviceConfig& device = chosen->devices.front();

  // Before the device is opened: a recording that can't be kept must not be begun, nor an old one be lost.
  const runtime::UniqueFd file{::open(options.output.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)};
  if (!file) {
    std::fputs(
        fmt::format(
            "mesura capture: error[cap-file]: {}: {}\n  expected  a new file in a directory that can be written\n",
            options.output, std::strerror(errno))
            .c_str(),
        stderr);
    return kFailed;
  }

  runtime::SystemClock clock;
  runtime::EventLoop loop{clock};
  const Signals signals{loop, [&](int) { loop.stop(); }};
  const auto log = terminal_log(options.common);
  SeriesTable series;
  const transport::Context context{loop, runtime::Logger{log, "device." + device.name}};
  auto setup = collector::device_setup(device, chosen->zone, chosen->plugins, context);
  transport::CaptureWriter::Options writer;
  writer.file = options.output;
  setup.capture = std::make_shared<transport::CaptureWriter>(context, std::move(writer));
  const auto capture = setup.capture;
  session::Device session{session::Device::Context{loop, log, series, [](const std::shared_ptr<Batch>&, bool) {}},
                          std::move(setup)};
  session.on_state([&](session::State state) {
    if (state == session::State::finished) loop.stop();
  });
  session.start();
  if (options.duration) loop.after(*options.duration, [&] { loop.stop(); });
  loop.run();
  const auto health = session.health();
  std::fputs(fmt::format("{}: {} bytes, {} good frames, {} rejected\n", options.output, health.bytes, health.frames,
                         health.frames_rejected)
                 .c_str(),
             stderr);
  return health.bytes > 0 && capture->lost() == 0 ? kDone : kFailed;
}

}  // namespace mesura::app
