// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::importing {

/// Makes one batch after the other: all values of one device and instant.
class BatchMaker {
 public:
  void start(const std::string& device, std::int64_t time_ns) {
    batch_ = std::make_shared<Batch>();
    batch_->device = device;
    batch_->time_ns = time_ns;
    batch_->received_ns = time_ns;
  }
  void add(std::uint32_t series, double value, std::uint8_t quality = 0) {
    batch_->items.push_back({batch_->time_ns, value, series, 0, 0, MESURA_NUMBER, quality});
  }
  void add_text(std::uint32_t series, std::string_view text, std::uint8_t quality = 0) {
    text = text.substr(0, UINT16_MAX);
    batch_->items.push_back({batch_->time_ns, 0, series, static_cast<std::uint32_t>(batch_->texts.size()),
                             static_cast<std::uint16_t>(text.size()), MESURA_TEXT, quality});
    batch_->texts += text;
  }
  /// An empty one is dropped.
  void finish(std::vector<BatchPtr>& out) {
    if (batch_ && !batch_->items.empty()) out.push_back(std::move(batch_));
    batch_.reset();
  }

 private:
  std::shared_ptr<Batch> batch_;
};

}  // namespace mesura::importing
