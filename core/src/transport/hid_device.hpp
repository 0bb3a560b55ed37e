// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// USB HID devices through hidapi, which only knows how to wait: each open device has two threads of its own.
#pragma once

#include "transport/transport.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::transport {

/// Which devices are meant.
struct HidWanted {
  std::string path;  ///< this one; else all with:
  std::uint16_t vendor = 0;
  std::uint16_t product = 0;
  std::string usb_path;      ///< empty: at any
  std::string last;          ///< the path that was open before
  bool prefer_last = false;  ///< it was right: take it again, if it is there; else those after it come first
};

/// "1-1.2", where the USB device sits whose path in sysfs ("/sys/devices/.../1-1.2/1-1.2:1.0/0003:0665:5161.0001") or
/// in hidapi's libusb flavour ("1-1.2:1.0") this is; empty if it is none.
[[nodiscard]] std::string usb_topology(std::string_view path);

/// An open device, or one that is being opened. Its calls come on the loop's thread; the device is closed by its
/// threads after the last handle has gone, and its path is no candidate until then.
class HidDevice {
 public:
  struct Options {
    std::size_t report_size = 8;
    std::chrono::nanoseconds gap{0};  ///< at least so long between two reports that we send
  };
  struct Handlers {
    std::function<void(std::string path)> on_open;
    std::function<void(Bytes report)> on_report;
    std::function<void(Reason)> on_end;  ///< could not be opened, or is gone
  };

  /// `what` names it in reasons.
  HidDevice(const Context& context, HidWanted wanted, Options options, std::string what, Handlers handlers);
  /// No handler is called any more; never waits.
  ~HidDevice();
  HidDevice(const HidDevice&) = delete;
  HidDevice& operator=(const HidDevice&) = delete;

  /// One report; false when not open, or when 128 wait already.
  bool send(Bytes report);

  struct Shared;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace mesura::transport
