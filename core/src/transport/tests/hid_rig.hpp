// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// A virtual HID device, met through the library in place of hidapi.
#pragma once

#include "fixture.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mesura::transport::test {

/// The far end of one device: a socket on which each message is a report.
class HidPeer {
 public:
  explicit HidPeer(std::string path);
  ~HidPeer();
  HidPeer(const HidPeer&) = delete;
  HidPeer& operator=(const HidPeer&) = delete;

  /// True once a program has the device open; of several, the latest is talked with.
  bool accept();
  bool say(std::string_view report);
  /// The next report, or nothing.
  std::string hear();
  void unplug();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  runtime::UniqueFd server_;
  runtime::UniqueFd peer_;
};

/// Says which devices there are; until the next such call.
void set_hid_devices(const std::vector<std::string>& items);

}  // namespace mesura::transport::test
