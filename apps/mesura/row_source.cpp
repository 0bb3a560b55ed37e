// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "row_source.hpp"

#include "collector/device_setup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace mesura::app {
namespace {

constexpr auto kLook = std::chrono::milliseconds{100};

}  // namespace

// ---------------------------------------------------------------- the device itself

DirectRows::DirectRows(const Context& context, const config::DeviceConfig& device, Callbacks callbacks)
    : loop_(context.loop),
      series_(context.series),
      callbacks_(std::move(callbacks)),
      device_(session::Device::Context{context.loop, context.log, context.series,
                                       [this](const std::shared_ptr<Batch>& batch, bool) {
                                         if (!batch->waveform) {
                                           measures_ = true;
                                           return;
                                         }
                                         if (!begun_) reconnects_ = device_.health().reconnects;
                                         begun_ = true;
                                         callbacks_.on_block(batch);
                                       }},
              collector::device_setup(
                  device, context.zone, context.plugins,
                  transport::Context{context.loop, runtime::Logger{context.log, "device." + device.name}})) {}

DirectRows::~DirectRows() { loop_.cancel(timer_); }

void DirectRows::start() {
  device_.start();
  watch();
}

void DirectRows::stop() {
  loop_.cancel(std::exchange(timer_, 0));
  device_.stop();
}

std::string DirectRows::own_name() const { return series_.attribute(device_.name(), "unit_name"); }

std::string DirectRows::state() const {
  const auto health = device_.health();
  std::string text = fmt::format("{} is {}", health.link, to_string(health.state));
  if (!health.error.empty()) text += ": " + health.error;
  std::string faults;
  for (const auto& [code, count] : health.faults)
    faults += fmt::format("{}{} {}", faults.empty() ? "" : ", ", count, code);
  if (!faults.empty()) text += "; it told of " + faults;
  if (measures_ && !begun_) text += "; it sends measurements, but no waveform";
  return text;
}

/// A link comes back by itself, and a plugin begins its run again: neither is told, both are seen here.
void DirectRows::watch() {
  const auto health = device_.health();
  if (health.state == session::State::finished) {
    end({begun_, "rec-none", "it has ended without a row"});
    return;
  }
  if (!begun_ && health.state == session::State::failed) {  // options that go together badly, for one
    end({false, "rec-session", health.error});
    return;
  }
  if (begun_ && (!health.error.empty() || health.reconnects != reconnects_)) {
    end({false, "rec-lost",
         fmt::format("the device is lost: {}",
                     health.error.empty() ? health.link + " was closed, and opened again" : health.error)});
    return;
  }
  timer_ = loop_.after(kLook, [this] {
    timer_ = 0;
    watch();
  });
}

void DirectRows::end(RowsEnd reason) { callbacks_.on_end(std::move(reason)); }

// ---------------------------------------------------------------- a service

ServiceRows::ServiceRows(runtime::EventLoop& loop, runtime::UniqueFd fd, const std::string& device, Callbacks callbacks)
    : loop_(loop), fd_(std::move(fd)), callbacks_(std::move(callbacks)), reader_(device) {}

ServiceRows::~ServiceRows() { loop_.unwatch(watch_); }

void ServiceRows::start() {
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  ::fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK);  // NOLINT(*-vararg)
  watch_ = loop_.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { read(); });
}

void ServiceRows::stop() {
  if (!fd_) return;
  loop_.unwatch(std::exchange(watch_, 0));
  fd_ = runtime::UniqueFd{};
}

void ServiceRows::read() {
  char buffer[65536];
  while (watch_ != 0) {
    const auto n = ::read(fd_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      if (answer_ == Answer::bad)
        end({false, "rec-service", text_});
      else
        end({false, "rec-service",
             n < 0 ? fmt::format("the service can't be read: {}", std::strerror(errno))
                   : "the service has stopped, or let this command go because it read too slowly"});
      return;
    }
    try {
      take({buffer, static_cast<std::size_t>(n)});
    } catch (const std::runtime_error& e) {
      end({false, "rec-service", e.what()});
      return;
    }
  }
}

void ServiceRows::take(std::string_view bytes) {
  if (answer_ == Answer::unknown) {
    text_ += bytes;
    const auto line = text_.find('\n');
    if (line == std::string::npos) return;
    answer_ = text_.compare(0, line, "ok") == 0 ? Answer::good : Answer::bad;
    text_.erase(0, line + 1);
    if (answer_ == Answer::good) reader_.push(std::exchange(text_, {}), callbacks_.on_block);
    return;
  }
  if (answer_ == Answer::bad)
    text_ += bytes;
  else
    reader_.push(bytes, callbacks_.on_block);
}

void ServiceRows::end(RowsEnd reason) {
  stop();
  callbacks_.on_end(std::move(reason));
}

}  // namespace mesura::app
