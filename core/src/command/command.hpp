// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What is asked of a device, by whom, and what became of it.
#pragma once

#include "config/value.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::command {

/// What a device's configuration allows.
enum class Control : std::uint8_t {
  off,  ///< `control: false`: commands that change nothing
  on,   ///< `control: true`: also those that change it
  raw   ///< `control: raw`: also bytes as typed
};

/// Of the word in a configuration: "false", "true", "raw".
[[nodiscard]] Control control_from(std::string_view word);

/// Who asks, for the audit log.
struct Origin {
  std::string who;   ///< user of the system or of HTTP, name of a token, MQTT topic
  std::string via;   ///< "cli", "http", "mqtt"; "direct" without a service
  std::string from;  ///< address: "192.168.0.7", or empty
};

struct Request {
  std::string command;
  config::Value arguments;  ///< checked against the command's fields (arguments.hpp)
  bool dry_run = false;
  bool confirmed = false;  ///< a person has said yes to this very command
  Origin origin;
};

/// How a command ended; the words are stable, see to_string.
enum class Status : std::uint8_t {
  done,
  plan,         ///< dry run: `Result::plan` would have been sent
  refused,      ///< by the device
  invalid,      ///< nothing was sent: this device does not allow it
  mismatch,     ///< written, but read back differently
  unverified,   ///< the device took it, but it could not be read back
  timeout,      ///< no answer; what was sent may have taken effect
  unreachable,  ///< no connection, or it went away; what was sent may have taken effect
  cancelled,    ///< called off; what was sent may have taken effect
  unknown,      ///< no such device or command
  arguments,    ///< they do not fit the command's description
  forbidden,    ///< the device's `control` does not allow it, or whoever asks may not
  unconfirmed,  ///< dangerous, and nobody said yes
  busy,         ///< too many commands wait for the device
  unaudited,    ///< nothing was sent: the audit log could not be written
  failed        ///< the plugin lost its session
};
[[nodiscard]] std::string_view to_string(Status status);
/// The device does now what was asked, or told what it was asked, or the plan was made.
[[nodiscard]] inline bool good(Status status) { return status == Status::done || status == Status::plan; }

/// Bytes that a command would send.
struct Planned {
  std::string link;  ///< the plugin's name for it
  std::string to;    ///< peer, topic or HTTP request; or empty
  std::string bytes;
};

struct Result {
  std::string device;
  std::string command;
  Status status = Status::done;
  std::string message;  ///< for people; or empty
  std::string hint;     ///< what to do about it; or empty
  std::string json;     ///< what the device told, or {"before":...,"after":...}; a JSON value, or empty
  std::string bytes;    ///< a result that is no JSON: the content of a file, a raw reply
  std::vector<Planned> plan;
  bool wrote = false;            ///< something that changes the device was sent
  std::int64_t time_ns = 0;      ///< when it ended, UTC
  std::int64_t duration_ns = 0;  ///< from its turn to its end
};

struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;  ///< 0: not known
  std::string_view text;
};

/// Called once for each command, never from within submit(), on the loop's thread.
using OnResult = std::function<void(const Result& result)>;
using OnProgress = std::function<void(const Progress& progress)>;
/// Of a command that was handed in; 0: none.
using CommandId = std::uint64_t;

}  // namespace mesura::command
