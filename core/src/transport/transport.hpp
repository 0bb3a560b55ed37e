// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/schema.hpp"
#include "config/value.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace mesura::transport {

using Bytes = std::span<const std::uint8_t>;

/// What is known about bytes that came in.
struct Meta {
  std::int64_t received_ns = 0;  ///< UTC, when the last of the bytes arrived (from the recording, for a replay)
  std::uint64_t offset = 0;      ///< of the first byte since the transport opened, or since this peer connected
  std::string_view peer = {};    ///< of a datagram or an accepted connection: "192.168.0.34:29340"
  std::string_view topic = {};
  int status = 0;
};

/// Why a transport is not (or no longer) open: a stable code and a sentence with what, where, expected, got, hint.
struct Reason {
  std::string code;  ///< "open-failed", "locked", "eof", "vanished", "refused", "silent", "asked", "ended"
  std::string message;
};

/// Who uses a transport. Calls come on the loop's thread, never from inside a call to the transport.
/// In each of them the transport may be used and closed, but not destroyed.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_open() = 0;
  virtual void on_bytes(Bytes bytes, const Meta& meta) = 0;
  /// Of what waits for others: somebody has come (before its first bytes) or is gone, each once. When the transport
  /// itself ends, all are gone without a word.
  virtual void on_peer(std::string_view /*peer*/, bool /*joined*/) {}
  /// The transport is down; an opening attempt that failed counts as well. `final`: nothing can ever come again (end of
  /// a file).
  virtual void on_closed(const Reason& reason, bool final) = 0;
};

/// One way in which bytes come and go: a single life from open to closed, without second tries (Link has those).
class Transport {
 public:
  virtual ~Transport() = default;

  /// Starts opening; ends in exactly one on_open or one on_closed, later, never inside this call.
  virtual void open(Listener& listener) = 0;
  /// Immediately; no call to the listener follows. Safe when closed. A closed transport can't be opened again.
  virtual void close() = 0;
  /// Queues bytes; false when not open or when more than the transport's bound (1 MiB) would wait.
  /// `to` selects a peer (UDP, accepted connections); empty: the only one, or all of them.
  virtual bool send(Bytes bytes, std::string_view to) = 0;
  /// Ends the connection of one peer; on_peer follows. Unknown peers are ignored.
  virtual void drop(std::string_view /*peer*/) {}
  /// Modem lines: 0 low, 1 high, -1 leave. False where there are none.
  virtual bool set_lines(int /*rts*/, int /*dtr*/) { return false; }
  /// While paused, nothing is read: bytes wait where they are (a file, the other side of a socket) as long as there is
  /// room.
  virtual void pause(bool /*paused*/) {}
  /// The bytes make sense (the decoder said so): what is still being tried out, such as a baud rate, is right.
  virtual void confirm() {}
  /// Whatever answers there is not what the decoder wanted, good as its bytes may be: the next opening tries another.
  virtual void doubt() {}
  /// "serial /dev/ttyUSB0", "tcp p1.local:23"; no secrets.
  [[nodiscard]] virtual std::string describe() const = 0;
  /// False for files and replays: their bytes were not made just now.
  [[nodiscard]] virtual bool live() const { return true; }
};

/// What is known beyond the life of one transport; the copies of a context share it. Loop thread only.
class Memory {
 public:
  /// True the first time that it is asked with this text: for warnings that would repeat at each opening.
  bool first(std::string_view text) { return said_.emplace(text).second; }
  /// The baud rate that was right for a port the last time, or 0.
  [[nodiscard]] int baud(const std::string& path) const {
    const auto found = bauds_.find(path);
    return found == bauds_.end() ? 0 : found->second;
  }
  void remember_baud(const std::string& path, int baud) { bauds_[path] = baud; }
  /// The HID device that was open the last time, and whether its bytes made sense.
  struct Hid {
    std::string path;
    bool right = false;
  };
  [[nodiscard]] const Hid& hid() const { return hid_; }
  void remember_hid(const std::string& path, bool right) { hid_ = {path, right}; }

 private:
  std::set<std::string, std::less<>> said_;
  std::map<std::string, int> bauds_;
  Hid hid_;
};

/// What every transport gets.
struct Context {
  runtime::EventLoop& loop;
  runtime::Logger log;
  std::shared_ptr<Memory> memory = std::make_shared<Memory>();
};

/// A kind of transport as the configuration names it.
struct Kind {
  std::string name;       ///< "serial", "tcp", ...
  config::Schema schema;  ///< of its options
  std::unique_ptr<Transport> (*make)(const config::Value& options, const Context& context);
};

/// All kinds: serial, tcp, tcp_listen, udp, hid, mqtt, http, file, replay, and the serving sides pty (of a
/// pseudo-terminal) and seqpacket_listen (of HID in tests).
[[nodiscard]] std::span<const Kind> kinds();
[[nodiscard]] const Kind* find_kind(std::string_view name);

}  // namespace mesura::transport
