// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sink_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

namespace mesura::app {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds{100};
constexpr auto kLongestPause = std::chrono::milliseconds{5000};

}  // namespace

SinkWriter::SinkWriter(std::unique_ptr<Sink> sink, std::chrono::seconds patience)
    : sink_(std::move(sink)), patience_(patience) {
  sink_->open();
}

void SinkWriter::add(BatchPtr batch) {
  waiting_.push_back(std::move(batch));
  if (waiting_.size() >= kGroup) flush();
}

void SinkWriter::close() {
  flush();
  sink_->close();
}

WriteResult SinkWriter::write() {
  const auto deadline = std::chrono::steady_clock::now() + patience_;
  auto pause = kFirstPause;
  for (;;) {
    WriteResult result = sink_->write(waiting_);
    if (result.outcome == WriteResult::Outcome::committed) return result;
    // Whole groups come again: what of them is there already does not change by that.
    if (std::chrono::steady_clock::now() + pause > deadline) return result;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
    try {
      sink_->open();
    } catch (const SinkError& e) {
      if (std::chrono::steady_clock::now() + pause > deadline) return WriteResult::retry(e.what());
    }
  }
}

void SinkWriter::flush() {
  if (waiting_.empty()) return;
  const WriteResult result = write();
  if (result.outcome == WriteResult::Outcome::retry)
    throw std::runtime_error(fmt::format("{}: {}; {} measurements were written before, repeating it changes nothing",
                                         sink_->describe(), result.reason, committed_));
  for (const auto& batch : waiting_) committed_ += batch->items.size();
  committed_ -= result.rejected.size();
  rejected_ += result.rejected.size();
  for (const auto& r : result.rejected)
    if (reasons_.size() < kReasons) reasons_.push_back(r.reason);
  waiting_.clear();
}

}  // namespace mesura::app
