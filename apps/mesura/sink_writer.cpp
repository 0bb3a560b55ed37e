// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sink_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <utility>

namespace mesura::app {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds{100};
constexpr auto kLongestPause = std::chrono::milliseconds{5000};

/// Pauses between tries, longer each time; says once that it waits and why.
class Waiting {
 public:
  Waiting(const Sink& sink, std::chrono::seconds patience)
      : sink_(sink), deadline_(std::chrono::steady_clock::now() + patience) {}
  /// False: long enough.
  bool again(const std::string& reason) {
    if (std::chrono::steady_clock::now() + pause_ > deadline_) return false;
    if (!std::exchange(said_, true))
      std::fputs(fmt::format("waiting for {}: {}\n", sink_.describe(), reason).c_str(), stderr);
    std::this_thread::sleep_for(pause_);
    pause_ = std::min(2 * pause_, kLongestPause);
    return true;
  }

 private:
  const Sink& sink_;
  std::chrono::steady_clock::time_point deadline_;
  std::chrono::milliseconds pause_ = kFirstPause;
  bool said_ = false;
};

}  // namespace

SinkWriter::SinkWriter(std::unique_ptr<Sink> sink, std::chrono::seconds patience)
    : sink_(std::move(sink)), patience_(patience) {
  Waiting waiting{*sink_, patience_};
  for (;;) {
    try {
      sink_->open();
      return;
    } catch (const SinkError& e) {
      if (!waiting.again(e.what())) throw;
    }
  }
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
  Waiting waiting{*sink_, patience_};
  for (;;) {
    WriteResult result = sink_->write(waiting_);
    if (result.outcome == WriteResult::Outcome::committed) return result;
    // Whole groups come again: what of them is there already does not change by that.
    if (!waiting.again(result.reason)) return result;
    try {
      sink_->open();
    } catch (const SinkError& e) {
      if (!waiting.again(e.what())) return WriteResult::retry(e.what());
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
