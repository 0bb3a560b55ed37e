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

constexpr auto kEvery = std::chrono::milliseconds{250};

std::string amount(double value, const std::string& unit) {
  if (unit != "B") return fmt::format("{:.0f} {}", value, unit);
  for (const char* prefix : {"", "k", "M"}) {
    if (value < 1000) return fmt::format("{:.{}f} {}B", value, *prefix == '\0' ? 0 : 1, prefix);
    value /= 1000;
  }
  return fmt::format("{:.1f} GB", value);
}

}  // namespace

Progress::Progress(ProgressStyle style, std::string unit) : style_(style), unit_(std::move(unit)) {
  if (style_ == ProgressStyle::automatic)
    style_ = ::isatty(STDERR_FILENO) != 0 ? ProgressStyle::bar : ProgressStyle::none;
}

Progress::~Progress() {
  if (on_line_) std::fputc('\n', stderr);
}

void Progress::show(std::string_view stage, std::uint64_t done, std::uint64_t total) {
  if (style_ == ProgressStyle::none) return;
  const auto now = Clock::now();
  const bool fresh = stage != stage_;
  if (fresh) {
    stage_ = stage;
    started_ = now;
  }
  if (!fresh && done < total && now < shown_ + kEvery) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  if (style_ == ProgressStyle::bar) {
    bar(done, total, seconds);
    on_line_ = true;
    return;
  }
  std::fputs(fmt::format("{{\"stage\":\"{}\",\"done\":{},\"total\":{},\"unit\":\"{}\",\"seconds\":{:.3f}}}\n", stage_,
                         done, total, unit_, seconds)
                 .c_str(),
             stderr);
}

void Progress::bar(std::uint64_t done, std::uint64_t total, double seconds) const {
  if (total == 0) {
    // How far it is, nobody knows.
    std::fputs(fmt::format("\r{} ...\033[K", stage_).c_str(), stderr);
    std::fflush(stderr);
    return;
  }
  constexpr std::size_t kWidth = 30;
  const double part = total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 0;
  const auto filled = static_cast<std::size_t>(part * kWidth);
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(total - std::min(done, total)) / rate : 0;
  std::fputs(fmt::format("\r{} [{}{}] {:3.0f} % of {}, {}/s, {:.0f} s left\033[K", stage_, std::string(filled, '#'),
                         std::string(kWidth - filled, '.'), 100 * part, amount(static_cast<double>(total), unit_),
                         amount(rate, unit_), left)
                 .c_str(),
             stderr);
  std::fflush(stderr);
}

}  // namespace mesura::app
