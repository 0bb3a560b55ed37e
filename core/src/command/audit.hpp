// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The audit log: every write to every device, one JSON line each, in STATE/audit.jsonl.
//
//   {"time":"...","event":"write","id":"7f3a-1","device":"inverter","command":"set_float_voltage",
//    "arguments":{"voltage":53.0},"who":"peter","via":"cli","from":"","link":"data","to":"","size":11,
//    "sent":"PBFT53.0\\x12M\\r"}
//   {"time":"...","event":"result","id":"7f3a-1", ... ,"status":"done","message":"","before":54.0,"after":53.0,
//    "duration_ms":412}
//
// A "write" is on the disk before its bytes are on the wire; "result" follows when the command has ended. Secrets are
// masked; of what is sent along with one only the size is told.
#pragma once

#include "command/command.hpp"
#include "config/plugin_schema.hpp"
#include "runtime/clock.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace mesura::command {

/// Appends to the file, which several processes may share and which may be moved away at any time. Any thread.
class AuditLog {
 public:
  /// Nothing is opened yet. `boot` tells this process's commands from those of another.
  AuditLog(std::filesystem::path file, std::string boot);

  struct Entry {
    CommandId id = 0;
    std::string_view device;
    const config::CommandSpec& command;
    const config::Value& arguments;
    const Origin& origin;
  };
  /// Durable when it returns. Empty: done; otherwise why not, for people.
  [[nodiscard]] std::string write(const Entry& entry, std::int64_t now_ns, std::string_view link, std::string_view to,
                                  std::string_view bytes);
  [[nodiscard]] std::string result(const Entry& entry, const Result& result);

  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  [[nodiscard]] std::string append(const std::string& line) const;

  std::filesystem::path file_;
  std::string boot_;
};

/// The log in a state directory, which need not exist as long as nothing is written.
[[nodiscard]] std::shared_ptr<AuditLog> open_audit_log(const std::filesystem::path& state, const runtime::Clock& clock);

/// What stands for bytes in the log and in plans: printable ASCII as it is, the rest as \xNN, \r, \n, \t, \\.
[[nodiscard]] std::string printable(std::string_view bytes);

}  // namespace mesura::command
