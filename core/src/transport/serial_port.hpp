// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transport/transport.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mesura::transport {

/// An open serial port: raw, 8N1, no flow control, locked if asked.
class SerialPort {
 public:
  virtual ~SerialPort() = default;
  /// Stays the port's.
  [[nodiscard]] virtual int fd() const = 0;
  /// False with errno set.
  [[nodiscard]] virtual bool set_baud(int baud) = 0;
  /// 0 low, 1 high, -1 leave; false where there are no such lines.
  virtual bool set_lines(int rts, int dtr) = 0;
};

struct SerialSettings {
  int baud;
  int rts;  ///< as in set_lines
  int dtr;
  bool lock;  ///< refuse a port that another program holds, and keep it from others who ask
};

/// Opens `device`, a resolved path (libserialport refuses symbolic links). Null with the reason filled in.
[[nodiscard]] std::unique_ptr<SerialPort> open_serial_port(const std::string& device, const SerialSettings& settings,
                                                           Reason& reason);

/// What `path` leads to now: adapters come back under other numbers. Empty with errno set.
[[nodiscard]] std::string resolve_path(const std::string& path);
/// The links in /dev/serial/by-id that lead to `device`, or all of them for an empty one; the names survive replugging.
[[nodiscard]] std::vector<std::string> by_id_links(const std::string& device);

}  // namespace mesura::transport
