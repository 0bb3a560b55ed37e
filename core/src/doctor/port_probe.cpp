// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/port_probe.hpp"

#include "collector/device_setup.hpp"
#include "config/address.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::doctor {

Trial::Trial(const ProbeContext& context, const config::DeviceConfig& device, std::chrono::nanoseconds patience,
             std::function<void()> on_end)
    : loop_(context.loop), on_end_(std::move(on_end)) {
  const transport::Context transport{loop_, runtime::Logger{context.log, "probe." + device.name}};
  device_ = std::make_unique<session::Device>(
      session::Device::Context{loop_, context.log, series_, [](const std::shared_ptr<Batch>&, bool) {}},
      collector::device_setup(device, {}, context.plugins, transport));
  device_->on_state([this](session::State state) {
    if (state == session::State::live || state == session::State::finished) end();
  });
  timer_ = loop_.after(patience, [this] {
    timer_ = 0;
    end();
  });
  device_->start();
}

Trial::~Trial() {
  if (timer_ != 0) loop_.cancel(timer_);
  device_->stop();
}

void Trial::end() {
  if (std::exchange(ended_, true)) return;
  // A device must not be ended from inside its own call.
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = loop_.after(std::chrono::nanoseconds{0}, [this] {
    timer_ = 0;
    on_end_();
  });
}

PortProbe::PortProbe(const ProbeContext& context, const transport::Port& port, std::function<void()> on_done)
    : context_(context), on_done_(std::move(on_done)) {
  plan(port);
}

void PortProbe::plan(const transport::Port& port) {
  const auto add = [&](std::string plugin, const std::string& query, std::chrono::nanoseconds patience,
                       PluginOptions options = {}, bool needs_bytes = false) {
    const auto& only = context_.only;
    const bool wanted = only.empty() || std::find(only.begin(), only.end(), plugin) != only.end();
    if (!wanted || context_.plugins.find(plugin) == nullptr) return;
    std::string address = fmt::format("{}+{}:{}{}", plugin, port.kind, port.path, query);
    steps_.push_back({std::move(plugin), std::move(address), std::move(options), patience, needs_bytes});
  };
  if (port.kind == "hid") {
    add("axpert", "", context_.answer);
    return;
  }
  // Listening disturbs nobody, so it comes first; a question may be the wrong one.
  add("dsmr_p1", "?baud=115200", context_.listen);
  add("dsmr_p1", "?baud=9600&format=7E1", context_.listen, {}, true);
  add("smartmeter", "", context_.answer, {{"stream", "off"}});
  add("axpert", "", context_.answer);
  const auto likely = guess(port);
  if (likely.guesses.empty()) return;
  // What the port is most likely to be, before the rest.
  std::stable_partition(steps_.begin(), steps_.end(),
                        [&](const Step& s) { return s.plugin == likely.guesses.front().plugin && !s.needs_bytes; });
}

void PortProbe::start() { next(); }

void PortProbe::next() {
  trial_.reset();
  while (at_ < steps_.size()) {
    const Step& step = steps_[at_++];
    if (step.needs_bytes && bytes_ == 0) continue;
    const auto result = config::from_address(step.address, context_.catalog, step.options);
    if (!result.device) continue;
    trial_ = std::make_unique<Trial>(context_, *result.device, step.patience, [this] { on_end(); });
    return;
  }
  done_ = true;
  on_done_();
}

void PortProbe::on_end() {
  const session::Health health = trial_->health();
  bytes_ += health.bytes;
  if (health.frames > 0) {
    const Step& step = steps_[at_ - 1];
    found_ = Found{step.plugin, step.address, step.options, health.attributes};
    at_ = steps_.size();
  } else if (health.bytes == 0 && !health.error.empty()) {
    error_ = health.error;
  }
  // From the top of the loop: the trial is at work in this call.
  context_.loop.post([this] { next(); });
}

void run_probes(runtime::EventLoop& loop, std::vector<std::unique_ptr<PortProbe>>& probes,
                const std::function<bool()>& stopped) {
  for (const auto& probe : probes) probe->start();
  const auto all_done = [&] {
    return std::all_of(probes.begin(), probes.end(), [](const auto& p) { return p->done(); });
  };
  while (!stopped() && !all_done()) loop.run();
}

}  // namespace mesura::doctor
