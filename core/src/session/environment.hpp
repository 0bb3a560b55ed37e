// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/plugin.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace mesura::session {

/// How a command ended.
struct Reply {
  mesura_reply_status status = MESURA_REPLY_DONE;
  std::string_view message;
  std::string_view json;  ///< a JSON value, or empty
  Bytes bytes;
};

/// What one plugin session stands on: its links and timers, and where its results go. Implemented by a live device, by
/// the offline decoder and by the simulator; a session cannot tell them apart.
///
/// All calls come from inside a call to the session; views live as long as the call.
class Environment {
 public:
  virtual ~Environment() = default;

  virtual bool send(LinkId link, Bytes bytes, std::string_view to) = 0;
  virtual bool open(LinkId link, std::string_view spec) = 0;
  virtual void close(LinkId link) = 0;
  virtual void drop(LinkId /*link*/, std::string_view /*peer*/) {}
  virtual void reopen(LinkId link, std::string_view reason) = 0;
  virtual bool set_lines(LinkId link, int rts, int dtr) = 0;
  /// Negative: disarm.
  virtual void arm(TimerId timer, std::int64_t delay_ns) = 0;

  virtual void emit(std::shared_ptr<Batch> batch) = 0;
  /// The answer to PluginSession::on_command with this id.
  virtual void reply(std::uint64_t /*request*/, const Reply& /*reply*/) {}
  /// As send, on behalf of a command.
  virtual bool send_for(std::uint64_t /*request*/, LinkId /*link*/, Bytes /*bytes*/, std::string_view /*to*/) {
    return false;
  }
  virtual void progress(std::uint64_t /*request*/, std::uint64_t /*done*/, std::uint64_t /*total*/,
                        std::string_view /*text*/) {}
  virtual void frame(LinkId link, Bytes verified) = 0;
  virtual void fault(const Fault& fault) = 0;
  virtual void attribute(std::string_view device, std::string_view key, std::string_view value) = 0;
  virtual void log(mesura_log_level level, std::string_view message) = 0;
  /// The session asks to be ended. It must outlive the present call.
  virtual void failed(std::string_view code, std::string_view message) = 0;
};

}  // namespace mesura::session
