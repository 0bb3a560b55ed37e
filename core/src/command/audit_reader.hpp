// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What stands in the audit log (audit.hpp), for those who ask later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mesura::command {

/// One line of the log. Texts are empty where the line has none.
struct AuditEntry {
  std::uint64_t at = 0;      ///< where its line begins in the file, bytes: for AuditQuery::before
  std::int64_t time_ns = 0;  ///< UTC
  std::string event;         ///< "write" or "result"
  std::string id;            ///< of the command: its lines share it
  std::string device;
  std::string command;
  std::string arguments;  ///< JSON object, secrets masked
  std::string who;
  std::string via;
  std::string from;
  std::string sent;     ///< of a write: printable()
  std::string status;   ///< of a result, as to_string(Status)
  std::string message;  ///< of a result
  std::string before;   ///< of a result: JSON value
  std::string after;    ///< of a result: JSON value
  std::string line;     ///< the whole of it: one JSON object
};

struct AuditQuery {
  std::vector<std::string> devices;     ///< names with '*' and '?'; none: all
  std::optional<std::int64_t> from_ns;  ///< from this time on
  std::optional<std::int64_t> to_ns;    ///< up to this time, not in it
  std::optional<std::uint64_t> before;  ///< only what stands before this place: AuditPage::next of the page before
  std::size_t limit = 100;              ///< entries
};

struct AuditPage {
  std::vector<AuditEntry> entries;    ///< the newest first
  std::optional<std::uint64_t> next;  ///< there may be older ones: AuditQuery::before for them
  std::uint64_t broken = 0;           ///< lines passed over that are none (a power cut, an editor)
  std::string problem;                ///< why the file could not be read, for people; a file that is not there is empty
};

/// Reads the log from its end. Its writers may go on meanwhile. Memory is bounded by `limit` and by the longest line
/// (1 MiB; longer ones count as broken), not by the file; time by the file if little of it is wanted.
[[nodiscard]] AuditPage read_audit(const std::filesystem::path& file, const AuditQuery& query);

/// One line; nothing: it is none.
[[nodiscard]] std::optional<AuditEntry> parse_audit_line(std::string_view line);

/// `query.devices` and times allow it.
[[nodiscard]] bool matches(const AuditQuery& query, const AuditEntry& entry);

/// [{...},{...}]: the lines as they are.
void append_entries(std::string& out, const std::vector<AuditEntry>& entries);

}  // namespace mesura::command
