// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace mesura::app {
namespace {

constexpr auto kInterval = std::chrono::milliseconds{100};
constexpr std::size_t kWidth = 30;

std::string short_number(double n) {
  if (n >= 1e6) return fmt::format("{:.1f} M", n / 1e6);
  if (n >= 1e4) return fmt::format("{:.0f} k", n / 1e3);
  return fmt::format("{:.0f}", n);
}

}  // namespace

Progress::Progress(std::string what, std::string unit, ProgressForm form)
    : what_(std::move(what)), unit_(std::move(unit)), form_(form) {
  if (form_ == ProgressForm::automatic && ::isatty(STDERR_FILENO) == 0) form_ = ProgressForm::none;
}

void Progress::update(std::uint64_t done, std::uint64_t total) {
  if (!std::exchange(begun_, true)) first_ = done;
  done_ = done;
  total_ = total;
  const auto now = Clock::now();
  if (now - shown_ < kInterval) return;
  shown_ = now;
  show(now);
}

void Progress::show(Clock::time_point now) {
  if (form_ == ProgressForm::none) return;
  const double seconds = std::max(1e-3, std::chrono::duration<double>(now - started_).count());
  const double rate = static_cast<double>(done_ - std::min(first_, done_)) / seconds;
  const double left = rate > 0 ? static_cast<double>(total_ - std::min(done_, total_)) / rate : 0;
  if (form_ == ProgressForm::json) {
    std::fputs(
        fmt::format("{{\"done\":{},\"total\":{},\"rate\":{:.0f},\"left_s\":{:.1f}}}\n", done_, total_, rate, left)
            .c_str(),
        stderr);
    return;
  }
  const double part = total_ == 0 ? 1 : static_cast<double>(std::min(done_, total_)) / static_cast<double>(total_);
  const auto filled = static_cast<std::size_t>(part * kWidth);
  std::fputs(
      fmt::format("\r{} [{}{}] {:3.0f} %  {} of {} {}, {}/s, {:.0f} s left \x1b[K", what_, std::string(filled, '#'),
                  std::string(kWidth - filled, ' '), 100 * part, short_number(static_cast<double>(done_)),
                  short_number(static_cast<double>(total_)), unit_, short_number(rate), left)
          .c_str(),
      stderr);
}

void Progress::finish() {
  if (std::exchange(ended_, true) || !begun_) return;
  show(Clock::now());
  if (form_ == ProgressForm::automatic) std::fputs("\n", stderr);
}

}  // namespace mesura::app
